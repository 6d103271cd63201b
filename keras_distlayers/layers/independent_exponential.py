"""The head of independent exponential distributions."""

import keras

from keras_distlayers import distributions
from keras_distlayers.layers.independent_head import IndependentHead
from keras_distlayers.layers.parameters import Positive


@keras.saving.register_keras_serializable("keras_distlayers.layers")
class IndependentExponential(IndependentHead):
    """A head for an event of independent exponential entries: waiting times, durations.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> rv = kdl.layers.IndependentExponential(3)(keras.ops.zeros((5, 3)))
        >>> tuple(rv.shape), tuple(rv.log_prob(keras.ops.ones((5, 3))).shape)
        ((5, 3), (5,))
        >>> round(float(rv.mean()[0, 0]), 4)
        1.4427

    Source: `keras_distlayers.distributions.Exponential`.
    """

    distribution_class = distributions.Exponential
    parameters = {"rate": Positive()}


__all__ = ["IndependentExponential"]
