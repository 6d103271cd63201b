"""The head of independent normal distributions."""

import keras

from keras_distlayers import distributions
from keras_distlayers.layers.independent_head import IndependentHead
from keras_distlayers.layers.parameters import Positive, Real


@keras.saving.register_keras_serializable("keras_distlayers.layers")
class IndependentNormal(IndependentHead):
    """A head for an event of independent normal entries.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> rv = kdl.layers.IndependentNormal((2, 3))(keras.ops.zeros((5, 12)))
        >>> tuple(rv.shape), tuple(rv.log_prob(keras.ops.ones((5, 2, 3))).shape)
        ((5, 2, 3), (5,))

    Source: `keras_distlayers.distributions.Normal`.
    """

    distribution_class = distributions.Normal
    parameters = {"loc": Real(), "scale": Positive()}


__all__ = ["IndependentNormal"]
