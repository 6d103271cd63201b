"""A head in a model: its config, its file, its training, its regularizer."""

import pathlib
import tempfile
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from keras import ops

from keras_distlayers import losses, regularizers
from keras_distlayers._core.typing import Tensor
from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.distributions.kl import closed_form_kl
from keras_distlayers.layers.head import Head
from keras_distlayers.testing._evaluation import as_numpy
from keras_distlayers.testing.measurement.head_calls import build, distribution_for, with_config
from keras_distlayers.testing.measurement.record import Record, attempt, measured

if TYPE_CHECKING:
    from keras_distlayers.testing.measurement.heads import HeadMeasurement

OPTIONS = {"seed": 7, "convert_to_tensor_fn": "mode", "name": "renamed"}
ROWS = (1, 3)


def measure_configs(head: Head) -> Record:
    """The config, that of a copy, and of a copy of a head with another option."""
    config = head.get_config()
    return Record(
        given=config,
        copy=attempt(lambda: type(head).from_config(config).get_config()),
        options=Record({n: attempt(_kept, head, n, option) for n, option in OPTIONS.items()}),
    )


def _kept(head: Head, name: str, option: Any) -> Any:
    """An option as a copy of a head with that option has it."""
    cls = type(head)
    other = cls.from_config({**head.get_config(), name: option})
    return cls.from_config(other.get_config()).get_config().get(name)


def measure_terms(measurement: "HeadMeasurement") -> Record:
    """What half a KL divergence adds to the loss, for one row and for copies of it."""
    head, (one, *_) = measurement.head, ROWS
    if "activity_regularizer" not in head.get_config():
        return Record(kept=None)
    raw = measurement.raw_parameters(head, (one,))
    prior = distribution_for(head, measurement.raw_parameters(head, (), seed=1))
    regularizer = regularizers.KLDivergenceRegularizer(prior, weight=0.5)
    config = keras.saving.serialize_keras_object(regularizer)
    given = with_config(head, raw, activity_regularizer=config)
    heads = {rows: with_config(given, raw) for rows in ROWS}
    kept = heads[one].get_config()["activity_regularizer"]

    def results(raw: Tensor) -> dict[str, Any]:
        return {
            # To the prior as the config brought it back, whose tensors are others.
            "exact": attempt(lambda: closed_form_kl(distribution_for(head, raw), _prior(given))),
            "losses": [_losses(heads[n], ops.concatenate([raw] * n)) for n in ROWS],
        }

    return Record(measured(results, raw), kept=kept)


def _prior(head: Head) -> Distribution:
    return head.activity_regularizer.distribution_b  # type: ignore[union-attr]


def _losses(head: Head | keras.Model, raw: Tensor) -> list[Tensor]:
    """The loss terms of a call."""
    weights, state = (
        [v.value for v in variables]
        for variables in (head.trainable_variables, head.non_trainable_variables)
    )
    return head.stateless_call(weights, state, raw, return_losses=True)[-1]


class SmallModel:
    """A dense layer and a head, with inputs and targets.

    Args:
        head: The head.
        size: The number of its raw parameters.
        targets: Values that have a density, one for each row of the inputs.
    """

    def __init__(self, head: Head, size: int, targets: np.ndarray) -> None:
        kernel = keras.initializers.RandomNormal(0.0, 0.1, seed=0)
        dense = keras.layers.Dense(size, kernel_initializer=kernel)
        self.model = keras.Sequential([keras.Input((4,)), dense, head])
        self.x = np.random.default_rng(0).normal(size=(len(targets), 4)).astype("float32")
        self.targets = targets


def measure_saved(small: SmallModel) -> Record:
    """log_prob, loss terms and config before a model is saved, and after it is loaded."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "model.keras"
        small.model.save(path)
        reloaded = keras.models.load_model(path)
    models = (small.model, reloaded)

    def results(x: Tensor, targets: Tensor) -> dict[str, list[Any]]:
        return {
            "log_prob": [_log_prob(model, x, targets) for model in models],
            "loss_terms": [_losses(model, x) for model in models],
        }

    record = measured(results, small.x, small.targets)
    # In a file, a tuple is a list.
    return Record(record, config=[_as_lists(model.layers[-1].get_config()) for model in models])


def _as_lists(config: Any) -> Any:
    if isinstance(config, dict):
        return {name: _as_lists(value) for name, value in config.items()}
    return [_as_lists(item) for item in config] if isinstance(config, list | tuple) else config


def _log_prob(model: keras.Sequential, x: Tensor, targets: Tensor) -> Tensor:
    dense, head = model.layers
    return distribution_for(head, dense(x)).log_prob(targets)


def measure_trained(small: SmallModel) -> Record:
    """The negative log likelihood, and what `fit` reports and changes."""
    model, data = small.model, (small.x, small.targets)
    before = measured(
        lambda x, y: {"log_prob": _log_prob(model, x, y), "loss_terms": _losses(model, x)}, *data
    )
    model.compile(keras.optimizers.Adam(1e-2), losses.NegativeLogLikelihood())
    options = {"batch_size": len(small.x), "verbose": 0}
    kernel = as_numpy(model.layers[0].kernel.value).copy()
    history = model.fit(*data, epochs=2, **options).history["loss"]
    return Record(
        # With a KL term the loss is more than that.
        expected=None if before["loss_terms"] else -np.mean(before["log_prob"], dtype="float64"),
        history=history,
        changed=as_numpy(model.layers[0].kernel.value) != kernel,
    )


__all__ = [
    "OPTIONS",
    "ROWS",
    "SmallModel",
    "build",
    "measure_configs",
    "measure_saved",
    "measure_terms",
    "measure_trained",
]  # fmt: skip
