"""TensorFlow: operations run one by one, except in `jit`."""

from collections.abc import Callable
from typing import Any, TypeVar

import tensorflow as tf

from keras_distlayers.testing._backend._eager import (
    clear_jit_cache,
    eval_shape,
    float64,
    jit_call,
    tree_roundtrip,
)

Point = TypeVar("Point")  # a tensor or a list of them

jit = tf.function


def value_and_gradient(
    function: Callable[..., tf.Tensor], at: Point, /, *given: Any, **options: Any
) -> tuple[tf.Tensor, Point]:
    """A scalar function and its gradient by the first argument."""
    with tf.GradientTape() as tape:
        tape.watch(at)
        result = function(at, *given, **options)
    return result, tape.gradient(result, at, unconnected_gradients="zero")


__all__ = [
    "clear_jit_cache",
    "eval_shape",
    "float64",
    "jit",
    "jit_call",
    "tree_roundtrip",
    "value_and_gradient",
]
