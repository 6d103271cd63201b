"""The logistic distribution rounded to integers, such as the intensities of pixels."""

import keras
import numpy as np
from keras import ops

from keras_distlayers._core import shapes
from keras_distlayers._core.errors import message
from keras_distlayers._core.ops import floor
from keras_distlayers._core.typing import Seed, Tensor
from keras_distlayers.distributions._special import keep_nan, log1mexp, xlogy
from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.distributions.logistic import Logistic
from keras_distlayers.distributions.support import Support, integers


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
        return ops.stop_gradient(ops.clip(draw, self.low, self.high))

    def _standardize(self, value: Tensor) -> Tensor:
        return (value - self.loc) / self.scale

    def _log_prob(self, value: Tensor) -> Tensor:
        k = ops.clip(value, self.low, self.high)
        upper, lower = self._standardize(k + 0.5), self._standardize(k - 0.5)
        # From the width itself, for upper - lower rounds to 0 where loc / scale is large.
        width = 1.0 / self.scale
        log_mass = lower + width + log1mexp(width)
        log_mass = log_mass - ops.softplus(upper) - ops.softplus(lower)
        log_mass = ops.where(k == self.low, -ops.softplus(-upper), log_mass)
        log_mass = ops.where(k == self.high, -ops.softplus(lower), log_mass)
        if self.low == self.high:  # one integer takes both tails
            log_mass = ops.zeros_like(log_mass)
        is_inside = ops.logical_and(value == ops.round(value), value == k)
        return keep_nan(value, ops.where(is_inside, log_mass, -np.inf))

    def _mode(self) -> Tensor:
        """The centre, or an end whose tail has more mass."""
        centre = ops.round(self._fill(self.loc))
        mode = ops.clip(centre, self.low, self.high)
        for end in (self.low, self.high):
            ends = ops.full_like(mode, end)
            mode = ops.where(self._log_prob(ends) > self._log_prob(mode), ends, mode)
        return mode

    def _masses(self) -> tuple[Tensor, Tensor]:
        """All integers, and their masses on a last axis."""
        values = ops.arange(self.low, self.high + 1, dtype=self.dtype)
        distribution = QuantizedLogistic(
            self.loc[..., None], self.scale[..., None], self.low, self.high
        )
        return values, distribution.prob(values)

    def _mean(self) -> Tensor:
        """The sum over all integers: high - low + 1 terms for each distribution."""
        values, masses = self._masses()
        return ops.sum(values * masses, axis=-1)

    def _variance(self) -> Tensor:
        values, masses = self._masses()
        return ops.sum(ops.square(values - self._mean()[..., None]) * masses, axis=-1)

    def _entropy(self) -> Tensor:
        _, masses = self._masses()
        return -ops.sum(xlogy(masses, masses), axis=-1)

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


__all__ = ["QuantizedLogistic"]
