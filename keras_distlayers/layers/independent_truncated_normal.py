"""The head of independent truncated normal distributions."""

import keras

from keras_distlayers import distributions
from keras_distlayers.layers._bounded_normal_head import BoundedNormalHead


@keras.saving.register_keras_serializable("keras_distlayers.layers")
class IndependentTruncatedNormal(BoundedNormalHead):
    """A head for an event of normal entries that cannot lie outside two bounds.

    `loc` and `scale` are those of the normal distribution before it is truncated.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> rv = kdl.layers.IndependentTruncatedNormal(1, low=0.0)(keras.ops.zeros((8, 2)))
        >>> bool(keras.ops.all(rv.mean() > 0.0))
        True

    Source: `keras_distlayers.distributions.TruncatedNormal`.
    """

    distribution_class = distributions.TruncatedNormal


__all__ = ["IndependentTruncatedNormal"]
