"""JAX: a plain object with `__jax_array__`, registered as a pytree."""

import functools

import jax
import jax.experimental
import jax.numpy as jnp
import keras
from jax.scipy import special

from keras_distlayers._backend import _wrapper

NAME = "jax"
TensorLike = _wrapper.TensorLike

ndtri = special.ndtri
lgamma = special.gammaln
digamma = special.digamma
i0e = special.i0e
i1e = special.i1e
erfc = special.erfc
arccos = jnp.arccos
arcsinh = jnp.arcsinh
cos = jnp.cos
cumsum = jnp.cumsum
floor = jnp.floor
mean = jnp.mean
prod = jnp.prod
sin = jnp.sin
tanh = jnp.tanh

register_pytree = jax.tree_util.register_pytree_node


def is_meta(x):
    """False: Keras probes on JAX by tracing, where the random variable comes along whole."""
    return False


def highest_precision():
    """A context: JAX multiplies in TF32 on NVIDIA cards unless it is asked for all digits."""
    return jax.default_matmul_precision("highest")


jit = jax.jit


def jit_call(function, *args, **options):
    """The function's result, in one compilation, where each primitive would have one of its own.

    It is kept until `clear_jit_cache`: a function is compiled once for the same shapes.
    """
    return _compiled(function, tuple(options))(*args, **options)


@functools.lru_cache(maxsize=128)
def _compiled(function, static):
    # A function of its own, for JAX would remember what it compiled by that of the caller.
    def clone(*args, **options):
        return function(*args, **options)

    return jax.jit(clone, static_argnames=static)


def eval_shape(function, *args, **options):
    """The function's result without its numbers: shapes and dtypes, which no compilation needs."""
    return jax.eval_shape(functools.partial(function, **options), *args)


def value_and_gradient(function, at, *given, **options):
    """A scalar function and its gradient by the first argument; see `jit_call`."""
    return jit_call(_with_derivative(function), at, *given, **options)


@functools.lru_cache(maxsize=128)
def _with_derivative(function):
    """One function for each function, so that `jit_call` knows it again."""
    return jax.value_and_grad(function)


def clear_jit_cache():
    """Drops what `jit_call` keeps: a function may be another one by now, under the same name."""
    _compiled.cache_clear()
    _with_derivative.cache_clear()


def tree_roundtrip(x):
    """Takes a pytree apart and puts it together again."""
    leaves, structure = jax.tree_util.tree_flatten(x)
    return jax.tree_util.tree_unflatten(structure, leaves)


def float64():
    """A context in which there is float64, which JAX leaves out unless it is asked."""
    if hasattr(jax, "enable_x64"):
        return jax.enable_x64(True)
    return jax.experimental.enable_x64()  # before JAX 0.8


def _key(seed):
    """A key of JAX's from a seed of Keras's, whatever its kind."""
    a, b = keras.random.randint((2,), 0, 2**31 - 1, seed=seed)
    return jax.random.fold_in(jax.random.PRNGKey(a), b)


def seeded(function, seed):
    """The function of a key."""
    return function(_key(seed))


def standard_gamma(shape, concentration, seed):
    """Draws of rate 1; their gradient by the concentration is implicit."""
    return jax.random.gamma(_key(seed), concentration, shape, concentration.dtype)


def poisson(shape, rate, seed):
    """Draws as floats."""
    return jax.random.poisson(_key(seed), rate, shape).astype(rate.dtype)
