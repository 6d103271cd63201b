"""Dense layers with uncertain weights, as `tfp.layers` has them."""

import inspect
import math
from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from keras_distlayers._core.errors import message
from keras_distlayers._core.shapes import checked_size
from keras_distlayers.distributions import as_distribution
from keras_distlayers.layers._named_as_in_tfp import NamedAsInTFP, posterior_and_kernel
from keras_distlayers.layers._weight_priors import checked_prior


class _Dense(NamedAsInTFP):
    """The arguments of the three layers that differ in their estimator alone."""

    layer_class = keras.layers.Dense

    def __init__(
        self,
        units: int,
        activation: Any = None,
        activity_regularizer: Any = None,
        kernel_posterior_fn: Any = None,
        kernel_prior_fn: Any = None,
        seed: int | None = None,
        *,
        dataset_size: float,
        use_bias: bool = True,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        posterior, of_kernel = posterior_and_kernel(kernel_posterior_fn)
        super().__init__(
            keras.layers.Dense(
                checked_size(type(self).__name__, "units", units),
                activation,
                use_bias,
                activity_regularizer=activity_regularizer,
                dtype=dtype,
                **of_kernel,
            ),
            dataset_size,
            self.estimator_name,
            posterior,
            kernel_prior_fn or "standard_normal",
            seed=seed,
            name=name,
        )


@keras.saving.register_keras_serializable("keras_distlayers.layers")
class DenseReparameterization(_Dense):
    """A dense layer with weights that are drawn once for all rows.

    `Variational` around a `keras.layers.Dense`, under the name and with the arguments of
    `tfp.layers`. The kernel is uncertain and the bias is not.

    Args:
        units: The number of outputs.
        activation: Of the outputs.
        activity_regularizer: Of the outputs.
        kernel_posterior_fn: As `posterior` of `Variational`; None for `"mean_field_normal"`.
        kernel_prior_fn: As `prior` of `Variational`; None for `"standard_normal"`.
        seed: An int for the same sequence of draws each time the layer is made.
        dataset_size: The number of training examples, by which the KL is divided.
        use_bias: Whether there is a bias.
        name: The name of the layer.
        dtype: The dtype policy of the layer inside.

    Input shape: `batch_shape + (inputs,)`.

    Output shape: `batch_shape + (units,)`.

    Raises:
        TypeError: for an argument of `tfp.layers` that does not exist here.
        ValueError: as `Variational` does.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> layer = kdl.layers.DenseReparameterization(2, dataset_size=1000)
        >>> tuple(layer(keras.ops.ones((5, 3))).shape), len(layer.losses)
        ((5, 2), 1)

    Source: Kingma and Welling, Auto-Encoding Variational Bayes (2014).
    """

    estimator_name = "reparameterization"


@keras.saving.register_keras_serializable("keras_distlayers.layers")
class DenseLocalReparameterization(_Dense):
    """A dense layer with uncertain weights, whose outputs are drawn.

    `Variational` around a `keras.layers.Dense`, under the name and with the arguments of
    `tfp.layers`. The kernel is uncertain and the bias is not.

    Args:
        units: The number of outputs.
        activation: Of the outputs.
        activity_regularizer: Of the outputs; None here.
        kernel_posterior_fn: As `posterior` of `Variational`; None for `"mean_field_normal"`.
        kernel_prior_fn: As `prior` of `Variational`; None for `"standard_normal"`.
        seed: An int for the same sequence of draws each time the layer is made.
        dataset_size: The number of training examples, by which the KL is divided.
        use_bias: Whether there is a bias.
        name: The name of the layer.
        dtype: The dtype policy of the layer inside.

    Input shape: `batch_shape + (inputs,)`.

    Output shape: `batch_shape + (units,)`.

    Raises:
        TypeError: for an argument of `tfp.layers` that does not exist here.
        ValueError: as `Variational` does.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> layer = kdl.layers.DenseLocalReparameterization(2, dataset_size=1000)
        >>> tuple(layer(keras.ops.ones((5, 3))).shape), len(layer.losses)
        ((5, 2), 1)

    Source: Kingma, Salimans and Welling (2015).
    """

    estimator_name = "local_reparameterization"


@keras.saving.register_keras_serializable("keras_distlayers.layers")
class DenseFlipout(_Dense):
    """A dense layer with weights of each row's own.

    `Variational` around a `keras.layers.Dense`, under the name and with the arguments of
    `tfp.layers`. The kernel is uncertain and the bias is not.

    Args:
        units: The number of outputs.
        activation: Of the outputs.
        activity_regularizer: Of the outputs; None here.
        kernel_posterior_fn: As `posterior` of `Variational`; None for `"mean_field_normal"`.
        kernel_prior_fn: As `prior` of `Variational`; None for `"standard_normal"`.
        seed: An int for the same sequence of draws each time the layer is made.
        dataset_size: The number of training examples, by which the KL is divided.
        use_bias: Whether there is a bias.
        name: The name of the layer.
        dtype: The dtype policy of the layer inside.

    Input shape: `batch_shape + (inputs,)`.

    Output shape: `batch_shape + (units,)`.

    Raises:
        TypeError: for an argument of `tfp.layers` that does not exist here.
        ValueError: as `Variational` does.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> layer = kdl.layers.DenseFlipout(2, dataset_size=1000)
        >>> tuple(layer(keras.ops.ones((5, 3))).shape), len(layer.losses)
        ((5, 2), 1)

    Source: Wen et al., Flipout (2018).
    """

    estimator_name = "flipout"


@keras.saving.register_keras_serializable("keras_distlayers.layers")
class DenseVariational(NamedAsInTFP):
    """A dense layer with a posterior and a prior of your own over its kernel and bias.

    `Variational` around a `keras.layers.Dense`, under the name and with the arguments of
    `tfp.layers`.

    Args:
        units: The number of outputs.
        make_posterior_fn: A function of the number of weights in the kernel, of those in the bias
            and of a dtype. It returns a layer that makes a distribution over the vector of both,
            such as `VariableLayer` followed by a head, whatever its input. Or a posterior whose
            mean is the weights, such as `default_mean_field_normal_fn()`.
        make_prior_fn: A function of the same arguments that returns such a layer, or a function
            of a tensor that returns a fixed distribution.
        kl_weight: The factor of the KL: 1 / n for n training examples. It has no default,
            because the one of `tfp.layers`, 1, is wrong by the number of examples.
        kl_use_exact: True for the closed form of the KL, or an error; False for the closed form
            where there is one, and else an estimate.
        activation: Of the outputs.
        use_bias: Whether there is a bias.
        activity_regularizer: Of the outputs.
        seed: An int for the same sequence of draws each time the layer is made.
        name: The name of the layer.
        dtype: The dtype policy of the layer inside.

    Input shape: `batch_shape + (inputs,)`.

    Output shape: `batch_shape + (units,)`.

    Raises:
        ValueError: if `kl_weight` is not a positive number.
        TypeError: if a function makes no distribution over so many weights.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> def make(kernel_size, bias_size=0, dtype=None):
        ...     n = kernel_size + bias_size
        ...     raw = kdl.layers.VariableLayer(kdl.layers.IndependentNormal.params_size(n))
        ...     return keras.Sequential([raw, kdl.layers.IndependentNormal(n)])
        >>> layer = kdl.layers.DenseVariational(2, make, make, kl_weight=1 / 1000)
        >>> tuple(layer(keras.ops.ones((5, 3))).shape)
        (5, 2)
        >>> layer.weight_distribution().event_shape
        (8,)
    """

    layer_class = keras.layers.Dense

    def __init__(
        self,
        units: int,
        make_posterior_fn: Callable[..., Any] | keras.layers.Layer,
        make_prior_fn: Callable[..., Any],
        kl_weight: float | None = None,
        kl_use_exact: bool = False,
        activation: Any = None,
        use_bias: bool = True,
        activity_regularizer: Any = None,
        seed: int | None = None,
        *,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(
            keras.layers.Dense(
                checked_size(type(self).__name__, "units", units),
                activation,
                use_bias,
                activity_regularizer=activity_regularizer,
                dtype=dtype,
            ),
            1.0 / _checked_kl_weight(kl_weight),
            self.estimator_name,
            make_posterior_fn,
            make_prior_fn,
            weights="all",
            use_exact_kl=kl_use_exact or None,
            seed=seed,
            name=name,
        )

    def build(self, input_shape: Any = None) -> None:
        if not self.layer.built:
            self.layer.build(input_shape)
        sizes = [math.prod(v.shape) for v in self.layer.trainable_variables]
        arguments = (sizes[0], sum(sizes[1:]), self.variable_dtype)
        if inspect.isroutine(self.posterior):  # of a file it is what was made
            self.posterior_layer = self.posterior = self.posterior(*arguments)
        if inspect.isroutine(self.prior):
            self.prior = _made_prior(self.prior, arguments)
        super().build(input_shape)

    def _argument_value(self, name: str) -> Any:
        value = super()._argument_value(name)
        # The config has what was made: a file has no functions of three arguments.
        if name == "prior" and self.built and inspect.isroutine(value):
            return value(self._weights.size)
        return value


def _made_prior(make_prior: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    """The layer that was made, or a function of the number of weights that makes a distribution.

    A function, so that tensors are of the graph that reads them.
    """
    made = make_prior(*arguments)
    if isinstance(made, keras.layers.Layer):
        return made
    return lambda size: _fixed(make_prior(*arguments))


def _fixed(made: Any) -> Any:
    """A distribution as it is; the one that a function of a tensor returns."""
    if callable(made) and as_distribution(made) is None:
        made = made(ops.zeros((1, 1)))
    return checked_prior(made)


def _checked_kl_weight(weight: float | None) -> float:
    if isinstance(weight, int | float) and weight > 0:
        return weight
    raise ValueError(
        message(
            "DenseVariational, argument `kl_weight`",
            expected="a positive number",
            received=f"kl_weight={weight!r}",
            fix="Pass 1 / n for n training examples: the KL is then in nats per example, as the "
            "losses are.",
        )
    )


__all__ = [
    "DenseFlipout",
    "DenseLocalReparameterization",
    "DenseReparameterization",
    "DenseVariational",
]
