"""The base of families over counts: the integers from 0, as floats."""

import abc

from keras import ops

from keras_distlayers._core.ops import clip, floor
from keras_distlayers._core.typing import Tensor
from keras_distlayers.distributions._special import keep_nan
from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.distributions.support import Support, integers

_LARGEST_COUNT = 1e30
"""Stands for every larger count, also an infinite one."""


class Count(Distribution):
    """A distribution over counts. The hooks of a family see counts only, positive ones apart."""

    @abc.abstractmethod
    def _log_prob_of_zero(self) -> Tensor:
        """The log mass of 0."""

    @abc.abstractmethod
    def _log_prob_of_positive(self, count: Tensor) -> Tensor:
        """The log mass of a count above 0."""

    @abc.abstractmethod
    def _cdf_of_count(self, count: Tensor) -> Tensor:
        """The cdf at a count."""

    @abc.abstractmethod
    def _survival_of_count(self, count: Tensor) -> Tensor:
        """The survival function at a count."""

    @abc.abstractmethod
    def _log_cdf_of_count(self, count: Tensor) -> Tensor:
        """The logarithm of the cdf at a count."""

    @abc.abstractmethod
    def _log_survival_of_count(self, count: Tensor) -> Tensor:
        """The logarithm of the survival function at a count."""

    @property
    def support(self) -> Support:
        return integers(0)

    def _log_prob(self, value: Tensor) -> Tensor:
        is_inside = self.support.contains(value)
        # The formula for positive counts divides by the count: it must not see a zero.
        positive = ops.where(ops.logical_and(is_inside, value > 0.0), value, 1.0)
        log_prob = ops.where(
            value == 0.0, self._log_prob_of_zero(), self._log_prob_of_positive(positive)
        )
        return keep_nan(value, ops.where(is_inside, log_prob, -float("inf")))

    def _cdf(self, value: Tensor) -> Tensor:
        count = _count_below(value)
        # Below 1 without the integral, which has no slope by a rate of 0.
        cdf = ops.where(count == 0.0, ops.exp(self._log_prob_of_zero()), self._cdf_of_count(count))
        return ops.where(value < 0.0, 0.0, cdf)

    def _survival_function(self, value: Tensor) -> Tensor:
        count = _count_below(value)
        rest = ops.where(
            count == 0.0, -ops.expm1(self._log_prob_of_zero()), self._survival_of_count(count)
        )
        return ops.where(value < 0.0, 1.0, rest)

    def _log_cdf(self, value: Tensor) -> Tensor:
        inside = self._log_cdf_of_count(_count_below(value))
        return ops.where(value < 0.0, -float("inf"), inside)

    def _log_survival_function(self, value: Tensor) -> Tensor:
        return ops.where(value < 0.0, 0.0, self._log_survival_of_count(_count_below(value)))


def _count_below(value: Tensor) -> Tensor:
    """The count at or below a value, which may be infinite."""
    return floor(clip(value, 0.0, _LARGEST_COUNT))


__all__ = ["Count"]
