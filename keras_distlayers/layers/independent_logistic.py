"""The head of independent logistic distributions."""

import keras

from keras_distlayers import distributions
from keras_distlayers.layers.independent_head import IndependentHead
from keras_distlayers.layers.parameters import Positive, Real


@keras.saving.register_keras_serializable("keras_distlayers.layers")
class IndependentLogistic(IndependentHead):
    """A head for an event of independent logistic entries.

    As `tfp.layers.IndependentLogistic`, which has no floor under the scale.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> rv = kdl.layers.IndependentLogistic(3)(keras.ops.zeros((8, 6)))
        >>> tuple(rv.log_prob(rv).shape)
        (8,)

    Source: `keras_distlayers.distributions.Logistic`.
    """

    distribution_class = distributions.Logistic
    parameters = {"loc": Real(), "scale": Positive()}


__all__ = ["IndependentLogistic"]
