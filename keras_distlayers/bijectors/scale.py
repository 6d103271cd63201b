"""The bijector y = scale x."""

import keras
from keras import ops

from keras_distlayers._core.typing import Tensor
from keras_distlayers.bijectors.elementwise import Elementwise


@keras.saving.register_keras_serializable("keras_distlayers.bijectors")
class Scale(Elementwise):
    """y = scale x; log |dy/dx| = log |scale|.

    Args:
        scale: Not zero, of either sign; a shape that broadcasts with that of x.

    Examples:
        >>> import keras_distlayers as kdl
        >>> float(kdl.bijectors.Scale(-2.0).inverse(6.0))
        -3.0
    """

    parameter_ndims = {"scale": 0}
    is_affine = True

    scale: Tensor

    def __init__(self, scale: Tensor) -> None:
        super().__init__(scale=scale)

    @property
    def is_increasing(self) -> Tensor:
        return self.scale > 0.0

    def _forward(self, x: Tensor) -> Tensor:
        return self.scale * x

    def _inverse(self, y: Tensor) -> Tensor:
        return y / self.scale

    def _log_slope(self, x: Tensor) -> Tensor:
        return ops.log(ops.abs(self.scale))


__all__ = ["Scale"]
