"""Torch: operations run one by one, except in `jit`."""

from collections.abc import Callable
from typing import TypeVar

import torch

from keras_distlayers._backend.torch import value_and_gradient
from keras_distlayers.testing._backend._eager import (
    clear_jit_cache,
    eval_shape,
    float64,
    jit_call,
    tree_roundtrip,
)

Result = TypeVar("Result")


def jit(function: Callable[..., Result]) -> Callable[..., Result]:
    """Traces the function, without the minutes that generating code would take."""
    torch.compiler.reset()
    return torch.compile(function, backend="eager")


__all__ = [
    "clear_jit_cache",
    "eval_shape",
    "float64",
    "jit",
    "jit_call",
    "tree_roundtrip",
    "value_and_gradient",
]
