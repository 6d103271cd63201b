"""TensorFlow: operations run one by one, except in `jit`."""

import tensorflow as tf

from keras_distlayers._backend.tensorflow import value_and_gradient
from keras_distlayers.testing._backend._eager import (
    clear_jit_cache,
    eval_shape,
    float64,
    jit_call,
    tree_roundtrip,
)

jit = tf.function


__all__ = [
    "clear_jit_cache",
    "eval_shape",
    "float64",
    "jit",
    "jit_call",
    "tree_roundtrip",
    "value_and_gradient",
]
