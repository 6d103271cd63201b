"""Heads over real numbers: independent entries with a centre and a scale."""

import keras
from keras import ops

from keras_distlayers import distributions as kd
from keras_distlayers._core.errors import message
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
        >>> import keras_distlayers as kdl
        >>> rv = kdl.layers.IndependentLogistic(3)(keras.ops.zeros((8, 6)))
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
        >>> import keras_distlayers as kdl
        >>> rv = kdl.layers.IndependentLaplace(3)(keras.ops.zeros((8, 6)))
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
        >>> import keras_distlayers as kdl
        >>> kdl.layers.IndependentStudentT.params_size(3)
        9

    Source: `keras_distlayers.distributions.StudentT`.
    """

    raw_parameters = ("df: 1 + softplus", "loc", "scale: softplus + 1e-5")

    def entries(self, raw_df, loc, raw_scale):
        return kd.StudentT(1.0 + ops.softplus(raw_df), loc, positive_scale(raw_scale))


@keras.saving.register_keras_serializable("keras_distlayers.layers")
class IndependentQuantile(IndependentHead):
    """A head for the regression of a quantile: the pinball loss as a likelihood.

    The last axis of the input holds the quantile (n numbers), then the raw scale (n), which
    is softplus(raw) + 1e-5. The distribution is the asymmetric Laplace whose `level`-quantile that is;
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
        >>> import keras_distlayers as kdl
        >>> upper = kdl.layers.IndependentQuantile(1, level=0.9, convert_to_tensor_fn="mode")
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
    "IndependentLaplace",
    "IndependentLogistic",
    "IndependentQuantile",
    "IndependentStudentT",
]
