"""JAX: a function is compiled as a whole, since each operation alone would be compiled too."""

import functools

import jax
import jax.experimental

jit = jax.jit


def jit_call(function, /, *args, **options):
    """The function's result, in one compilation, kept until `clear_jit_cache`."""
    return _compiled(function, tuple(options))(*args, **options)


@functools.lru_cache(maxsize=128)
def _compiled(function, static):
    # A new function, for JAX would remember what it compiled by that of the caller.
    def clone(*args, **options):
        return function(*args, **options)

    return jax.jit(clone, static_argnames=static)


def clear_jit_cache():
    """Forgets what `jit_call` compiled."""
    _compiled.cache_clear()


def eval_shape(function, /, *args, **options):
    """The shapes and dtypes of the function's result, which need no compilation."""
    return jax.eval_shape(functools.partial(function, **options), *args)


def value_and_gradient(function, at, /, *given, **options):
    """A scalar function and its gradient by the first argument."""
    return jax.value_and_grad(functools.partial(function, **options))(at, *given)


def tree_roundtrip(x):
    """Takes a pytree apart and puts it together again."""
    leaves, structure = jax.tree_util.tree_flatten(x)
    return jax.tree_util.tree_unflatten(structure, leaves)


def float64():
    """A context in which there is float64, which JAX leaves out unless it is asked."""
    if hasattr(jax, "enable_x64"):
        return jax.enable_x64(True)
    return jax.experimental.enable_x64()  # before JAX 0.8


__all__ = [
    "clear_jit_cache",
    "eval_shape",
    "float64",
    "jit",
    "jit_call",
    "tree_roundtrip",
    "value_and_gradient",
]
