"""NumPy: inference only, as Keras has it."""

from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

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


def value_and_gradient(
    function: Callable[..., Any], at: Any, /, *given: Any, **options: Any
) -> NoReturn:
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
