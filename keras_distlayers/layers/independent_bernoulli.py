"""The head of independent Bernoulli distributions."""

import keras

from keras_distlayers import distributions
from keras_distlayers.layers.independent_head import IndependentHead
from keras_distlayers.layers.parameters import Real


@keras.saving.register_keras_serializable("keras_distlayers.layers")
class IndependentBernoulli(IndependentHead):
    """A head for an event of independent Bernoulli entries, such as black and white pixels.

    Draws are floats, 0.0 or 1.0, and carry no gradient.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> rv = kdl.layers.IndependentBernoulli((28, 28, 1))(keras.ops.zeros((5, 784)))
        >>> [tuple(x.shape) for x in (rv, rv.mode(), rv.log_prob(keras.ops.ones((5, 28, 28, 1))))]
        [(5, 28, 28, 1), (5, 28, 28, 1), (5,)]

    Source: `keras_distlayers.distributions.Bernoulli`.
    """

    distribution_class = distributions.Bernoulli
    parameters = {"logits": Real()}


__all__ = ["IndependentBernoulli"]
