"""The weights of a model of `tfp.layers` in the same model of this package."""

import json
import os
import pathlib
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from keras_distlayers._core.errors import message
from keras_distlayers._core.typing import Tensor
from keras_distlayers.interop._tfp_posteriors import assign, leaves, places


def tfp_weights(source: Any, model: keras.Model) -> None:
    """Sets a model's weights to those of the same model in `tfp.layers`.

    Heads read their raw parameters in the order of `tfp.layers`, so that the same weights give
    the same distribution: log_prob is equal. (`IndependentNormal` and `IndependentLogistic`
    have a floor of 1e-5 under their scale here, which `tfp.layers` has for the full normal
    alone.)

    Layers with uncertain weights get the posterior: its mean and standard deviations, where they
    are those of `default_mean_field_normal_fn`, and those here of `MeanFieldNormalPosterior`. The
    biases are uncertain in both or in neither (`weights="all"` here). Of a `DenseVariational` the
    constants of the posterior and of the prior are copied as they are: make the distributions of
    them with the same functions, such as `softplus(c + t[..., n:])`, in a `DistributionLambda`.
    A fixed prior is not copied: write the same one here.

    Args:
        source: The Keras 2 model, live; or the path of its `.h5` file (of the whole model, or
            of `save_weights`), or of the folder of its SavedModel, which needs TensorFlow.
        model: The built model of this package: the same layers in the same order, nested
            models included. For an `.h5` file, with the same layers frozen (`trainable=False`):
            Keras 2 stores the frozen weights of a nested model after the others.

    Raises:
        ValueError: if a file is in another layout than Keras 2's own, such as `.weights.h5`; if
            the two have other numbers of weights, or weights of other shapes; if the file of a
            whole model says that other layers are frozen; if a standard deviation of a posterior
            is not above 1e-5, the floor here. The model is then as it was.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> dense = keras.layers.Dense(kdl.layers.IndependentNormal.params_size(2))
        >>> model = keras.Sequential([keras.Input((3,)), dense, kdl.layers.IndependentNormal(2)])
        >>> class Trained:  # stands for a model of tf_keras
        ...     def get_weights(self):
        ...         return [keras.ops.ones((3, 4)), keras.ops.zeros((4,))]
        >>> kdl.interop.tfp_weights(Trained(), model)
        >>> keras.ops.convert_to_numpy(model(keras.ops.ones((1, 3))).mean()).tolist()
        [[3.0, 3.0]]
    """
    found, variables = _pairs(source, model)
    arrays = [np.asarray(keras.ops.convert_to_numpy(x)) for x in found]
    into = places(model, variables)
    theirs, ours = ([tuple(x.shape) for x in xs] for xs in (arrays, into))
    if theirs != ours:
        raise ValueError(
            message(
                f"tfp_weights, model '{model.name}'",
                expected=f"weights of the shapes {theirs}, as the source has them",
                received=f"{ours}",
                fix="Build the same layers in the same order.",
            )
        )
    assign(into, arrays)


def _pairs(source: Any, model: keras.Model) -> tuple[list[Tensor], list[keras.Variable]]:
    """The arrays of the source, and the model's variables in the same order."""
    if hasattr(source, "get_weights"):
        return source.get_weights(), model.weights
    path = pathlib.Path(os.fspath(source))
    if path.is_dir():
        return _of_saved_model(path), model.weights
    arrays, config = _of_h5(path)
    if config is not None:
        _check_frozen(path.name, config, model)
    # Of each layer, which may be a model, Keras 2 stores the trainable weights first.
    order = [[*layer.trainable_weights, *layer.non_trainable_weights] for layer in model.layers]
    return arrays, [variable for layer in order for variable in layer]


def _check_frozen(name: str, config: dict[str, Any], model: keras.Model) -> None:
    """Whether the model has the same layers frozen as the one in the file."""
    theirs = list(_flags_in(config))
    layers = (x for x in leaves(model) if not isinstance(x, keras.layers.InputLayer))
    ours = [layer.trainable for layer in layers]
    if len(theirs) == len(ours) and theirs != ours:
        frozen, received = ([i for i, x in enumerate(xs) if not x] for xs in (theirs, ours))
        raise ValueError(
            message(
                f"tfp_weights, model '{model.name}'",
                expected=f"the frozen layers of {name}, number {frozen} counted from 0 in depth",
                received=f"{received}",
                fix="Set `trainable` of these layers as it was when the file was saved; change it "
                "afterwards.",
            )
        )


def _flags_in(config: dict[str, Any]) -> Iterator[bool]:
    """Of each layer that is not a model, whether it is trainable, from a config of Keras 2."""
    inner = config["config"]
    if isinstance(inner, dict) and "layers" in inner:
        for layer in inner["layers"]:
            yield from _flags_in(layer)
    elif config["class_name"] != "InputLayer":
        yield bool(inner.get("trainable", True))


def _of_h5(path: pathlib.Path) -> tuple[list[Tensor], dict[str, Any] | None]:
    """Keras 2's layout: the names of the layers, and of each layer's weights, in order.

    Returns:
        The weights, and the config of the model where the file is that of a whole model.
    """
    import h5py

    with h5py.File(path, "r") as file:
        root = file.get("model_weights", file)
        if "layer_names" not in root.attrs:
            raise ValueError(
                message(
                    f"tfp_weights, {path.name}",
                    expected="a file in Keras 2's layout",
                    received="one without the names of its layers",
                    fix="Save it with `model.save('model.h5')`.",
                )
            )
        layers = [root[_text(name)] for name in root.attrs["layer_names"]]
        arrays = [
            np.asarray(layer[_text(name)])
            for layer in layers
            for name in layer.attrs["weight_names"]
        ]
        config = file.attrs.get("model_config")
        return arrays, None if config is None else json.loads(_text(config))


def _text(name: str | bytes) -> str:
    return name.decode() if isinstance(name, bytes) else name


def _of_saved_model(path: pathlib.Path) -> list[Tensor]:
    import tensorflow as tf

    return [variable.numpy() for variable in tf.saved_model.load(str(path)).variables]


__all__ = ["tfp_weights"]
