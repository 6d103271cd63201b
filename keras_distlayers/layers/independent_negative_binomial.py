"""The head of independent negative binomial distributions."""

import keras

from keras_distlayers import distributions
from keras_distlayers.layers.independent_head import IndependentHead
from keras_distlayers.layers.parameters import Positive, Real


@keras.saving.register_keras_serializable("keras_distlayers.layers")
class IndependentNegativeBinomial(IndependentHead):
    """A head for an event of independent negative binomial counts, more spread than Poisson's.

    Draws are floats and carry no gradient.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> rv = kdl.layers.IndependentNegativeBinomial(3)(keras.ops.zeros((5, 6)))
        >>> tuple(rv.shape), round(float(rv.mean()[0, 0]), 4)
        ((5, 3), 0.6932)

    Source: `keras_distlayers.distributions.NegativeBinomial`.
    """

    distribution_class = distributions.NegativeBinomial
    parameters = {"total_count": Positive(), "logits": Real()}


__all__ = ["IndependentNegativeBinomial"]
