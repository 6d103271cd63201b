"""NumPy: inference only, as Keras has it."""

from keras_distlayers.testing._backend._eager import (
    clear_jit_cache,
    eval_shape,
    float64,
    jit_call,
    tree_roundtrip,
)


def jit(function):
    """The function itself: nothing is compiled."""
    return function


def value_and_gradient(function, at, /, *given, **options):
    raise NotImplementedError("Keras has no gradients on the NumPy backend.")


__all__ = [
    "clear_jit_cache",
    "eval_shape",
    "float64",
    "jit",
    "jit_call",
    "tree_roundtrip",
    "value_and_gradient",
]
