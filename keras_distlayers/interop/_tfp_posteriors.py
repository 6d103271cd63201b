"""Where the weights of `tfp.layers` go in a model; those of uncertain layers in a posterior."""

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import keras
import numpy as np

from keras_distlayers._core.errors import message
from keras_distlayers.layers import MeanFieldNormalPosterior, Variational
from keras_distlayers.layers.parameters import Positive
from keras_distlayers.layers.weight_posteriors import WeightPosterior


class Place(NamedTuple):
    """Where one array of `tfp.layers` goes.

    Attributes:
        variable: The variable, of which the array is a part or the whole.
        shape: The shape of the array.
        read: What the variable has for the array.
    """

    variable: keras.Variable
    shape: tuple[int, ...]
    read: Callable[[np.ndarray], np.ndarray] = np.asarray


def leaves(layer: keras.layers.Layer) -> Iterator[keras.layers.Layer]:
    """The layers of a model that are not models, in depth."""
    if isinstance(layer, keras.Model):
        for inner in layer.layers:
            yield from leaves(inner)
    else:
        yield layer


def places(model: keras.Model, variables: Sequence[keras.Variable]) -> list[Place]:
    """The places of the arrays of `tfp.layers`, for variables in the order of Keras 2."""
    uncertain: dict[int, list[Place]] = {}
    for layer in leaves(model):
        if isinstance(layer, Variational):
            uncertain |= _of_posterior(layer)
    return [
        place
        for variable in variables
        for place in uncertain.get(id(variable), [Place(variable, tuple(variable.shape))])
    ]


def assign(found: Sequence[Place], arrays: Sequence[np.ndarray]) -> None:
    """Gives each variable the arrays of its places; all are read before one is assigned."""
    variables = {id(place.variable): place.variable for place in found}
    parts: dict[int, list[np.ndarray]] = {key: [] for key in variables}
    for place, array in zip(found, arrays, strict=True):
        parts[id(place.variable)].append(np.ravel(place.read(array)))
    for key, variable in variables.items():
        variable.assign(np.reshape(np.concatenate(parts[key]), variable.shape))


def _of_posterior(layer: Variational) -> dict[int, list[Place]]:
    """By the id of a variable, the places that stand where it stands; none for some.

    `tfp.layers` has the mean of a kernel or a bias, and after it the raw scale of the same shape.
    Here the layer inside has the mean, and one vector after all of them the raw scales.
    """
    posterior = layer.posterior_layer
    if isinstance(posterior, MeanFieldNormalPosterior):
        scale, read = posterior.raw_scale, functools.partial(_raw_scale, layer.name)
        found: dict[int, list[Place]] = {id(scale): []}
        for v in layer.uncertain_variables:
            shape = tuple(v.shape)
            found[id(v)] = [Place(v, shape), Place(scale, shape, read)]
        return found
    if isinstance(posterior, WeightPosterior):
        return {}
    # A layer of the user's own has them.
    return {id(v): [] for v in layer.uncertain_variables}


def _raw_scale(name: str, raw: np.ndarray) -> np.ndarray:
    """The raw scale here, for that of `tfp.layers`, where a scale is eps + softplus(raw)."""
    scale = np.finfo(raw.dtype).eps + np.logaddexp(0.0, raw, dtype=raw.dtype)
    positive = Positive()
    if not np.all(scale > positive.floor):
        raise ValueError(
            message(
                f"tfp_weights, layer '{name}'",
                expected=f"standard deviations of the posterior above {positive.floor}, the "
                "smallest ones here",
                received=f"one of {np.min(scale):.3g}",
                fix="Set the untransformed scales of the source to -11.4 at least: a standard "
                "deviation of 1.1e-5.",
            )
        )
    return keras.ops.convert_to_numpy(positive.inverse(scale))


__all__ = ["Place", "assign", "leaves", "places"]
