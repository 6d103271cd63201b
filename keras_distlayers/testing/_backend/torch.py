"""Torch: operations run one by one, except in `jit`."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import keras
import torch

from keras_distlayers.testing._backend._eager import (
    clear_jit_cache,
    eval_shape,
    float64,
    jit_call,
    tree_roundtrip,
)

Result = TypeVar("Result")
Point = TypeVar("Point")  # a tensor or a list of them


def jit(function: Callable[..., Result]) -> Callable[..., Result]:
    """Traces the function, without the minutes that generating code would take."""
    torch.compiler.reset()
    return torch.compile(function, backend="eager")


def value_and_gradient(
    function: Callable[..., torch.Tensor], at: Point, /, *given: Any, **options: Any
) -> tuple[torch.Tensor, Point]:
    """A scalar function and its gradient by the first argument."""
    leaves = [tensor.detach().requires_grad_() for tensor in keras.tree.flatten(at)]
    result = function(keras.tree.pack_sequence_as(at, leaves), *given, **options)
    gradients: Sequence[torch.Tensor] = [torch.zeros_like(leaf) for leaf in leaves]
    if result.requires_grad:
        gradients = torch.autograd.grad(result, leaves, allow_unused=True, materialize_grads=True)
    return result, keras.tree.pack_sequence_as(at, gradients)


__all__ = [
    "clear_jit_cache",
    "eval_shape",
    "float64",
    "jit",
    "jit_call",
    "tree_roundtrip",
    "value_and_gradient",
]
