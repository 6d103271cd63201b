"""What families over counts share: the integers from 0, as floats."""

import keras
from keras import ops

from keras_distlayers import _backend
from keras_distlayers._core.ops import floor
from keras_distlayers.distributions._seeds import fold_in
from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.distributions.support import integers

_LARGEST_RATE = 1e8
"""Above it a Poisson draw is a rounded normal one: backends draw into integers that end."""

_ENDLESS_RATE = 1e30
"""Stands for every rate above it, whose square root times a normal would overflow."""

_ENDLESS_COUNT = 1e30
"""Stands for every count above it."""


class Count(Distribution):
    """What distributions over counts share: the support, and zero mass off the integers."""

    @property
    def support(self):
        return integers(0)

    def _log_prob(self, value):
        inside = self.support.contains(value)
        is_zero = value == 0.0
        # The other branch's formula divides by the count: it must not see a zero.
        positive = ops.where(ops.logical_and(inside, value > 0.0), value, 1.0)
        log_prob = ops.where(is_zero, self._log_prob_of_zero(), self._log_prob_of(positive))
        return ops.where(inside, log_prob, -float("inf"))

    def _cdf(self, value):
        return ops.where(value < 0.0, 0.0, self._cdf_of(_count_at(value)))

    def _survival_function(self, value):
        return ops.where(value < 0.0, 1.0, self._survival_of(_count_at(value)))


def draw_poisson(shape, rate, seed):
    """Poisson counts as floats, of any rate."""
    rate = ops.stop_gradient(ops.clip(rate, 0.0, _ENDLESS_RATE))
    dtype = keras.backend.standardize_dtype(rate.dtype)
    counts = _backend.poisson(shape, ops.clip(rate, 0.0, _LARGEST_RATE), seed)
    normal = keras.random.normal(shape, dtype=dtype, seed=fold_in(seed, 1))
    rounded = ops.round(rate + ops.sqrt(rate) * normal)
    return ops.where(rate > _LARGEST_RATE, rounded, counts)


def _count_at(value):
    """The count at or below a value, which may be infinite."""
    return floor(ops.clip(value, 0.0, _ENDLESS_COUNT))


__all__ = ["Count", "draw_poisson"]
