"""The default posterior and prior over weights, under the names of `tfp.layers`."""

from collections.abc import Mapping
from typing import Any, Self

import keras

from keras_distlayers._core.errors import message
from keras_distlayers.distributions import Distribution, Independent, Normal
from keras_distlayers.layers.weight_posteriors import MeanFieldNormalPosterior


def default_mean_field_normal_fn(
    is_singular: bool = False,
    loc_initializer: Any = None,
    untransformed_scale_initializer: Any = None,
    loc_regularizer: Any = None,
    untransformed_scale_regularizer: Any = None,
    loc_constraint: Any = None,
    untransformed_scale_constraint: Any = None,
) -> MeanFieldNormalPosterior:
    """Independent normal distributions of the weights, that begin as those of `tfp.layers`.

    Pass it as `kernel_posterior_fn`. The arguments that begin with `loc` are about the kernel of
    the layer inside, which is the mean. `Variational` and `DenseVariational` refuse them: their
    mean is the weights of the layer as it was made.

    Args:
        is_singular: False. True would be weights without a distribution.
        loc_initializer: Of the mean; None for N(0, 0.1), and in `Variational` and
            `DenseVariational` for the weights as they are.
        untransformed_scale_initializer: Of the vector of raw scales, for a standard deviation of
            softplus(raw) + 1e-5; None for N(-3, 0.1), which is about 0.05.
        loc_regularizer: Of the mean, beside the KL.
        untransformed_scale_regularizer: Of the vector of raw scales.
        loc_constraint: Of the mean.
        untransformed_scale_constraint: Of the vector of raw scales.

    Raises:
        ValueError: if `is_singular` is true; for an argument of the mean where it is refused,
            as the layer is built.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> posterior = kdl.layers.default_mean_field_normal_fn(loc_initializer="ones")
        >>> layer = kdl.layers.DenseFlipout(2, kernel_posterior_fn=posterior, dataset_size=1000)
        >>> layer.build((None, 3))
        >>> keras.ops.convert_to_numpy(layer.weight_distribution().mean()).tolist()
        [1.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    """
    if is_singular:
        raise ValueError(
            message(
                "default_mean_field_normal_fn, argument `is_singular`",
                expected="False",
                received=f"is_singular={is_singular!r}",
                fix="For weights without a distribution use the layer of Keras itself; a bias "
                "has none unless weights='all'.",
            )
        )
    return DefaultMeanFieldNormal(
        loc=_given(loc_initializer, loc_regularizer, loc_constraint),
        raw_scale=_given(
            untransformed_scale_initializer,
            untransformed_scale_regularizer,
            untransformed_scale_constraint,
        ),
    )


def _given(initializer: Any, regularizer: Any, constraint: Any) -> dict[str, Any]:
    options = {"initializer": initializer, "regularizer": regularizer, "constraint": constraint}
    return {name: value for name, value in options.items() if value is not None}


@keras.saving.register_keras_serializable("keras_distlayers.layers")
def default_multivariate_normal_fn(
    kernel_size: int, bias_size: int = 0, dtype: Any = None
) -> Distribution:
    """The standard normal distribution of a vector of weights.

    Pass it as it is, as `kernel_prior_fn` and `prior`, whose default it is, or `make_prior_fn`.

    Args:
        kernel_size: The number of weights in the kernel.
        bias_size: The number of uncertain weights in the bias.
        dtype: Not used: the KL is computed in the posterior's.

    Examples:
        >>> import keras_distlayers as kdl
        >>> kdl.layers.default_multivariate_normal_fn(6).event_shape
        (6,)
    """
    return Independent(Normal(0.0, 1.0).expand((kernel_size + bias_size,)), 1)


@keras.saving.register_keras_serializable("keras_distlayers.layers")
class DefaultMeanFieldNormal(MeanFieldNormalPosterior):
    """What `default_mean_field_normal_fn` makes: the options of `add_weight` for both parameters.

    Args:
        loc: For the mean.
        raw_scale: For the raw scales.
        **kwargs: `name` and the like, of `keras.layers.Layer`.
    """

    def __init__(
        self,
        loc: Mapping[str, Any] | None = None,
        raw_scale: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.loc = dict(loc or {})
        self.raw_scale_options = dict(raw_scale or {})

    def build(self, size: int) -> None:
        if self.loc:
            raise ValueError(
                message(
                    "Variational, argument `posterior`",
                    expected="no argument of the mean: it is the weights of the layer inside",
                    received=f"default_mean_field_normal_fn with {self.loc} for `loc`",
                    fix="Give them to the layer, such as kernel_initializer.",
                )
            )
        # Not shared: all layers would begin with the same draws.
        start = {"initializer": keras.initializers.RandomNormal(-3.0, 0.1)}
        self.raw_scale = self._parameter("raw_scale", size, **{**start, **self.raw_scale_options})
        self.built = True

    def of_scale(self) -> Self:
        """The posterior without the options of the mean."""
        return type(self)(raw_scale=self.raw_scale_options)

    def of_kernel(self) -> dict[str, Any]:
        """The options of the mean, as arguments of the layer whose kernel it is."""
        start = {"initializer": keras.initializers.RandomNormal(0.0, 0.1)}
        return {f"kernel_{name}": value for name, value in {**start, **self.loc}.items()}

    def _argument_value(self, name: str) -> Any:
        return self.raw_scale_options if name == "raw_scale" else super()._argument_value(name)


__all__ = [
    "DefaultMeanFieldNormal",
    "default_mean_field_normal_fn",
    "default_multivariate_normal_fn",
]
