"""The Dirichlet distribution over vectors of probabilities."""

import keras
import numpy as np
from keras import ops

from keras_distlayers._core.linalg import sum_of_others, with_diagonal
from keras_distlayers._core.ops import maximum
from keras_distlayers._core.typing import Seed, Shape, Tensor
from keras_distlayers.distributions._random import log_gamma
from keras_distlayers.distributions._special import (
    HALF_LOG_2PI,
    digamma_error,
    expm1mx,
    gamma_entropy,
    keep_nan,
    lgamma_divergence_rest,
    log_gamma_prefix,
    log_ratio,
    stirling_error,
)
from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.distributions.kl import register_kl
from keras_distlayers.distributions.support import SIMPLEX, Support


@keras.saving.register_keras_serializable("keras_distlayers.distributions")
class Dirichlet(Distribution):
    """The Dirichlet distribution over vectors of K probabilities.

    log p(x) = sum_k (a_k - 1) log(x_k) - sum_k lgamma(a_k) + lgamma(sum_k a_k), in nats, as a
    density of the first K - 1 entries; the last one is what remains to 1.

    A vector with an entry outside [0, 1] has no density. That the entries sum to 1 is not checked:
    the rounding of the sum in float32 would be multiplied by the sum of the concentrations.

    Gradients flow through a draw, made of implicitly reparameterized gamma draws.

    Args:
        concentration: a, positive, shape `(..., K)`.

    Raises:
        ValueError: if `concentration` is a scalar.

    Examples:
        >>> import keras_distlayers as kdl
        >>> distribution = kdl.distributions.Dirichlet([1.0, 2.0, 3.0])
        >>> distribution.event_shape, [round(float(x), 4) for x in distribution.mean()]
        ((3,), [0.1667, 0.3333, 0.5])

    Source: Johnson, Kotz and Balakrishnan, Continuous Multivariate Distributions 1, ch. 49.
    """

    parameter_ndims = {"concentration": 1}
    event_axes = {"concentration": "K"}
    reparameterized = True

    concentration: Tensor

    def __init__(self, concentration: Tensor) -> None:
        super().__init__(concentration=concentration)

    @property
    def event_shape(self) -> Shape:
        return (self.concentration.shape[-1],)

    @property
    def support(self) -> Support:
        return SIMPLEX

    def _total(self) -> Tensor:
        return ops.sum(self.concentration, axis=-1)

    def _sample(self, sample_shape: tuple[int, ...], seed: Seed) -> Tensor:
        shape = (*sample_shape, *self.dynamic_shape())
        log_draws = ops.log_softmax(log_gamma(shape, self.concentration, seed), axis=-1)
        smallest = float(np.finfo(self.dtype).tiny)
        return maximum(ops.exp(log_draws), smallest)

    def _log_prob(self, value: Tensor) -> Tensor:
        is_probability = ops.logical_and(value >= 0.0, value <= 1.0)
        a, total = self.concentration, self._total()[..., None]
        x = ops.where(ops.logical_and(is_probability, value > 0.0), value, 0.5)
        entries = log_gamma_prefix(a, log_ratio(x, a / total)) - ops.log(x)
        entries = ops.where(value == 0.0, self._at_zero(), entries)
        whole = log_gamma_prefix(self._total(), ops.zeros_like(self._total()))
        is_inside = ops.all(is_probability, axis=-1)
        log_prob = ops.where(is_inside, ops.sum(entries, axis=-1) - whole, -np.inf)
        return keep_nan(value, log_prob, event_ndims=1)

    def _at_zero(self) -> Tensor:
        """The limit of an entry's term at 0, that of x^(a - 1)."""
        a, total = self.concentration, self._total()[..., None]
        at_one = a * (1.0 + ops.log(total / a)) + 0.5 * ops.log(a)
        at_one = at_one - stirling_error(a) - HALF_LOG_2PI
        return ops.where(a > 1.0, -np.inf, ops.where(a < 1.0, np.inf, at_one))

    def _mean(self) -> Tensor:
        return self.concentration / self._total()[..., None]

    def _mode(self) -> Tensor:
        """NaN where a concentration is 1 or less: the density has no maximum inside."""
        is_inside = ops.all(self.concentration > 1.0, axis=-1, keepdims=True)
        total = ops.where(is_inside, self._total()[..., None] - self.event_shape[0], 1.0)
        return ops.where(is_inside, (self.concentration - 1.0) / total, np.nan)

    def _variance(self) -> Tensor:
        mean = self._mean()
        return mean * sum_of_others(mean) / (self._total()[..., None] + 1.0)

    def _covariance(self) -> Tensor:
        mean = self._mean()
        outer = mean[..., :, None] * mean[..., None, :]
        return with_diagonal(-outer / (self._total()[..., None, None] + 1.0), self._variance())

    def _entropy(self) -> Tensor:
        """log(B(a)) + (n - K) psi(n) - sum_k (a_k - 1) psi(a_k), for n the sum of the a_k.

        By Stirling's formula, where the terms of order a cancel.
        """
        size, n = self.event_shape[0], self._total()
        whole = (size - 0.5) * ops.log(n) + stirling_error(n) - 0.5 * size / n
        whole = whole - (n - size) * digamma_error(n) + HALF_LOG_2PI + 0.5
        return ops.sum(gamma_entropy(self.concentration), axis=-1) - whole


@register_kl(Dirichlet, Dirichlet)
def _(a: Dirichlet, b: Dirichlet) -> Tensor:
    """sum_k lgamma(b_k) - lgamma(a_k) - (b_k - a_k) psi(a_k), less the same of the sums.

    The large part is the sum of b times the divergence of the mean of b from that of a. Source:
    Penny, KL-Divergences of Normal, Gamma, Dirichlet and Wishart densities (2001).
    """
    total_a, total_b = a._total(), b._total()
    log_means = log_ratio(
        a.concentration * total_b[..., None], b.concentration * total_a[..., None]
    )
    entries = b.concentration * expm1mx(log_means)
    entries = entries + lgamma_divergence_rest(b.concentration, a.concentration)
    return ops.sum(entries, axis=-1) - lgamma_divergence_rest(total_b, total_a)


__all__ = ["Dirichlet"]
