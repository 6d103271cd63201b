"""TensorFlow: operations run one by one, except in `jit`."""

import contextlib
from collections.abc import Iterator

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


@contextlib.contextmanager
def full_precision() -> Iterator[None]:
    """A context without TF32: the switch is the process's, and is put back."""
    switch = tf.config.experimental.enable_tensor_float_32_execution
    before = tf.config.experimental.tensor_float_32_execution_enabled()
    switch(False)
    try:
        yield
    finally:
        switch(before)


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
