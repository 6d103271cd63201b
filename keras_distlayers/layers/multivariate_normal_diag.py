"""The head of a multivariate normal distribution with a diagonal covariance."""

import keras

from keras_distlayers import distributions
from keras_distlayers.layers._vector_head import VectorHead
from keras_distlayers.layers.parameters import Positive, Real


@keras.saving.register_keras_serializable("keras_distlayers.layers")
class MultivariateNormalDiag(VectorHead):
    """A head for a multivariate normal distribution with a diagonal covariance.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> rv = kdl.layers.MultivariateNormalDiag(3)(keras.ops.zeros((8, 6)))
        >>> round(float(rv.stddev()[0, 0]), 4), tuple(rv.entropy().shape)
        (0.6932, (8,))

    Source: `keras_distlayers.distributions.MultivariateNormalDiag`.
    """

    distribution_class = distributions.MultivariateNormalDiag
    parameters = {"loc": Real(), "scale_diag": Positive()}


__all__ = ["MultivariateNormalDiag"]
