"""The head of independent Poisson distributions."""

import keras

from keras_distlayers import distributions
from keras_distlayers.layers.independent_head import IndependentHead
from keras_distlayers.layers.parameters import LogRate


@keras.saving.register_keras_serializable("keras_distlayers.layers")
class IndependentPoisson(IndependentHead):
    """A head for an event of independent Poisson counts.

    Up to a log rate of 40 the rate is exp(raw), as in `tfp.layers`; above, where no counts are,
    it grows linearly, so that losses and gradients stay finite. Draws are floats and carry no
    gradient.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> rv = kdl.layers.IndependentPoisson(3)(keras.ops.zeros((5, 3)))
        >>> tuple(rv.shape), tuple(rv.log_prob(keras.ops.ones((5, 3))).shape)
        ((5, 3), (5,))
        >>> float(rv.mean()[0, 0])
        1.0

    Source: `keras_distlayers.distributions.Poisson`.
    """

    distribution_class = distributions.Poisson
    parameters = {"log_rate": LogRate()}


__all__ = ["IndependentPoisson"]
