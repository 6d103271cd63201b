"""What the backends share that run operations one by one: nothing is compiled, nothing is kept."""

import contextlib
import copy
from collections.abc import Callable
from typing import Any, TypeVar

Result = TypeVar("Result")


def jit_call(function: Callable[..., Result], /, *args: Any, **options: Any) -> Result:
    """The function's result."""
    return function(*args, **options)


def clear_jit_cache() -> None:
    """Does nothing: nothing was kept."""


eval_shape = jit_call
tree_roundtrip = copy.deepcopy
float64 = contextlib.nullcontext

__all__ = ["clear_jit_cache", "eval_shape", "float64", "jit_call", "tree_roundtrip"]
