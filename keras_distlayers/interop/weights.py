"""The weights of a model of `tfp.layers` in the same model of this package."""

import os
import pathlib
from typing import Any

import keras
import numpy as np

from keras_distlayers._core.errors import message
from keras_distlayers._core.typing import Tensor


def tfp_weights(source: Any, model: keras.Model) -> None:
    """Sets a model's weights to those of the same model in `tfp.layers`.

    Heads read their raw parameters in the order of `tfp.layers`, so that the same weights give
    the same distribution: log_prob is equal. (`IndependentNormal` and `IndependentLogistic`
    have a floor of 1e-5 under their scale here, which `tfp.layers` has for the full normal
    alone.)

    Args:
        source: The Keras 2 model, live; or the path of its `.h5` file (of the whole model, or
            of `save_weights`), or of the folder of its SavedModel, which needs TensorFlow.
        model: The built model of this package: the same layers in the same order, nested
            models included.

    Raises:
        ValueError: if a file is in another layout than Keras 2's own, such as `.weights.h5`; if
            the two have other numbers of weights, or weights of other shapes.

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
    arrays = [np.asarray(keras.ops.convert_to_numpy(x)) for x in _arrays_of(source)]
    variables = model.weights
    theirs, ours = ([tuple(x.shape) for x in xs] for xs in (arrays, variables))
    if theirs != ours:
        raise ValueError(
            message(
                f"tfp_weights, model '{model.name}'",
                expected=f"weights of the shapes {theirs}, as the source has them",
                received=f"{ours}",
                fix="Build the same layers in the same order.",
            )
        )
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)


def _arrays_of(source: Any) -> list[Tensor]:
    if hasattr(source, "get_weights"):
        return source.get_weights()
    path = pathlib.Path(os.fspath(source))
    return _of_saved_model(path) if path.is_dir() else _of_h5(path)


def _of_h5(path: pathlib.Path) -> list[Tensor]:
    """Keras 2's layout: the names of the layers, and of each layer's weights, in order."""
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
        return [
            np.asarray(layer[_text(name)])
            for layer in layers
            for name in layer.attrs["weight_names"]
        ]


def _text(name: str | bytes) -> str:
    return name.decode() if isinstance(name, bytes) else name


def _of_saved_model(path: pathlib.Path) -> list[Tensor]:
    import tensorflow as tf

    return [variable.numpy() for variable in tf.saved_model.load(str(path)).variables]


__all__ = ["tfp_weights"]
