"""Families over vectors of probabilities."""

import keras
import numpy as np
from keras import ops

from keras_distlayers import _backend
from keras_distlayers.distributions import _special
from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.distributions.kl import register_kl
from keras_distlayers.distributions.supports import SIMPLEX


@keras.saving.register_keras_serializable("keras_distlayers.distributions")
class Dirichlet(Distribution):
    """The Dirichlet distribution over vectors of K probabilities.

    log p(x) = sum_k (a_k - 1) log(x_k) - sum_k lgamma(a_k) + lgamma(sum_k a_k), in nats, as a
    density of the first K - 1 entries; the last is what is left to 1.

    Entries outside of [0, 1] have no density; that they sum to 1 is not checked.

    Gradients flow through a draw, made of implicitly reparameterized gamma draws.

    Args:
        concentration: a, positive, shape `(..., K)`.

    Examples:
        >>> from keras_distlayers import distributions as kd
        >>> law = kd.Dirichlet([1.0, 2.0, 3.0])
        >>> law.event_shape, [round(float(x), 4) for x in law.mean()]
        ((3,), [0.1667, 0.3333, 0.5])

    Source: Johnson, Kotz and Balakrishnan, Continuous Multivariate Distributions 1, ch. 49.
    """

    parameter_ndims = {"concentration": 1}
    reparameterized = True

    def __init__(self, concentration):
        super().__init__(concentration=concentration)

    @property
    def event_shape(self):
        return (self.concentration.shape[-1],)

    @property
    def support(self):
        return SIMPLEX

    def _total(self):
        return ops.sum(self.concentration, axis=-1)

    def _sample(self, sample_shape, seed):
        shape = (*sample_shape, *self.sizes())
        gammas = _backend.standard_gamma(shape, ops.broadcast_to(self.concentration, shape), seed)
        gammas = _special.at_least(gammas, _special.TINY)
        return _special.at_least(gammas / ops.sum(gammas, axis=-1, keepdims=True), _special.TINY)

    def _log_prob(self, value):
        is_entry = ops.logical_and(value >= 0.0, value <= 1.0)
        is_inside = ops.all(is_entry, axis=-1)
        x = ops.where(is_entry, value, 0.5)
        powers = ops.sum(_special.xlogy(self.concentration - 1.0, x), axis=-1)
        return ops.where(is_inside, powers - self._log_constant(), -np.inf)

    def _log_constant(self):
        return ops.sum(_backend.lgamma(self.concentration), axis=-1) - _backend.lgamma(
            self._total()
        )

    def _mean(self):
        return self.concentration / self._total()[..., None]

    def _mode(self):
        """NaN where a concentration is 1 or less: the density has no maximum inside."""
        is_humped = ops.all(self.concentration > 1.0, axis=-1, keepdims=True)
        total = ops.where(is_humped, self._total()[..., None] - self.event_shape[0], 1.0)
        return ops.where(is_humped, (self.concentration - 1.0) / total, np.nan)

    def _variance(self):
        mean = self._mean()
        return mean * (1.0 - mean) / (self._total()[..., None] + 1.0)

    def _covariance(self):
        mean = self._mean()
        outer = mean[..., :, None] * mean[..., None, :]
        diagonal = mean[..., None] * ops.eye(self.event_shape[0], dtype=self.dtype)
        return (diagonal - outer) / (self._total()[..., None, None] + 1.0)

    def _entropy(self):
        psi = _backend.digamma
        total, size = self._total(), self.event_shape[0]
        weighted = ops.sum((self.concentration - 1.0) * psi(self.concentration), axis=-1)
        return self._log_constant() + (total - size) * psi(total) - weighted


@register_kl(Dirichlet, Dirichlet)
def _(a, b):
    """sum_k (a_k - b_k)(psi(a_k) - psi(sum a)) plus the constants. Source: Penny (2001)."""
    step = a.concentration - b.concentration
    psi = _backend.digamma(a.concentration) - _backend.digamma(a._total())[..., None]
    return b._log_constant() - a._log_constant() + ops.sum(step * psi, axis=-1)
