"""NumPy: inference only, as Keras has it; a plain object with `__array__`."""

import contextlib
import copy

import keras
import numpy as np
from numpy import arccos, arcsinh, cos, cumsum, floor, mean, prod, sin, tanh
from scipy.special import digamma, erfc, i0e, i1e, ndtri
from scipy.special import gammaln as lgamma

from keras_distlayers._backend._wrapper import TensorLike

NAME = "numpy"


def register_pytree(cls, flatten, unflatten):
    """Does nothing: there are no transformations to tell."""


def is_meta(x):
    """False: Keras on NumPy never trains, so nothing is probed."""
    return False


highest_precision = contextlib.nullcontext


def jit(function):
    """The function itself: nothing is compiled."""
    return function


def jit_call(function, *args, **options):
    """The function's result: operations run one by one."""
    return function(*args, **options)


def clear_jit_cache():
    """Does nothing: nothing was kept."""


eval_shape = jit_call


def value_and_gradient(function, at, *given, **options):
    raise NotImplementedError("Keras has no gradients on the NumPy backend.")


tree_roundtrip = copy.deepcopy
float64 = contextlib.nullcontext


def _generator(seed):
    return np.random.default_rng(int(keras.random.randint((), 0, 2**31 - 1, seed=seed)))


def seeded(function, seed):
    """The function of a generator of NumPy's."""
    return function(_generator(seed))


def standard_gamma(shape, concentration, seed):
    """Draws of rate 1."""
    return _generator(seed).standard_gamma(concentration, shape).astype(concentration.dtype)


def poisson(shape, rate, seed):
    """Draws as floats."""
    return _generator(seed).poisson(rate, shape).astype(rate.dtype)


__all__ = [
    "NAME",
    "TensorLike",
    "arccos",
    "arcsinh",
    "clear_jit_cache",
    "cos",
    "cumsum",
    "digamma",
    "erfc",
    "eval_shape",
    "float64",
    "floor",
    "highest_precision",
    "i0e",
    "i1e",
    "is_meta",
    "jit",
    "jit_call",
    "lgamma",
    "mean",
    "ndtri",
    "poisson",
    "prod",
    "register_pytree",
    "seeded",
    "sin",
    "standard_gamma",
    "tanh",
    "tree_roundtrip",
    "value_and_gradient",
]
