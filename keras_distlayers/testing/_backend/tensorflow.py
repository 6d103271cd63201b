"""TensorFlow: operations run one by one, except in `jit`."""

import tensorflow as tf

from keras_distlayers.testing._backend._eager import (
    clear_jit_cache,
    eval_shape,
    float64,
    jit_call,
    tree_roundtrip,
)

jit = tf.function


def value_and_gradient(function, at, /, *given, **options):
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
