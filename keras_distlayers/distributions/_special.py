"""Special functions that keep their digits in float32, whatever the size of their arguments.

Each is a difference of large terms, written so that the large parts cancel on paper. A name that
exists elsewhere (`lbeta`, `log1mexp`, `log_ndtr`, `xlogy`) means what it means there.
"""

import math
from collections.abc import Callable

import numpy as np
from keras import ops

from keras_distlayers._backend import backend
from keras_distlayers._core.ops import maximum, minimum
from keras_distlayers._core.typing import Tensor

TINY = float(np.finfo("float32").tiny)
HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)

_LARGE = 8.0
"""From here on the series of lgamma and digamma for large arguments have all the digits."""


# ---------------------------------------------------------------- logarithms and exponentials


def safe_log(x: Tensor) -> Tensor:
    """log(x) of numbers from 0: minus infinity at 0, with a gradient of 0 there.

    The gradient of `ops.log` at 0 is infinite, and NaN wherever it is multiplied by 0: where a
    `where` leaves the logarithm out, or a probability of 0 multiplies it.
    """
    is_zero = x == 0.0
    return ops.where(is_zero, -np.inf, ops.log(ops.where(is_zero, 1.0, x)))


def safe_log1m(x: Tensor) -> Tensor:
    """log(1 - x) of numbers up to 1, which keeps the digits of a small x; as `safe_log` at 1."""
    is_one = x == 1.0
    return ops.where(is_one, -np.inf, ops.log1p(-ops.where(is_one, 0.0, x)))


def safe_sqrt(x: Tensor) -> Tensor:
    """The square root of numbers from 0, with a gradient of 0 at 0, where it is infinite."""
    is_zero = x == 0.0
    return ops.where(is_zero, 0.0, ops.sqrt(ops.where(is_zero, 1.0, x)))


def xlogy(x: Tensor, y: Tensor) -> Tensor:
    """The product x log(y), 0 where x is 0, whatever y is; as `scipy.special.xlogy`."""
    return x * ops.log(ops.where(x == 0.0, 1.0, y))


def multiply_no_nan(x: Tensor, y: Tensor) -> Tensor:
    """The product x y, 0 where y is 0, even for an infinite x; as `tf.math.multiply_no_nan`."""
    return y * ops.where(y == 0.0, 0.0, x)


def weighted(weight: Tensor, x: Tensor) -> Tensor:
    """The product, 0 where the weight is 0 and x is not finite; else its gradient is the usual."""
    is_unused = ops.logical_and(weight == 0.0, ops.logical_not(ops.isfinite(x)))
    return weight * ops.where(is_unused, 0.0, x)


def keep_nan(x: Tensor, result: Tensor, event_ndims: int = 0) -> Tensor:
    """The result, and NaN where x is: what compares false looks as if it were outside a set.

    Args:
        x: Any tensor.
        result: One result for each entry of x.
        event_ndims: How many trailing axes of x have one result together.
    """
    is_nan = ops.isnan(x)
    if event_ndims:
        is_nan = ops.any(is_nan, axis=tuple(range(-event_ndims, 0)))
    return ops.where(is_nan, np.nan, result)


def at_end(p: Tensor, low: float = -math.inf, high: float = math.inf) -> Tensor:
    """The quantile at p = 0 and 1, an end of the support, without a gradient."""
    return ops.where(p < 0.5, ops.full_like(p, low), high)


def at_value(x: Tensor, value: Tensor) -> Tensor:
    """A better value of x, a finite number that is close; its gradient is that of x."""
    step = ops.stop_gradient(value - x)
    return x + ops.where(ops.isfinite(step), step, 0.0)


def without_infinite_slope(function: Callable[[Tensor], Tensor], z: Tensor) -> Tensor:
    """The function of z; where z is infinite without a gradient, for 0 times it would be NaN."""
    is_finite = ops.isfinite(z)
    value = function(ops.where(is_finite, z, 0.0))
    return ops.where(is_finite, value, ops.stop_gradient(function(z)))


def log_ratio(x: Tensor, y: Tensor) -> Tensor:
    """log(x / y) of positive numbers; an x of 0 as in `safe_log`.

    A difference of large logarithms would lose the digits of a ratio near 1, and so would the
    rounded ratio: x - y has all of them. A ratio far from 1, or its derivative, may be beyond
    floats.
    """
    difference = safe_log(x) - ops.log(y)
    is_near = ops.abs(difference) < 1.0
    near_x, near_y = ops.where(is_near, x, 1.0), ops.where(is_near, y, 1.0)
    return ops.where(is_near, ops.log1p((near_x - near_y) / near_y), difference)


def expm1mx(x: Tensor) -> Tensor:
    """exp(x) - 1 - x, by its series near 0, where the terms cancel."""
    is_near = ops.abs(x) < 0.5
    near = ops.where(is_near, x, 0.0)
    series = ops.ones_like(near)
    for n in range(16, 2, -1):
        series = 1.0 + near / n * series
    return ops.where(is_near, 0.5 * ops.square(near) * series, ops.expm1(x) - x)


def log1mexp(x: Tensor) -> Tensor:
    """log(1 - exp(-x)), for positive x.

    Source: Maechler, Accurately Computing log(1 - exp(-|a|)) (2012).
    """
    near, far = minimum(x, math.log(2)), maximum(x, math.log(2))
    return ops.where(x < math.log(2), ops.log(-ops.expm1(-near)), ops.log1p(-ops.exp(-far)))


# ---------------------------------------------------------------- gamma and beta functions


def stirling_error(x: Tensor) -> Tensor:
    """lgamma(x) - ((x - 1/2) log(x) - x + log(2 pi) / 2), for positive x; `stirlerr` in R.

    From 8 on by its series. Source: Abramowitz and Stegun, Handbook of Mathematical Functions,
    6.1.41.
    """
    inverse = 1.0 / maximum(x, _LARGE)
    square = ops.square(inverse)
    series = 1 / 1260.0 - square * (1 / 1680.0 - square / 1188.0)
    series = inverse * (1 / 12.0 - square * (1 / 360.0 - square * series))
    small = minimum(x, _LARGE)
    # lgamma(x + 1) is finite where x is nearly 0.
    direct = backend.lgamma(small + 1.0) - (small + 0.5) * ops.log(small) + small
    return ops.where(x > _LARGE, series, direct - HALF_LOG_2PI)


def digamma_error(x: Tensor) -> Tensor:
    """digamma(x) - (log(x) - 1 / (2 x)), for positive x: the derivative of `stirling_error`."""
    square = ops.square(1.0 / maximum(x, _LARGE))
    series = 1 / 252.0 - square * (1 / 240.0 - square / 132.0)
    series = -square * (1 / 12.0 - square * (1 / 120.0 - square * series))
    small = minimum(x, _LARGE)
    direct = backend.digamma(small) - (ops.log(small) - 0.5 / small)
    return ops.where(x > _LARGE, series, direct)


def log_poch(x: Tensor, m: float) -> Tensor:
    """lgamma(x + m) - lgamma(x), for positive x and m: the logarithm of `scipy.special.poch`.

    By Stirling's formula for large x.
    """
    large = maximum(x, _LARGE)
    total = large + m
    by_series = m * ops.log(large) + (total - 0.5) * ops.log1p(m / large) - m
    by_series = by_series + stirling_error(total) - stirling_error(large)
    direct = backend.lgamma(x + m) - backend.lgamma(x)
    return ops.where(x > _LARGE, by_series, direct)


def lbeta(a: Tensor, b: Tensor) -> Tensor:
    """The logarithm of the beta function: lgamma(a) + lgamma(b) - lgamma(a + b)."""
    small, large = ops.where(a < b, a, b), ops.where(a < b, b, a)
    return backend.lgamma(small) - log_poch(large, small)


def log_gamma_prefix(a: Tensor, log_ratio: Tensor) -> Tensor:
    """log(x^a exp(-x) / gamma(a)), for x = a exp(log_ratio): no large terms that cancel.

    It is the log density of log(x) for x from a gamma distribution. Boost's name of the function
    is `regularised_gamma_prefix`. Source: Loader, Fast and Accurate Computation of Binomial
    Probabilities (2000).
    """
    return 0.5 * ops.log(a) - HALF_LOG_2PI - stirling_error(a) - a * expm1mx(log_ratio)


def log_beta_prefix(a: Tensor, b: Tensor, log_ratio: Tensor, log_ratio_1m: Tensor) -> Tensor:
    """log(x^a (1 - x)^b / beta(a, b)), the log density of logit(x) for x from a beta distribution.

    Args:
        a: Positive.
        b: Positive.
        log_ratio: The logarithm of the ratio of x to its mean, a / (a + b).
        log_ratio_1m: That of the ratio of 1 - x to its mean, b / (a + b).
    """
    whole = log_gamma_prefix(a + b, ops.zeros_like(a + b))
    return log_gamma_prefix(a, log_ratio) + log_gamma_prefix(b, log_ratio_1m) - whole


def gamma_entropy(a: Tensor) -> Tensor:
    """The entropy of a gamma distribution of rate 1: a + lgamma(a) + (1 - a) digamma(a)."""
    rest = stirling_error(a) - (a - 1.0) * digamma_error(a) - 0.5 / a
    return 0.5 * ops.log(a) + HALF_LOG_2PI + 0.5 + rest


def lgamma_divergence_rest(b: Tensor, a: Tensor) -> Tensor:
    """The Bregman divergence of lgamma, without its large part.

    The divergence is lgamma(b) - lgamma(a) - (b - a) digamma(a); its large part, that of
    x log(x) - x, is b log(b / a) - b + a.
    """
    half = 0.5 * expm1mx(log_ratio(b, a))
    return half + stirling_error(b) - stirling_error(a) - (b - a) * digamma_error(a)


__all__ = [
    "HALF_LOG_2PI",
    "TINY",
    "digamma_error",
    "expm1mx",
    "gamma_entropy",
    "lbeta",
    "lgamma_divergence_rest",
    "log1mexp",
    "log_beta_prefix",
    "log_gamma_prefix",
    "log_poch",
    "log_ratio",
    "multiply_no_nan",
    "safe_log",
    "safe_log1m",
    "safe_sqrt",
    "stirling_error",
    "weighted",
    "xlogy",
]
