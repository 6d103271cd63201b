"""The logistic distribution rounded to integers, such as the intensities of pixels."""

import math
from collections.abc import Callable

import keras
import numpy as np
from keras import ops

from keras_distlayers._backend import backend
from keras_distlayers._core import shapes
from keras_distlayers._core.errors import message
from keras_distlayers._core.ops import clip, floor, maximum
from keras_distlayers._core.typing import Seed, Tensor
from keras_distlayers.distributions._special import keep_nan, log1mexp
from keras_distlayers.distributions.crps import register_crps
from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.distributions.logistic import Logistic
from keras_distlayers.distributions.support import Support, integers

# Of a sum over all integers: the entries of one piece (4 MiB of float32), or the number of pieces
# where the batch's size is not known.
_LARGEST_PIECE = 2**20
_PIECES = 32


@keras.saving.register_keras_serializable("keras_distlayers.distributions")
class QuantizedLogistic(Distribution):
    """A logistic, rounded to the integers from `low` to `high`; the ends take the tails.

    P(k) = F((k + 1/2 - loc) / scale) - F((k - 1/2 - loc) / scale) with F the logistic
    function, taken as 1 above `high` and as 0 below `low`; log p in nats, without a
    difference of probabilities. Draws are floats; they carry no gradient.

    Args:
        loc: The centre, in units of the integers; any shape.
        scale: Positive; a shape that broadcasts with that of `loc`.
        low: The smallest integer.
        high: The largest one.

    Raises:
        ValueError: if the shapes of the parameters do not broadcast, or if `low` and `high` are
            not ints, or in the wrong order.

    Examples:
        >>> import keras_distlayers as kdl
        >>> distribution = kdl.distributions.QuantizedLogistic(127.5, 10.0, low=0, high=255)
        >>> round(float(distribution.prob(127.0)), 5), float(distribution.log_prob(256.0))
        (0.02498, -inf)

    Source: Salimans, Karpathy, Chen and Kingma, PixelCNN++ (2017), section 2.1.
    """

    parameter_ndims = {"loc": 0, "scale": 0}
    static_names = ("low", "high")

    loc: Tensor
    scale: Tensor
    low: int
    high: int

    def __init__(self, loc: Tensor, scale: Tensor, low: int = 0, high: int = 255) -> None:
        lowest, highest = shapes.as_int(low), shapes.as_int(high)
        if lowest is None or highest is None or lowest > highest:
            raise ValueError(
                message(
                    type(self).__name__,
                    expected="ints `low` and `high`, low at most high",
                    received=f"low={low!r} and high={high!r}",
                )
            )
        super().__init__(loc=loc, scale=scale, low=lowest, high=highest)

    @property
    def support(self) -> Support:
        return integers(self.low, self.high)

    def _sample(self, sample_shape: tuple[int, ...], seed: Seed) -> Tensor:
        draw = ops.round(Logistic(self.loc, self.scale).sample(sample_shape, seed))
        return ops.stop_gradient(clip(draw, self.low, self.high))

    def _standardize(self, value: Tensor) -> Tensor:
        return (value - self.loc) / self.scale

    def _log_prob(self, value: Tensor) -> Tensor:
        k = clip(value, self.low, self.high)
        upper, lower = self._standardize(k + 0.5), self._standardize(k - 0.5)
        # F(u) - F(l) = F(u) F(-l) (1 - exp(l - u)), whose logarithm has its digits near 0 too.
        # From the width itself, for upper - lower rounds to 0 where loc / scale is large.
        log_mass = log1mexp(1.0 / self.scale) - ops.softplus(-upper) - ops.softplus(lower)
        log_mass = ops.where(k == self.low, -ops.softplus(-upper), log_mass)
        log_mass = ops.where(k == self.high, -ops.softplus(lower), log_mass)
        if self.low == self.high:  # one integer takes both tails
            log_mass = ops.zeros_like(log_mass)
        is_inside = ops.logical_and(value == ops.round(value), value == k)
        return keep_nan(value, ops.where(is_inside, log_mass, -np.inf))

    def _mode(self) -> Tensor:
        """The centre, or an end whose tail has more mass."""
        centre = ops.round(self._fill(self.loc))
        mode = clip(centre, self.low, self.high)
        for end in (self.low, self.high):
            ends = ops.full_like(mode, end)
            mode = ops.where(self._log_prob(ends) > self._log_prob(mode), ends, mode)
        return mode

    def _mean(self) -> Tensor:
        """By one term for each integer of the range."""
        centre = self._centre()
        return centre + self._sum_of_tails(ops.sign)

    def _variance(self) -> Tensor:
        """E (X - c)^2 - (E X - c)^2 for the integer c at the centre."""
        squares = self._sum_of_tails(lambda steps: 2.0 * ops.abs(steps))
        return squares - ops.square(self._sum_of_tails(ops.sign))

    def _entropy(self) -> Tensor:
        distribution = self._with_last_axis()

        def terms(values: Tensor) -> Tensor:
            # Where a log probability has no digits left, its probability is 0.
            log_masses = maximum(distribution.log_prob(values), -1e3)
            return -ops.exp(log_masses) * log_masses

        return self._sum(terms, self.high + 1)

    def _centre(self) -> Tensor:
        """The integer of the range that is next to the centre, without a gradient."""
        centre = clip(ops.round(self._fill(self.loc)), self.low, self.high)
        return ops.stop_gradient(centre)

    def _with_last_axis(self) -> "QuantizedLogistic":
        return QuantizedLogistic(self.loc[..., None], self.scale[..., None], self.low, self.high)

    def _sum_of_tails(self, weights: Callable[[Tensor], Tensor]) -> Tensor:
        """The expectation of a function f of X, less f at the integer c at the centre.

        E f(X) - f(c) is the sum over k < c of (f(k) - f(k + 1)) P(X <= k), and over k >= c of
        (f(k + 1) - f(k)) P(X > k). The tails are small where X is close to c, so that a mean
        close to c and a small variance keep their digits.

        Args:
            weights: Of k + 1/2 - c: the difference of f by which the tail is multiplied.
        """
        distribution, centre = self._with_last_axis(), self._centre()[..., None]

        def terms(values: Tensor) -> Tensor:
            steps = values + 0.5 - centre
            z = distribution._standardize(values + 0.5)
            return weights(steps) * ops.sigmoid(-ops.sign(steps) * z)

        return self._sum(terms, self.high)

    def _sum(self, terms: Callable[[Tensor], Tensor], stop: int) -> Tensor:
        """The sum of a function of the integers from `low` to before `stop`, on a last axis.

        A few integers at a time: all at once would take as many copies of the batch.
        """
        count = min(self._integers_at_a_time(), stop - self.low)
        if count == 0:
            return self._fill(ops.zeros_like(self.loc))
        numbers = ops.arange(count, dtype=self.dtype)

        def piece(i: Tensor) -> Tensor:
            values = numbers + (self.low + count * i)
            # The last piece may go beyond.
            return ops.sum(ops.where(values < stop, terms(values), 0.0), axis=-1)

        def add(i: Tensor, total: Tensor) -> tuple[Tensor, Tensor]:
            return i + 1.0, total + piece(i)

        # A loop also where it is compiled: a compiler takes the memory of all pieces at once for
        # pieces that Python has written out.
        first, more = ops.zeros((), self.dtype), -(-(stop - self.low) // count) - 1
        return backend.repeat(add, more, (first + 1.0, piece(first)))[1]

    def _integers_at_a_time(self) -> int:
        sizes = self.batch_shape
        if None in sizes:
            return -(-(self.high - self.low + 1) // _PIECES)
        return max(1, _LARGEST_PIECE // max(1, math.prod(sizes)))

    def _cdf(self, value: Tensor) -> Tensor:
        inside = ops.sigmoid(self._standardize(floor(value) + 0.5))
        inside = ops.where(value < self.low, 0.0, inside)
        return ops.where(value >= self.high, 1.0, inside)

    def _survival_function(self, value: Tensor) -> Tensor:
        inside = ops.sigmoid(-self._standardize(floor(value) + 0.5))
        inside = ops.where(value < self.low, 1.0, inside)
        return ops.where(value >= self.high, 0.0, inside)

    def _log_cdf(self, value: Tensor) -> Tensor:
        inside = -ops.softplus(-self._standardize(floor(value) + 0.5))
        inside = ops.where(value < self.low, -float("inf"), inside)
        return ops.where(value >= self.high, 0.0, inside)

    def _log_survival_function(self, value: Tensor) -> Tensor:
        inside = -ops.softplus(self._standardize(floor(value) + 0.5))
        inside = ops.where(value < self.low, 0.0, inside)
        return ops.where(value >= self.high, -float("inf"), inside)


@register_crps(QuantizedLogistic)
def _(distribution: QuantizedLogistic, value: Tensor) -> Tensor:
    """The sum of (F(k) - 1{y <= k})^2 over the integers k of the range, for an integer y."""
    whole = distribution._with_last_axis()
    inside = clip(value, distribution.low, distribution.high)

    def terms(values: Tensor) -> Tensor:
        z = whole._standardize(values + 0.5)
        is_reached = inside[..., None] <= values
        return ops.square(ops.sigmoid(ops.where(is_reached, -z, z)))

    return distribution._sum(terms, distribution.high) + ops.abs(value - inside)


__all__ = ["QuantizedLogistic"]
