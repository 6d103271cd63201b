"""The head of a mixture of independent normal distributions."""

import keras

from keras_distlayers.layers._independent_mixture import IndependentMixtureHead
from keras_distlayers.layers.independent_normal import IndependentNormal


@keras.saving.register_keras_serializable("keras_distlayers.layers")
class MixtureNormal(IndependentMixtureHead):
    """A head for a mixture of events of independent normal entries.

    `MixtureSameFamily(num_components, IndependentNormal(event_shape))`, as in `tfp.layers`.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> kdl.layers.MixtureNormal.params_size(5, event_shape=(2,))
        25
        >>> tuple(kdl.layers.MixtureNormal(5, 2)(keras.ops.zeros((8, 25))).mean().shape)
        (8, 2)

    Source: Bishop, Mixture Density Networks (1994).
    """

    component_class = IndependentNormal


__all__ = ["MixtureNormal"]
