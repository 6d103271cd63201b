"""Heads over events of independent entries of a continuous family."""

import keras
from keras import ops

from keras_distlayers import distributions as kd
from keras_distlayers._errors import message
from keras_distlayers.layers.independent import IndependentHead
from keras_distlayers.layers.parametric import positive_scale


@keras.saving.register_keras_serializable("keras_distlayers.layers")
class IndependentLogistic(IndependentHead):
    """A head for an event of independent logistic entries.

    The last axis of the input holds loc (n numbers), then the raw scale (n); the scale is
    softplus(raw) + 1e-5. As `tfp.layers.IndependentLogistic`, which has no floor.

    Args:
        event_shape: An int or a tuple; n is its number of entries.
        convert_to_tensor_fn: As for `Head`.
        activity_regularizer: As for `Head`.
        seed: As for `Head`.
        **kwargs: As for `Head`.

    Examples:
        >>> import keras
        >>> from keras_distlayers import layers as kl
        >>> rv = kl.IndependentLogistic(3)(keras.ops.zeros((8, 6)))
        >>> tuple(rv.log_prob(rv).shape)
        (8,)

    Source: `keras_distlayers.distributions.Logistic`.
    """

    raw_parameters = ("loc", "scale: softplus + 1e-5")

    def entries(self, loc, raw_scale):
        return kd.Logistic(loc, positive_scale(raw_scale))


@keras.saving.register_keras_serializable("keras_distlayers.layers")
class IndependentLaplace(IndependentHead):
    """A head for an event of independent Laplace entries.

    The last axis of the input holds loc (n numbers), then the raw scale (n); the scale is
    softplus(raw) + 1e-5. Its likelihood is the mean absolute error's.

    Args:
        event_shape: An int or a tuple; n is its number of entries.
        convert_to_tensor_fn: As for `Head`.
        activity_regularizer: As for `Head`.
        seed: As for `Head`.
        **kwargs: As for `Head`.

    Examples:
        >>> import keras
        >>> from keras_distlayers import layers as kl
        >>> rv = kl.IndependentLaplace(3)(keras.ops.zeros((8, 6)))
        >>> tuple(rv.stddev().shape)
        (8, 3)

    Source: `keras_distlayers.distributions.Laplace`.
    """

    raw_parameters = ("loc", "scale: softplus + 1e-5")

    def entries(self, loc, raw_scale):
        return kd.Laplace(loc, positive_scale(raw_scale))


@keras.saving.register_keras_serializable("keras_distlayers.layers")
class IndependentStudentT(IndependentHead):
    """A head for an event of independent Student t entries: regression with outliers.

    The last axis of the input holds the raw degrees of freedom (n numbers), loc (n) and the
    raw scale (n); df is 1 + softplus(raw), Cauchy's at the least, and the scale is
    softplus(raw) + 1e-5.

    Args:
        event_shape: An int or a tuple; n is its number of entries.
        convert_to_tensor_fn: As for `Head`.
        activity_regularizer: As for `Head`.
        seed: As for `Head`.
        **kwargs: As for `Head`.

    Examples:
        >>> import keras
        >>> from keras_distlayers import layers as kl
        >>> kl.IndependentStudentT.params_size(3)
        9

    Source: `keras_distlayers.distributions.StudentT`.
    """

    raw_parameters = ("df: 1 + softplus", "loc", "scale: softplus + 1e-5")

    def entries(self, raw_df, loc, raw_scale):
        return kd.StudentT(1.0 + ops.softplus(raw_df), loc, positive_scale(raw_scale))


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
        >>> from keras_distlayers import layers as kl
        >>> rv = kl.IndependentLogNormal(1)(keras.ops.zeros((8, 2)))
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
        >>> from keras_distlayers import layers as kl
        >>> tuple(kl.IndependentGamma((2, 2))(keras.ops.zeros((8, 8))).mean().shape)
        (8, 2, 2)

    Source: `keras_distlayers.distributions.Gamma`.
    """

    raw_parameters = ("concentration: softplus + 1e-5", "rate: softplus + 1e-5")

    def entries(self, raw_concentration, raw_rate):
        return kd.Gamma(positive_scale(raw_concentration), positive_scale(raw_rate))


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
        >>> from keras_distlayers import layers as kl
        >>> float(kl.IndependentBeta(1)(keras.ops.zeros((1, 2))).mean()[0, 0])
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
        >>> from keras_distlayers import layers as kl
        >>> kl.IndependentVonMises(3).num_params
        6

    Source: `keras_distlayers.distributions.VonMises`.
    """

    raw_parameters = ("loc", "concentration: softplus + 1e-5")

    def entries(self, loc, raw_concentration):
        return kd.VonMises(loc, positive_scale(raw_concentration))


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
    """A head for an event of normal entries that cannot lie outside of two bounds.

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
        >>> from keras_distlayers import layers as kl
        >>> rv = kl.IndependentTruncatedNormal(1, low=0.0)(keras.ops.zeros((8, 2)))
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
        >>> from keras_distlayers import layers as kl
        >>> rv = kl.IndependentCensoredNormal(1, low=0.0)(keras.ops.zeros((1, 2)))
        >>> round(float(rv.prob(keras.ops.zeros((1, 1)))[0]), 4)
        0.5

    Source: `keras_distlayers.distributions.CensoredNormal`.
    """

    def entries(self, loc, raw_scale):
        return kd.CensoredNormal(loc, positive_scale(raw_scale), self.low, self.high)


@keras.saving.register_keras_serializable("keras_distlayers.layers")
class IndependentQuantile(IndependentHead):
    """A head for the regression of a quantile: the pinball loss as a likelihood.

    The last axis of the input holds the quantile (n numbers), then the raw scale (n), which
    is softplus(raw) + 1e-5. The law is the asymmetric Laplace whose `level`-quantile that is;
    it is `rv.loc` of the entries, and the mode.

    Args:
        event_shape: An int or a tuple; n is its number of entries.
        level: In (0, 1); 0.5 is the median.
        convert_to_tensor_fn: As for `Head`; "mode" makes the output the quantile itself.
        activity_regularizer: As for `Head`.
        seed: As for `Head`.
        **kwargs: As for `Head`.

    Raises:
        ValueError: if `level` is not between 0 and 1.

    Examples:
        >>> import keras
        >>> from keras_distlayers import layers as kl
        >>> upper = kl.IndependentQuantile(1, level=0.9, convert_to_tensor_fn="mode")
        >>> float(keras.ops.convert_to_tensor(upper(keras.ops.ones((1, 2))))[0, 0])
        1.0

    Source: `keras_distlayers.distributions.AsymmetricLaplace`.
    """

    raw_parameters = ("loc", "scale: softplus + 1e-5")

    def __init__(
        self,
        event_shape=(),
        level=0.5,
        convert_to_tensor_fn="sample",
        activity_regularizer=None,
        seed=None,
        **kwargs,
    ):
        super().__init__(event_shape, convert_to_tensor_fn, activity_regularizer, seed, **kwargs)
        if not 0.0 < level < 1.0:
            raise ValueError(
                message(
                    "IndependentQuantile, argument `level`",
                    expected="a number between 0 and 1",
                    received=f"level={level}",
                )
            )
        self.level = float(level)

    def entries(self, loc, raw_scale):
        return kd.AsymmetricLaplace(loc, positive_scale(raw_scale), self.level)

    def get_config(self):
        return {**super().get_config(), "level": self.level}


__all__ = [
    "IndependentBeta",
    "IndependentCensoredNormal",
    "IndependentGamma",
    "IndependentLaplace",
    "IndependentLogNormal",
    "IndependentLogistic",
    "IndependentQuantile",
    "IndependentStudentT",
    "IndependentTruncatedNormal",
    "IndependentVonMises",
]
