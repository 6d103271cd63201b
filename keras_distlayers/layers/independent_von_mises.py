"""The head of independent von Mises distributions."""

import keras

from keras_distlayers import distributions
from keras_distlayers.layers.independent_head import IndependentHead
from keras_distlayers.layers.parameters import Positive, Real


@keras.saving.register_keras_serializable("keras_distlayers.layers")
class IndependentVonMises(IndependentHead):
    """A head for an event of independent angles, in radians.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> kdl.layers.IndependentVonMises(3).num_params
        6

    Source: `keras_distlayers.distributions.VonMises`.
    """

    distribution_class = distributions.VonMises
    parameters = {"loc": Real(), "concentration": Positive()}


__all__ = ["IndependentVonMises"]
