"""TensorFlow: a plain object with `__tf_tensor__`, TensorFlow's own conversion protocol."""

import contextlib
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from keras_distlayers._backend import _tensorflow_ndtri, _tensorflow_random, _wrapper
from keras_distlayers._core.typing import DynamicShape, Seed

NAME = "tensorflow"
COMPILES_FLOWS = True
TAKES_DERIVATIVES = True
TensorLike = _wrapper.TensorLike

ndtri = _tensorflow_ndtri.ndtri
lgamma = tf.math.lgamma
digamma = tf.math.digamma
i0e = tf.math.bessel_i0e
i1e = tf.math.bessel_i1e
erfc = tf.math.erfc
as_array = keras.ops.convert_to_numpy
as_tensor = keras.ops.convert_to_tensor
arctan = tf.math.atan
arcsinh = tf.math.asinh
cos = tf.math.cos
cumsum = tf.math.cumsum
floor = tf.math.floor
largest = tf.math.reduce_max
mean = tf.math.reduce_mean
prod = tf.math.reduce_prod
sin = tf.math.sin
tanh = tf.math.tanh

# TF32 is a switch of the whole process there, which is the user's:
# `tf.config.experimental.enable_tensor_float_32_execution`.
highest_precision = contextlib.nullcontext


def register_pytree(
    cls: type, flatten: Callable[[Any], Any], unflatten: Callable[[Any, Any], Any]
) -> None:
    """Does nothing: tf.function sees the object as a leaf, and converts it where it returns."""


def is_meta(x: Any) -> bool:
    return False


def only_shapes() -> bool:
    return False


def has_values(x: Any) -> bool:
    return not tf.is_symbolic_tensor(x)


def is_exporting() -> bool:
    return False


def changes(x: Any) -> int:
    return 0


def require_shape(x: tf.Tensor, shape: DynamicShape, *, error: str) -> tf.Tensor:
    expected = tf.convert_to_tensor(tf.stack(shape) if shape else [], tf.int32)

    def padded(sizes: tf.Tensor) -> tf.Tensor:
        missing = tf.maximum(len(shape) + 1 - tf.size(sizes), 0)
        return tf.concat([sizes, tf.ones([missing], tf.int32)], axis=0)

    check = tf.debugging.assert_equal(padded(tf.shape(x)), padded(expected), message=error)
    with tf.control_dependencies([check] if check is not None else []):
        reshaped = tf.reshape(x, expected)
    if x.shape.rank != len(shape):
        return reshaped
    # XLA leaves assertions out. What it compares is the number of entries in a reshape, and the
    # sizes in an operation on two tensors.
    nowhere = tf.logical_or(tf.zeros(tf.shape(x), tf.bool), tf.zeros(expected, tf.bool))
    return tf.reshape(tf.where(nowhere, tf.zeros([], x.dtype), reshaped), expected)


# To make a graph of a function takes as long as some ten calls, one operation after the other.
_CALLS_WORTH_A_GRAPH = 16


def repeat(
    function: Callable[..., tuple[tf.Tensor, ...]], times: int, start: tuple[tf.Tensor, ...]
) -> tuple[tf.Tensor, ...]:
    if times == 0:
        return start

    def call(i: tf.Tensor, *tensors: tf.Tensor) -> tuple[tf.Tensor, ...]:
        # A call may know less of a shape than the call before, which TensorFlow refuses.
        results = zip(function(*tensors), start, strict=True)
        return i + 1, *(tf.ensure_shape(result, x.shape) for result, x in results)

    def loop(*tensors: tf.Tensor) -> tuple[tf.Tensor, ...]:
        # XLA keeps what a gradient needs of each call only if it knows how many there may be,
        # not 0.
        return tf.while_loop(
            lambda i, *_: i < times,
            call,
            (tf.constant(0), *tensors),
            parallel_iterations=1,
            maximum_iterations=times,
        )[1:]

    if times < _CALLS_WORTH_A_GRAPH or not tf.executing_eagerly():
        return loop(*start)
    # A concrete function: TensorFlow warns of a function that is traced again and again.
    return tf.function(loop, autograph=False).get_concrete_function(*start)(*start)


def with_derivatives(
    function: Callable[..., tuple[tf.Tensor, ...]],
    *,
    tangents: Any,
    cotangents: Callable[[Any, Any], tuple[tf.Tensor, ...]],
) -> Callable[..., tuple[tf.Tensor, ...]]:
    """By `tf.custom_gradient`: TensorFlow's forward mode is the reverse mode, done twice."""

    @tf.custom_gradient
    def result(*inputs: tf.Tensor) -> Any:
        return function(*inputs), lambda *slopes: cotangents(inputs, slopes)

    return result


def value_and_gradient(
    function: Callable[..., tf.Tensor], at: Any, /, *given: Any, **options: Any
) -> tuple[tf.Tensor, Any]:
    with tf.GradientTape() as tape:
        tape.watch(at)
        result = function(at, *given, **options)
    return result, tape.gradient(result, at, unconnected_gradients="zero")


def solve_lower(tril: tf.Tensor, columns: tf.Tensor, *, transposed: bool = False) -> tf.Tensor:
    return tf.linalg.triangular_solve(tril, columns, lower=True, adjoint=transposed)


def _seed(seed: Seed) -> tf.Tensor:
    """A seed of TensorFlow's from one of Keras's, whatever its kind."""
    return keras.random.randint((2,), 0, 2**31 - 1, seed=seed)


def seeded(function: Callable[[tf.Tensor], Any], seed: Seed) -> Any:
    """The function of a stateless seed, two int32."""
    return function(_seed(seed))


def standard_gamma(shape: DynamicShape, concentration: tf.Tensor, seed: Seed) -> tf.Tensor:
    """Draws of rate 1 for concentrations from 1; their gradient is implicit."""
    return _tensorflow_random.standard_gamma(shape, concentration, _seed(seed))


def poisson(shape: DynamicShape, rate: tf.Tensor, seed: Seed) -> tf.Tensor:
    """Draws as floats."""
    return _tensorflow_random.poisson(shape, rate, _seed(seed))
