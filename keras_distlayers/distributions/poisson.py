"""The Poisson distribution of a count."""

import math

import keras
from keras import ops

from keras_distlayers._backend import backend
from keras_distlayers._core.ops import clip, floor
from keras_distlayers._core.typing import Seed, Tensor
from keras_distlayers.distributions import _random
from keras_distlayers.distributions._count import Count
from keras_distlayers.distributions._incomplete import (
    gammainc,
    gammaincc,
    log_gammainc,
    log_gammaincc,
)
from keras_distlayers.distributions._logits_or_probs import check_exactly_one
from keras_distlayers.distributions._special import expm1mx, log_gamma_prefix, log_ratio, safe_log
from keras_distlayers.distributions.crps import register_crps
from keras_distlayers.distributions.kl import register_kl


@keras.saving.register_keras_serializable("keras_distlayers.distributions")
class Poisson(Count):
    """The Poisson distribution of a count.

    log p(x) = x log_rate - exp(log_rate) - log(x!), in nats, for the integers from 0; minus
    infinity elsewhere. The three terms nearly cancel for large counts, so that it is computed as
    -x (exp(t) - 1 - t) - log(2 pi x) / 2 - d(x), where t = log_rate - log(x) and d is the
    error of Stirling's formula. Draws are floats and carry no gradient; those of rates above
    1e8 are rounded normal draws.

    Args:
        rate: The mean, from 0; any shape.
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
    closed_ranges = {"rate": (0.0, math.inf)}

    rate: Tensor
    log_rate: Tensor

    def __init__(self, rate: Tensor | None = None, log_rate: Tensor | None = None) -> None:
        check_exactly_one(type(self).__name__, rate=rate, log_rate=log_rate)
        super().__init__(rate=rate, log_rate=log_rate)

    def _rate(self) -> Tensor:
        return ops.exp(self.log_rate) if self.rate is None else self.rate

    def _log_rate(self) -> Tensor:
        return safe_log(self.rate) if self.log_rate is None else self.log_rate

    def _log_ratio(self, count: Tensor) -> Tensor:
        """The logarithm of the ratio of the rate to a count."""
        if self.rate is None:
            return self.log_rate - ops.log(count)
        return log_ratio(self.rate, count)

    def _sample(self, sample_shape: tuple[int, ...], seed: Seed) -> Tensor:
        return _random.poisson((*sample_shape, *self.dynamic_shape()), self._rate(), seed)

    def _log_prob_of_zero(self) -> Tensor:
        return -self._rate()

    def _log_prob_of_positive(self, count: Tensor) -> Tensor:
        return log_gamma_prefix(count, self._log_ratio(count)) - ops.log(count)

    def _mean(self) -> Tensor:
        return self._rate()

    def _variance(self) -> Tensor:
        return self._rate()

    def _mode(self) -> Tensor:
        return floor(self._rate())

    def _cdf_of_count(self, count: Tensor) -> Tensor:
        return gammaincc(count + 1.0, self._log_ratio(count + 1.0))

    def _survival_of_count(self, count: Tensor) -> Tensor:
        return gammainc(count + 1.0, self._log_ratio(count + 1.0))

    def _log_cdf_of_count(self, count: Tensor) -> Tensor:
        return log_gammaincc(count + 1.0, self._log_ratio(count + 1.0))

    def _log_survival_of_count(self, count: Tensor) -> Tensor:
        return log_gammainc(count + 1.0, self._log_ratio(count + 1.0))


@register_kl(Poisson, Poisson)
def _(a: Poisson, b: Poisson) -> Tensor:
    """a.rate (exp(t) - 1 - t), where t = log(b.rate / a.rate)."""
    # Where a.rate is 0 any number above 1 will do for t, for what is left is b.rate.
    t = ops.where(a._rate() == 0.0, 2.0, b._log_rate() - a._log_rate())
    near = a._rate() * expm1mx(clip(t, -1.0, 1.0))
    # Written out where the rates are far apart, since exp(t) may overflow.
    far = b._rate() - a._rate() - a._rate() * t
    return ops.where(ops.abs(t) < 1.0, near, far)


@register_crps(Poisson)
def _(distribution: Poisson, value: Tensor) -> Tensor:
    """(y - m) (2 F(y) - 1) + 2 m f(y) - m exp(-2 m) (I0(2 m) + I1(2 m)), m the rate.

    Source: Wei and Held, Test 23 (2014).
    """
    rate = distribution._rate()
    distance = (value - rate) * (2.0 * distribution.cdf(value) - 1.0)
    mass = distribution.prob(floor(value))
    spread = backend.i0e(2.0 * rate) + backend.i1e(2.0 * rate)
    return distance + rate * (2.0 * mass - spread)


__all__ = ["Poisson"]
