"""NumPy: inference only, as Keras has it; a plain object with `__array__`."""

from scipy.special import ndtri

from keras_distlayers._backend._wrapper import TensorLike

NAME = "numpy"


def register_pytree(cls, flatten, unflatten):
    """Does nothing: there are no transformations to tell."""


def is_probe(x):
    """False: Keras on NumPy never trains, so nothing is probed."""
    return False


__all__ = ["NAME", "TensorLike", "is_probe", "ndtri", "register_pytree"]
