"""Distributions that are known by weighted draws of latents: their log_prob is a bound.

With latents z_k drawn from q(z | x) and the log weights

    log w_k = log p(x | z_k) + log p(z_k) - log q(z_k | x),

log p(x) is at least E[log(mean_k w_k)], and nears it with the number of draws.
"""

import math
from typing import Any, ClassVar

from keras import ops

from keras_distlayers._core.ops import mean
from keras_distlayers._core.typing import DynamicShape, Seed, Shape, Tensor
from keras_distlayers.distributions import Categorical, Distribution, MixtureSameFamily
from keras_distlayers.distributions.support import Support


class ImportanceWeighted(Distribution):
    """A latent variable model of x, known by K draws of latents for each row.

    `log_prob(x)` is a lower bound of log p(x) where the draws are those of q(z | x) for the same
    x. For other values it says nothing. `mean`, `variance` and draws are those of x anew, given
    latents of the same x: of the mixture of the decoder's distributions at the draws.

    Args:
        likelihood: A `Distribution` whose last batch axis, of size K, is that of the draws.
        log_ratio: log p(z_k) - log q(z_k | x), shape `(..., K)`.
        alpha: The order of the Renyi bound: 0 for the importance-weighted bound, 1 for the ELBO.
    """

    component_names: ClassVar[tuple[str, ...]] = ("likelihood",)
    parameter_ndims = {"log_ratio": 1}
    static_names: ClassVar[tuple[str, ...]] = ("alpha",)

    likelihood: Distribution
    log_ratio: Tensor
    alpha: float

    def __init__(
        self, likelihood: Distribution, log_ratio: Tensor, alpha: float = 0.0, **more: Any
    ) -> None:
        super().__init__(likelihood=likelihood, log_ratio=log_ratio, alpha=alpha, **more)

    def _extra_batch_ndims(self, name: str) -> int:
        return int(name == "likelihood")

    @property
    def event_shape(self) -> Shape:
        return self.likelihood.event_shape

    def dynamic_event_shape(self) -> DynamicShape:
        return self.likelihood.dynamic_event_shape()

    @property
    def event_dtype(self) -> str:
        return self.likelihood.event_dtype

    @property
    def support(self) -> Support:
        return self.likelihood.support

    def log_weights(self, value: Tensor) -> Tensor:
        """The log weights of the draws, in nats, of shape `batch_shape + (K,)`."""
        return self._log_weights(self._as_event(value, "log_weights"))

    def estimated_log_prob(self, value: Tensor) -> Tensor:
        """The bound by the weights alone, the exponential of which is p(x) or less on average.

        So is the mean of several, for the latents of latents. It does not hold of an ELBO with
        an exact KL.
        """
        return self.log_prob(value)

    def effective_sample_size(self, value: Tensor) -> Tensor:
        """How many draws count, from 1 to K: (sum of weights)^2 / sum of squared weights.

        Where it is near 1, one draw decides, and the bound is far from log p(x).

        Source: Kong (1992), A note on importance sampling using standardized weights.
        """
        log_weights = self.log_weights(value)
        return ops.exp(2.0 * log_sum(log_weights) - log_sum(2.0 * log_weights))

    def estimated_kl(self) -> Tensor:
        """The KL of the posterior to the prior by the draws, in nats, of shape `batch_shape`."""
        return -mean(self.log_ratio, axis=-1)

    def predictive(self) -> MixtureSameFamily:
        """The mixture of the decoder's distributions at the draws, of equal weights."""
        logits = ops.zeros_like(self.log_ratio[..., :1]) + ops.zeros((self._num_draws(),))
        return MixtureSameFamily(Categorical(logits=logits), self.likelihood)

    def _num_draws(self) -> int:
        return int(self.log_ratio.shape[-1])

    def _log_weights(self, value: Tensor) -> Tensor:
        value = ops.expand_dims(value, -1 - len(self.event_shape))
        return self.likelihood.log_prob(value) + self.log_ratio

    def _log_prob(self, value: Tensor) -> Tensor:
        return renyi_bound(self._log_weights(value), self.alpha)

    def _mean(self) -> Tensor:
        return mean(self.likelihood.mean(), axis=-1 - len(self.event_shape))

    def _variance(self) -> Tensor:
        return self.predictive().variance()

    def _covariance(self) -> Tensor:
        return self.predictive().covariance()

    def _sample(self, sample_shape: tuple[int, ...], seed: Seed) -> Tensor:
        return self.predictive().sample(sample_shape, seed)


class WithExactKL(ImportanceWeighted):
    """The ELBO, with the KL in closed form where `ImportanceWeighted` has it by the draws.

    Args:
        likelihood: As for `ImportanceWeighted`.
        log_ratio: Likewise.
        exact_kl: KL(q(z | x) || p(z)) of each row.
        alpha: As for `ImportanceWeighted`, for what is estimated.
    """

    parameter_ndims = {"log_ratio": 1, "exact_kl": 0}

    exact_kl: Tensor

    def __init__(
        self, likelihood: Distribution, log_ratio: Tensor, exact_kl: Tensor, alpha: float = 0.0
    ) -> None:
        super().__init__(likelihood, log_ratio, alpha, exact_kl=exact_kl)

    def estimated_log_prob(self, value: Tensor) -> Tensor:
        return renyi_bound(self.log_weights(value), self.alpha)

    def _log_prob(self, value: Tensor) -> Tensor:
        value = ops.expand_dims(value, -1 - len(self.event_shape))
        return renyi_bound(self.likelihood.log_prob(value), 1.0) - self.exact_kl


class DoublyReparameterized(ImportanceWeighted):
    """As `ImportanceWeighted`, with the doubly reparameterized gradient.

    The gradient by what makes the draws is the sum of (alpha + (1 - alpha) v_k) v_k times the
    gradient of log w_k through z_k alone, v_k being the normalized weights w_k^(1 - alpha). It
    has the expectation of the plain one, and a signal that grows with K.

    Args:
        likelihood: As for `ImportanceWeighted`, with the gradient by the decoder's weights alone.
        log_ratio: Likewise by the prior's weights.
        through_draws: The same numbers with the gradient through the draws alone.
        alpha: As for `ImportanceWeighted`.

    Source: Tucker et al., Doubly Reparameterized Gradient Estimators for Monte Carlo Objectives
    (2019), equation 9; for any alpha by the same steps.
    """

    component_names = ("likelihood", "through_draws")

    through_draws: ImportanceWeighted

    def __init__(
        self,
        likelihood: Distribution,
        log_ratio: Tensor,
        through_draws: ImportanceWeighted,
        alpha: float = 0.0,
    ) -> None:
        super().__init__(likelihood, log_ratio, alpha, through_draws=through_draws)

    def _log_weights(self, value: Tensor) -> Tensor:
        return _with_slope(super()._log_weights(value), self.through_draws.log_weights(value))

    def _log_prob(self, value: Tensor) -> Tensor:
        by_weights = super()._log_weights(value)
        by_draws = self.through_draws.log_weights(value)
        share = _shares(ops.stop_gradient(by_weights), self.alpha)
        slope = share * (self.alpha + (1.0 - self.alpha) * share)
        bound = ops.stop_gradient(renyi_bound(by_weights, self.alpha))
        bound = _with_slope(bound, ops.sum(_weighted(share, by_weights), axis=-1))
        return _with_slope(bound, ops.sum(_weighted(slope, by_draws), axis=-1))

    def estimated_kl(self) -> Tensor:
        return _with_slope(super().estimated_kl(), self.through_draws.estimated_kl())

    def _mean(self) -> Tensor:
        return _with_slope(super()._mean(), self.through_draws.mean())


def renyi_bound(log_weights: Tensor, alpha: float) -> Tensor:
    """log(mean_k w_k^(1 - alpha)) / (1 - alpha): of log p(x) for 0, the ELBO in the limit of 1.

    Args:
        log_weights: Shape `(..., K)`.
        alpha: The order, from 0.

    Source: Burda, Grosse and Salakhutdinov (2016), equation 8; for any alpha: Li and Turner,
    Renyi Divergence Variational Inference (2016), equation 14.
    """
    is_impossible = _is_impossible(log_weights, alpha)
    log_weights = ops.where(is_impossible, 0.0, log_weights)
    if alpha == 1.0:
        bound = mean(log_weights, axis=-1)
    else:
        power = 1.0 - alpha
        bound = (log_sum(power * log_weights) - math.log(log_weights.shape[-1])) / power
    return ops.where(is_impossible[..., 0], -float("inf"), bound)


def _is_impossible(log_weights: Tensor, alpha: float) -> Tensor:
    """Where the bound is -infinity, shape `(..., 1)`: from alpha=1 one weight of 0 makes it so."""
    of_draws = ops.all if alpha < 1.0 else ops.any
    return of_draws(log_weights == -float("inf"), axis=-1, keepdims=True)


def log_sum(log_terms: Tensor) -> Tensor:
    """The logsumexp over the last axis, with a gradient of 0 where all terms are -infinity."""
    is_empty = ops.all(log_terms == -float("inf"), axis=-1, keepdims=True)
    total = ops.logsumexp(ops.where(is_empty, 0.0, log_terms), axis=-1)
    return ops.where(is_empty[..., 0], -float("inf"), total)


def _shares(log_weights: Tensor, alpha: float) -> Tensor:
    """w_k^(1 - alpha) as shares of their sum; some numbers where the bound is -infinity."""
    log_weights = ops.where(_is_impossible(log_weights, alpha), 0.0, log_weights)
    if alpha == 1.0:
        return ops.full_like(log_weights, 1.0 / log_weights.shape[-1])
    log_terms = (1.0 - alpha) * log_weights
    return ops.exp(log_terms - log_sum(log_terms)[..., None])


def _weighted(weight: Tensor, x: Tensor) -> Tensor:
    """The product, 0 where the weight is 0, whatever x is."""
    return weight * ops.where(weight == 0.0, 0.0, x)


def _with_slope(value: Tensor, by: Tensor) -> Tensor:
    """The value, with the gradient of `by` added to its own."""
    slope = by - ops.stop_gradient(by)  # 0, but NaN of infinities
    return value + ops.where(ops.isfinite(by), slope, 0.0)


__all__ = [
    "DoublyReparameterized",
    "ImportanceWeighted",
    "WithExactKL",
    "log_sum",
    "renyi_bound",
]
