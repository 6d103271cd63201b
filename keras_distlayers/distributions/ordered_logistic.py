"""The ordered logistic distribution, over labels that have an order."""

import keras
from keras import ops

from keras_distlayers._core.typing import Seed, Tensor
from keras_distlayers.distributions._special import safe_log
from keras_distlayers.distributions.categorical import Categorical
from keras_distlayers.distributions.crps import closed_form_crps, register_crps
from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.distributions.kl import closed_form_kl, register_kl
from keras_distlayers.distributions.support import Support, integers
from keras_distlayers.distributions.tempered import register_tempered


@keras.saving.register_keras_serializable("keras_distlayers.distributions")
class OrderedLogistic(Distribution):
    """The labels 0, ..., K in an order, cut from a logistic scale at K points.

    P(x > k) = sigmoid(loc - cutpoints[k]). With a = loc - cutpoints[k - 1] and
    b = loc - cutpoints[k], log P(x = k) = log sigmoid(a) + log sigmoid(-b) +
    log(1 - exp(b - a)), in nats: the logarithm of sigmoid(a) - sigmoid(b), without the
    difference. Minus infinity for a label outside the range. Draws are int32 labels; they
    carry no gradient.

    Args:
        cutpoints: Increasing numbers, shape `(..., K)`; equal ones have no mass between them.
        loc: The place on the scale, a shape that broadcasts with `(...)`. Adding a number to
            both `loc` and `cutpoints` changes nothing.
        gaps: The differences of the cutpoints, shape `(..., K - 1)`, where they are known to
            more digits than the cutpoints give.

    Raises:
        ValueError: if `cutpoints` is a scalar, or if the batch axes do not broadcast.

    Examples:
        >>> import keras_distlayers as kdl
        >>> distribution = kdl.distributions.OrderedLogistic(cutpoints=[-1.0, 1.0], loc=0.0)
        >>> [round(float(distribution.prob(k)), 4) for k in range(3)], int(distribution.mode())
        ([0.2689, 0.4621, 0.2689], 1)

    Source: McCullagh, Journal of the Royal Statistical Society B 42 (1980).
    """

    parameter_ndims = {"cutpoints": 1, "loc": 0, "gaps": 1}
    event_axes = {"cutpoints": "K", "gaps": "K-1"}

    cutpoints: Tensor
    loc: Tensor
    gaps: Tensor

    def __init__(self, cutpoints: Tensor, loc: Tensor, gaps: Tensor | None = None) -> None:
        super().__init__(cutpoints=cutpoints, loc=loc, gaps=gaps)

    @property
    def event_dtype(self) -> str:
        return "int32"

    @property
    def support(self) -> Support:
        return integers(0, self.num_categories - 1)

    @property
    def num_categories(self) -> int:
        """The number of labels, K + 1."""
        return self.cutpoints.shape[-1] + 1

    def log_probs_parameter(self) -> Tensor:
        """The log probabilities of all labels, shape `(..., K + 1)`."""
        return self._label_distribution().log_probs_parameter()

    def _logits_above(self) -> Tensor:
        """The logits of x > k, shape `(..., K)`."""
        return self.loc[..., None] - self.cutpoints

    def _label_distribution(self) -> Categorical:
        """The same distribution, by the log probabilities of all labels, shape `(..., K + 1)`."""
        above = self._logits_above()
        gaps = ops.diff(self.cutpoints, axis=-1) if self.gaps is None else self.gaps
        return Categorical(
            logits=_pad_last(-ops.softplus(-above), (1, 0))
            + _pad_last(-ops.softplus(above), (0, 1))
            + _pad_last(safe_log(-ops.expm1(-gaps)), (1, 1))
        )

    def _sample(self, sample_shape: tuple[int, ...], seed: Seed) -> Tensor:
        return self._label_distribution().sample(sample_shape, seed)

    def _log_prob(self, value: Tensor) -> Tensor:
        return self._label_distribution().log_prob(value)

    def _mode(self) -> Tensor:
        return self._label_distribution().mode()

    def _mean(self) -> Tensor:
        raise self._unavailable("mean", "labels have no arithmetic")

    def _variance(self) -> Tensor:
        raise self._unavailable("variance", "labels have no arithmetic")

    def _entropy(self) -> Tensor:
        return self._label_distribution().entropy()

    def _cdf(self, value: Tensor) -> Tensor:
        return self._at_cutpoint(value, ops.sigmoid(-self._logits_above()), 0.0, 1.0)

    def _survival_function(self, value: Tensor) -> Tensor:
        return self._at_cutpoint(value, ops.sigmoid(self._logits_above()), 1.0, 0.0)

    def _log_cdf(self, value: Tensor) -> Tensor:
        log_probs = -ops.softplus(self._logits_above())
        return self._at_cutpoint(value, log_probs, -float("inf"), 0.0)

    def _log_survival_function(self, value: Tensor) -> Tensor:
        log_probs = -ops.softplus(-self._logits_above())
        return self._at_cutpoint(value, log_probs, 0.0, -float("inf"))

    def _at_cutpoint(
        self, value: Tensor, probabilities: Tensor, below_first: float, from_last: float
    ) -> Tensor:
        """The entry of the cutpoint above each label, or what holds outside the cutpoints."""
        last = self.num_categories - 1
        is_label = value[..., None] == ops.arange(last, dtype="int32")
        inside = ops.sum(ops.where(is_label, probabilities, 0.0), axis=-1)
        return ops.where(value < 0, below_first, ops.where(value >= last, from_last, inside))


def _pad_last(x: Tensor, widths: tuple[int, int]) -> Tensor:
    """Zeros before and after the entries of the last axis."""
    return ops.pad(x, (*((0, 0),) * (len(x.shape) - 1), widths))


@register_kl(OrderedLogistic, OrderedLogistic)
def _(a: OrderedLogistic, b: OrderedLogistic) -> Tensor | None:
    """sum_k p_k log(p_k / q_k), p and q the probabilities of a and b."""
    return closed_form_kl(a._label_distribution(), b._label_distribution())


@register_crps(OrderedLogistic)
def _(distribution: OrderedLogistic, value: Tensor) -> Tensor | None:
    """The ranked probability score of the labels."""
    return closed_form_crps(distribution._label_distribution(), value)


@register_tempered(OrderedLogistic)
def _(distribution: OrderedLogistic, temperature: Tensor) -> OrderedLogistic:
    """The scale of the logistic variable that is cut, times the temperature."""
    return distribution.map_tensors(lambda x: x / temperature)


__all__ = ["OrderedLogistic"]
