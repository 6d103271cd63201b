"""Heads over bounded numbers, independent of each other: shares of one, angles."""

import keras

from keras_distlayers import distributions as kd
from keras_distlayers.layers.independent import IndependentHead
from keras_distlayers.layers.parametric import positive_scale


@keras.saving.register_keras_serializable("keras_distlayers.layers")
class IndependentBeta(IndependentHead):
    """A head for an event of independent beta entries, numbers between 0 and 1.

    The last axis of the input holds the raw concentrations of 1 (n numbers), then those of 0
    (n); both are softplus(raw) + 1e-5.

    Args:
        event_shape: An int or a tuple; n is its number of entries.
        convert_to_tensor_fn: As for `Head`.
        activity_regularizer: As for `Head`.
        seed: As for `Head`.
        **kwargs: As for `Head`.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> float(kdl.layers.IndependentBeta(1)(keras.ops.zeros((1, 2))).mean()[0, 0])
        0.5

    Source: `keras_distlayers.distributions.Beta`.
    """

    raw_parameters = ("concentration1: softplus + 1e-5", "concentration0: softplus + 1e-5")

    def entries(self, raw_one, raw_zero):
        return kd.Beta(positive_scale(raw_one), positive_scale(raw_zero))


@keras.saving.register_keras_serializable("keras_distlayers.layers")
class IndependentVonMises(IndependentHead):
    """A head for an event of independent angles.

    The last axis of the input holds the direction in radians (n numbers), then the raw
    concentration (n), which is softplus(raw) + 1e-5.

    Args:
        event_shape: An int or a tuple; n is its number of entries.
        convert_to_tensor_fn: As for `Head`.
        activity_regularizer: As for `Head`.
        seed: As for `Head`.
        **kwargs: As for `Head`.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> kdl.layers.IndependentVonMises(3).num_params
        6

    Source: `keras_distlayers.distributions.VonMises`.
    """

    raw_parameters = ("loc", "concentration: softplus + 1e-5")

    def entries(self, loc, raw_concentration):
        return kd.VonMises(loc, positive_scale(raw_concentration))


__all__ = ["IndependentBeta", "IndependentVonMises"]
