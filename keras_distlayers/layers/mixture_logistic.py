"""The head of a mixture of independent logistic distributions."""

import keras

from keras_distlayers.layers._independent_mixture import IndependentMixtureHead
from keras_distlayers.layers.independent_logistic import IndependentLogistic


@keras.saving.register_keras_serializable("keras_distlayers.layers")
class MixtureLogistic(IndependentMixtureHead):
    """A head for a mixture of events of independent logistic entries.

    `MixtureSameFamily(num_components, IndependentLogistic(event_shape))`, as in `tfp.layers`.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> tuple(kdl.layers.MixtureLogistic(3, 2)(keras.ops.zeros((8, 15))).stddev().shape)
        (8, 2)

    Source: `keras_distlayers.distributions.MixtureSameFamily`.
    """

    component_class = IndependentLogistic


__all__ = ["MixtureLogistic"]
