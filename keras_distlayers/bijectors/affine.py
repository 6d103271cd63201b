"""The bijector y = loc + scale x."""

import keras
from keras import ops

from keras_distlayers.bijectors.elementwise import Elementwise


@keras.saving.register_keras_serializable("keras_distlayers.bijectors")
class Affine(Elementwise):
    """y = loc + scale x; log |dy/dx| = log |scale|.

    Args:
        loc: Any shape, one that broadcasts with that of x.
        scale: Not zero, of either sign; likewise.

    Examples:
        >>> import keras_distlayers as kdl
        >>> float(kdl.bijectors.Affine(1.0, 2.0).forward(3.0))
        7.0
    """

    parameter_ndims = {"loc": 0, "scale": 0}
    is_affine = True

    def __init__(self, loc, scale):
        super().__init__(loc=loc, scale=scale)

    @property
    def is_increasing(self):
        return self.scale > 0.0

    def _forward(self, x):
        return self.loc + self.scale * x

    def _inverse(self, y):
        return (y - self.loc) / self.scale

    def _log_slope(self, x):
        return ops.log(ops.abs(self.scale))


__all__ = ["Affine"]
