"""Bijectors that act on each entry alone, with few parameters or none."""

import math

import keras
from keras import ops

from keras_distlayers._core.ops import tanh
from keras_distlayers.bijectors.bijector import Elementwise


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

    def __init__(self, shift):
        super().__init__(shift=shift)

    def _forward(self, x):
        return x + self.shift

    def _inverse(self, y):
        return y - self.shift

    def _log_slope(self, x):
        return ops.zeros_like(x)


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

    def __init__(self, scale):
        super().__init__(scale=scale)

    @property
    def is_increasing(self):
        return self.scale > 0.0

    def _forward(self, x):
        return self.scale * x

    def _inverse(self, y):
        return y / self.scale

    def _log_slope(self, x):
        return ops.log(ops.abs(self.scale))


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


@keras.saving.register_keras_serializable("keras_distlayers.bijectors")
class Softplus(Elementwise):
    """y = log(1 + exp(x)), onto the positive numbers; log dy/dx = -softplus(-x).

    The inverse is y + log(1 - exp(-y)), which keeps its digits at both ends.

    Examples:
        >>> import keras_distlayers as kdl
        >>> round(float(kdl.bijectors.Softplus().inverse(kdl.bijectors.Softplus().forward(-20.0))), 4)
        -20.0
    """

    codomain = (0.0, math.inf)
    is_increasing = True

    def _forward(self, x):
        return ops.softplus(x)

    def _inverse(self, y):
        return y + ops.log(-ops.expm1(-y))

    def _log_slope(self, x):
        return -ops.softplus(-x)


@keras.saving.register_keras_serializable("keras_distlayers.bijectors")
class Sigmoid(Elementwise):
    """y = 1 / (1 + exp(-x)), onto (0, 1); log dy/dx = -softplus(x) - softplus(-x).

    Where y rounds to 1 its inverse is infinite: from x of about 17 on in float32.

    Examples:
        >>> import keras_distlayers as kdl
        >>> float(kdl.bijectors.Sigmoid().forward(0.0))
        0.5
    """

    codomain = (0.0, 1.0)
    is_increasing = True

    def _forward(self, x):
        return ops.sigmoid(x)

    def _inverse(self, y):
        return ops.log(y) - ops.log1p(-y)

    def _log_slope(self, x):
        return -ops.softplus(-x) - ops.softplus(x)


@keras.saving.register_keras_serializable("keras_distlayers.bijectors")
class Tanh(Elementwise):
    """y = tanh(x), onto (-1, 1); log dy/dx = 2 (log 2 - x - softplus(-2 x)).

    Where y rounds to 1 its inverse is infinite: from x of about 9 on in float32.

    Examples:
        >>> import keras_distlayers as kdl
        >>> round(float(kdl.bijectors.Tanh().forward_log_det_jacobian(100.0)), 4)
        -198.6137
    """

    codomain = (-1.0, 1.0)
    is_increasing = True

    def _forward(self, x):
        return tanh(x)

    def _inverse(self, y):
        return 0.5 * (ops.log1p(y) - ops.log1p(-y))

    def _log_slope(self, x):
        # In |x|: for x far below zero the two terms would be large and of opposite signs.
        x = ops.abs(x)
        return 2.0 * (math.log(2.0) - x - ops.softplus(-2.0 * x))


__all__ = ["Affine", "Exp", "Scale", "Shift", "Sigmoid", "Softplus", "Tanh"]
