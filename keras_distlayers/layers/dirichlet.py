"""The head of a Dirichlet distribution."""

import keras

from keras_distlayers import distributions
from keras_distlayers.layers._vector_head import VectorHead
from keras_distlayers.layers.parameters import Positive


@keras.saving.register_keras_serializable("keras_distlayers.layers")
class Dirichlet(VectorHead):
    """A head for vectors of probabilities.

    Args:
        event_size: The number of probabilities.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> rv = kdl.layers.Dirichlet(4)(keras.ops.zeros((8, 4)))
        >>> float(rv.mean()[0, 0])
        0.25

    Source: `keras_distlayers.distributions.Dirichlet`.
    """

    distribution_class = distributions.Dirichlet
    parameters = {"concentration": Positive()}


__all__ = ["Dirichlet"]
