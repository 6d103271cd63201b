"""The categorical distribution over labels."""

import keras
from keras import ops

from keras_distlayers._core import shapes
from keras_distlayers._core.errors import message
from keras_distlayers._core.ops import clip, cumsum, minimum
from keras_distlayers._core.typing import Seed, Tensor
from keras_distlayers.distributions._cumulative import from_log_complement
from keras_distlayers.distributions._logits_or_probs import LogitsOrProbs
from keras_distlayers.distributions._special import multiply_no_nan, safe_log
from keras_distlayers.distributions.crps import register_crps
from keras_distlayers.distributions.kl import register_kl
from keras_distlayers.distributions.support import Support, integers
from keras_distlayers.distributions.tempered import register_tempered


@keras.saving.register_keras_serializable("keras_distlayers.distributions")
class Categorical(LogitsOrProbs):
    """The categorical distribution over the labels 0, ..., K - 1.

    log p(k) = logits[k] - log(sum_j exp(logits[j])), in nats; minus infinity for a label
    outside the range. Draws are int32 labels; they carry no gradient.

    Args:
        logits: Unnormalized log probabilities, shape `(..., K)`.
        probs: Probabilities that sum to 1 over the last axis, in place of `logits`.

    Raises:
        ValueError: if both are given, or neither, or if the one that is given is a scalar.

    Examples:
        >>> import keras_distlayers as kdl
        >>> distribution = kdl.distributions.Categorical(probs=[0.25, 0.5, 0.25])
        >>> int(distribution.mode()), round(float(distribution.entropy()), 4)
        (1, 1.0397)

    Source: Johnson, Kotz and Balakrishnan, Discrete Multivariate Distributions, ch. 35.
    """

    parameter_ndims = {"logits": 1, "probs": 1}
    event_axes = {"logits": "K", "probs": "K"}

    @property
    def event_dtype(self) -> str:
        return "int32"

    @property
    def support(self) -> Support:
        return integers(0, self.num_categories - 1)

    @property
    def num_categories(self) -> int:
        """K, the number of labels."""
        (parameter,) = self._tensors().values()
        return parameter.shape[-1]

    def log_probs_parameter(self) -> Tensor:
        """The log probabilities of all labels, shape `(..., K)`."""
        if self.logits is None:
            return safe_log(self.probs)
        return ops.log_softmax(self.logits, axis=-1)

    def probs_parameter(self) -> Tensor:
        """The probabilities of all labels, shape `(..., K)`."""
        return ops.exp(self.log_probs_parameter()) if self.probs is None else self.probs

    def log_expectation(self, log_values: Tensor) -> Tensor:
        """The logarithm of the mean of numbers, one for each label, given by their logarithms.

        log(sum_k p_k exp(v_k)), as in the density of a mixture, whose gradient by a probability
        is right where that is 0.

        Args:
            log_values: v, a tensor of shape `(..., K)`.

        Returns:
            Tensor of the broadcast shape without the last axis.
        """
        terms = self.log_probs_parameter() + log_values
        # Where all terms are -inf, the gradient of their sum would be NaN.
        is_empty = ops.all(terms == -float("inf"), axis=-1, keepdims=True)
        total = ops.logsumexp(ops.where(is_empty, 0.0, terms), axis=-1)
        total = ops.where(is_empty[..., 0], -float("inf"), total)
        if self.probs is None:
            return total
        # A label of probability 0 adds nothing but the slope by its probability, exp(v - total).
        has_slope = ops.logical_and(self.probs == 0.0, ops.isfinite(total)[..., None])
        slopes = ops.exp(minimum(ops.where(has_slope, log_values, 0.0) - total[..., None], 80.0))
        probs = ops.where(has_slope, self.probs, 0.0)
        return total + ops.sum(probs * ops.stop_gradient(slopes), axis=-1)

    def _labels(self) -> Tensor:
        return ops.arange(self.num_categories, dtype="int32")

    def _sample(self, sample_shape: tuple[int, ...], seed: Seed) -> Tensor:
        log_probs = self.log_probs_parameter()
        batch = tuple(ops.shape(log_probs))[:-1]
        if 0 in sample_shape:  # which Torch refuses
            return ops.zeros((*sample_shape, *batch), "int32")
        rows = ops.reshape(log_probs, (-1, self.num_categories))
        draws = keras.random.categorical(rows, shapes.size(sample_shape), dtype="int32", seed=seed)
        return ops.reshape(ops.transpose(draws), (*sample_shape, *batch))

    def _log_prob(self, value: Tensor) -> Tensor:
        is_inside = ops.logical_and(value >= 0, value < self.num_categories)
        is_label = value[..., None] == self._labels()
        log_prob = ops.sum(ops.where(is_label, self.log_probs_parameter(), 0.0), axis=-1)
        return ops.where(is_inside, log_prob, -float("inf"))

    def _mode(self) -> Tensor:
        # Not of the normalized logits, which are equal where two are nearly equal.
        given = self.logits if self.probs is None else self.probs
        return ops.cast(ops.argmax(given, axis=-1), "int32")

    def _mean(self) -> Tensor:
        raise self._unavailable("mean", "labels have no arithmetic")

    def _variance(self) -> Tensor:
        raise self._unavailable("variance", "labels have no arithmetic")

    def _entropy(self) -> Tensor:
        terms = multiply_no_nan(self.log_probs_parameter(), self.probs_parameter())
        return -ops.sum(terms, axis=-1)

    def _cdf(self, value: Tensor) -> Tensor:
        return self._mass_of(self._labels() <= value[..., None])

    def _survival_function(self, value: Tensor) -> Tensor:
        # Not 1 - cdf, whose rounding is below zero at the last label.
        return self._mass_of(self._labels() > value[..., None])

    def _log_cdf(self, value: Tensor) -> Tensor:
        is_counted = self._labels() <= value[..., None]
        return from_log_complement(
            self._log_mass(is_counted), self._log_mass(ops.logical_not(is_counted))
        )

    def _log_survival_function(self, value: Tensor) -> Tensor:
        is_counted = self._labels() > value[..., None]
        return from_log_complement(
            self._log_mass(is_counted), self._log_mass(ops.logical_not(is_counted))
        )

    def _log_mass(self, is_counted: Tensor) -> Tensor:
        log_probs = self.log_probs_parameter()
        has_any = ops.any(is_counted, axis=-1, keepdims=True)
        # Where none is counted, the logarithm is -inf, whose gradient would be NaN.
        counted = ops.where(
            ops.logical_or(is_counted, ops.logical_not(has_any)), log_probs, -float("inf")
        )
        return ops.where(has_any[..., 0], ops.logsumexp(counted, axis=-1), -float("inf"))

    def _mass_of(self, is_counted: Tensor) -> Tensor:
        """The probability of the labels that are counted."""
        return ops.sum(self.probs_parameter() * ops.cast(is_counted, self.dtype), axis=-1)


@register_kl(Categorical, Categorical)
def _(a: Categorical, b: Categorical) -> Tensor:
    """sum_k p_k log(p_k / q_k), p and q the probabilities of a and b."""
    if a.num_categories != b.num_categories:
        raise ValueError(
            message(
                "kl_divergence",
                expected=f"two categorical distributions over {a.num_categories} labels",
                received=f"distribution_b with {b.num_categories} labels",
            )
        )
    log_ratios = a.log_probs_parameter() - b.log_probs_parameter()
    return ops.sum(multiply_no_nan(log_ratios, a.probs_parameter()), axis=-1)


@register_crps(Categorical)
def _(distribution: Categorical, value: Tensor) -> Tensor:
    """The ranked probability score of labels that are in order: the sum of (F(k) - 1{y <= k})^2.

    Source: Epstein, Journal of Applied Meteorology 8 (1969).
    """
    last = distribution.num_categories - 1
    below = cumsum(distribution.probs_parameter(), axis=-1)[..., :last]
    inside = clip(value, 0.0, float(last))
    is_reached = inside[..., None] <= ops.cast(distribution._labels()[:last], distribution.dtype)
    score = ops.sum(ops.square(ops.where(is_reached, 1.0 - below, below)), axis=-1)
    return score + ops.abs(value - inside)


@register_tempered(Categorical)
def _(distribution: Categorical, temperature: Tensor) -> Categorical:
    """Logits, or log probabilities, divided by the temperature."""
    given = distribution.logits
    logits = safe_log(distribution.probs) if given is None else given
    return Categorical(logits=logits / temperature)


__all__ = ["Categorical"]
