"""Heads over positive numbers, independent of each other."""

import keras

from keras_distlayers import distributions as kd
from keras_distlayers.layers.independent import IndependentHead
from keras_distlayers.layers.parametric import positive_scale


@keras.saving.register_keras_serializable("keras_distlayers.layers")
class IndependentLogNormal(IndependentHead):
    """A head for an event of independent log-normal entries, positive numbers.

    The last axis of the input holds loc (n numbers), then the raw scale (n), both of the
    logarithm; the scale is softplus(raw) + 1e-5. Draws lie between exp(-50)
    and exp(50).

    Args:
        event_shape: An int or a tuple; n is its number of entries.
        convert_to_tensor_fn: As for `Head`.
        activity_regularizer: As for `Head`.
        seed: As for `Head`.
        **kwargs: As for `Head`.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> rv = kdl.layers.IndependentLogNormal(1)(keras.ops.zeros((8, 2)))
        >>> bool(keras.ops.all(keras.ops.convert_to_tensor(rv) > 0.0))
        True

    Source: `keras_distlayers.distributions.LogNormal`.
    """

    raw_parameters = ("loc", "scale: softplus + 1e-5")

    def entries(self, loc, raw_scale):
        return kd.LogNormal(loc, positive_scale(raw_scale))


@keras.saving.register_keras_serializable("keras_distlayers.layers")
class IndependentGamma(IndependentHead):
    """A head for an event of independent gamma entries, positive numbers.

    The last axis of the input holds the raw concentration (n numbers), then the raw rate (n);
    both are softplus(raw) + 1e-5.

    Args:
        event_shape: An int or a tuple; n is its number of entries.
        convert_to_tensor_fn: As for `Head`.
        activity_regularizer: As for `Head`.
        seed: As for `Head`.
        **kwargs: As for `Head`.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> tuple(kdl.layers.IndependentGamma((2, 2))(keras.ops.zeros((8, 8))).mean().shape)
        (8, 2, 2)

    Source: `keras_distlayers.distributions.Gamma`.
    """

    raw_parameters = ("concentration: softplus + 1e-5", "rate: softplus + 1e-5")

    def entries(self, raw_concentration, raw_rate):
        return kd.Gamma(positive_scale(raw_concentration), positive_scale(raw_rate))


__all__ = ["IndependentGamma", "IndependentLogNormal"]
