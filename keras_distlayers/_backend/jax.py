"""JAX: a plain object with `__jax_array__`, registered as a pytree."""

import jax
from jax.scipy.special import ndtri

from keras_distlayers._backend._wrapper import TensorLike

NAME = "jax"

register_pytree = jax.tree_util.register_pytree_node


def is_probe(x):
    """False: Keras probes on JAX by tracing, where the random variable comes along whole."""
    return False


__all__ = ["NAME", "TensorLike", "is_probe", "ndtri", "register_pytree"]
