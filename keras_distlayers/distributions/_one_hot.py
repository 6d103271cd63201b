"""The base of families over one-hot vectors."""

from keras import ops

from keras_distlayers.distributions.categorical import Categorical
from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.distributions.kl import closed_form_kl, register_kl
from keras_distlayers.distributions.support import ONE_HOT


class OneHot(Distribution):
    """What distributions over one-hot vectors share. A family writes `_labels`."""

    def _labels(self) -> Categorical:
        """The distribution of the place of the 1."""
        raise NotImplementedError

    @property
    def event_shape(self):
        return (self._labels().num_categories,)

    @property
    def support(self):
        return ONE_HOT

    def _one_hot(self, labels):
        return ops.one_hot(labels, self.event_shape[0], dtype=self.dtype)

    def _sample(self, sample_shape, seed):
        return self._one_hot(self._labels()._sample(sample_shape, seed))

    def _log_prob(self, value):
        inside = ops.all(self.support.contains(value), axis=-1)
        # Zeros times a log probability of minus infinity would be NaN.
        terms = value * ops.where(value == 0.0, 0.0, self._labels()._log_probs())
        return ops.where(inside, ops.sum(terms, axis=-1), -float("inf"))

    def _mean(self):
        return self._labels()._probs()

    def _mode(self):
        return self._one_hot(self._labels()._mode())

    def _variance(self):
        probs = self._mean()
        # The sum of the others: 1 - p has no digits left where p is nearly 1.
        others = 1.0 - ops.eye(probs.shape[-1], dtype=self.dtype)
        return probs * ops.sum(probs[..., None, :] * others, axis=-1)

    def _stddev(self):
        # By logarithms: p is below float32 before its square root is.
        log_probs = self._labels()._log_probs()
        is_own = ops.eye(self.event_shape[0], dtype="bool")
        others = ops.where(is_own, -float("inf"), log_probs[..., None, :])
        return ops.exp(0.5 * (log_probs + ops.logsumexp(others, axis=-1)))

    def _covariance(self):
        """diag(p) - p p^T."""
        probs = self._mean()
        diagonal = probs[..., None] * ops.eye(self.event_shape[0], dtype=self.dtype)
        return diagonal - probs[..., :, None] * probs[..., None, :]

    def _entropy(self):
        return self._labels()._entropy()


@register_kl(OneHot, OneHot)
def _(a, b):
    """That of the labels: sum_k p_k log(p_k / q_k)."""
    return closed_form_kl(a._labels(), b._labels())


__all__ = ["OneHot"]
