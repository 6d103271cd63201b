"""The base of families over one-hot vectors."""

import abc

from keras import ops

from keras_distlayers._core.linalg import sum_of_others, with_diagonal
from keras_distlayers._core.typing import Seed, Shape, Tensor
from keras_distlayers.distributions._special import keep_nan
from keras_distlayers.distributions.categorical import Categorical
from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.distributions.kl import closed_form_kl, register_kl
from keras_distlayers.distributions.support import ONE_HOT, Support


class OneHot(Distribution):
    """A distribution over one-hot vectors; a family says how the place of the 1 is distributed."""

    @abc.abstractmethod
    def _label_distribution(self) -> Categorical:
        """The distribution of the place of the 1."""

    @property
    def event_shape(self) -> Shape:
        return (self._label_distribution().num_categories,)

    @property
    def support(self) -> Support:
        return ONE_HOT

    def log_probs_parameter(self) -> Tensor:
        """The log probabilities of all places of the 1, shape `(..., K)`."""
        return self._label_distribution().log_probs_parameter()

    def _one_hot(self, labels: Tensor) -> Tensor:
        return ops.one_hot(labels, self.event_shape[0], dtype=self.dtype)

    def _sample(self, sample_shape: tuple[int, ...], seed: Seed) -> Tensor:
        return self._one_hot(self._label_distribution().sample(sample_shape, seed))

    def _log_prob(self, value: Tensor) -> Tensor:
        is_inside = ops.all(self.support.contains(value), axis=-1)
        # Zeros times a log probability of minus infinity would be NaN.
        log_probs = self._label_distribution().log_probs_parameter()
        terms = value * ops.where(value == 0.0, 0.0, log_probs)
        log_prob = ops.where(is_inside, ops.sum(terms, axis=-1), -float("inf"))
        return keep_nan(value, log_prob, event_ndims=1)

    def _mean(self) -> Tensor:
        return self._label_distribution().probs_parameter()

    def _mode(self) -> Tensor:
        return self._one_hot(self._label_distribution().mode())

    def _variance(self) -> Tensor:
        probs = self._mean()
        return probs * sum_of_others(probs)

    def _stddev(self) -> Tensor:
        # By logarithms: p is below float32 before its square root is.
        log_probs = self._label_distribution().log_probs_parameter()
        is_own = ops.eye(self.event_shape[0], dtype="bool")
        others = ops.where(is_own, -float("inf"), log_probs[..., None, :])
        return ops.exp(0.5 * (log_probs + ops.logsumexp(others, axis=-1)))

    def _covariance(self) -> Tensor:
        """diag(p) - p p'."""
        probs = self._mean()
        return with_diagonal(-probs[..., :, None] * probs[..., None, :], self._variance())

    def _entropy(self) -> Tensor:
        return self._label_distribution().entropy()


@register_kl(OneHot, OneHot)
def _(a: OneHot, b: OneHot) -> Tensor | None:
    """That of the labels: sum_k p_k log(p_k / q_k)."""
    return closed_form_kl(a._label_distribution(), b._label_distribution())


__all__ = ["OneHot"]
