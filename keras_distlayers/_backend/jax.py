"""JAX: a plain object with `__jax_array__`, registered as a pytree."""

import jax
import jax.experimental
from jax.scipy.special import ndtri

from keras_distlayers._backend._wrapper import TensorLike

NAME = "jax"

register_pytree = jax.tree_util.register_pytree_node


def is_probe(x):
    """False: Keras probes on JAX by tracing, where the random variable comes along whole."""
    return False


jit = jax.jit


def gradients(function, *tensors):
    """The gradients of a scalar function with respect to each of the tensors."""
    return jax.grad(function, argnums=tuple(range(len(tensors))))(*tensors)


def rebuild(x):
    """Takes a pytree apart and puts it together again."""
    leaves, structure = jax.tree_util.tree_flatten(x)
    return jax.tree_util.tree_unflatten(structure, leaves)


def float64():
    """A context in which there is float64, which JAX leaves out unless it is asked."""
    if hasattr(jax, "enable_x64"):
        return jax.enable_x64(True)
    return jax.experimental.enable_x64()  # before JAX 0.8


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
