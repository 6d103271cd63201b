"""The head of independent Laplace distributions."""

import keras

from keras_distlayers import distributions
from keras_distlayers.layers.independent_head import IndependentHead
from keras_distlayers.layers.parameters import Positive, Real


@keras.saving.register_keras_serializable("keras_distlayers.layers")
class IndependentLaplace(IndependentHead):
    """A head for an event of independent Laplace entries: regression by the mean absolute error.

    For a fixed scale, the negative log likelihood is the absolute error times a constant, plus
    a constant.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> rv = kdl.layers.IndependentLaplace(3)(keras.ops.zeros((8, 6)))
        >>> tuple(rv.stddev().shape)
        (8, 3)

    Source: `keras_distlayers.distributions.Laplace`.
    """

    distribution_class = distributions.Laplace
    parameters = {"loc": Real(), "scale": Positive()}


__all__ = ["IndependentLaplace"]
