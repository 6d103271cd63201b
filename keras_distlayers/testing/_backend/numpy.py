"""NumPy: inference only, as Keras has it."""

import contextlib
from collections.abc import Callable
from typing import Any, TypeVar

from keras_distlayers._backend.numpy import value_and_gradient
from keras_distlayers.testing._backend._eager import (
    clear_jit_cache,
    eval_shape,
    float64,
    jit_call,
    tree_roundtrip,
)

Function = TypeVar("Function", bound=Callable[..., Any])


def jit(function: Function) -> Function:
    """The function itself: nothing is compiled."""
    return function


full_precision = contextlib.nullcontext

__all__ = [
    "clear_jit_cache",
    "eval_shape",
    "float64",
    "full_precision",
    "jit",
    "jit_call",
    "tree_roundtrip",
    "value_and_gradient",
]
