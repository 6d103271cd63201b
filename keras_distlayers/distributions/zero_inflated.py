"""Counts with extra zeros."""

import keras
from keras import ops

from keras_distlayers._core.errors import message
from keras_distlayers._core.ops import logaddexp, maximum
from keras_distlayers.distributions._seeds import fold_in
from keras_distlayers.distributions.distribution import Distribution


@keras.saving.register_keras_serializable("keras_distlayers.distributions")
class ZeroInflated(Distribution):
    """A distribution of counts with extra zeros: 0 with probability q, else a count of the distribution's.

    log p(0) = log(q + (1 - q) p0(0)) and log p(x) = log(1 - q) + log p0(x) elsewhere, in nats,
    where q = sigmoid(logits) and p0 is the distribution of the counts. Draws carry no gradient.

    Args:
        distribution: The distribution of the counts, a `Distribution` over scalars.
        logits: log(q / (1 - q)), q the probability of an extra zero; a shape that broadcasts
            with the batch of `distribution`.

    Raises:
        ValueError: if the events of `distribution` are not discrete scalars.

    Examples:
        >>> import keras_distlayers as kdl
        >>> distribution = kdl.distributions.ZeroInflated(kdl.distributions.Poisson(rate=[2.0, 4.0]), logits=0.0)
        >>> [round(float(x), 4) for x in distribution.prob(0.0)], [round(float(x), 4) for x in distribution.mean()]
        ([0.5677, 0.5092], [1.0, 2.0])

    Source: Lambert, Technometrics 34 (1992).
    """

    parameter_ndims = {"logits": 0}
    component_names = ("distribution",)

    def __init__(self, distribution, logits):
        super().__init__(distribution=distribution, logits=logits)
        base = self.distribution
        if base.event_shape != () or not base.support.is_discrete:
            raise ValueError(
                message(
                    "ZeroInflated, argument `distribution`",
                    expected="a distribution of counts, with event_shape=()",
                    received=f"{base!r}, whose support is {base.support}",
                    fix="Put `Independent` around the `ZeroInflated`, not inside it.",
                )
            )

    @property
    def support(self):
        return self.distribution.support

    @property
    def _event_dtype(self):
        return self.distribution._event_dtype

    def _kept(self):
        """1 - q, without cancellation."""
        return ops.sigmoid(-self.logits)

    def _root_kept(self):
        """The square root of 1 - q, where 1 - q itself may be below float32."""
        return ops.exp(-0.5 * ops.softplus(self.logits))

    def _sample(self, sample_shape, seed):
        # Each distribution of the whole batch has draws of its own.
        whole = self.distribution.expand(self.dynamic_batch_shape())
        counts = whole._sample(sample_shape, fold_in(seed, 1))
        shape = (*sample_shape, *self.dynamic_shape())
        uniform = keras.random.uniform(shape, dtype=self.dtype, seed=seed)
        return ops.where(uniform < ops.sigmoid(self.logits), ops.zeros_like(counts), counts)

    def _log_prob(self, value):
        counted = self.distribution.log_prob(value) - ops.softplus(self.logits)
        at_zero = logaddexp(-ops.softplus(-self.logits), counted)
        return ops.where(value == 0, at_zero, counted)

    def _mean(self):
        return self._share_of(self.distribution.mean())

    def _share_of(self, statistic):
        """1 - q of it; of one beyond float32, where 1 - q may be below it, the same."""
        is_finite, root = ops.isfinite(statistic), self._root_kept()
        finite = root * ops.where(is_finite, statistic, 1.0) * root
        return ops.where(is_finite, finite, statistic)

    def _variance(self):
        mean = self.distribution.mean()
        extra = ops.sigmoid(self.logits) * ops.square(mean)
        return self._share_of(self.distribution.variance() + extra)

    def _stddev(self):
        # In units of the larger of the two: their squares are beyond float32 before they are.
        mean, spread = self.distribution.mean(), self.distribution.stddev()
        unit = maximum(mean, spread)
        # There is no ratio to an endless unit, or to that of a distribution that is always 0.
        has_ratio = ops.logical_and(unit > 0.0, ops.isfinite(unit))
        safe = ops.where(has_ratio, unit, 1.0)
        mean, spread = (ops.where(has_ratio, x, 1.0) / safe for x in (mean, spread))
        extra = ops.sigmoid(self.logits) * ops.square(mean)
        share = self._root_kept() * ops.sqrt(ops.square(spread) + extra)
        return ops.where(has_ratio, safe * share, unit)

    def _mode(self):
        top = self._fill(self.distribution.mode())
        zero = ops.zeros_like(top)
        return ops.where(self.log_prob(top) > self.log_prob(zero), top, zero)

    def _cdf(self, value):
        extra = ops.where(value < 0, 0.0, ops.sigmoid(self.logits))
        return extra + self._kept() * self.distribution.cdf(value)

    def _survival_function(self, value):
        rest = self._kept() * self.distribution.survival_function(value)
        return ops.where(value < 0, 1.0, rest)


__all__ = ["ZeroInflated"]
