"""The categorical distribution over one-hot vectors."""

import keras
from keras import ops

from keras_distlayers._core.typing import Seed, Tensor
from keras_distlayers.distributions._logits_or_probs import check_exactly_one
from keras_distlayers.distributions._one_hot import OneHot
from keras_distlayers.distributions.categorical import Categorical
from keras_distlayers.distributions.tempered import register_tempered


@keras.saving.register_keras_serializable("keras_distlayers.distributions")
class OneHotCategorical(OneHot):
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
        >>> distribution.event_shape, [float(x) for x in distribution.mode()]
        ((3,), [0.0, 1.0, 0.0])
        >>> float(distribution.prob([0.0, 1.0, 0.0])), float(distribution.prob([1.0, 1.0, 0.0]))
        (0.5, 0.0)

    Source: Johnson, Kotz and Balakrishnan, Discrete Multivariate Distributions, ch. 35; the
    straight-through gradient: Bengio, Leonard and Courville (2013), arXiv 1308.3432.
    """

    parameter_ndims = {"logits": 1, "probs": 1}
    event_axes = {"logits": "K", "probs": "K"}
    static_names = ("straight_through",)
    closed_ranges = {"probs": (0.0, 1.0)}

    logits: Tensor
    probs: Tensor
    straight_through: bool

    def __init__(
        self,
        logits: Tensor | None = None,
        probs: Tensor | None = None,
        straight_through: bool = False,
    ) -> None:
        check_exactly_one(type(self).__name__, logits=logits, probs=probs)
        super().__init__(logits=logits, probs=probs, straight_through=bool(straight_through))

    def _label_distribution(self) -> Categorical:
        return Categorical(self.logits, self.probs)

    def _sample(self, sample_shape: tuple[int, ...], seed: Seed) -> Tensor:
        draw = super()._sample(sample_shape, seed)
        if not self.straight_through:
            return draw
        probs = self._mean()
        # In these brackets the difference is exactly 0: the draw stays one-hot.
        return draw + (probs - ops.stop_gradient(probs))


@register_tempered(OneHotCategorical)
def _(distribution: OneHotCategorical, temperature: Tensor) -> OneHotCategorical:
    """Logits, or log probabilities, divided by the temperature."""
    logits = distribution.log_probs_parameter() / temperature
    return OneHotCategorical(logits, straight_through=distribution.straight_through)


__all__ = ["OneHotCategorical"]
