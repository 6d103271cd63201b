"""A distribution of counts with extra zeros."""

import keras
from keras import ops

from keras_distlayers._core.errors import message
from keras_distlayers._core.ops import logaddexp, maximum
from keras_distlayers._core.typing import Seed, Tensor
from keras_distlayers.distributions._cumulative import from_log_complement
from keras_distlayers.distributions._random import fold_in
from keras_distlayers.distributions._special import safe_sqrt
from keras_distlayers.distributions.crps import closed_form_crps, register_crps
from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.distributions.support import Support


@keras.saving.register_keras_serializable("keras_distlayers.distributions")
class ZeroInflated(Distribution):
    """A distribution of counts with extra zeros.

    An event is 0 with probability q, else a draw of the given distribution. log p(0) =
    log(q + (1 - q) p0(0)) and log p(x) = log(1 - q) + log p0(x) elsewhere, in nats, where
    q = sigmoid(logits) and p0 is the mass function of the given distribution. Draws carry no
    gradient.

    Args:
        distribution: The distribution of the counts, a `Distribution` over scalars.
        logits: log(q / (1 - q)), q the probability of an extra zero; a shape that broadcasts
            with the batch of `distribution`.

    Raises:
        TypeError: if `distribution` is not a distribution.
        ValueError: if the events of `distribution` are not discrete scalars, or if the shapes do
            not broadcast.

    Examples:
        >>> import keras_distlayers as kdl
        >>> counts = kdl.distributions.Poisson(rate=[2.0, 4.0])
        >>> distribution = kdl.distributions.ZeroInflated(counts, logits=0.0)
        >>> [round(float(x), 4) for x in distribution.prob(0.0)]
        [0.5677, 0.5092]
        >>> [round(float(x), 4) for x in distribution.mean()]
        [1.0, 2.0]

    Source: Lambert, Technometrics 34 (1992).
    """

    parameter_ndims = {"logits": 0}
    component_names = ("distribution",)

    distribution: Distribution
    logits: Tensor

    def __init__(self, distribution: Distribution, logits: Tensor) -> None:
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
    def support(self) -> Support:
        return self.distribution.support

    @property
    def event_dtype(self) -> str:
        return self.distribution.event_dtype

    def _count_probability(self) -> Tensor:
        """1 - q, without cancellation."""
        return ops.sigmoid(-self.logits)

    def _sqrt_count_probability(self) -> Tensor:
        """The square root of 1 - q, also where 1 - q itself is below float32."""
        return ops.exp(-0.5 * ops.softplus(self.logits))

    def _sample(self, sample_shape: tuple[int, ...], seed: Seed) -> Tensor:
        # Expanded first, so that each entry of the whole batch has its own draws.
        distribution = self.distribution.expand(self.dynamic_batch_shape())
        counts = distribution.sample(sample_shape, fold_in(seed, 1))
        shape = (*sample_shape, *self.dynamic_shape())
        uniform = keras.random.uniform(shape, dtype=self.dtype, seed=seed)
        return ops.where(uniform < ops.sigmoid(self.logits), ops.zeros_like(counts), counts)

    def _log_prob(self, value: Tensor) -> Tensor:
        counted = self.distribution.log_prob(value) - ops.softplus(self.logits)
        at_zero = logaddexp(-ops.softplus(-self.logits), counted)
        return ops.where(value == 0, at_zero, counted)

    def _mean(self) -> Tensor:
        return self._times_count_probability(self.distribution.mean())

    def _times_count_probability(self, statistic: Tensor) -> Tensor:
        """1 - q of a statistic; an infinite one stays, where 1 - q may be below float32."""
        is_finite, root = ops.isfinite(statistic), self._sqrt_count_probability()
        finite = root * ops.where(is_finite, statistic, 1.0) * root
        return ops.where(is_finite, finite, statistic)

    def _variance(self) -> Tensor:
        mean = self.distribution.mean()
        extra = ops.sigmoid(self.logits) * ops.square(mean)
        return self._times_count_probability(self.distribution.variance() + extra)

    def _stddev(self) -> Tensor:
        # In units of the larger of mean and standard deviation: their squares may be beyond
        # float32 where they are not.
        mean, stddev = self.distribution.mean(), self.distribution.stddev()
        unit = maximum(mean, stddev)
        # There is no ratio to an infinite unit, or to that of a distribution that is always 0.
        has_ratio = ops.logical_and(unit > 0.0, ops.isfinite(unit))
        safe_unit = ops.where(has_ratio, unit, 1.0)
        mean, stddev = (ops.where(has_ratio, x, 1.0) / safe_unit for x in (mean, stddev))
        extra = ops.sigmoid(self.logits) * ops.square(mean)
        ratio = self._sqrt_count_probability() * safe_sqrt(ops.square(stddev) + extra)
        return ops.where(has_ratio, safe_unit * ratio, unit)

    def _mode(self) -> Tensor:
        top = self._fill(self.distribution.mode())
        zero = ops.zeros_like(top)
        return ops.where(self.log_prob(top) > self.log_prob(zero), top, zero)

    def _cdf(self, value: Tensor) -> Tensor:
        extra = ops.where(value < 0, 0.0, ops.sigmoid(self.logits))
        return extra + self._count_probability() * self.distribution.cdf(value)

    def _survival_function(self, value: Tensor) -> Tensor:
        probability = self._count_probability()
        rest = self.distribution.survival_function(value)
        return ops.where(value < 0, 1.0 - probability * (1.0 - rest), probability * rest)

    def _log_cdf(self, value: Tensor) -> Tensor:
        rest = self.distribution.log_cdf(value) - ops.softplus(self.logits)
        whole = logaddexp(-ops.softplus(-self.logits), rest)
        log_cdf = from_log_complement(whole, self._log_survival_function(value))
        return ops.where(value < 0, rest, log_cdf)

    def _log_survival_function(self, value: Tensor) -> Tensor:
        rest = self.distribution.log_survival_function(value)
        is_below = value < 0
        # Elsewhere without the logarithm, which may be that of 0.
        rest_below = ops.where(is_below, rest, 0.0)
        below_zero = ops.log1p(self._count_probability() * ops.expm1(rest_below))
        return ops.where(is_below, below_zero, rest - ops.softplus(self.logits))


@register_crps(ZeroInflated)
def _(distribution: ZeroInflated, value: Tensor) -> Tensor | None:
    """For the score C of the counts, q |y| + (1 - q) C(y) - q (1 - q) C(0)."""
    counted = closed_form_crps(distribution.distribution, value)
    if counted is None:
        return None
    at_zero = closed_form_crps(distribution.distribution, ops.zeros_like(value))
    q, rest = ops.sigmoid(distribution.logits), distribution._count_probability()
    return q * ops.abs(value) + rest * (counted - q * at_zero)


__all__ = ["ZeroInflated"]
