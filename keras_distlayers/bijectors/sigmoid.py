"""The bijector y = 1 / (1 + exp(-x))."""

import keras
from keras import ops

from keras_distlayers._core.typing import Tensor
from keras_distlayers.bijectors.elementwise import Elementwise


@keras.saving.register_keras_serializable("keras_distlayers.bijectors")
class Sigmoid(Elementwise):
    """y = 1 / (1 + exp(-x)), onto (0, 1); log dy/dx = -softplus(x) - softplus(-x).

    Where y rounds to 1 its inverse is infinite: for x above about 17 in float32.

    Examples:
        >>> import keras_distlayers as kdl
        >>> float(kdl.bijectors.Sigmoid().forward(0.0))
        0.5
    """

    codomain = (0.0, 1.0)
    is_increasing = True

    def _forward(self, x: Tensor) -> Tensor:
        return ops.sigmoid(x)

    def _inverse(self, y: Tensor) -> Tensor:
        return ops.log(y) - ops.log1p(-y)

    def _log_slope(self, x: Tensor) -> Tensor:
        return -ops.softplus(-x) - ops.softplus(x)


__all__ = ["Sigmoid"]
