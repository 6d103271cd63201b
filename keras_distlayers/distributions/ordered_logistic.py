"""The ordered logistic distribution over labels that have an order."""

from typing import Any

import keras
from keras import ops

from keras_distlayers.distributions.categorical import Categorical
from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.distributions.kl import closed_form_kl, register_kl
from keras_distlayers.distributions.support import integers


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


__all__ = ["OrderedLogistic"]
