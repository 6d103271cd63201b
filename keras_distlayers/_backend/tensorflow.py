"""TensorFlow: a plain object with `__tf_tensor__`, TensorFlow's own conversion protocol."""

import tensorflow as tf

from keras_distlayers._backend._wrapper import TensorLike

NAME = "tensorflow"

ndtri = tf.math.ndtri


def register_pytree(cls, flatten, unflatten):
    """Does nothing: tf.function sees the object as a leaf, and converts it where it returns."""


def is_probe(x):
    return False


__all__ = ["NAME", "TensorLike", "is_probe", "ndtri", "register_pytree"]
