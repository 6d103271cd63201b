"""The bijector y = tanh(x)."""

import math

import keras
from keras import ops

from keras_distlayers._core.ops import tanh
from keras_distlayers._core.typing import Tensor
from keras_distlayers.bijectors.elementwise import Elementwise


@keras.saving.register_keras_serializable("keras_distlayers.bijectors")
class Tanh(Elementwise):
    """y = tanh(x), onto (-1, 1); log dy/dx = 2 (log 2 - x - softplus(-2 x)).

    Where y rounds to 1 its inverse is infinite: for x above about 9 in float32.

    Examples:
        >>> import keras_distlayers as kdl
        >>> round(float(kdl.bijectors.Tanh().forward_log_det_jacobian(100.0)), 4)
        -198.6137
    """

    codomain = (-1.0, 1.0)
    is_increasing = True

    def _forward(self, x: Tensor) -> Tensor:
        return tanh(x)

    def _inverse(self, y: Tensor) -> Tensor:
        return 0.5 * (ops.log1p(y) - ops.log1p(-y))

    def _log_slope(self, x: Tensor) -> Tensor:
        # In |x|: for x far below zero the two terms would be large and of opposite signs.
        x = ops.abs(x)
        return 2.0 * (math.log(2.0) - x - ops.softplus(-2.0 * x))


__all__ = ["Tanh"]
