"""The bijector y = loc + scale x."""

import keras
from keras import ops

from keras_distlayers._core.typing import Tensor
from keras_distlayers.bijectors.elementwise import Elementwise


@keras.saving.register_keras_serializable("keras_distlayers.bijectors")
class Affine(Elementwise):
    """y = loc + scale x; log |dy/dx| = log |scale|.

    Args:
        loc: Any shape, one that broadcasts with that of x.
        scale: Not zero, of either sign; likewise.

    Raises:
        ValueError: if the shapes of the parameters do not broadcast.

    Examples:
        >>> import keras_distlayers as kdl
        >>> float(kdl.bijectors.Affine(1.0, 2.0).forward(3.0))
        7.0
    """

    parameter_ndims = {"loc": 0, "scale": 0}
    is_affine = True

    loc: Tensor
    scale: Tensor

    def __init__(self, loc: Tensor, scale: Tensor) -> None:
        super().__init__(loc=loc, scale=scale)

    @property
    def is_increasing(self) -> Tensor:
        return self.scale > 0.0

    def _forward(self, x: Tensor) -> Tensor:
        return self.loc + self.scale * x

    def _inverse(self, y: Tensor) -> Tensor:
        return (y - self.loc) / self.scale

    def _log_slope(self, x: Tensor) -> Tensor:
        return ops.log(ops.abs(self.scale))


__all__ = ["Affine"]
