"""The incomplete gamma and beta functions, with digits in float32 whatever their arguments.

Each is the integral up to some u of exp(g), for a concave g: the log density of log(x) for a
gamma distribution, of logit(x) for a beta distribution. It is computed as exp(g(u)) times the
integral of exp(g(u + s) - g(u)) over s, from 0 away from the mean to where the integrand is about
exp(-28), by quadrature. Nothing cancels, and everything has gradients. The frameworks' own
functions have no gradient by the shape parameters, or no digits in float32 where those are large.

Arguments are given by the logarithms of their ratios to the mean, which keep the digits near it.
"""

from collections.abc import Callable

import keras
import numpy as np
from keras import ops

from keras_distlayers._core.ops import broadcast_tensors, maximum, minimum
from keras_distlayers._core.typing import Tensor
from keras_distlayers.distributions._special import (
    TINY,
    expm1mx,
    log_beta_prefix,
    log_gamma_prefix,
)

_DECAY = 28.0
"""The integrand is followed to where it is exp(-28) of its largest value."""

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(40)


def gammainc(a: Tensor, log_ratio: Tensor) -> Tensor:
    """The regularized lower incomplete gamma function of x = a exp(log_ratio)."""
    is_below, log_tail = _log_gamma_tail(a, log_ratio)
    tail = ops.exp(log_tail)
    return ops.where(is_below, tail, 1.0 - tail)


def log_gammainc(a: Tensor, log_ratio: Tensor) -> Tensor:
    """The logarithm of `gammainc`, with its digits where that is below the smallest float."""
    is_below, log_tail = _log_gamma_tail(a, log_ratio)
    return ops.where(is_below, log_tail, ops.log1p(-ops.exp(log_tail)))


def gammaincc(a: Tensor, log_ratio: Tensor) -> Tensor:
    """1 - gammainc(a, log_ratio), with the digits of a small one."""
    is_below, log_tail = _log_gamma_tail(a, log_ratio)
    tail = ops.exp(log_tail)
    return ops.where(is_below, 1.0 - tail, tail)


def log_gammaincc(a: Tensor, log_ratio: Tensor) -> Tensor:
    """The logarithm of `gammaincc`, likewise."""
    is_below, log_tail = _log_gamma_tail(a, log_ratio)
    return ops.where(is_below, ops.log1p(-ops.exp(log_tail)), log_tail)


def _log_gamma_tail(a: Tensor, log_ratio: Tensor) -> tuple[Tensor, Tensor]:
    """Whether x is below the mean a, and the log mass on x's side of the mean, beyond x."""
    a, log_ratio = broadcast_tensors(a, log_ratio)
    log_ratio = minimum(log_ratio, 60.0)  # no mass is left above, and exp would overflow
    is_below = log_ratio < 0.0
    log_density = log_gamma_prefix(a, log_ratio)

    # Of the dtype's own ones: a choice between two numbers is of Keras's default dtype.
    sign = ops.where(is_below, -1.0, ops.ones_like(log_ratio))
    a, log_ratio, sign = _with_node_axis(a, log_ratio, sign)
    slope, x = sign * a * ops.expm1(log_ratio), a * ops.exp(log_ratio)

    def log_integrand(s: Tensor) -> Tensor:
        return -slope * s - x * expm1mx(sign * s)

    length = _decay_length(x)
    length = ops.where(sign < 0.0, length, ops.log1p(length))
    length = minimum(length, _DECAY / maximum(slope, TINY))
    return is_below, log_density + ops.log(_integrate(log_integrand, length))


def betainc(a: Tensor, b: Tensor, log_ratio: Tensor, log_ratio_1m: Tensor) -> Tensor:
    """The regularized incomplete beta function of x.

    Args:
        a: Positive.
        b: Positive.
        log_ratio: The logarithm of the ratio of x to the mean, a / (a + b).
        log_ratio_1m: That of the ratio of 1 - x to its mean, b / (a + b).
    """
    is_below, log_tail = _log_tail_of_beta(a, b, log_ratio, log_ratio_1m)
    tail = ops.exp(log_tail)
    return ops.where(is_below, tail, 1.0 - tail)


def log_betainc(a: Tensor, b: Tensor, log_ratio: Tensor, log_ratio_1m: Tensor) -> Tensor:
    """The logarithm of `betainc`, with its digits where that is below the smallest float."""
    is_below, log_tail = _log_tail_of_beta(a, b, log_ratio, log_ratio_1m)
    return ops.where(is_below, log_tail, ops.log1p(-ops.exp(log_tail)))


def _log_tail_of_beta(
    a: Tensor, b: Tensor, log_ratio: Tensor, log_ratio_1m: Tensor
) -> tuple[Tensor, Tensor]:
    """Whether x is below the mean, and the log mass on x's side of the mean, beyond x."""
    a, b, log_ratio, log_ratio_1m = broadcast_tensors(a, b, log_ratio, log_ratio_1m)
    is_below = log_ratio < 0.0
    log_tail = _log_beta_tail(
        ops.where(is_below, a, b),
        ops.where(is_below, b, a),
        ops.where(is_below, log_ratio, log_ratio_1m),
        ops.where(is_below, log_ratio_1m, log_ratio),
    )
    return is_below, log_tail


def _log_beta_tail(a: Tensor, b: Tensor, log_ratio: Tensor, log_ratio_1m: Tensor) -> Tensor:
    """The log mass below an x that is below the mean."""
    log_density = log_beta_prefix(a, b, log_ratio, log_ratio_1m)
    a, b, log_ratio, log_ratio_1m = _with_node_axis(a, b, log_ratio, log_ratio_1m)
    total = a + b
    x, y = a / total * ops.exp(log_ratio), b / total * ops.exp(log_ratio_1m)
    slope = -a * ops.expm1(log_ratio)

    def log_integrand(s: Tensor) -> Tensor:
        """-a s - (a + b) log(1 - x + x exp(-s)), without what cancels for large a and b."""
        return -slope * s - total * _beta_curvature_term(s, x, y)

    length = _decay_length(total * x * y)
    length = ops.where(x < 0.5, length, ops.log1p(length))
    log_y = log_ratio_1m - ops.log1p(a / b)
    bound = (_DECAY - total * log_y) / a
    length = ops.where(ops.logical_or(x < 0.5, length < -log_y), length, bound)
    length = minimum(minimum(length, bound), _DECAY / maximum(slope, TINY))
    return log_density + ops.log(_integrate(log_integrand, length))


def _beta_curvature_term(s: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """log(y + x exp(-s)) + x s for y = 1 - x, whose terms of the first order in s cancel.

    By the decrease of x where x is small, by the increase of y where y is.
    """
    decrease = x * ops.expm1(-s)
    near = ops.log1p(maximum(decrease, -0.5))
    log = ops.where(decrease > -0.5, near, ops.log(y + x * ops.exp(-s) + TINY))
    by_x = x * expm1mx(-s) - expm1mx(log)

    increase = y * ops.expm1(minimum(s, 80.0))
    is_small = ops.logical_and(x > 0.5, increase < 0.5)
    increase = ops.where(is_small, increase, 0.0)
    by_y = y * expm1mx(ops.where(is_small, s, 0.0)) - expm1mx(ops.log1p(increase))
    return ops.where(is_small, by_y, by_x)


def _with_node_axis(*tensors: Tensor) -> list[Tensor]:
    """The tensors with a trailing axis for the nodes of the quadrature."""
    return [ops.expand_dims(tensor, -1) for tensor in tensors]


def _decay_length(curvature: Tensor) -> Tensor:
    """About the s with curvature (exp(-s) - 1 + s) = 28."""
    z = _DECAY / maximum(curvature, 1e-30)
    return z + ops.sqrt(2.0 * z)


def _integrate(log_integrand: Callable[[Tensor], Tensor], length: Tensor) -> Tensor:
    """The integral of exp(log_integrand(s)) over s from 0 to the length.

    By the rule of Gauss and Legendre in the square root of s, so that the nodes are dense near 0.
    """
    length = ops.stop_gradient(length)
    dtype = keras.backend.standardize_dtype(length.dtype)
    root = 0.5 + 0.5 * _NODES
    nodes = ops.convert_to_tensor(np.square(root), dtype)
    weights = ops.convert_to_tensor(root * _WEIGHTS, dtype)
    return ops.sum(weights * ops.exp(log_integrand(length * nodes)), axis=-1) * length[..., 0]


__all__ = ["betainc", "gammainc", "gammaincc", "log_betainc", "log_gammainc", "log_gammaincc"]
