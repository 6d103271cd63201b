"""Functions of the exponential family's constants that keep their digits in float32.

Each is a difference of large terms, written so that the large parts cancel on paper.
"""

import math

import numpy as np
from keras import ops

from keras_distlayers import _backend
from keras_distlayers._core.ops import erfc, maximum, minimum

TINY = float(np.finfo("float32").tiny)
HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)
_LARGE = 8.0


def log_ratio(x, y):
    """log(x / y) of positive numbers.

    A difference of large logarithms would lose the digits of a ratio near 1; a ratio far from
    it may be beyond floats, or its derivative.
    """
    apart = ops.log(x) - ops.log(y)
    is_near = ops.abs(apart) < 1.0
    near = ops.where(is_near, x, 1.0) / ops.where(is_near, y, 1.0)
    return ops.where(is_near, ops.log(near), apart)


def stirling_error(x):
    """lgamma(x) - ((x - 1/2) log(x) - x + log(2 pi) / 2), for positive x.

    From 8 on by its series. Source: Abramowitz and Stegun, Handbook of Mathematical Functions,
    6.1.41.
    """
    inverse = 1.0 / maximum(x, _LARGE)
    square = ops.square(inverse)
    series = 1 / 1260.0 - square * (1 / 1680.0 - square / 1188.0)
    series = inverse * (1 / 12.0 - square * (1 / 360.0 - square * series))
    small = minimum(x, _LARGE)
    # lgamma(x + 1) is finite where x is nearly 0.
    direct = _backend.lgamma(small + 1.0) - (small + 0.5) * ops.log(small) + small
    return ops.where(x > _LARGE, series, direct - HALF_LOG_2PI)


def lgamma_step(x, step):
    """lgamma(x + step) - lgamma(x), for positive x and step, by Stirling for large x."""
    large = maximum(x, _LARGE)
    total = large + step
    by_series = step * ops.log(large) + (total - 0.5) * ops.log1p(step / large) - step
    by_series = by_series + stirling_error(total) - stirling_error(large)
    direct = _backend.lgamma(x + step) - _backend.lgamma(x)
    return ops.where(x > _LARGE, by_series, direct)


def lbeta(a, b):
    """The logarithm of the beta function: lgamma(a) + lgamma(b) - lgamma(a + b)."""
    small, large = ops.where(a < b, a, b), ops.where(a < b, b, a)
    return _backend.lgamma(small) - lgamma_step(large, small)


def expm1mx(x):
    """exp(x) - 1 - x, by its series near 0, where the terms cancel."""
    is_near = ops.abs(x) < 0.5
    near = ops.where(is_near, x, 0.0)
    series = ops.ones_like(near)
    for n in range(16, 2, -1):
        series = 1.0 + near / n * series
    return ops.where(is_near, 0.5 * ops.square(near) * series, ops.expm1(x) - x)


def log_gamma_mass(a, log_ratio):
    """log(x^a exp(-x) / gamma(a)), for x = a exp(log_ratio): no large terms that cancel.

    Source: Loader, Fast and Accurate Computation of Binomial Probabilities (2000).
    """
    return 0.5 * ops.log(a) - HALF_LOG_2PI - stirling_error(a) - a * expm1mx(log_ratio)


def log_beta_mass(a, b, log_ratio, log_rest_ratio):
    """log(x^a (1 - x)^b / beta(a, b)), for x of the given ratio to its mean a / (a + b).

    The other ratio is that of 1 - x to b / (a + b).
    """
    whole = log_gamma_mass(a + b, ops.zeros_like(a + b))
    return log_gamma_mass(a, log_ratio) + log_gamma_mass(b, log_rest_ratio) - whole


def digamma_error(x):
    """log(x) - 1 / (2 x) - digamma(x), for positive x; see `stirling_error`, whose slope it is."""
    square = ops.square(1.0 / maximum(x, _LARGE))
    series = 1 / 252.0 - square * (1 / 240.0 - square / 132.0)
    series = square * (1 / 12.0 - square * (1 / 120.0 - square * series))
    small = minimum(x, _LARGE)
    direct = ops.log(small) - 0.5 / small - _backend.digamma(small)
    return ops.where(x > _LARGE, series, direct)


def gamma_entropy(a):
    """The entropy of a gamma distribution of rate 1, a + lgamma(a) + (1 - a) digamma(a), by Stirling."""
    rest = stirling_error(a) + (a - 1.0) * digamma_error(a) - 0.5 / a
    return 0.5 * ops.log(a) + HALF_LOG_2PI + 0.5 + rest


def stirling_excess(b, a):
    """lgamma(b) - lgamma(a) - (b - a) digamma(a), less b log(b / a) - b + a, its large part."""
    half = 0.5 * expm1mx(log_ratio(b, a))
    return half + stirling_error(b) - stirling_error(a) + (b - a) * digamma_error(a)


def log1mexp(x):
    """log(1 - exp(-x)), for positive x. Source: Maechler, Accurately Computing (2012)."""
    near, far = minimum(x, math.log(2)), maximum(x, math.log(2))
    return ops.where(x < math.log(2), ops.log(-ops.expm1(-near)), ops.log1p(-ops.exp(-far)))


def log_sigmoid_difference(upper, lower):
    """log(sigmoid(upper) - sigmoid(lower)), for upper above lower."""
    return upper + log1mexp(upper - lower) - ops.softplus(upper) - ops.softplus(lower)


_ASYMPTOTIC = -10.0


def log_ndtr(z):
    """The logarithm of the standard normal cdf; below -10 by its asymptotic series.

    Source: Abramowitz and Stegun, Handbook of Mathematical Functions, 26.2.12.
    """
    body = ops.log(0.5 * erfc(-maximum(z, _ASYMPTOTIC) / math.sqrt(2.0)))
    far = minimum(z, _ASYMPTOTIC)
    r = 1.0 / ops.square(far)
    series = 1.0 - r * (1.0 - 3.0 * r * (1.0 - 5.0 * r * (1.0 - 7.0 * r * (1.0 - 9.0 * r))))
    tail = -0.5 * ops.square(far) - HALF_LOG_2PI - ops.log(-far) + ops.log(series)
    return ops.where(z > _ASYMPTOTIC, body, tail)


def log_ndtr_difference(upper, lower):
    """log(ndtr(upper) - ndtr(lower)), for upper above lower; in either tail.

    By the density at the middle where the two are close, for a difference has no digits then.
    """
    mirrored = lower + upper > 0.0
    a, b = ops.where(mirrored, -upper, lower), ops.where(mirrored, -lower, upper)
    fixed_a, fixed_b = ops.stop_gradient(a), ops.stop_gradient(b)
    # The third derivative bounds the error: width^4 of the density, 1e-8 here.
    is_close = (fixed_b - fixed_a) * (1.0 + 0.5 * ops.abs(fixed_a + fixed_b)) < 1e-2
    close = _log_narrow_mass(ops.where(is_close, a, 0.0), ops.where(is_close, b, 1.0))
    log_b = log_ndtr(b)
    ratio = ops.where(is_close, 1.0, log_b - log_ndtr(a))
    return ops.where(is_close, close, log_b + log1mexp(ratio))


def _log_narrow_mass(a, b):
    """log(ndtr(b) - ndtr(a)) by the density in the middle and its curvature."""
    width, middle = b - a, 0.5 * (a + b)
    curvature = (ops.square(middle) - 1.0) * ops.square(width) / 24.0
    return -0.5 * ops.square(middle) - HALF_LOG_2PI + ops.log(width) + curvature


def xlogy(x, y):
    """X log(y), which is 0 where x is 0, whatever y is."""
    return x * ops.log(ops.where(x == 0.0, 1.0, y))
