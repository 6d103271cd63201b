"""Torch: operations run one by one, except in `jit`."""

import contextlib
from collections.abc import Callable, Iterator
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


@contextlib.contextmanager
def full_precision() -> Iterator[None]:
    """A context without TF32, which convolutions use by default: the switches are put back."""
    products, convolutions = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    torch.set_float32_matmul_precision("highest")
    torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(products)
        torch.backends.cudnn.allow_tf32 = convolutions


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
