"""The bijector y = exp(x)."""

import math

import keras
from keras import ops

from keras_distlayers._core.typing import Tensor
from keras_distlayers.bijectors.elementwise import Elementwise


@keras.saving.register_keras_serializable("keras_distlayers.bijectors")
class Exp(Elementwise):
    """y = exp(x), onto the positive numbers; log dy/dx = x.

    Examples:
        >>> import keras_distlayers as kdl
        >>> float(kdl.bijectors.Exp().forward_log_det_jacobian(1.5))
        1.5
    """

    codomain = (0.0, math.inf)
    is_increasing = True

    def _forward(self, x: Tensor) -> Tensor:
        return ops.exp(x)

    def _inverse(self, y: Tensor) -> Tensor:
        return ops.log(y)

    def _log_slope(self, x: Tensor) -> Tensor:
        return x


__all__ = ["Exp"]
