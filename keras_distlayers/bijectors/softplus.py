"""The bijector y = log(1 + exp(x))."""

import math

import keras
from keras import ops

from keras_distlayers._core.typing import Tensor
from keras_distlayers.bijectors.elementwise import Elementwise


@keras.saving.register_keras_serializable("keras_distlayers.bijectors")
class Softplus(Elementwise):
    """y = log(1 + exp(x)), onto the positive numbers; log dy/dx = -softplus(-x).

    The inverse is y + log(1 - exp(-y)), which keeps its digits at both ends.

    Examples:
        >>> import keras_distlayers as kdl
        >>> softplus = kdl.bijectors.Softplus()
        >>> round(float(softplus.inverse(softplus.forward(-20.0))), 4)
        -20.0
    """

    codomain = (0.0, math.inf)
    is_increasing = True

    def _forward(self, x: Tensor) -> Tensor:
        return ops.softplus(x)

    def _inverse(self, y: Tensor) -> Tensor:
        return y + ops.log(-ops.expm1(-y))

    def _log_slope(self, x: Tensor) -> Tensor:
        return -ops.softplus(-x)


__all__ = ["Softplus"]
