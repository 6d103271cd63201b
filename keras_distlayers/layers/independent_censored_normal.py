"""The head of independent censored normal distributions."""

import keras

from keras_distlayers import distributions
from keras_distlayers.layers._bounded_normal_head import BoundedNormalHead


@keras.saving.register_keras_serializable("keras_distlayers.layers")
class IndependentCensoredNormal(BoundedNormalHead):
    """A head for normal entries that are recorded as a bound where they lie beyond it (Tobit).

    `loc` and `scale` are those of the normal distribution before it is censored.

    Args:
        low: What values below it are recorded as; minus infinity for none.
        high: What values above it are recorded as; infinity for none.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> rv = kdl.layers.IndependentCensoredNormal(1, low=0.0)(keras.ops.zeros((1, 2)))
        >>> round(float(rv.prob(keras.ops.zeros((1, 1)))[0]), 4)
        0.5

    Source: `keras_distlayers.distributions.CensoredNormal`.
    """

    distribution_class = distributions.CensoredNormal


__all__ = ["IndependentCensoredNormal"]
