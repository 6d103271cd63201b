"""The head of independent beta distributions."""

import keras

from keras_distlayers import distributions
from keras_distlayers.layers.independent_head import IndependentHead
from keras_distlayers.layers.parameters import Positive


@keras.saving.register_keras_serializable("keras_distlayers.layers")
class IndependentBeta(IndependentHead):
    """A head for an event of independent beta entries, numbers between 0 and 1.

    At a target of exactly 0 or 1 the density is 0 or infinite, unless a concentration is 1, and
    the loss infinite or NaN. Move n such targets inside, to `(y * (n - 1) + 0.5) / n`, or take
    `IndependentCensoredNormal` with the bounds 0 and 1, which have a mass there.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> float(kdl.layers.IndependentBeta(1)(keras.ops.zeros((1, 2))).mean()[0, 0])
        0.5

    Source: `keras_distlayers.distributions.Beta`; the move inside: Smithson and Verkuilen,
    Psychological Methods 11 (2006).
    """

    distribution_class = distributions.Beta
    parameters = {"concentration1": Positive(), "concentration0": Positive()}


__all__ = ["IndependentBeta"]
