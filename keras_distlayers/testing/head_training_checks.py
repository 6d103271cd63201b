"""Checks of a head in a model: config, file, fit, seed, regularizer."""

import pathlib
import tempfile

import keras
import numpy as np
from keras import ops

from keras_distlayers import losses, regularizers
from keras_distlayers.distributions.kl import closed_form_kl
from keras_distlayers.testing._evaluation import as_float64, as_numpy, largest
from keras_distlayers.testing._heads import distribution_for, raw_parameters, with_config
from keras_distlayers.testing._reporting import (
    check,
    not_applicable,
    require,
    require_close,
    require_equal,
)


@check
def check_layer_config(make_layer, *, num_params=None) -> None:
    """from_config(get_config()) gives the same head, with what it is given besides.

    Examples:
        >>> import keras_distlayers as kdl
        >>> kdl.testing.check_layer_config(lambda: kdl.layers.IndependentNormal(2))
    """
    head = make_layer()
    raw = raw_parameters(head, num_params)
    clone = type(head).from_config(head.get_config())
    require_equal("the config", clone.get_config(), head.get_config())
    value = distribution_for(head, raw).sample(seed=0)
    require_close(
        "log_prob",
        distribution_for(clone, raw).log_prob(value),
        distribution_for(head, raw).log_prob(value),
        0.0,
    )
    for name, option in {"seed": 7, "convert_to_tensor_fn": "mode", "name": "renamed"}.items():
        again = with_config(with_config(head, **{name: option})).get_config()
        require_equal(f"`{name}` in the config", again.get(name), option)


@check
def check_saving(make_layer, *, num_params=None) -> None:
    """A `.keras` file brings the head back: its distribution, its regularizer, its place in a model.

    Examples:
        >>> import keras_distlayers as kdl
        >>> kdl.testing.check_saving(lambda: kdl.layers.IndependentNormal(2))
    """
    model, head = _model(make_layer, num_params)
    x = _inputs()[:3]
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "model.keras"
        model.save(path)
        reloaded = keras.models.load_model(path)
    distribution, again = (keras.Sequential(m.layers[:-1])(x) for m in (model, reloaded))
    clone = reloaded.layers[-1]
    value = distribution_for(head, distribution).sample(seed=0)
    require_close(
        "log_prob after the reload",
        distribution_for(clone, again).log_prob(value), distribution_for(head, distribution).log_prob(value), 0.0,
    )  # fmt: skip
    model(x), reloaded(x)
    require_equal("loss terms after the reload:", len(reloaded.losses), len(model.losses))
    require_equal("the config after the reload", clone.get_config(), head.get_config())


def _model(make_layer, num_params):
    head = make_layer()
    size = raw_parameters(head, num_params).shape[-1]
    dense = keras.layers.Dense(
        size, kernel_initializer=keras.initializers.RandomNormal(0.0, 0.1, seed=0)
    )
    return keras.Sequential([keras.Input((4,)), dense, head]), head


def _inputs():
    return np.random.default_rng(0).normal(size=(6, 4)).astype("float32")


@check
def check_training(make_layer, *, num_params=None) -> None:
    """`fit` learns through log_prob, and `evaluate` reports the negative log likelihood.

    Examples:
        >>> import keras_distlayers as kdl
        >>> kdl.testing.check_training(lambda: kdl.layers.IndependentNormal(2))
    """
    model, _ = _model(make_layer, num_params)
    x = _inputs()
    targets = as_numpy(model(x).sample(seed=0))
    model.compile(keras.optimizers.Adam(1e-2), losses.NegativeLogLikelihood())
    expected = as_float64(-model(x).log_prob(targets)).mean()
    if not model.losses:
        received = model.evaluate(x, targets, batch_size=3, verbose=0)
        require_close("evaluate()", received, expected, 1e-4 * largest(expected))
    before = as_numpy(model.layers[0].kernel.value).copy()
    history = model.fit(x, targets, epochs=2, batch_size=3, verbose=0).history["loss"]
    require(np.isfinite(history).all(), "finite losses from fit", f"{history}")
    changed = as_numpy(model.layers[0].kernel.value) != before
    require(changed.any(), "weights that fit changes", "none that changed")


@check
def check_layer_seed(make_layer, *, num_params=None) -> None:
    """The same seed gives the same sequence of draws, and each call a new one.

    Examples:
        >>> import keras_distlayers as kdl
        >>> kdl.testing.check_layer_seed(lambda: kdl.layers.IndependentNormal(2))
    """
    head = make_layer()
    raw = raw_parameters(head, num_params, (64,))
    one, two = (with_config(head, seed=11, convert_to_tensor_fn="sample") for _ in range(2))
    first, second = (np.asarray(as_numpy(one(raw))) for _ in range(2))
    again = [np.asarray(as_numpy(two(raw))) for _ in range(2)]
    require(np.array_equal(first, again[0]), "the same first draw for the same seed", "fold_in")
    require(np.array_equal(second, again[1]), "the same second draw", "fold_in")
    require(not np.array_equal(first, second), "a new draw for each call", "the same one")


@check
def check_regularizer(make_layer, *, num_params=None) -> None:
    """A KL regularizer is kept by the config, and adds nats per example, whatever the batch.

    Examples:
        >>> import keras_distlayers as kdl
        >>> kdl.testing.check_regularizer(lambda: kdl.layers.IndependentNormal(2))
    """
    head = make_layer()
    raw = raw_parameters(head, num_params, (1,))
    prior = distribution_for(head, raw_parameters(head, num_params, (), seed=1))
    regularizer = regularizers.KLDivergenceRegularizer(prior, weight=0.5)
    given = with_config(
        head, activity_regularizer=keras.saving.serialize_keras_object(regularizer)
    )
    kept = type(given).from_config(given.get_config()).get_config()["activity_regularizer"]
    require(kept is not None, "the regularizer in the config", "None")
    divergence = closed_form_kl(distribution_for(head, raw), prior)
    if divergence is None:
        raise not_applicable("there is no KL divergence in closed form")
    exact = as_float64(divergence).mean()
    for repeats in (1, 3):
        clone = type(given).from_config(given.get_config())
        clone(ops.concatenate([raw] * repeats))
        require_equal("loss terms:", len(clone.losses), 1)
        received = as_float64(clone.losses[0])
        tolerance = 1e-5 * largest(exact)
        require_close(
            f"half the KL, in nats per example, for {repeats} rows,",
            received, np.asarray(0.5 * exact), tolerance,
        )  # fmt: skip
