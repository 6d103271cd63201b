"""Checks of a layer with a distribution over its weights: draws, KL, precision, files.

Each takes a function without arguments that makes a `layers.Variational`, or one that derives
from it, for inputs of floats.
"""

import contextlib
import pathlib
import tempfile
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_distlayers.distributions import Distribution, Independent, Normal
from keras_distlayers.distributions.kl import closed_form_kl
from keras_distlayers.layers.variational import Variational, is_kernel
from keras_distlayers.layers.weight_posteriors import WeightPosterior
from keras_distlayers.testing._evaluation import as_float64, largest
from keras_distlayers.testing._reporting import (
    check,
    not_applicable,
    require,
    require_close,
    require_equal,
)
from keras_distlayers.testing._statistics import require_mean

MakeLayer = Callable[[], Variational]

CALLS = 400
"""How often a layer is called for the moments of its outputs."""

PAIRS = 32
"""Inputs are this many pairs of equal rows."""


@check
def check_output_moments(make_layer: MakeLayer, *, input_shape: tuple[int, ...] = (3,)) -> None:
    """Outputs have the mean and the variance that the posterior gives them, in closed form.

    For a layer without an activation that is linear in its weights.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> kdl.testing.check_output_moments(
        ...     lambda: kdl.layers.Variational(keras.layers.Dense(2), 100, "flipout"))
    """
    layer, x = _built(make_layer, input_shape)
    mean, variance, _ = _output_moments(layer, x)
    outputs = _outputs(layer, x)
    require_mean("mean of the outputs", outputs, mean, 1e-5 * largest(mean))
    # Over all rows and entries: squares of single entries have heavy tails.
    ratio = ((outputs - mean) ** 2 / variance).mean(axis=(1, 2))
    require_mean("variance of the outputs over that of the posterior", ratio, np.asarray(1.0))


@check
def check_output_rows(make_layer: MakeLayer, *, input_shape: tuple[int, ...] = (3,)) -> None:
    """Two rows are uncorrelated, except for reparameterization: there they have the same weights.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> kdl.testing.check_output_rows(
        ...     lambda: kdl.layers.Variational(keras.layers.Dense(2), 100, "flipout"))
    """
    layer, x = _built(make_layer, input_shape)
    mean, variance, is_shared = _output_moments(layer, x)
    residuals = (_outputs(layer, x) - mean) / np.sqrt(variance)
    correlation = (residuals[:, ::2] * residuals[:, 1::2]).mean(axis=(1, 2))
    require_mean("correlation of two equal rows", correlation, np.asarray(float(is_shared)))


@check
def check_weight_kl(make_layer: MakeLayer, *, input_shape: tuple[int, ...] = (3,)) -> None:
    """The loss is the KL of all weights over `dataset_size`: for any batch, layers and calls.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> kdl.testing.check_weight_kl(
        ...     lambda: kdl.layers.Variational(keras.layers.Dense(2), 100))
    """
    layers, x = [make_layer() for _ in range(2)], _inputs(input_shape)
    for layer in layers:
        layer(x)
    truth = sum(map(_kl_per_example, layers))
    inputs = keras.Input(input_shape)
    outputs = [layer(inputs) for layer in (*layers, layers[0])]  # one is called twice
    model = keras.Model(inputs, outputs)
    for rows in (1, len(x)):
        model(x[:rows])
        received = sum(float(as_float64(loss)) for loss in model.losses)
        require_close(
            f"the KL of two layers over dataset_size, for {rows} rows,",
            np.asarray(received), np.asarray(truth), 1e-4 * truth,
        )  # fmt: skip


@check
def check_zero_inputs(make_layer: MakeLayer, *, input_shape: tuple[int, ...] = (3,)) -> None:
    """A step of training on inputs of zeros leaves all weights finite.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> kdl.testing.check_zero_inputs(
        ...     lambda: kdl.layers.Variational(keras.layers.Dense(2), 100))
    """
    layer, x = _built(make_layer, input_shape)
    model = keras.Sequential([keras.Input(input_shape), layer])
    model.compile("sgd", "mse")
    zeros = np.zeros_like(x)
    model.fit(zeros, np.ones_like(ops.convert_to_numpy(model(zeros))), verbose=0)
    weights = np.concatenate([as_float64(v).ravel() for v in model.trainable_variables])
    require(np.isfinite(weights).all(), "finite weights after a step on zeros", f"{weights}")


@check
def check_half_precision(make_layer: MakeLayer, *, input_shape: tuple[int, ...] = (3,)) -> None:
    """In half precision large inputs have finite outputs, and the KL keeps float32's digits.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> kdl.testing.check_half_precision(
        ...     lambda: kdl.layers.Variational(keras.layers.Dense(2), 100))
    """
    with _policy("mixed_float16"):
        layer, x = _built(make_layer, input_shape)
        outputs = as_float64(layer(300.0 * x))
        require(np.isfinite(outputs).all(), "finite outputs of inputs near 300", f"{outputs}")
        # The nearest number in float16 is 10.
        layer.layer.set_weights([np.full(w.shape, 10.003) for w in layer.layer.get_weights()])
        layer(x)
    received = sum(float(as_float64(loss)) for loss in layer.losses)
    truth = _kl_per_example(layer, means=_means(layer))
    require_close(
        "the KL over dataset_size", np.asarray(received), np.asarray(truth), 1e-5 * truth
    )


@check
def check_variational_saving(
    make_layer: MakeLayer, *, input_shape: tuple[int, ...] = (3,)
) -> None:
    """A `.keras` file brings the layer back: its weights, its posterior and its KL.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> kdl.testing.check_variational_saving(
        ...     lambda: kdl.layers.Variational(keras.layers.Dense(2), 100))
    """
    layer, x = _built(make_layer, input_shape)
    model = keras.Sequential([keras.Input(input_shape), layer])
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "model.keras")
        model.save(path)
        loaded = keras.saving.load_model(path)
    copy = loaded.layers[-1]
    before, after = ({**a.get_config(), "layer": None} for a in (layer, copy))
    require_equal("the config after the reload", after, before)
    for what in ("mean", "variance"):
        before, after = (getattr(a.weight_distribution(), what)() for a in (layer, copy))
        require_close(f"the {what} of the weights after the reload", after, before, 0.0)
    before, after = (a(x, deterministic=True) for a in (layer, copy))
    require_close("the output at the mean after the reload", after, before, 0.0)
    if layer.kl_tracker.prior is None and layer.use_exact_kl is not False:
        before, after = (a.kl_tracker.kl_divergence for a in (layer, copy))
        require_close("the KL after the reload", np.asarray(after), np.asarray(before), 1e-6)


@check
def check_weight_means(make_layer: MakeLayer, *, input_shape: tuple[int, ...] = (3,)) -> None:
    """Weights that the wrapped layer is given are the posterior's means, and its outputs.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> kdl.testing.check_weight_means(
        ...     lambda: kdl.layers.Variational(keras.layers.Dense(2), 100))
    """
    layer, x = _built(make_layer, input_shape)
    if not isinstance(layer.posterior_layer, WeightPosterior):
        raise not_applicable("the posterior holds its own mean")
    rng = np.random.default_rng(1)
    layer.layer.set_weights([rng.normal(size=w.shape) for w in layer.layer.get_weights()])
    require_close(
        "the posterior's mean, which are the layer's weights,",
        layer.weight_distribution().mean(), _means(layer), 0.0,
    )  # fmt: skip
    expected = layer.layer(x)
    tolerance = 1e-5 * largest(expected)
    require_close("the output at the mean", layer(x, deterministic=True), expected, tolerance)


VARIATIONAL_CHECKS = (
    check_output_moments,
    check_output_rows,
    check_weight_kl,
    check_zero_inputs,
    check_half_precision,
    check_variational_saving,
    check_weight_means,
)
"""What `check_variational_layer` runs."""


def _inputs(input_shape: tuple[int, ...]) -> np.ndarray:
    """Rows of which each two are equal."""
    rows = np.random.default_rng(0).normal(size=(PAIRS, *input_shape)).astype("float32")
    return np.repeat(rows, 2, axis=0)


def _built(make_layer: MakeLayer, input_shape: tuple[int, ...]) -> tuple[Variational, np.ndarray]:
    layer, x = make_layer(), _inputs(input_shape)
    layer(x)
    return layer, x


def _outputs(layer: Variational, x: np.ndarray) -> np.ndarray:
    """The outputs of many calls, shape `(calls, rows, entries)`."""
    model = keras.Sequential([keras.Input(x.shape[1:]), layer])
    repeated = np.tile(x, (CALLS, *(1 for _ in x.shape[1:])))
    outputs = model.predict(repeated, batch_size=len(x), verbose=0)
    return as_float64(outputs).reshape((CALLS, len(x), -1))


def _output_moments(layer: Variational, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, bool]:
    """Means and variances of outputs that are linear in the weights; whether rows share these."""
    posterior = layer.weight_distribution()
    mean = as_float64(posterior.mean())

    def output(weights: np.ndarray) -> np.ndarray:
        outputs = layer.call_with(ops.convert_to_tensor(weights.astype("float32")), x)
        return as_float64(outputs).reshape((len(x), -1))

    center = output(mean)
    slopes = np.stack([output(mean + step) - center for step in np.eye(len(mean))])
    step = np.random.default_rng(2).normal(size=len(mean))
    predicted = center + np.einsum("w,wro->ro", step, slopes)
    if not np.allclose(output(mean + step), predicted, atol=1e-4 * largest(predicted)):
        raise not_applicable("the layer is not linear in its weights, or has an activation")
    if isinstance(posterior, Independent):
        covariance = np.diag(as_float64(posterior.variance()))
    else:
        covariance = as_float64(posterior.covariance())
    variance = np.einsum("wro,wv,vro->ro", slopes, covariance, slopes)
    return center, variance, layer.estimator == "reparameterization"


def _means(layer: Variational) -> np.ndarray:
    """The uncertain weights of the wrapped layer, read from its variables."""
    kernels = [
        v
        for v in layer.layer.trainable_variables
        if layer.get_config()["weights"] == "all" or is_kernel(v)
    ]
    return np.concatenate([as_float64(v).ravel() for v in kernels])


def _kl_per_example(layer: Variational, means: np.ndarray | None = None) -> float:
    """The term of the loss, from the posterior and the prior that the layer was given."""
    posterior, prior = layer.weight_distribution(), layer.prior
    if prior == "standard_normal":
        prior = Normal(0.0, 1.0)
    if not isinstance(prior, Distribution) or callable(layer.weight):
        raise not_applicable("the prior or the weight of the KL is not fixed")
    if means is not None and isinstance(layer.posterior_layer, WeightPosterior):
        posterior = layer.posterior_layer.distribution(ops.convert_to_tensor(means, "float32"))
    if not prior.event_shape:
        prior = Independent(prior.expand(tuple(posterior.event_shape)), 1)
    divergence = closed_form_kl(posterior, prior)
    if divergence is None or layer.use_exact_kl is False:
        raise not_applicable("there is no KL divergence in closed form")
    return float(as_float64(divergence)) * layer.weight / layer.dataset_size


@contextlib.contextmanager
def _policy(name: str) -> Iterator[None]:
    before: Any = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


__all__ = [
    "VARIATIONAL_CHECKS",
    "check_half_precision",
    "check_output_moments",
    "check_output_rows",
    "check_variational_saving",
    "check_weight_kl",
    "check_weight_means",
    "check_zero_inputs",
]
