"""JAX: a function is compiled as a whole, since each operation alone would be compiled too."""

import functools
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, TypeVar

import jax
import jax.experimental

from keras_distlayers._backend.jax import highest_precision as full_precision
from keras_distlayers._backend.jax import value_and_gradient

Result = TypeVar("Result")

jit = jax.jit


def jit_call(function: Callable[..., Result], /, *args: Any, **options: Any) -> Result:
    """The function's result, in one compilation, kept until `clear_jit_cache`."""
    return _compiled(function, tuple(options))(*args, **options)


@functools.lru_cache(maxsize=128)
def _compiled(function: Callable[..., Result], static: tuple[str, ...]) -> Callable[..., Result]:
    # A new function, for JAX would remember what it compiled by that of the caller.
    def clone(*args: Any, **options: Any) -> Result:
        return function(*args, **options)

    return jax.jit(clone, static_argnames=static)


def clear_jit_cache() -> None:
    """Forgets what `jit_call` compiled."""
    _compiled.cache_clear()


def eval_shape(function: Callable[..., Any], /, *args: Any, **options: Any) -> Any:
    """The shapes and dtypes of the function's result, which need no compilation."""
    return jax.eval_shape(functools.partial(function, **options), *args)


def tree_roundtrip(x: Result) -> Result:
    """Takes a pytree apart and puts it together again."""
    leaves, structure = jax.tree_util.tree_flatten(x)
    return jax.tree_util.tree_unflatten(structure, leaves)


def float64() -> AbstractContextManager[Any]:
    """A context in which there is float64, which JAX leaves out unless it is asked."""
    if hasattr(jax, "enable_x64"):
        return jax.enable_x64(True)
    return jax.experimental.enable_x64()  # type: ignore[attr-defined]  # before JAX 0.8


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
