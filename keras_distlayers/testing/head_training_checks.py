"""Checks of a head in a model: config, file, fit, seed, regularizer."""

from collections.abc import Callable

import numpy as np

from keras_distlayers.layers.head import Head
from keras_distlayers.testing._evaluation import as_float64, largest
from keras_distlayers.testing._reporting import (
    check,
    not_applicable,
    require,
    require_close,
    require_equal,
)
from keras_distlayers.testing.measurement import HeadMeasurement, measure_layer
from keras_distlayers.testing.measurement.head_models import OPTIONS, ROWS


@check
def check_layer_config(
    make_layer: Callable[[], Head] | HeadMeasurement, *, num_params: int | None = None
) -> None:
    """from_config(get_config()) gives the same head, with what it is given besides.

    Examples:
        >>> import keras_distlayers as kdl
        >>> kdl.testing.check_layer_config(lambda: kdl.layers.IndependentNormal(2))
    """
    measurement = measure_layer(make_layer, num_params=num_params)
    configs, calls = measurement.configs, measurement.calls
    require_equal("the config", configs["copy"], configs["given"])
    require_close("log_prob", calls["log_prob_of_copy"], calls["log_prob"], 0.0)
    for name, option in OPTIONS.items():
        require_equal(f"`{name}` in the config", configs["options"][name], option)


@check
def check_saving(
    make_layer: Callable[[], Head] | HeadMeasurement, *, num_params: int | None = None
) -> None:
    """A `.keras` file brings the head back: its distribution, regularizer and place in a model.

    Examples:
        >>> import keras_distlayers as kdl
        >>> kdl.testing.check_saving(lambda: kdl.layers.IndependentNormal(2))
    """
    saved = measure_layer(make_layer, num_params=num_params).saved
    before, after = saved["log_prob"]
    require_close("log_prob after the reload", after, before, 0.0)
    before, after = saved["loss_terms"]
    require_equal("loss terms after the reload:", len(after), len(before))
    before, after = saved["config"]
    require_equal("the config after the reload", after, before)


@check
def check_training(
    make_layer: Callable[[], Head] | HeadMeasurement, *, num_params: int | None = None
) -> None:
    """`fit` learns through log_prob, and its first loss is the negative log likelihood.

    Examples:
        >>> import keras_distlayers as kdl
        >>> kdl.testing.check_training(lambda: kdl.layers.IndependentNormal(2))
    """
    trained = measure_layer(make_layer, num_params=num_params).trained
    expected, history = trained["expected"], trained["history"]
    if expected is not None:
        require_close("the first loss of fit", history[0], expected, 1e-4 * largest(expected))
    require(np.isfinite(history).all(), "finite losses from fit", f"{history}")
    require(trained["changed"].any(), "weights that fit changes", "none that changed")


@check
def check_layer_seed(
    make_layer: Callable[[], Head] | HeadMeasurement, *, num_params: int | None = None
) -> None:
    """The same seed gives the same sequence of draws, and each call a new one.

    Examples:
        >>> import keras_distlayers as kdl
        >>> kdl.testing.check_layer_seed(lambda: kdl.layers.IndependentNormal(2))
    """
    sequence = measure_layer(make_layer, num_params=num_params).sequence
    (first, first_again), (second, second_again) = sequence["first"], sequence["second"]
    same = np.array_equal
    require(same(first, first_again), "the same first draw for the same seed", "another")
    require(same(second, second_again), "the same second draw", "another")
    require(not same(first, second), "a new draw for each call", "the same one")


@check
def check_regularizer(
    make_layer: Callable[[], Head] | HeadMeasurement, *, num_params: int | None = None
) -> None:
    """A KL regularizer is kept by the config, and adds nats per example, whatever the batch.

    Examples:
        >>> import keras_distlayers as kdl
        >>> kdl.testing.check_regularizer(lambda: kdl.layers.IndependentNormal(2))
    """
    terms = measure_layer(make_layer, num_params=num_params).terms
    require(terms["kept"] is not None, "`activity_regularizer` in the config", "None")
    if terms["exact"] is None:
        raise not_applicable("there is no KL divergence in closed form")
    exact = as_float64(terms["exact"]).mean()
    for rows, losses in zip(ROWS, terms["losses"], strict=True):
        require_equal("loss terms:", len(losses), 1)
        require_close(
            f"half the KL, in nats per example, for {rows} rows,",
            losses[0], np.asarray(0.5 * exact), 1e-5 * largest(exact),
        )  # fmt: skip
