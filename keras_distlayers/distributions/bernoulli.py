"""The Bernoulli distribution of a coin."""

import keras
from keras import ops

from keras_distlayers._core.ops import clip
from keras_distlayers._core.typing import Seed, Tensor
from keras_distlayers.distributions._logits_or_probs import LogitsOrProbs
from keras_distlayers.distributions._special import multiply_no_nan, safe_log, safe_log1m
from keras_distlayers.distributions.crps import register_crps
from keras_distlayers.distributions.kl import register_kl
from keras_distlayers.distributions.support import Support, integers
from keras_distlayers.distributions.tempered import register_tempered

_HUGE = 1e30
"""A logit of it has the probability 1, and none has an infinite logit."""


@keras.saving.register_keras_serializable("keras_distlayers.distributions")
class Bernoulli(LogitsOrProbs):
    """The Bernoulli distribution of a coin that shows 1 with probability `probs`.

    log p(x) = x logits - log(1 + exp(logits)), in nats, directly from the logits: no
    probability is computed or clipped. Values between 0 and 1 are allowed, as in a binary
    cross-entropy; elsewhere log p is minus infinity. Draws are the floats 0.0 and 1.0; they carry
    no gradient.

    Args:
        logits: log(p / (1 - p)); any shape.
        probs: p, in place of `logits`.

    Raises:
        ValueError: if both are given, or neither.

    Examples:
        >>> import keras_distlayers as kdl
        >>> distribution = kdl.distributions.Bernoulli(logits=[-1e4, 0.0, 1e4])
        >>> [round(float(x), 4) for x in distribution.log_prob([1.0, 0.0, 1.0])]
        [-10000.0, -0.6931, 0.0]

    Source: Johnson, Kemp and Kotz, Univariate Discrete Distributions, ch. 3.
    """

    parameter_ndims = {"logits": 0, "probs": 0}

    @property
    def support(self) -> Support:
        return integers(0, 1, relaxed=True)

    def _sample(self, sample_shape: tuple[int, ...], seed: Seed) -> Tensor:
        shape = (*sample_shape, *self.dynamic_shape())
        uniform = keras.random.uniform(shape, dtype=self.dtype, seed=seed)
        return ops.cast(uniform < self._mean(), self.dtype)

    def _log_prob(self, value: Tensor) -> Tensor:
        is_outside = ops.logical_or(value < 0.0, value > 1.0)
        x = ops.where(is_outside, 0.0, value)
        if self.logits is None:
            log_one, log_zero = self._log_probs()
            log_prob = multiply_no_nan(log_one, x) + multiply_no_nan(log_zero, 1.0 - x)
        else:
            log_prob = x * self.logits - ops.softplus(self.logits)
        return ops.where(is_outside, -float("inf"), log_prob)

    def _mean(self) -> Tensor:
        return ops.sigmoid(self.logits) if self.probs is None else self.probs

    def _complement(self) -> Tensor:
        """1 - p, without the cancellation where p is near 1."""
        return ops.sigmoid(-self.logits) if self.probs is None else 1.0 - self.probs

    def _log_probs(self) -> tuple[Tensor, Tensor]:
        """log(p) and log(1 - p)."""
        if self.logits is None:
            return safe_log(self.probs), safe_log1m(self.probs)
        return -ops.softplus(-self.logits), -ops.softplus(self.logits)

    def _mode(self) -> Tensor:
        # Not by the probability, which rounds to 1/2 for small logits.
        is_one = self.probs > 0.5 if self.logits is None else self.logits > 0.0
        return ops.cast(is_one, self.dtype)

    def _variance(self) -> Tensor:
        return self._mean() * self._complement()

    def _stddev(self) -> Tensor:
        # By logarithms: p is below float32 before its square root is.
        log_one, log_zero = self._log_probs()
        return ops.exp(0.5 * (log_one + log_zero))

    def _entropy(self) -> Tensor:
        log_one, log_zero = self._log_probs()
        entropy_of_one = -multiply_no_nan(log_one, self._mean())
        return entropy_of_one - multiply_no_nan(log_zero, self._complement())

    def _cdf(self, value: Tensor) -> Tensor:
        below_one = ops.where(value < 0.0, 0.0, self._complement())
        return ops.where(value < 1.0, below_one, 1.0)

    def _survival_function(self, value: Tensor) -> Tensor:
        above_zero = ops.where(value < 1.0, self._mean(), 0.0)
        return ops.where(value < 0.0, 1.0, above_zero)

    def _log_cdf(self, value: Tensor) -> Tensor:
        _, log_zero = self._log_probs()
        below_one = ops.where(value < 0.0, -float("inf"), log_zero)
        return ops.where(value < 1.0, below_one, 0.0)

    def _log_survival_function(self, value: Tensor) -> Tensor:
        log_one, _ = self._log_probs()
        above_zero = ops.where(value < 1.0, log_one, -float("inf"))
        return ops.where(value < 0.0, 0.0, above_zero)


@register_kl(Bernoulli, Bernoulli)
def _(a: Bernoulli, b: Bernoulli) -> Tensor:
    """For the probabilities p and q: p log(p / q) + (1 - p) log((1 - p) / (1 - q))."""
    (a_one, a_zero), (b_one, b_zero) = a._log_probs(), b._log_probs()
    of_one = multiply_no_nan(a_one - b_one, a._mean())
    return of_one + multiply_no_nan(a_zero - b_zero, a._complement())


@register_crps(Bernoulli)
def _(distribution: Bernoulli, value: Tensor) -> Tensor:
    """(p - y)^2 for the values 0 and 1: half of Brier's score."""
    inside = clip(value, 0.0, 1.0)
    square = ops.square(inside - distribution._mean()) + inside * (1.0 - inside)
    return square + ops.abs(value - inside)


@register_tempered(Bernoulli)
def _(distribution: Bernoulli, temperature: Tensor) -> Bernoulli:
    """Logits divided by the temperature; those of a probability of 0 or 1 are finite, but huge."""
    logits = distribution.logits
    if logits is None:
        log_one, log_zero = distribution._log_probs()
        logits = clip(log_one, -_HUGE, 0.0) - clip(log_zero, -_HUGE, 0.0)
    return Bernoulli(logits=logits / temperature)


__all__ = ["Bernoulli"]
