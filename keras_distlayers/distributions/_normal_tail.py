"""The cdf of the standard normal and its inverse, with the digits of both tails.

Everything follows from Mills's ratio, the mass above x over the density at x. Its logarithm is
smooth and known for all x from 0, so that no tail is too far out.
"""

import math

import keras
from keras import ops

from keras_distlayers._core.ops import erfc, maximum, minimum
from keras_distlayers._core.typing import Tensor
from keras_distlayers.distributions._special import HALF_LOG_2PI, TINY, log1mexp
from keras_distlayers.distributions._two_floats import coarse_and_fine

_FAR = 1e18
"""Stands for every larger number, whose square would overflow in float32."""

_CENTRE = 4.0

_COEFFICIENTS = {
    "float32": (
        0.6382785872504296, -0.8048572048802596, 0.18867378364220772, -0.008201726894429546,
        -0.023033647467805604, 0.009208055873321177, 0.002077006649382962,
        -0.0027115309673372092, 0.00015746182432294317, 0.0005986630897747265,
        -0.00013702171073314484, -7.911655932691106e-05, 2.6687661921714137e-05,
    ),
    "float64": (
        0.6382785883572178, -0.8048571559157683, 0.18867367280175762, -0.00820311940093497,
        -0.023031821531500945, 0.009219441071696127, 0.002065589619510461,
        -0.00275185570038516, 0.0001921830330253276, 0.000669561753945232,
        -0.00019353545466044465, -0.00014198005937925056, 7.700083341743191e-05,
        2.5323924096623544e-05, -2.4020798287887366e-05, -3.1452396144391564e-06,
        6.450209904842211e-06, -7.650357596935228e-08, -1.503059638566358e-06,
        2.153894403793005e-07, 2.9149052213310007e-07, -8.250300634885849e-08,
        -4.1912651968175134e-08, 1.8248163293199172e-08, 3.293693188444106e-09,
        -1.946986206023638e-09,
    ),
}  # fmt: skip
"""Of the polynomials in (x - 4) / (x + 4) that are log((x + 4) R(x)), for Mills's ratio R.

Its Chebyshev series, by mpmath at 80 nodes, cut off where the dtype's digits end.
"""


def _is_double(x: Tensor) -> bool:
    return keras.backend.standardize_dtype(x.dtype) == "float64"


def log_mills(x: Tensor) -> Tensor:
    """The logarithm of Mills's ratio of the standard normal, for x from 0."""
    x = minimum(x, _FAR)
    return _log_rest(x) - ops.log(x + _CENTRE)


def _log_rest(x: Tensor) -> Tensor:
    """log((x + 4) R(x)), between 0 and 1.7."""
    u = (x - _CENTRE) / (x + _CENTRE)
    *others, last = _COEFFICIENTS["float64" if _is_double(x) else "float32"]
    result = last * u + others.pop()
    while others:
        result = result * u + others.pop()
    return result


def log_ndtr(z: Tensor) -> Tensor:
    """The logarithm of the standard normal cdf."""
    is_lower = z < 0.0
    lower = -0.5 * ops.square(z) - HALF_LOG_2PI + log_mills(ops.where(is_lower, -z, 0.0))
    upper = ops.log1p(-0.5 * erfc(ops.where(is_lower, 0.0, z) / math.sqrt(2.0)))
    return ops.where(is_lower, lower, upper)


def ndtr(z: Tensor) -> Tensor:
    """The standard normal cdf, with the digits of both tails."""
    return ops.exp(log_ndtr(z))


def log_ndtr_difference(upper: Tensor, lower: Tensor) -> Tensor:
    """log(ndtr(upper) - ndtr(lower)), for upper above lower; in either tail.

    By the density in the middle where the two are close, for a difference has no digits then.
    """
    is_mirrored = lower + upper > 0.0
    a, b = ops.where(is_mirrored, -upper, lower), ops.where(is_mirrored, -lower, upper)
    fixed_a, fixed_b = ops.stop_gradient(a), ops.stop_gradient(b)
    # The third derivative bounds the error: width^4 of the density.
    limit = 1e-3 if _is_double(upper) else 1e-2
    is_close = (fixed_b - fixed_a) * (1.0 + 0.5 * ops.abs(fixed_a + fixed_b)) < limit
    close = _log_ndtr_difference_of_close(ops.where(is_close, a, 0.0), ops.where(is_close, b, 1.0))
    log_b = log_ndtr(b)
    ratio = ops.where(is_close, 1.0, log_b - log_ndtr(a))
    return ops.where(is_close, close, log_b + log1mexp(ratio))


def _log_ndtr_difference_of_close(a: Tensor, b: Tensor) -> Tensor:
    """log(ndtr(b) - ndtr(a)) by the density in the middle and its curvature."""
    width, middle = b - a, 0.5 * (a + b)
    curvature = (ops.square(middle) - 1.0) * ops.square(width) / 24.0
    return -0.5 * ops.square(middle) - HALF_LOG_2PI + ops.log(width) + curvature


# ---------------------------------------------------------------- relative to a point of the tail


def log_tail_ratio(x: Tensor, distance: Tensor) -> Tensor:
    """log(Q(x + distance) / Q(x)), for Q the mass above and both from 0."""
    given, is_finite = ops.stop_gradient(distance), ops.isfinite(distance)
    distance = ops.where(is_finite, distance, 0.0)
    log_ratio = _log_ratio(x, distance, _log_rest(x), _log_rest(x + distance))
    return ops.where(is_finite, log_ratio, -given)  # that of NaN is NaN


def _log_ratio(x: Tensor, distance: Tensor, rest: Tensor, rest_there: Tensor) -> Tensor:
    """The same, where `_log_rest` is known at both ends."""
    # A difference of logarithms would have no digits where the distance is small: the integral
    # of the hazard rate is its Taylor series there.
    is_near = distance * (1.0 + x) < (1e-3 if _is_double(distance) else 3e-2)
    near = ops.where(is_near, distance, 0.0)
    rate = (x + _CENTRE) * ops.exp(-rest)
    excess = rate - x
    second = excess * (rate + excess) - 1.0
    series = -rate * near * (1.0 + near / 2.0 * (excess + near / 3.0 * second))
    far = rest_there - rest - ops.log1p(distance / (x + _CENTRE)) - distance * (x + 0.5 * distance)
    return ops.where(is_near, series, far)


def tail_distance(x: Tensor, log_ratio: Tensor) -> Tensor:
    """The distance for which `log_tail_ratio` is the given number, at most 0.

    By Newton's steps, from above: the logarithm of the tail is concave, and the start is the
    smaller of two bounds. Its gradient is the implicit one.
    """
    is_finite = ops.isfinite(log_ratio)
    target, rest = ops.where(is_finite, log_ratio, -1.0), _log_rest(x)
    fixed_x, fixed_rest, fixed_target = map(ops.stop_gradient, (x, rest, target))
    root = ops.sqrt(ops.square(fixed_x) - 2.0 * fixed_target)
    by_square = -2.0 * fixed_target / maximum(fixed_x + root, TINY)
    distance = minimum(-fixed_target * _mills(fixed_x, fixed_rest), by_square)
    for _ in range(4 if _is_double(x) else 3):
        there = fixed_x + distance
        rest_there = _log_rest(there)
        error = _log_ratio(fixed_x, distance, fixed_rest, rest_there) - fixed_target
        distance = distance + _mills(there, rest_there) * error
    # A last step, which has the gradient.
    there, distance = x + ops.stop_gradient(distance), ops.stop_gradient(distance)
    rest_there = _log_rest(there)
    error = _log_ratio(x, distance, rest, rest_there) - target
    distance = distance + ops.stop_gradient(_mills(there, rest_there)) * error
    return ops.where(is_finite, distance, -ops.stop_gradient(log_ratio))  # that of NaN is NaN


def quantile_error(z: Tensor, p: Tensor) -> Tensor:
    """What z lacks to the quantile of p in float32: a Newton step on the logarithm of the tail.

    Where z is positive, p is the mass above.
    """
    coarse, distance = coarse_and_fine(ops.abs(z))
    root = ops.exp(0.25 * ops.square(coarse))
    log_ratio = ops.log(p * root * root) + HALF_LOG_2PI - log_mills(coarse)
    error = log_tail_ratio(coarse, distance) - log_ratio
    return ops.sign(z) * ops.exp(log_mills(coarse)) * error


def _mills(x: Tensor, rest: Tensor) -> Tensor:
    return ops.exp(rest) / (x + _CENTRE)


__all__ = [
    "log_mills",
    "log_ndtr",
    "log_ndtr_difference",
    "log_tail_ratio",
    "ndtr",
    "quantile_error",
    "tail_distance",
]
