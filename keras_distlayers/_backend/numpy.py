"""NumPy: inference only, as Keras has it; a plain object with `__array__`."""

import contextlib
import functools
from collections.abc import Callable
from typing import Any, NoReturn

import keras
import numpy as np
from scipy import linalg, special

from keras_distlayers._backend import _wrapper
from keras_distlayers._core.typing import DynamicShape, Seed

NAME = "numpy"
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
arctan = np.arctan
arcsinh = np.arcsinh
cos = np.cos
cumsum = np.cumsum
floor = np.floor
largest = functools.partial(np.max, initial=-np.inf)
mean = np.mean
prod = np.prod
sin = np.sin
tanh = np.tanh


def register_pytree(
    cls: type, flatten: Callable[[Any], Any], unflatten: Callable[[Any, Any], Any]
) -> None:
    """Does nothing: there are no transformations to tell."""


def is_meta(x: Any) -> bool:
    """False: Keras on NumPy never trains, so nothing is probed."""
    return False


def only_shapes() -> bool:
    return False


def has_values(x: Any) -> bool:
    """True: there are no graphs."""
    return True


def is_exporting() -> bool:
    return False


def changes(x: Any) -> int:
    return 0


def require_shape(x: np.ndarray, shape: DynamicShape, *, error: str) -> np.ndarray:
    """Reshapes: the caller has compared the shapes already, which are known here."""
    return np.reshape(x, shape)


def repeat(
    function: Callable[..., tuple[np.ndarray, ...]], times: int, start: tuple[np.ndarray, ...]
) -> tuple[np.ndarray, ...]:
    """Calls the function: there are no graphs."""
    for _ in range(times):
        start = function(*start)
    return start


highest_precision = contextlib.nullcontext


def with_derivatives(
    function: Callable[..., tuple[np.ndarray, ...]], *, tangents: Any, cotangents: Any
) -> Callable[..., tuple[np.ndarray, ...]]:
    """The function: nothing is differentiated."""
    return function


def value_and_gradient(
    function: Callable[..., Any], at: Any, /, *given: Any, **options: Any
) -> NoReturn:
    raise NotImplementedError("Keras has no gradients on the NumPy backend.")


def solve_lower(tril: np.ndarray, columns: np.ndarray, *, transposed: bool = False) -> np.ndarray:
    """By SciPy, told to compute on where a number is not finite."""
    solve = functools.partial(
        linalg.solve_triangular, trans=int(transposed), lower=True, check_finite=False
    )
    over_batches = np.vectorize(solve, [columns.dtype], signature="(n,n),(n,m)->(n,m)")
    return over_batches(tril, columns)


def _generator(seed: Seed) -> np.random.Generator:
    return np.random.default_rng(int(keras.random.randint((), 0, 2**31 - 1, seed=seed)))


def seeded(function: Callable[[np.random.Generator], Any], seed: Seed) -> Any:
    """The function of a generator of NumPy's."""
    return function(_generator(seed))


def standard_gamma(shape: DynamicShape, concentration: np.ndarray, seed: Seed) -> np.ndarray:
    """Draws of rate 1."""
    return _generator(seed).standard_gamma(concentration, shape).astype(concentration.dtype)


def poisson(shape: DynamicShape, rate: np.ndarray, seed: Seed) -> np.ndarray:
    """Draws as floats."""
    return _generator(seed).poisson(rate, shape).astype(rate.dtype)
