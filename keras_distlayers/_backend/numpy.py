"""NumPy: inference only, as Keras has it; a plain object with `__array__`."""

import contextlib
import copy

from scipy.special import ndtri

from keras_distlayers._backend._wrapper import TensorLike

NAME = "numpy"


def register_pytree(cls, flatten, unflatten):
    """Does nothing: there are no transformations to tell."""


def is_probe(x):
    """False: Keras on NumPy never trains, so nothing is probed."""
    return False


def jit(function):
    """The function itself: nothing is compiled."""
    return function


def gradients(function, *tensors):
    raise NotImplementedError("Keras has no gradients on the NumPy backend.")


rebuild = copy.deepcopy
float64 = contextlib.nullcontext

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
