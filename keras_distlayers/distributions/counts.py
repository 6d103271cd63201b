"""Families over counts: the integers from 0, as floats."""

import keras
from keras import ops

from keras_distlayers import _backend
from keras_distlayers._core.ops import floor
from keras_distlayers.distributions import _incomplete, _special
from keras_distlayers.distributions._seeds import fold_in
from keras_distlayers.distributions.discrete import check_exactly_one
from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.distributions.kl import register_kl
from keras_distlayers.distributions.supports import integers

_LARGEST_RATE = 1e8
"""Above it a Poisson draw is a rounded normal one: backends draw into integers that end."""

_ENDLESS_RATE = 1e30
"""Stands for every rate above it, whose square root times a normal would overflow."""

_ENDLESS_COUNT = 1e30
"""Stands for every count above it."""


class _Counts(Distribution):
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


@keras.saving.register_keras_serializable("keras_distlayers.distributions")
class Poisson(_Counts):
    """The Poisson distribution of a count.

    log p(x) = x log_rate - exp(log_rate) - log(x!), in nats; minus infinity off the integers
    from 0. The three terms nearly cancel for large counts, so that it is computed as
    -x (exp(t) - 1 - t) - log(2 pi x) / 2 - d(x), where t = log_rate - log(x) and d is the
    error of Stirling's formula. Draws are floats and carry no gradient; those of rates above
    1e8 are rounded normal ones.

    Args:
        rate: The mean, positive; any shape.
        log_rate: Its logarithm, in place of `rate`.

    Raises:
        ValueError: if both are given, or neither.

    Examples:
        >>> import keras_distlayers as kdl
        >>> distribution = kdl.distributions.Poisson(rate=[1.0, 4.5])
        >>> [round(float(x), 4) for x in distribution.log_prob([0.0, 3.0])]
        [-1.0, -1.7795]
        >>> float(distribution.log_prob(0.5)[0])
        -inf

    Source: Johnson, Kemp and Kotz, Univariate Discrete Distributions, ch. 4; the formula of
    log p: Loader, Fast and accurate computation of binomial probabilities (2000).
    """

    parameter_ndims = {"rate": 0, "log_rate": 0}

    def __init__(self, rate=None, log_rate=None):
        check_exactly_one(type(self).__name__, rate=rate, log_rate=log_rate)
        super().__init__(rate=rate, log_rate=log_rate)

    def _rate(self):
        return ops.exp(self.log_rate) if self.rate is None else self.rate

    def _log_rate(self):
        return ops.log(self.rate) if self.log_rate is None else self.log_rate

    def _log_ratio(self, count):
        """How the rate compares with a count."""
        if self.rate is None:
            return self.log_rate - ops.log(count)
        return _special.log_ratio(self.rate, count)

    def _sample(self, sample_shape, seed):
        return _draw_poisson((*sample_shape, *self.dynamic_shape()), self._rate(), seed)

    def _log_prob_of_zero(self):
        return -self._rate()

    def _log_prob_of(self, count):
        return _special.log_gamma_mass(count, self._log_ratio(count)) - ops.log(count)

    def _mean(self):
        return self._rate()

    def _variance(self):
        return self._rate()

    def _mode(self):
        return floor(self._rate())

    def _cdf_of(self, count):
        return _incomplete.gammaincc(count + 1.0, self._log_ratio(count + 1.0))

    def _survival_of(self, count):
        return _incomplete.gammainc(count + 1.0, self._log_ratio(count + 1.0))


@register_kl(Poisson, Poisson)
def _(a, b):
    """a.rate (exp(t) - 1 - t) where t = log(b.rate / a.rate)."""
    t = b._log_rate() - a._log_rate()
    near = a._rate() * _special.expm1mx(ops.clip(t, -1.0, 1.0))
    # Written out where the rates are far apart, since exp(t) may overflow.
    far = b._rate() - a._rate() - a._rate() * t
    return ops.where(ops.abs(t) < 1.0, near, far)


@keras.saving.register_keras_serializable("keras_distlayers.distributions")
class NegativeBinomial(_Counts):
    """The number of successes before `total_count` failures: counts more spread than Poisson's.

    log p(x) = log(gamma(x + r) / (gamma(r) x!)) + r log(1 - p) + x log(p), in nats, where
    r = total_count; minus infinity off the integers from 0. The mean is r p / (1 - p) =
    r exp(logits), the variance the mean over 1 - p. As for `Poisson`, the terms that would
    cancel are taken together. A draw is a Poisson count whose rate is a gamma draw; draws are
    floats and carry no gradient.

    Args:
        total_count: r, positive, not only integers; any shape.
        logits: log(p / (1 - p)), p the probability of a success; a shape that broadcasts.
        probs: p, in place of `logits`.

    Raises:
        ValueError: if both `logits` and `probs` are given, or neither.

    Examples:
        >>> import keras_distlayers as kdl
        >>> distribution = kdl.distributions.NegativeBinomial(total_count=2.0, probs=0.75)
        >>> float(distribution.mean()), float(distribution.variance()), round(float(distribution.log_prob(0.0)), 4)
        (6.0, 24.0, -2.7726)

    Source: Johnson, Kemp and Kotz, Univariate Discrete Distributions, ch. 5; the formula of
    log p: Loader, Fast and accurate computation of binomial probabilities (2000).
    """

    parameter_ndims = {"total_count": 0, "logits": 0, "probs": 0}

    def __init__(self, total_count, logits=None, probs=None):
        check_exactly_one(type(self).__name__, logits=logits, probs=probs)
        super().__init__(total_count=total_count, logits=logits, probs=probs)

    def _log_probs(self):
        """log(p) and log(1 - p)."""
        if self.logits is None:
            return ops.log(self.probs), ops.log1p(-self.probs)
        return -ops.softplus(-self.logits), -ops.softplus(self.logits)

    def _odds(self):
        """The odds of a success: p / (1 - p)."""
        return ops.exp(self.logits) if self.probs is None else self.probs / (1.0 - self.probs)

    def _root_odds(self):
        """The root of the odds, where they are beyond float32 themselves."""
        return ops.sqrt(self._odds()) if self.logits is None else ops.exp(0.5 * self.logits)

    def _log_ratios(self, count):
        """How far the shares of successes and failures are from what p has them expect."""
        r = self.total_count
        log_success, log_failure = self._log_probs()
        return ops.log1p(r / count) + log_success, ops.log1p(count / r) + log_failure

    def _sample(self, sample_shape, seed):
        shape = (*sample_shape, *self.dynamic_shape())
        log_success, log_failure = self._log_probs()
        log_gamma = _draw_log_gamma(shape, self.total_count, seed)
        rate = ops.exp(log_gamma + log_success - log_failure)
        return _draw_poisson(shape, rate, fold_in(seed, 2))

    def _log_prob_of_zero(self):
        return self.total_count * self._log_probs()[1]

    def _log_prob_of(self, count):
        success, failure = self._log_ratios(count)
        mass = _special.log_beta_mass(count, self.total_count, success, failure)
        return mass - ops.log(count)

    def _mean(self):
        root = self._root_odds()
        return self.total_count * root * root

    def _variance(self):
        return self._mean() * (1.0 + self._odds())

    def _stddev(self):
        # Of a variance that float32 may not hold.
        return ops.sqrt(self.total_count) * self._root_odds() * ops.sqrt(1.0 + self._odds())

    def _mode(self):
        top = floor((self.total_count - 1.0) * self._odds())
        return ops.where(self.total_count > 1.0, top, 0.0)

    def _cdf_of(self, count):
        success, failure = self._log_ratios(count + 1.0)
        return _incomplete.betainc(self.total_count, count + 1.0, failure, success)

    def _survival_of(self, count):
        success, failure = self._log_ratios(count + 1.0)
        return _incomplete.betainc(count + 1.0, self.total_count, success, failure)


def _count_at(value):
    """The count at or below a value, which may be infinite."""
    return floor(ops.clip(value, 0.0, _ENDLESS_COUNT))


def _draw_poisson(shape, rate, seed):
    """Poisson counts as floats, of any rate."""
    rate = ops.stop_gradient(ops.clip(rate, 0.0, _ENDLESS_RATE))
    dtype = keras.backend.standardize_dtype(rate.dtype)
    counts = _backend.poisson(shape, ops.clip(rate, 0.0, _LARGEST_RATE), seed)
    normal = keras.random.normal(shape, dtype=dtype, seed=fold_in(seed, 1))
    rounded = ops.round(rate + ops.sqrt(rate) * normal)
    return ops.where(rate > _LARGEST_RATE, rounded, counts)


def _draw_log_gamma(shape, concentration, seed):
    """Logarithms of gamma draws of rate 1: log(g) + log(u) / c, g a draw for c + 1, u uniform.

    Draws for a small c are below the smallest float. Source: Marsaglia and Tsang, ACM
    Transactions on Mathematical Software 26 (2000), section 6.
    """
    concentration = ops.stop_gradient(concentration)
    dtype = keras.backend.standardize_dtype(concentration.dtype)
    gamma = _backend.standard_gamma(shape, concentration + 1.0, seed)
    uniform = 1.0 - keras.random.uniform(shape, dtype=dtype, seed=fold_in(seed, 1))
    return ops.log(gamma) + ops.log(uniform) / concentration


__all__ = ["NegativeBinomial", "Poisson"]
