"""The head of independent log-normal distributions."""

import keras

from keras_distlayers import distributions
from keras_distlayers.layers.independent_head import IndependentHead
from keras_distlayers.layers.parameters import Positive, Real


@keras.saving.register_keras_serializable("keras_distlayers.layers")
class IndependentLogNormal(IndependentHead):
    """A head for an event of independent log-normal entries, positive numbers.

    `loc` and `scale` are those of the logarithm. Draws lie between exp(-50) and exp(50).

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> rv = kdl.layers.IndependentLogNormal(1)(keras.ops.zeros((8, 2)))
        >>> bool(keras.ops.all(keras.ops.convert_to_tensor(rv) > 0.0))
        True

    Source: `keras_distlayers.distributions.LogNormal`.
    """

    distribution_class = distributions.LogNormal
    parameters = {"loc": Real(), "scale": Positive()}


__all__ = ["IndependentLogNormal"]
