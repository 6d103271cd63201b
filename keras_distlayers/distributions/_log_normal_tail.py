"""The cdf of a log-normal and its inverse in float32, with the digits of a tail of 1e-30.

z is about -11.5 there, and a rounding of z or of log(x) moves the probability by 5e-6 to 1e-5 of
it. So every number that is not exact is the sum of two floats, and products are of floats with
so few digits that they are exact. Nothing here has a gradient.
"""

import math

from keras import ops

from keras_distlayers._core.typing import Tensor
from keras_distlayers.distributions._normal_tail import (
    log_mills,
    log_tail_ratio,
    quantile_error,
)
from keras_distlayers.distributions._two_floats import (
    coarse_and_fine,
    exact_sum,
    exp_of_sum,
    log_of_sum,
    rounded_exp_of_sum,
)

_CENTRE = 4.0
"""Mills's ratio of x, times x + 4, is between 1 and 6, so that its logarithm is never large."""


def exp_of_quantile(loc: Tensor, scale: Tensor, z: Tensor, p: Tensor) -> Tensor:
    """exp(loc + scale z), for z that is the standard normal quantile of p but for its rounding.

    Where z is positive, p is the mass above.
    """
    coarse, fine = coarse_and_fine(z)
    coarse_scale, fine_scale = coarse_and_fine(scale)
    total, rest = exact_sum(loc, coarse_scale * coarse)
    rest = rest + fine_scale * coarse + scale * (fine + quantile_error(z, p))
    return rounded_exp_of_sum(total, rest)


def mass_below(x: Tensor, loc: Tensor, scale: Tensor, sign: float) -> Tensor:
    """The mass of the log-normal below x, or above it for a sign of -1."""
    log_x, log_rest = log_of_sum(0.0, x, 0.0)
    total, rest = exact_sum(log_x, -loc)
    coarse, _ = coarse_and_fine(total / scale)
    coarse_scale, fine_scale = coarse_and_fine(scale)
    remainder = total - coarse_scale * coarse
    fine = (remainder - fine_scale * coarse + rest + log_rest) / scale
    start, distance = ops.abs(coarse), ops.where(total < 0.0, -fine, fine)
    log_ratio = log_mills(start) + ops.log(start + _CENTRE) + log_tail_ratio(start, distance)
    density = exp_of_sum(-0.5 * ops.square(start), log_ratio)
    tail = density / (math.sqrt(2.0 * math.pi) * (start + _CENTRE))
    return ops.where(sign * total < 0.0, tail, 1.0 - tail)


__all__ = ["exp_of_quantile", "mass_below"]
