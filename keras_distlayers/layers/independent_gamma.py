"""The head of independent gamma distributions."""

import keras

from keras_distlayers import distributions
from keras_distlayers.layers.independent_head import IndependentHead
from keras_distlayers.layers.parameters import Positive


@keras.saving.register_keras_serializable("keras_distlayers.layers")
class IndependentGamma(IndependentHead):
    """A head for an event of independent gamma entries, positive numbers.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> tuple(kdl.layers.IndependentGamma((2, 2))(keras.ops.zeros((8, 8))).mean().shape)
        (8, 2, 2)

    Source: `keras_distlayers.distributions.Gamma`.
    """

    distribution_class = distributions.Gamma
    parameters = {"concentration": Positive(), "rate": Positive()}


__all__ = ["IndependentGamma"]
