"""JAX: a plain object with `__jax_array__`, registered as a pytree."""

import functools
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import jax
import jax.experimental
import jax.numpy as jnp
import keras
from jax.scipy import special

from keras_distlayers._backend import _wrapper
from keras_distlayers._core.typing import DynamicShape, Seed

NAME = "jax"
COMPILES_FLOWS = True
TAKES_DERIVATIVES = True
TensorLike = _wrapper.TensorLike

ndtri = special.ndtri
lgamma = special.gammaln
digamma = special.digamma
i0e = special.i0e
i1e = special.i1e
erfc = special.erfc
as_array = keras.ops.convert_to_numpy
as_tensor = keras.ops.convert_to_tensor
arctan = jnp.arctan
arcsinh = jnp.arcsinh
cos = jnp.cos
cumsum = jnp.cumsum
floor = jnp.floor
largest = functools.partial(jnp.max, initial=-jnp.inf)
mean = jnp.mean
prod = jnp.prod
sin = jnp.sin
tanh = jnp.tanh

register_pytree = jax.tree_util.register_pytree_node


def is_meta(x: Any) -> bool:
    """False: Keras probes on JAX by tracing, where the random variable comes along whole."""
    return False


def only_shapes() -> bool:
    return False


def has_values(x: Any) -> bool:
    """False for a tracer, and for the mere shape that Keras asks for."""
    return isinstance(x, jax.Array) and not isinstance(x, jax.core.Tracer)


def is_exporting() -> bool:
    return False


def changes(x: Any) -> int:
    return 0


def require_shape(x: jax.Array, shape: DynamicShape, *, error: str) -> jax.Array:
    """Reshapes: the caller has compared the shapes already, which are known here."""
    return jnp.reshape(x, shape)


def repeat(
    function: Callable[..., tuple[jax.Array, ...]], times: int, start: tuple[jax.Array, ...]
) -> tuple[jax.Array, ...]:
    """A loop of known length has gradients in both modes; without a graph, calls one by one."""
    if all(map(has_values, start)):  # JAX would compile the loop anew each time
        for _ in range(times):
            start = function(*start)
        return start
    return jax.lax.fori_loop(0, times, lambda _, tensors: function(*tensors), start)


def highest_precision() -> AbstractContextManager[Any]:
    """A context: JAX multiplies in TF32 on NVIDIA cards unless it is asked for all digits."""
    return jax.default_matmul_precision("highest")


def with_derivatives(
    function: Callable[..., tuple[jax.Array, ...]],
    *,
    tangents: Callable[[Any, Any], tuple[jax.Array, ...]],
    cotangents: Any,
) -> Callable[..., tuple[jax.Array, ...]]:
    """By `jax.custom_jvp`: JAX transposes the tangents itself for the reverse mode."""
    result = jax.custom_jvp(function)
    result.defjvp(lambda inputs, directions: (result(*inputs), tangents(inputs, directions)))
    return result


def value_and_gradient(
    function: Callable[..., jax.Array], at: Any, /, *given: Any, **options: Any
) -> tuple[jax.Array, Any]:
    return jax.value_and_grad(functools.partial(function, **options))(at, *given)


def solve_lower(tril: jax.Array, columns: jax.Array, *, transposed: bool = False) -> jax.Array:
    return jax.lax.linalg.triangular_solve(
        tril, columns, left_side=True, lower=True, transpose_a=transposed
    )


def _key(seed: Seed) -> jax.Array:
    """A key of JAX's from a seed of Keras's, whatever its kind."""
    a, b = keras.random.randint((2,), 0, 2**31 - 1, seed=seed)
    return jax.random.fold_in(jax.random.PRNGKey(a), b)


def seeded(function: Callable[[jax.Array], Any], seed: Seed) -> Any:
    """The function of a key."""
    return function(_key(seed))


def standard_gamma(shape: DynamicShape, concentration: jax.Array, seed: Seed) -> jax.Array:
    """Draws of rate 1; their gradient by the concentration is implicit."""
    return jax.random.gamma(_key(seed), concentration, shape, concentration.dtype)


def poisson(shape: DynamicShape, rate: jax.Array, seed: Seed) -> jax.Array:
    """Draws as floats."""
    return jax.random.poisson(_key(seed), rate, shape).astype(rate.dtype)
