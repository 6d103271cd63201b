"""The negative binomial distribution of a count."""

import math

import keras
import numpy as np
from keras import ops

from keras_distlayers._core.ops import floor, minimum
from keras_distlayers._core.typing import Seed, Tensor
from keras_distlayers.distributions import _random
from keras_distlayers.distributions._count import Count
from keras_distlayers.distributions._incomplete import betainc, log_betainc
from keras_distlayers.distributions._logits_or_probs import check_exactly_one
from keras_distlayers.distributions._special import (
    log_beta_prefix,
    safe_log,
    safe_log1m,
    safe_sqrt,
)
from keras_distlayers.distributions.crps import register_crps

# Of the quadrature of the mean distance of two draws.
_STEP, _STEPS = 0.4, 64


@keras.saving.register_keras_serializable("keras_distlayers.distributions")
class NegativeBinomial(Count):
    """The number of successes before `total_count` failures: counts more spread than Poisson's.

    log p(x) = log(gamma(x + r) / (gamma(r) x!)) + r log(1 - p) + x log(p), in nats, where
    r = total_count, for the integers from 0; minus infinity elsewhere. The mean is
    r p / (1 - p) = r exp(logits), the variance is the mean divided by 1 - p. As for `Poisson`, the
    terms that would cancel are combined. A draw is a Poisson count whose rate is a gamma draw;
    draws are floats and carry no gradient.

    Args:
        total_count: r, positive, not only integers; any shape.
        logits: log(p / (1 - p)), p the probability of a success; a shape that broadcasts.
        probs: p, in place of `logits`.

    Raises:
        ValueError: if both `logits` and `probs` are given, or neither, or if the shapes of the
            parameters do not broadcast.

    Examples:
        >>> import keras_distlayers as kdl
        >>> distribution = kdl.distributions.NegativeBinomial(total_count=2.0, probs=0.75)
        >>> float(distribution.mean()), float(distribution.variance())
        (6.0, 24.0)
        >>> round(float(distribution.log_prob(0.0)), 4)
        -2.7726

    Source: Johnson, Kemp and Kotz, Univariate Discrete Distributions, ch. 5; the formula of
    log p: Loader, Fast and accurate computation of binomial probabilities (2000).
    """

    parameter_ndims = {"total_count": 0, "logits": 0, "probs": 0}
    closed_ranges = {"probs": (0.0, math.inf)}

    total_count: Tensor
    logits: Tensor
    probs: Tensor

    def __init__(
        self, total_count: Tensor, logits: Tensor | None = None, probs: Tensor | None = None
    ) -> None:
        check_exactly_one(type(self).__name__, logits=logits, probs=probs)
        super().__init__(total_count=total_count, logits=logits, probs=probs)

    def _log_probs(self) -> tuple[Tensor, Tensor]:
        """log(p) and log(1 - p)."""
        if self.logits is None:
            return safe_log(self.probs), safe_log1m(self.probs)
        return -ops.softplus(-self.logits), -ops.softplus(self.logits)

    def _odds(self) -> Tensor:
        """The odds of a success: p / (1 - p)."""
        return ops.exp(self.logits) if self.probs is None else self.probs / (1.0 - self.probs)

    def _sqrt_odds(self) -> Tensor:
        """The square root of the odds, also where the odds are beyond float32."""
        return safe_sqrt(self._odds()) if self.logits is None else ops.exp(0.5 * self.logits)

    def _log_ratios(self, count: Tensor) -> tuple[Tensor, Tensor]:
        """The logarithms of p and 1 - p over the shares of successes and failures."""
        r = self.total_count
        log_success, log_failure = self._log_probs()
        return ops.log1p(r / count) + log_success, ops.log1p(count / r) + log_failure

    def _sample(self, sample_shape: tuple[int, ...], seed: Seed) -> Tensor:
        shape = (*sample_shape, *self.dynamic_shape())
        log_success, log_failure = self._log_probs()
        log_gamma = ops.stop_gradient(_random.log_gamma(shape, self.total_count, seed))
        rate = ops.exp(log_gamma + log_success - log_failure)
        return _random.poisson(shape, rate, _random.fold_in(seed, 2))

    def _log_prob_of_zero(self) -> Tensor:
        return self.total_count * self._log_probs()[1]

    def _log_prob_of_positive(self, count: Tensor) -> Tensor:
        success, failure = self._log_ratios(count)
        return log_beta_prefix(count, self.total_count, success, failure) - ops.log(count)

    def _mean(self) -> Tensor:
        if self.logits is None:
            return self.total_count * self._odds()
        root = self._sqrt_odds()  # the odds may be beyond float32 where the mean is not
        return self.total_count * root * root

    def _variance(self) -> Tensor:
        return self._mean() * (1.0 + self._odds())

    def _stddev(self) -> Tensor:
        # The variance may be beyond float32.
        return ops.sqrt(self.total_count) * self._sqrt_odds() * ops.sqrt(1.0 + self._odds())

    def _mode(self) -> Tensor:
        top = floor((self.total_count - 1.0) * self._odds())
        return ops.where(self.total_count > 1.0, top, 0.0)

    def _cdf_of_count(self, count: Tensor) -> Tensor:
        success, failure = self._log_ratios(count + 1.0)
        return betainc(self.total_count, count + 1.0, failure, success)

    def _survival_of_count(self, count: Tensor) -> Tensor:
        success, failure = self._log_ratios(count + 1.0)
        return betainc(count + 1.0, self.total_count, success, failure)

    def _log_cdf_of_count(self, count: Tensor) -> Tensor:
        success, failure = self._log_ratios(count + 1.0)
        return log_betainc(self.total_count, count + 1.0, failure, success)

    def _log_survival_of_count(self, count: Tensor) -> Tensor:
        success, failure = self._log_ratios(count + 1.0)
        return log_betainc(count + 1.0, self.total_count, success, failure)


@register_crps(NegativeBinomial)
def _(distribution: NegativeBinomial, value: Tensor) -> Tensor:
    """(y - m) (2 F(y) - 1) + 2 o (r + y) f(y) - E|X - X'| / 2, with m the mean and o the odds.

    Source: Wei and Held, Test 23 (2014), with F of r + 1 as F(y) and f(y).
    """
    r, odds = distribution.total_count, distribution._odds()
    count = floor(value)
    distance = (value - r * odds) * (2.0 * distribution.cdf(value) - 1.0)
    mass = distribution.prob(count)
    return distance + 2.0 * odds * (r + count) * mass - _half_mean_distance(r, odds)


def _half_mean_distance(r: Tensor, odds: Tensor) -> Tensor:
    """E|X - X'| / 2: the variance times 2F1(r + 1, 1/2; 2; -4 o (1 + o)), for the odds o.

    By Euler's integral of the hypergeometric function over t = sinh(v)^2 / (1 + 2 o)^2. Its
    integrand is smooth and falls off like an exponential, so that the rule of equal steps has all
    digits. Source: Abramowitz and Stegun, 15.3.1.
    """
    x = minimum(4.0 * odds * (1.0 + odds), 1e30)
    share = x / (1.0 + x)
    width = ops.stop_gradient(_STEP / ops.sqrt(3.0 + 2.0 * (r - 1.0) * share))
    nodes = np.arange(_STEPS)
    v = width[..., None] * ops.convert_to_tensor(nodes, keras.backend.standardize_dtype(x.dtype))
    s = 0.25 * ops.square(ops.exp(v) - ops.exp(-v))
    r_1, share = r[..., None] - 1.0, share[..., None]
    part = s / (1.0 + s) * share
    is_far = part > 0.9
    # The logarithm of (1 + s (1 - share)) / (1 + s).
    near = ops.log1p(-ops.where(is_far, 0.0, part))
    far = ops.log1p(s / (1.0 + x[..., None])) - ops.log1p(s)
    terms = ops.exp(r_1 * ops.where(is_far, far, near) - 1.5 * ops.log1p(s))
    weights = ops.convert_to_tensor(np.where(nodes == 0, 0.5, 1.0), terms.dtype)
    integral = width * ops.sum(weights * terms, axis=-1)
    return 4.0 / math.pi * r * odds * (1.0 + odds) / (1.0 + 2.0 * odds) * integral


__all__ = ["NegativeBinomial"]
