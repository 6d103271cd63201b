"""TensorFlow: a plain object with `__tf_tensor__`, TensorFlow's own conversion protocol."""

import contextlib
import copy

import tensorflow as tf

from keras_distlayers._backend._wrapper import TensorLike

NAME = "tensorflow"

ndtri = tf.math.ndtri


def register_pytree(cls, flatten, unflatten):
    """Does nothing: tf.function sees the object as a leaf, and converts it where it returns."""


def is_probe(x):
    return False


jit = tf.function


def gradients(function, *tensors):
    """The gradients of a scalar function with respect to each of the tensors."""
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        result = function(*tensors)
    return tape.gradient(result, tensors, unconnected_gradients="zero")


rebuild = copy.deepcopy
float64 = contextlib.nullcontext

__all__ = [
    "NAME",
    "TensorLike",
    "float64",
    "gradients",
    "is_probe",
    "jit",
    "ndtri",
    "rebuild",
    "register_pytree",
]
