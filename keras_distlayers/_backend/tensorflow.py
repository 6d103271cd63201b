"""TensorFlow: a plain object with `__tf_tensor__`, TensorFlow's own conversion protocol."""

import contextlib

import keras
import tensorflow as tf

from keras_distlayers._backend import _wrapper

NAME = "tensorflow"
TensorLike = _wrapper.TensorLike

ndtri = tf.math.ndtri
lgamma = tf.math.lgamma
digamma = tf.math.digamma
i0e = tf.math.bessel_i0e
i1e = tf.math.bessel_i1e
erfc = tf.math.erfc
arccos = tf.math.acos
arcsinh = tf.math.asinh
cos = tf.math.cos
cumsum = tf.math.cumsum
floor = tf.math.floor
mean = tf.math.reduce_mean
prod = tf.math.reduce_prod
sin = tf.math.sin
tanh = tf.math.tanh

# TF32 is a switch of the whole process there, which is the user's:
# `tf.config.experimental.enable_tensor_float_32_execution`.
highest_precision = contextlib.nullcontext


def register_pytree(cls, flatten, unflatten):
    """Does nothing: tf.function sees the object as a leaf, and converts it where it returns."""


def is_meta(x):
    return False


def _seed(seed):
    """A seed of TensorFlow's from one of Keras's, whatever its kind."""
    return keras.random.randint((2,), 0, 2**31 - 1, seed=seed)


def seeded(function, seed):
    """The function of a stateless seed, two int32."""
    return function(_seed(seed))


def standard_gamma(shape, concentration, seed):
    """Draws of rate 1; their gradient by the concentration is implicit."""
    return tf.random.stateless_gamma(shape, _seed(seed), concentration, dtype=concentration.dtype)


def poisson(shape, rate, seed):
    """Draws as floats."""
    return tf.random.stateless_poisson(shape, _seed(seed), rate, dtype=rate.dtype)
