"""The arguments of `Variational`, checked, and those of its call."""

import inspect
from typing import Any

import keras

from keras_distlayers._core.errors import message
from keras_distlayers.layers._uncertain_weights import CHOICES
from keras_distlayers.layers.weight_posteriors import POSTERIORS, WeightPosterior

OWN_ARGUMENTS = ("training", "deterministic")
"""What `Variational` takes beside the arguments of the layer that it wraps."""


def call_signature(layer: keras.layers.Layer) -> inspect.Signature:
    """The signature of a layer's call with the arguments that `Variational` has itself."""
    signature = inspect.signature(layer.call)
    parameters = [p for p in signature.parameters.values() if p.name not in OWN_ARGUMENTS]
    own = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default)
        for name, default in (("training", None), ("deterministic", False))
    ]
    options = [parameters.pop()] if parameters[-1:] and parameters[-1].kind == _OPTIONS else []
    return signature.replace(parameters=[*parameters, *own, *options])


_OPTIONS = inspect.Parameter.VAR_KEYWORD


def as_symbol(x: Any) -> Any:
    """The shape and dtype of a tensor; anything else as it is."""
    if not hasattr(x, "shape") or not hasattr(x, "dtype"):
        return x
    return keras.KerasTensor(x.shape, keras.backend.standardize_dtype(x.dtype))


def checked_layer(layer: Any, where: str) -> keras.layers.Layer:
    """A layer, or an error; `where` names the argument."""
    if isinstance(layer, keras.layers.Layer):
        return layer
    raise TypeError(
        message(
            where,
            expected="a Keras layer, such as keras.layers.Dense(8)",
            received=repr(layer),
        )
    )


def posterior_layer(posterior: Any) -> Any:
    """The layer that makes the posterior, or a function of the number of weights.

    Of a `WeightPosterior` a copy: it says how to begin, and two layers must not share its weights.
    """
    if isinstance(posterior, str) and posterior in POSTERIORS:
        return POSTERIORS[posterior]()
    if isinstance(posterior, WeightPosterior):
        return type(posterior).from_config(posterior.get_config())
    if isinstance(posterior, keras.layers.Layer) or inspect.isroutine(posterior):
        return posterior
    raise ValueError(
        message(
            "Variational, argument `posterior`",
            expected=f"one of {sorted(POSTERIORS)}, a layer, or a function that makes one",
            received=f"posterior={posterior!r}",
        )
    )


def checked_choice(weights: Any) -> str:
    """The argument `weights`."""
    if weights in CHOICES:
        return weights
    raise ValueError(
        message(
            "Variational, argument `weights`",
            expected=f"one of {sorted(CHOICES)}",
            received=f"weights={weights!r}",
        )
    )


__all__ = [
    "OWN_ARGUMENTS",
    "as_symbol",
    "call_signature",
    "checked_choice",
    "checked_layer",
    "posterior_layer",
]
