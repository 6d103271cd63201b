"""The bijector y = exp(x)."""

import math

import keras
from keras import ops

from keras_distlayers.bijectors.elementwise import Elementwise


@keras.saving.register_keras_serializable("keras_distlayers.bijectors")
class Exp(Elementwise):
    """y = exp(x), of the real numbers onto the positive ones; log dy/dx = x.

    Examples:
        >>> import keras_distlayers as kdl
        >>> float(kdl.bijectors.Exp().forward_log_det_jacobian(1.5))
        1.5
    """

    codomain = (0.0, math.inf)
    is_increasing = True

    def _forward(self, x):
        return ops.exp(x)

    def _inverse(self, y):
        return ops.log(y)

    def _log_slope(self, x):
        return x


__all__ = ["Exp"]
