"""Heads over normal entries that two bounds cut off, or that are read off as a bound."""

import keras

from keras_distlayers import distributions as kd
from keras_distlayers._core.errors import message
from keras_distlayers.layers.independent import IndependentHead
from keras_distlayers.layers.parametric import positive_scale


class _BoundedNormalHead(IndependentHead):
    """What the two share: bounds that are arguments of the layer, not of the input."""

    raw_parameters = ("loc", "scale: softplus + 1e-5")

    def __init__(
        self,
        event_shape=(),
        low=0.0,
        high=float("inf"),
        convert_to_tensor_fn="sample",
        activity_regularizer=None,
        seed=None,
        **kwargs,
    ):
        super().__init__(event_shape, convert_to_tensor_fn, activity_regularizer, seed, **kwargs)
        if not low < high:
            raise ValueError(
                message(
                    f"{type(self).__name__}, arguments `low` and `high`",
                    expected="low below high",
                    received=f"low={low}, high={high}",
                )
            )
        self.low, self.high = float(low), float(high)

    def get_config(self):
        return {**super().get_config(), "low": self.low, "high": self.high}


@keras.saving.register_keras_serializable("keras_distlayers.layers")
class IndependentTruncatedNormal(_BoundedNormalHead):
    """A head for an event of normal entries that cannot lie outside two bounds.

    The last axis of the input holds loc (n numbers), then the raw scale (n), both of the
    normal before it is truncated; the scale is softplus(raw) + 1e-5.

    Args:
        event_shape: An int or a tuple; n is its number of entries.
        low: The lower bound of every entry.
        high: The upper bound; infinity for none.
        convert_to_tensor_fn: As for `Head`.
        activity_regularizer: As for `Head`.
        seed: As for `Head`.
        **kwargs: As for `Head`.

    Raises:
        ValueError: if `low` is not below `high`.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> rv = kdl.layers.IndependentTruncatedNormal(1, low=0.0)(keras.ops.zeros((8, 2)))
        >>> bool(keras.ops.all(rv.mean() > 0.0))
        True

    Source: `keras_distlayers.distributions.TruncatedNormal`.
    """

    def entries(self, loc, raw_scale):
        return kd.TruncatedNormal(loc, positive_scale(raw_scale), self.low, self.high)


@keras.saving.register_keras_serializable("keras_distlayers.layers")
class IndependentCensoredNormal(_BoundedNormalHead):
    """A head for normal entries that are read off as a bound where they lie beyond it (Tobit).

    The last axis of the input holds loc (n numbers), then the raw scale (n), both of the
    normal before it is censored; the scale is softplus(raw) + 1e-5.

    Args:
        event_shape: An int or a tuple; n is its number of entries.
        low: What values below it are read as; minus infinity for none.
        high: What values above it are read as; infinity for none.
        convert_to_tensor_fn: As for `Head`.
        activity_regularizer: As for `Head`.
        seed: As for `Head`.
        **kwargs: As for `Head`.

    Raises:
        ValueError: if `low` is not below `high`.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> rv = kdl.layers.IndependentCensoredNormal(1, low=0.0)(keras.ops.zeros((1, 2)))
        >>> round(float(rv.prob(keras.ops.zeros((1, 1)))[0]), 4)
        0.5

    Source: `keras_distlayers.distributions.CensoredNormal`.
    """

    def entries(self, loc, raw_scale):
        return kd.CensoredNormal(loc, positive_scale(raw_scale), self.low, self.high)


__all__ = ["IndependentCensoredNormal", "IndependentTruncatedNormal"]
