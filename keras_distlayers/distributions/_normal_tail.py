"""The cdf of the standard normal and its inverse, with the digits of both tails.

Everything follows from Mills's ratio, the mass above x over the density at x. Its logarithm is
smooth and known for all x from 0, so that no tail is too far out.
"""

import keras
import numpy as np
from keras import ops

from keras_distlayers._core.ops import erfc, maximum, minimum
from keras_distlayers._core.typing import Tensor
from keras_distlayers.distributions._special import HALF_LOG_2PI, TINY, log1mexp

_FAR = 1e18
"""Stands for every larger number, whose square would overflow in float32."""

_CENTRE = 4.0
_COEFFICIENTS = (
    0.7246422819912354, -0.8064773743049352, 0.0838166748104565, 0.00010830441704095515,
    -0.00248098648906209, 0.0003503685158099689, 6.557173670149283e-05, -2.5570346687973926e-05,
    -5.85983180334751e-07, 1.4886427797879732e-06, -1.1124750970312975e-07,
    -7.726226496768658e-08, 1.303108492271198e-08, 3.5953990398142513e-09,
    -1.0329222196345538e-09, -1.4359976653324856e-10, 6.946051919367719e-11,
    4.157969712241567e-12, -4.169905804495554e-12, 3.1582730962022794e-15, 2.246611477065996e-13,
    -1.342969777670523e-14, -1.056217805743718e-14, 1.4494656337622248e-15,
    3.9263882499266933e-16, -1.1604942119262446e-16,
)  # fmt: skip
"""Of the Chebyshev series of log((x + 4) R(x)) in (x - 4) / (x + 4), R Mills's ratio.

The first 13 of them have the digits of float32. By mpmath, at the Chebyshev nodes.
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
    *others, first = reversed(_COEFFICIENTS if _is_double(x) else _COEFFICIENTS[:13])
    one, two = ops.zeros_like(u), ops.zeros_like(u)
    for coefficient in others:  # Clenshaw's recurrence
        one, two = 2.0 * u * one - two + coefficient, one
    return u * one - two + first


def log_ndtr(z: Tensor) -> Tensor:
    """The logarithm of the standard normal cdf."""
    is_lower = z < 0.0
    lower = -0.5 * ops.square(z) - HALF_LOG_2PI + log_mills(ops.where(is_lower, -z, 0.0))
    upper = ops.log1p(-0.5 * erfc(ops.where(is_lower, 0.0, z) / np.sqrt(2.0)))
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
    is_finite = ops.isfinite(distance)
    d = ops.where(is_finite, distance, 0.0)
    # A difference of logarithms would have no digits where the distance is small: the integral
    # of the hazard rate is its Taylor series there.
    is_near = d * (1.0 + x) < (1e-3 if _is_double(d) else 3e-2)
    near, log_rest = ops.where(is_near, d, 0.0), _log_rest(x)
    rate = (x + _CENTRE) * ops.exp(-log_rest)
    excess = rate - x
    second = excess * (rate + excess) - 1.0
    series = -rate * near * (1.0 + near / 2.0 * (excess + near / 3.0 * second))
    far = _log_rest(x + d) - log_rest - ops.log1p(d / (x + _CENTRE)) - d * (x + 0.5 * d)
    return ops.where(is_finite, ops.where(is_near, series, far), -np.inf)


def tail_distance(x: Tensor, log_ratio: Tensor) -> Tensor:
    """The distance for which `log_tail_ratio` is the given number, at most 0.

    By Newton's steps, from above: the logarithm of the tail is concave, and the start is the
    smaller of two bounds. Its gradient is the implicit one.
    """
    is_finite = ops.isfinite(log_ratio)
    target = ops.where(is_finite, log_ratio, -1.0)
    fixed_x, t = ops.stop_gradient(x), -ops.stop_gradient(target)
    root = ops.sqrt(ops.square(fixed_x) + 2.0 * t)
    by_square = 2.0 * t / maximum(fixed_x + root, TINY)
    distance = minimum(t * ops.exp(log_mills(fixed_x)), by_square)
    # The last step is for the gradient alone.
    for _ in range(5 if _is_double(x) else 4):
        distance = ops.stop_gradient(distance)
        error = log_tail_ratio(x, distance) - target
        distance = distance + ops.stop_gradient(ops.exp(log_mills(x + distance))) * error
    return ops.where(is_finite, distance, np.inf)


__all__ = [
    "log_mills",
    "log_ndtr",
    "log_ndtr_difference",
    "log_tail_ratio",
    "ndtr",
    "tail_distance",
]
