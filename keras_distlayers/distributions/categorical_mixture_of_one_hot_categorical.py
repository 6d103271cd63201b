"""A mixture of categorical distributions over one-hot vectors."""

import keras
from keras import ops

from keras_distlayers._core.typing import Tensor
from keras_distlayers.distributions._one_hot import OneHot
from keras_distlayers.distributions.categorical import Categorical
from keras_distlayers.distributions.one_hot_categorical import OneHotCategorical
from keras_distlayers.distributions.tempered import register_tempered


@keras.saving.register_keras_serializable("keras_distlayers.distributions")
class CategoricalMixtureOfOneHotCategorical(OneHot):
    """A mixture of one-hot categorical distributions.

    log p(x) = log(sum_m w_m p_m(x)), in nats, where log(w) and the log(p_m) are the
    normalized logits; minus infinity for a vector that is not one-hot. As a distribution of x it
    is a `OneHotCategorical` whose probabilities are the mean ones. Draws are floats and carry no
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
        >>> [round(float(x), 4) for x in distribution.mean()]
        [0.75, 0.25]
        >>> [round(float(x), 4) for x in distribution.log_mean()]
        [-0.2877, -1.3863]

    Source: McLachlan and Peel, Finite Mixture Models, ch. 1.
    """

    parameter_ndims = {"mixture_logits": 1, "component_logits": 2}
    event_axes = {"mixture_logits": "M", "component_logits": "M K"}

    mixture_logits: Tensor
    component_logits: Tensor

    def __init__(self, mixture_logits: Tensor, component_logits: Tensor) -> None:
        super().__init__(mixture_logits=mixture_logits, component_logits=component_logits)

    @property
    def mixture_distribution(self) -> Categorical:
        """The distribution of the component's number."""
        return Categorical(logits=self.mixture_logits)

    @property
    def components_distribution(self) -> OneHotCategorical:
        """The distributions of the components; their axis is the last of the batch."""
        return OneHotCategorical(logits=self.component_logits)

    def log_mean(self) -> Tensor:
        """The logarithm of the mean probabilities, shape `(..., K)`, without underflow."""
        log_weights = ops.log_softmax(self.mixture_logits, axis=-1)[..., None]
        log_probs = ops.log_softmax(self.component_logits, axis=-1)
        return ops.logsumexp(log_weights + log_probs, axis=-2)

    def _label_distribution(self) -> Categorical:
        return Categorical(logits=self.log_mean())


@register_tempered(CategoricalMixtureOfOneHotCategorical)
def _(
    distribution: CategoricalMixtureOfOneHotCategorical, temperature: Tensor
) -> OneHotCategorical:
    """The log probabilities of the labels, divided by the temperature."""
    return OneHotCategorical(logits=distribution.log_mean() / temperature)


__all__ = ["CategoricalMixtureOfOneHotCategorical"]
