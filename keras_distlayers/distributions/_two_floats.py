"""Logarithms, exponentials and products with more digits than a float has, as sums of two floats.

A compiler may leave out the rounding of a product that is added to something, so that nothing
here depends on such a rounding: those products are of numbers with so few digits that they are
exact. Nothing here has a gradient, and all is for float32. Beyond exp(80) results are NaN.

Source: Knuth, The Art of Computer Programming 2, 4.2.2; Dekker, Numerische Mathematik 18 (1971).
"""

import math

from keras import ops

from keras_distlayers._core.ops import floor
from keras_distlayers._core.typing import Tensor
from keras_distlayers.distributions._special import expm1mx

_SPLIT = 4096.0

_UNIT = 256.0
"""Coarse parts are multiples of 1 / 256: two of them below 16 have an exact product."""

_LOG_2 = 0.693145751953125
"""Of 15 bits, so that a multiple by an exponent is exact."""
_REST_OF_LOG_2 = math.log(2.0) - _LOG_2


def halves(x: Tensor) -> tuple[Tensor, Tensor]:
    """Two numbers of 12 bits each whose sum is x."""
    large = x + _SPLIT * x
    coarse = large - (large - x)
    return coarse, x - coarse


def coarse_and_fine(x: Tensor) -> tuple[Tensor, Tensor]:
    """A multiple of 1 / 256 and a smaller rest of the same sign, whose sum is x exactly."""
    size = ops.abs(x)
    coarse = ops.sign(x) * floor(_UNIT * size) / _UNIT
    coarse = ops.where(size < _UNIT * _UNIT, coarse, x)
    return coarse, x - coarse


def exact_sum(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """The sum and what its rounding left out."""
    total = x + y
    part = total - x
    return total, (x - (total - part)) + (y - part)


def log_of_sum(
    start: Tensor | float, x: Tensor, rest: Tensor | float, more: Tensor | float = 0.0
) -> tuple[Tensor, Tensor]:
    """log((start + x + rest) 2^more), for a start of 0 or 1 and a rest that is small beside x."""
    exponent, power = _power_of_2(ops.log(start + x))
    distance = (start / power - 1.0) + x / power
    log = ops.log1p(distance)
    error = ((distance - log) - expm1mx(log) + rest / power) / (1.0 + distance)
    exponent = exponent + more
    total, lost = exact_sum(exponent * _LOG_2, log)
    return total, lost + (exponent * _REST_OF_LOG_2 + error)


def exp_of_sum(x: Tensor, rest: Tensor) -> Tensor:
    """exp(x + rest), without the rounding of the sum. XLA makes exp(x + y) of exp(x) exp(y)."""
    exp = ops.exp(x)
    return exp + exp * ops.expm1(rest)


def rounded_exp_of_sum(x: Tensor, rest: Tensor) -> Tensor:
    """exp(x + rest), to 0.6 of the distance between two floats, for a small rest."""
    exponent, power = _power_of_2(x)
    distance = x - exponent * _LOG_2
    rest = rest - exponent * _REST_OF_LOG_2
    total, lost = exact_sum(power, power * distance)
    return total + (lost + power * (expm1mx(distance) + ops.expm1(rest) * ops.exp(distance)))


def _power_of_2(log: Tensor) -> tuple[Tensor, Tensor]:
    """The exponent of the power of 2 whose logarithm is nearest, and that power."""
    exponent = floor(log / math.log(2.0) + 0.5)
    # The exponential may be wrong by many roundings, and its first 12 bits are right.
    return exponent, halves(ops.exp(exponent * math.log(2.0)))[0]


__all__ = [
    "coarse_and_fine",
    "exact_sum",
    "exp_of_sum",
    "halves",
    "log_of_sum",
    "rounded_exp_of_sum",
]
