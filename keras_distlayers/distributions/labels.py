"""Families over one-hot vectors and over labels that have an order.

Each is a `Categorical` of its own logits, seen another way.
"""

from typing import Any

import keras
from keras import ops

from keras_distlayers._core.errors import message
from keras_distlayers.distributions.discrete import Categorical, check_exactly_one
from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.distributions.kl import closed_form_kl, register_kl
from keras_distlayers.distributions.supports import ONE_HOT, integers


class _OneHot(Distribution):
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

    def dynamic_shape(self):
        return (*self._labels().dynamic_shape(), *self.event_shape)

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


@register_kl(_OneHot, _OneHot)
def _(a, b):
    """That of the labels: sum_k p_k log(p_k / q_k)."""
    return closed_form_kl(a._labels(), b._labels())


@keras.saving.register_keras_serializable("keras_distlayers.distributions")
class OneHotCategorical(_OneHot):
    """The categorical distribution as a vector with a 1 at the label and zeros elsewhere.

    log p(x) = sum_k x_k log(p_k), in nats, where log(p) = logits - log(sum_j exp(logits[j]));
    minus infinity for a vector that is not one-hot. Draws are floats.

    Draws carry no gradient. With `straight_through` a draw is one_hot + probs -
    stop_gradient(probs): the one-hot vector in value, with the gradient of the probabilities.
    That gradient is biased (it is right for functions that are linear in the draw), so that
    `reparameterized` stays False.

    Args:
        logits: Unnormalized log probabilities, shape `(..., K)`.
        probs: Probabilities that sum to 1 over the last axis, in place of `logits`.
        straight_through: Whether draws have the gradient of the probabilities.

    Raises:
        ValueError: if both `logits` and `probs` are given, or neither.

    Examples:
        >>> import keras_distlayers as kdl
        >>> distribution = kdl.distributions.OneHotCategorical(probs=[0.25, 0.5, 0.25])
        >>> distribution.event_shape, [float(x) for x in distribution.mode()], float(distribution.prob([0.0, 1.0, 0.0]))
        ((3,), [0.0, 1.0, 0.0], 0.5)
        >>> float(distribution.log_prob([1.0, 1.0, 0.0]))
        -inf

    Source: Johnson, Kotz and Balakrishnan, Discrete Multivariate Distributions, ch. 35; the
    straight-through gradient: Bengio, Leonard and Courville (2013), arXiv 1308.3432.
    """

    parameter_ndims = {"logits": 1, "probs": 1}
    static_names = ("straight_through",)

    def __init__(self, logits=None, probs=None, straight_through=False):
        check_exactly_one(type(self).__name__, logits=logits, probs=probs)
        super().__init__(logits=logits, probs=probs, straight_through=bool(straight_through))

    def _labels(self):
        return Categorical(self.logits, self.probs)

    def _sample(self, sample_shape, seed):
        draw = super()._sample(sample_shape, seed)
        if not self.straight_through:
            return draw
        probs = self._mean()
        # In these brackets the difference is exactly 0: the draw stays one-hot.
        return draw + (probs - ops.stop_gradient(probs))


@keras.saving.register_keras_serializable("keras_distlayers.distributions")
class CategoricalMixtureOfOneHotCategorical(_OneHot):
    """A mixture of one-hot categorical distributions.

    log p(x) = log(sum_m w_m p_m(x)), in nats, where log(w) and the log(p_m) are the
    normalized logits; minus infinity for a vector that is not one-hot. As a distribution of x it is a
    `OneHotCategorical` whose probabilities are the mean ones. Draws are floats and carry no
    gradient.

    Args:
        mixture_logits: Unnormalized log weights, shape `(..., M)`.
        component_logits: Unnormalized log probabilities, shape `(..., M, K)`.

    Raises:
        ValueError: if the two do not have the same M.

    Examples:
        >>> import keras_distlayers as kdl
        >>> distribution = kdl.distributions.CategoricalMixtureOfOneHotCategorical(
        ...     mixture_logits=[0.0, 0.0], component_logits=[[0.0, 0.0], [0.0, -1e4]])
        >>> [round(float(x), 4) for x in distribution.mean()], [round(float(x), 4) for x in distribution.log_mean()]
        ([0.75, 0.25], [-0.2877, -1.3863])

    Source: McLachlan and Peel, Finite Mixture Models, ch. 1.
    """

    parameter_ndims = {"mixture_logits": 1, "component_logits": 2}

    def __init__(self, mixture_logits, component_logits):
        super().__init__(mixture_logits=mixture_logits, component_logits=component_logits)
        weights, components = (tuple(t.shape) for t in self._tensors().values())
        if weights[-1] != components[-2]:
            raise ValueError(
                message(
                    type(self).__name__,
                    expected="as many `mixture_logits` as rows of `component_logits`",
                    received=f"shapes={weights} and {components}",
                )
            )

    def log_mean(self):
        """The logarithm of the mean probabilities, shape `(..., K)`, without underflow."""
        weights = ops.log_softmax(self.mixture_logits, axis=-1)[..., None]
        return ops.logsumexp(weights + ops.log_softmax(self.component_logits, axis=-1), axis=-2)

    def _labels(self):
        return Categorical(logits=self.log_mean())


@keras.saving.register_keras_serializable("keras_distlayers.distributions")
class OrderedLogistic(Distribution):
    """The labels 0, ..., K in an order, cut from a logistic scale at K points.

    P(x > k) = sigmoid(loc - cutpoints[k]). With a = loc - cutpoints[k - 1] and
    b = loc - cutpoints[k], log P(x = k) = log sigmoid(a) + log sigmoid(-b) +
    log(1 - exp(b - a)), in nats: the logarithm of sigmoid(a) - sigmoid(b), without the
    difference. Minus infinity for a label outside the range. Draws are int32 labels; they
    carry no gradient.

    Args:
        cutpoints: Increasing numbers, shape `(..., K)`.
        loc: The place on the scale, a shape that broadcasts with `(...)`. Adding a number to
            both `loc` and `cutpoints` changes nothing.
        gaps: The differences of the cutpoints, shape `(..., K - 1)`, where they are known to
            more digits than the cutpoints give.

    Examples:
        >>> import keras_distlayers as kdl
        >>> distribution = kdl.distributions.OrderedLogistic(cutpoints=[-1.0, 1.0], loc=0.0)
        >>> [round(float(distribution.prob(k)), 4) for k in range(3)], int(distribution.mode())
        ([0.2689, 0.4621, 0.2689], 1)

    Source: McCullagh, Journal of the Royal Statistical Society B 42 (1980).
    """

    parameter_ndims = {"cutpoints": 1, "loc": 0, "gaps": 1}
    cutpoints: Any

    def __init__(self, cutpoints, loc, gaps=None):
        super().__init__(cutpoints=cutpoints, loc=loc, gaps=gaps)

    @property
    def _event_dtype(self):
        return "int32"

    @property
    def support(self):
        return integers(0, self.num_categories - 1)

    @property
    def num_categories(self) -> int:
        """The number of labels, K + 1."""
        return self.cutpoints.shape[-1] + 1

    def _above(self):
        """The logits of x > k, shape `(..., K)`."""
        return self.loc[..., None] - self.cutpoints

    def _log_probs(self):
        """The log probabilities of all labels, shape `(..., K + 1)`."""
        above = self._above()
        gaps = ops.diff(self.cutpoints, axis=-1) if self.gaps is None else self.gaps
        return (
            _pad_last(-ops.softplus(-above), (1, 0))
            + _pad_last(-ops.softplus(above), (0, 1))
            + _pad_last(ops.log(-ops.expm1(-gaps)), (1, 1))
        )

    def _labels(self):
        return Categorical(logits=self._log_probs())

    def _sample(self, sample_shape, seed):
        return self._labels()._sample(sample_shape, seed)

    def _log_prob(self, value):
        return self._labels()._log_prob(value)

    def _mode(self):
        return self._labels()._mode()

    def _mean(self):
        raise self._unavailable("mean", "labels have no arithmetic")

    def _variance(self):
        raise self._unavailable("variance", "labels have no arithmetic")

    def _entropy(self):
        return self._labels()._entropy()

    def _cdf(self, value):
        return self._at_cutpoint(value, ops.sigmoid(-self._above()), before=0.0, behind=1.0)

    def _survival_function(self, value):
        return self._at_cutpoint(value, ops.sigmoid(self._above()), before=1.0, behind=0.0)

    def _at_cutpoint(self, value, probabilities, before, behind):
        """The entry of the cutpoint behind each label, or what holds outside the range."""
        last = self.num_categories - 1
        chosen = value[..., None] == ops.arange(last, dtype="int32")
        inside = ops.sum(ops.where(chosen, probabilities, 0.0), axis=-1)
        return ops.where(value < 0, before, ops.where(value >= last, behind, inside))


def _pad_last(x, widths):
    """Zeros before and behind the last axis."""
    return ops.pad(x, (*((0, 0),) * (len(x.shape) - 1), widths))


@register_kl(OrderedLogistic, OrderedLogistic)
def _(a, b):
    """sum_k p_k log(p_k / q_k)."""
    return closed_form_kl(a._labels(), b._labels())


__all__ = ["CategoricalMixtureOfOneHotCategorical", "OneHotCategorical", "OrderedLogistic"]
