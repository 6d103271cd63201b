"""The head of independent Student t distributions."""

import keras

from keras_distlayers import distributions
from keras_distlayers.layers.independent_head import IndependentHead
from keras_distlayers.layers.parameters import Positive, Real


@keras.saving.register_keras_serializable("keras_distlayers.layers")
class IndependentStudentT(IndependentHead):
    """A head for an event of independent Student t entries: regression with outliers.

    The degrees of freedom `df` are above 1, where the distribution is Cauchy's.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> kdl.layers.IndependentStudentT.params_size(3)
        9
        >>> rv = kdl.layers.IndependentStudentT(3)(keras.ops.zeros((8, 9)))
        >>> tuple(rv.log_prob(rv).shape)
        (8,)

    Source: `keras_distlayers.distributions.StudentT`.
    """

    distribution_class = distributions.StudentT
    parameters = {"df": Positive(floor=1.0), "loc": Real(), "scale": Positive()}


__all__ = ["IndependentStudentT"]
