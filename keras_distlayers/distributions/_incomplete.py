"""The incomplete gamma and beta functions, with digits in float32 whatever their arguments.

Each is the integral of exp(g(u)) up to some u, g concave: of the density of log(x) for a gamma
distribution, of logit(x) for a beta distribution. Here it is the density there, times the integral of
exp(g(u + s) - g(u)) from s = 0 outwards, away from the mean, to about where that is exp(-28):
by quadrature. Nothing cancels, and all has gradients. Frameworks' own have no gradient by the
shape parameters, or none of the digits in float32 where those are large.

Arguments are given by logarithms of their ratio to the mean, which keep the digits near it.
"""

import keras
import numpy as np
from keras import ops

from keras_distlayers._core.ops import broadcast_tensors, maximum, minimum
from keras_distlayers.distributions import _special
from keras_distlayers.distributions._special import TINY

_DEPTH = 28.0
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(40)


def gammainc(a, log_ratio):
    """The regularized lower incomplete gamma function of x = a exp(log_ratio)."""
    is_below, tail = _gamma_tail(a, log_ratio)
    return ops.where(is_below, tail, 1.0 - tail)


def gammaincc(a, log_ratio):
    """1 - gammainc(a, log_ratio), with the digits of a small one."""
    is_below, tail = _gamma_tail(a, log_ratio)
    return ops.where(is_below, 1.0 - tail, tail)


def _gamma_tail(a, log_ratio):
    """Whether x is below the mean a, and the mass on x's side of it."""
    a, log_ratio = broadcast_tensors(a, log_ratio)
    log_ratio = minimum(log_ratio, 60.0)  # where nothing is left above, and floats do not end
    is_below = log_ratio < 0.0
    log_density = _special.log_gamma_mass(a, log_ratio)

    a, log_ratio, way = _trailing(a, log_ratio, ops.where(is_below, -1.0, 1.0))
    steepness, x = way * a * ops.expm1(log_ratio), a * ops.exp(log_ratio)

    def fall(s):
        return -steepness * s - x * _special.expm1mx(way * s)

    bend = _bend(x)
    end = minimum(ops.where(way < 0.0, bend, ops.log1p(bend)), _DEPTH / maximum(steepness, TINY))
    return is_below, ops.exp(log_density) * _integral(fall, end)


def betainc(a, b, log_ratio, log_rest_ratio):
    """The regularized incomplete beta function of x.

    Args:
        a: Positive.
        b: Positive.
        log_ratio: log(x) less that of the mean, a / (a + b).
        log_rest_ratio: log(1 - x) less that of b / (a + b).
    """
    a, b, log_ratio, log_rest_ratio = broadcast_tensors(a, b, log_ratio, log_rest_ratio)
    is_below = log_ratio < 0.0
    tail = _beta_tail(
        ops.where(is_below, a, b),
        ops.where(is_below, b, a),
        ops.where(is_below, log_ratio, log_rest_ratio),
        ops.where(is_below, log_rest_ratio, log_ratio),
    )
    return ops.where(is_below, tail, 1.0 - tail)


def _beta_tail(a, b, log_ratio, log_rest_ratio):
    """The mass below an x that is below the mean."""
    log_density = _special.log_beta_mass(a, b, log_ratio, log_rest_ratio)
    a, b, log_ratio, log_rest_ratio = _trailing(a, b, log_ratio, log_rest_ratio)
    total = a + b
    x, y = a / total * ops.exp(log_ratio), b / total * ops.exp(log_rest_ratio)
    steepness = -a * ops.expm1(log_ratio)

    def fall(s):
        """-a s - (a + b) log(1 - x + x exp(-s)), without what cancels for large a and b."""
        shrunk = x * ops.expm1(-s)
        near = ops.log1p(maximum(shrunk, -0.5))
        log = ops.where(shrunk > -0.5, near, ops.log(y + x * ops.exp(-s) + TINY))
        by_x = x * _special.expm1mx(-s) - _special.expm1mx(log)
        # Or by the growth of 1 - x, where that is small.
        grown = y * ops.expm1(minimum(s, 80.0))
        is_small = ops.logical_and(x > 0.5, grown < 0.5)
        grown = ops.where(is_small, grown, 0.0)
        step = ops.where(is_small, s, 0.0)
        by_y = y * _special.expm1mx(step) - _special.expm1mx(ops.log1p(grown))
        return -steepness * s - total * ops.where(is_small, by_y, by_x)

    bend = _bend(total * x * y)
    bend = ops.where(x < 0.5, bend, ops.log1p(bend))
    log_y = log_rest_ratio - ops.log1p(a / b)
    bound = (_DEPTH - total * log_y) / a
    end = ops.where(ops.logical_or(x < 0.5, bend < -log_y), bend, bound)
    end = minimum(minimum(end, bound), _DEPTH / maximum(steepness, TINY))
    return ops.exp(log_density) * _integral(fall, end)


def _trailing(*tensors):
    """With an axis for the nodes."""
    return [ops.expand_dims(tensor, -1) for tensor in tensors]


def _bend(curvature):
    """About the s with curvature (exp(-s) - 1 + s) = 28."""
    z = _DEPTH / maximum(curvature, 1e-30)
    return z + ops.sqrt(2.0 * z)


def _integral(fall, end):
    """Of exp(fall(s)) over s from 0 to the end."""
    end = ops.stop_gradient(end)
    dtype = keras.backend.standardize_dtype(end.dtype)
    root = 0.5 + 0.5 * _NODES  # The nodes in the root of s are dense near 0.
    nodes = ops.convert_to_tensor(np.square(root), dtype)
    weights = ops.convert_to_tensor(root * _WEIGHTS, dtype)
    return ops.sum(weights * ops.exp(fall(end * nodes)), axis=-1) * end[..., 0]


__all__ = ["betainc", "gammainc", "gammaincc"]
