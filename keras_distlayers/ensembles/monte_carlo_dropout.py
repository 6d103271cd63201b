"""Dropout as the model predicts."""

from collections.abc import Iterator, Sequence
from typing import Any

import keras

from keras_distlayers._core.errors import message
from keras_distlayers.ensembles._parts import parts

DROPOUT = tuple(
    getattr(keras.layers, name)
    for name in ("Dropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D",
                 "GaussianDropout", "AlphaDropout")
)  # fmt: skip
"""Keras's layers that are dropout and nothing else."""


@keras.saving.register_keras_serializable("keras_distlayers.ensembles")
class AlwaysOn(keras.layers.Wrapper):
    """A layer that always works as in training, such as a dropout as the model predicts.

    Args:
        layer: The layer, whose weights and generator of random numbers are its own.
        **kwargs: `name`, `dtype` and the like, of `keras.layers.Layer`.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> layer = kdl.ensembles.AlwaysOn(keras.layers.Dropout(0.5))
        >>> y = layer(keras.ops.ones((1000,)), training=False)
        >>> sorted(set(keras.ops.convert_to_numpy(y).tolist()))
        [0.0, 2.0]
    """

    def __init__(self, layer: keras.layers.Layer, **kwargs: Any) -> None:
        super().__init__(layer, **{"dtype": layer.dtype_policy, "autocast": False, **kwargs})
        self.supports_masking = layer.supports_masking

    def call(self, inputs: Any, *args: Any, training: bool | None = None, **kwargs: Any) -> Any:
        return self.layer(inputs, *args, training=True, **kwargs)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        return self.layer.compute_mask(inputs, previous_mask)


def MonteCarloDropout(  # noqa: N802 - named as what it makes, as in keras.applications
    model: keras.Model, layers: Sequence[str | keras.layers.Layer] | None = None
) -> keras.Model:
    """The model with its dropout switched on as it predicts, and nothing else.

    Batch normalization goes on with the statistics that it has learned. The layers, their weights
    included, are those of the given model; only its dropout layers are wrapped, in `AlwaysOn`. So
    the new model can be made before or after the training of the given one, and is saved as any
    other.

    `predict_distribution(model, x, num_samples=50)` then gives the mixture over so many passes.
    One pass after the other is made over batches of the usual size.

    Args:
        model: A Sequential or Functional model. Models nested in it are entered.
        layers: The layers to switch on, by name or themselves, also those in nested models. By
            default each `Dropout`, `SpatialDropout1D` to `3D`, `GaussianDropout` and
            `AlphaDropout`. Name a layer whose dropout is inside it, such as an LSTM with
            `dropout=0.2` or a `TimeDistributed(Dropout(0.2))`: it then always works as in
            training.

    Returns:
        A new model of the same inputs and outputs, not compiled.

    Raises:
        TypeError: if `model` is another kind of model.
        ValueError: if no layer is left to switch on; if one of `layers` is not in the model or
            contains batch normalization; without `layers`, if dropout is inside another layer.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> model = keras.Sequential([
        ...     keras.Input((3,)), keras.layers.Dense(16, "relu"), keras.layers.Dropout(0.1),
        ...     keras.layers.Dense(2), kdl.layers.IndependentNormal(1)])
        >>> random_model = kdl.ensembles.MonteCarloDropout(model)
        >>> mixture = kdl.predict_distribution(
        ...     random_model, keras.ops.ones((8, 3)), num_samples=4, verbose=0)
        >>> mixture.batch_shape, mixture.components_distribution.batch_shape
        ((8,), (8, 4))

    Source: Gal and Ghahramani (2016), arXiv 1506.02142.
    """
    if not _is_graph(model):
        raise TypeError(
            message(
                "MonteCarloDropout, argument `model`",
                expected="a Sequential or Functional model",
                received=f"a {type(model).__name__}",
                fix="In a model of your own, wrap the dropout layers: "
                "kdl.ensembles.AlwaysOn(keras.layers.Dropout(rate)).",
            )
        )
    inside = list(_layers(model))
    chosen = _hidden_refused(inside) if layers is None else _named(inside, layers)
    if not chosen:
        raise ValueError(
            message(
                "MonteCarloDropout, argument `model`",
                expected="a model with a dropout layer",
                received=f"the model '{model.name}', whose layers have none",
            )
        )
    return _switched(model, {id(layer) for layer in chosen})


def _switched(model: keras.Model, chosen: set[int]) -> keras.Model:
    """A model of the same layers, those with the chosen ids wrapped; not compiled."""

    def shared(layer: keras.layers.Layer) -> keras.layers.Layer:
        if id(layer) in chosen:
            return AlwaysOn(layer, name=layer.name)
        return _switched(layer, chosen) if _is_graph(layer) else layer

    # Keras's clone of a compiled model is compiled from a config, which a loss that is a lambda
    # does not have.
    if not isinstance(model, keras.Sequential):
        graph = keras.Model(model.input, model.output, name=model.name)
        return keras.models.clone_model(graph, clone_function=shared)
    inputs = [
        keras.Input(batch_shape=x.shape, dtype=x.dtype, name=x.name)
        for x in getattr(model, "inputs", None) or ()
    ]
    return keras.Sequential([*inputs, *map(shared, model.layers)], name=model.name)


def _is_graph(model: Any) -> bool:
    """Whether Keras knows the layers of a model and how they are joined."""
    if isinstance(model, keras.Sequential):
        return True
    return isinstance(model, keras.Model) and bool(getattr(model, "inputs", None))


def _layers(model: keras.Model) -> Iterator[keras.layers.Layer]:
    """The layers of a model and of those nested in it."""
    for layer in model.layers:
        yield from _layers(layer) if _is_graph(layer) else (layer,)


def _hidden_refused(inside: Sequence[keras.layers.Layer]) -> list[keras.layers.Layer]:
    """The dropout layers, or an error where one is out of reach."""
    for layer in inside:
        if not isinstance(layer, (*DROPOUT, AlwaysOn)) and _drops(layer):
            raise ValueError(
                message(
                    "MonteCarloDropout, argument `layers`",
                    expected="the names of the layers to switch on, where dropout is inside a "
                    "layer that has other parts",
                    received=f"None, and dropout inside the {type(layer).__name__} '{layer.name}'",
                    fix="Pass layers=[...] with that name among the dropout layers, and it always "
                    "works as in training; or without it, and its dropout stays off.",
                )
            )
    return [layer for layer in inside if isinstance(layer, DROPOUT)]


def _named(
    inside: Sequence[keras.layers.Layer], layers: Sequence[str | keras.layers.Layer]
) -> list[keras.layers.Layer]:
    chosen = []
    for given in layers:
        found = [layer for layer in inside if layer is given or layer.name == given]
        where = "MonteCarloDropout, argument `layers`"
        if not found:
            names = sorted(layer.name for layer in inside)
            expected = f"layers of the model: {', '.join(names)}"
            raise ValueError(message(where, expected=expected, received=f"{given!r}"))
        for layer in found:
            if any(isinstance(x, keras.layers.BatchNormalization) for x in parts(layer)):
                raise ValueError(
                    message(
                        where,
                        expected="layers without batch normalization, which would take its "
                        "statistics from the batch that it predicts",
                        received=f"'{layer.name}'",
                    )
                )
        chosen += found
    return chosen


def _drops(layer: keras.layers.Layer) -> bool:
    """Whether a layer has dropout inside it."""
    return any(
        isinstance(part, DROPOUT)
        or any(_is_positive(vars(part).get(name)) for name in ("dropout", "recurrent_dropout"))
        for part in parts(layer)
    )


def _is_positive(rate: Any) -> bool:
    return isinstance(rate, int | float) and rate > 0.0


__all__ = ["AlwaysOn", "MonteCarloDropout"]
