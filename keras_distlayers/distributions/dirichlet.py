"""The Dirichlet distribution over vectors of probabilities."""

import keras
import numpy as np
from keras import ops

from keras_distlayers import _backend
from keras_distlayers._core.ops import maximum
from keras_distlayers.distributions import _special
from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.distributions.kl import register_kl
from keras_distlayers.distributions.support import SIMPLEX


@keras.saving.register_keras_serializable("keras_distlayers.distributions")
class Dirichlet(Distribution):
    """The Dirichlet distribution over vectors of K probabilities.

    log p(x) = sum_k (a_k - 1) log(x_k) - sum_k lgamma(a_k) + lgamma(sum_k a_k), in nats, as a
    density of the first K - 1 entries; the last is what is left to 1.

    Entries outside [0, 1] have no density. That they sum to 1 is taken for granted: what
    float32 leaves of it would be multiplied by the sum of concentrations.

    Gradients flow through a draw, made of implicitly reparameterized gamma draws.

    Args:
        concentration: a, positive, shape `(..., K)`.

    Examples:
        >>> import keras_distlayers as kdl
        >>> distribution = kdl.distributions.Dirichlet([1.0, 2.0, 3.0])
        >>> distribution.event_shape, [round(float(x), 4) for x in distribution.mean()]
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
        shape = (*sample_shape, *self.dynamic_shape())
        gammas = _backend.standard_gamma(shape, ops.broadcast_to(self.concentration, shape), seed)
        gammas = maximum(gammas, _special.TINY)
        return maximum(gammas / ops.sum(gammas, axis=-1, keepdims=True), _special.TINY)

    def _log_prob(self, value):
        is_entry = ops.logical_and(value >= 0.0, value <= 1.0)
        is_inside = ops.all(is_entry, axis=-1)
        a, total = self.concentration, self._total()[..., None]
        x = ops.where(ops.logical_and(is_entry, value > 0.0), value, 0.5)
        entries = _special.log_gamma_mass(a, _special.log_ratio(x, a / total)) - ops.log(x)
        entries = ops.where(value == 0.0, self._at_zero(), entries)
        whole = _special.log_gamma_mass(self._total(), ops.zeros_like(self._total()))
        return ops.where(is_inside, ops.sum(entries, axis=-1) - whole, -np.inf)

    def _at_zero(self):
        """The limit of an entry's part at 0: of x^(a - 1)."""
        a, total = self.concentration, self._total()[..., None]
        at_one = a * (1.0 + ops.log(total / a)) + 0.5 * ops.log(a)
        at_one = at_one - _special.stirling_error(a) - _special.HALF_LOG_2PI
        return ops.where(a > 1.0, -np.inf, ops.where(a < 1.0, np.inf, at_one))

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
        return _entropy(self.concentration)


def _entropy(a):
    """log(B(a)) + (n - K) psi(n) - sum_k (a_k - 1) psi(a_k), for n the sum of K concentrations.

    By Stirling, where the terms of order a cancel.
    """
    size, total = a.shape[-1], ops.sum(a, axis=-1)
    whole = (size - 0.5) * ops.log(total) + _special.stirling_error(total) - 0.5 * size / total
    whole = whole + (total - size) * _special.digamma_error(total) + _special.HALF_LOG_2PI + 0.5
    return ops.sum(_special.gamma_entropy(a), axis=-1) - whole


def _divergence(a, b):
    """sum_k lgamma(b_k) - lgamma(a_k) - (b_k - a_k) psi(a_k), less the same of the sums.

    The large part is the sum of b times the divergence of the mean of b from that of a. Source:
    Penny, KL-Divergences of Normal, Gamma, Dirichlet and Wishart densities (2001).
    """
    total_a, total_b = ops.sum(a, axis=-1), ops.sum(b, axis=-1)
    log_means = _special.log_ratio(a * total_b[..., None], b * total_a[..., None])
    entries = b * _special.expm1mx(log_means) + _special.stirling_excess(b, a)
    return ops.sum(entries, axis=-1) - _special.stirling_excess(total_b, total_a)


@register_kl(Dirichlet, Dirichlet)
def _(a, b):
    return _divergence(a.concentration, b.concentration)


__all__ = ["Dirichlet"]
