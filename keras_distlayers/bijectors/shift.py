"""The bijector y = x + shift."""

import keras
from keras import ops

from keras_distlayers._core.typing import Tensor
from keras_distlayers.bijectors.elementwise import Elementwise


@keras.saving.register_keras_serializable("keras_distlayers.bijectors")
class Shift(Elementwise):
    """y = x + shift; log |dy/dx| = 0.

    Args:
        shift: Any shape, one that broadcasts with that of x.

    Examples:
        >>> import keras_distlayers as kdl
        >>> float(kdl.bijectors.Shift(3.0).forward(1.0))
        4.0
    """

    parameter_ndims = {"shift": 0}
    is_affine = True
    is_increasing = True

    shift: Tensor

    def __init__(self, shift: Tensor) -> None:
        super().__init__(shift=shift)

    def _forward(self, x: Tensor) -> Tensor:
        return x + self.shift

    def _inverse(self, y: Tensor) -> Tensor:
        return y - self.shift

    def _log_slope(self, x: Tensor) -> Tensor:
        return ops.zeros_like(x)


__all__ = ["Shift"]
