"""Our replacements for functions of `keras.ops`: each keeps float64, on every backend."""

import keras
import numpy as np
import pytest
import scipy.special
from helpers import numpy
from keras import ops

from keras_distlayers._core import ops as own
from keras_distlayers.testing._backend import backend as testing_backend

# Entries that float32 cannot hold.
X = np.array([[0.1, 0.3, 0.7], [0.2, 0.6, 0.9]])
Y = np.array([[0.2, 0.3, 0.1], [0.9, 0.4, 0.8]])

# The function's name: its arguments, and what NumPy or SciPy make of them.
KEEPS_FLOAT64 = {
    "arctan": ([X], np.arctan(X)),
    "arcsinh": ([X], np.arcsinh(X)),
    "broadcast_tensors": ([X, Y[0]], np.broadcast_arrays(X, Y[0])),
    "clip": ([X, 0.25, Y[0]], np.clip(X, 0.25, Y[0])),
    "cos": ([X], np.cos(X)),
    "cumsum": ([X, -1], np.cumsum(X, -1)),
    "einsum": (["ij,kj->ik", X, Y], X @ Y.T),
    "erfc": ([10.0 * X], scipy.special.erfc(10.0 * X)),
    "largest": ([X, (0, 1)], np.max(X)),
    "floor": ([2.0**40 + 10.0 * X], np.floor(2.0**40 + 10.0 * X)),
    "logaddexp": ([X, Y], np.logaddexp(X, Y)),
    "maximum": ([X, Y], np.maximum(X, Y)),
    "mean": ([X, (0, 1)], np.mean(X)),
    "minimum": ([X, Y], np.minimum(X, Y)),
    "prod": ([X, (-2, -1)], np.prod(X)),
    "sin": ([X], np.sin(X)),
    "tanh": ([X], np.tanh(X)),
}


def tensor(x):
    return ops.convert_to_tensor(x, "float64") if isinstance(x, np.ndarray) else x


def test_every_function_has_a_test():
    assert set(own.__all__) == set(KEEPS_FLOAT64)


@pytest.mark.parametrize("name", KEEPS_FLOAT64)
def test_float64_is_kept(name):
    arguments, expected = KEEPS_FLOAT64[name]
    with testing_backend.float64():
        results = keras.tree.flatten(getattr(own, name)(*(tensor(x) for x in arguments)))
        assert {keras.backend.standardize_dtype(x.dtype) for x in results} == {"float64"}
        values = [numpy(x) for x in results]
    for value, want in zip(values, keras.tree.flatten(expected), strict=True):
        np.testing.assert_allclose(value, want, rtol=1e-14)


@pytest.mark.parametrize("function", [own.maximum, own.minimum])
def test_a_nan_goes_through(function):
    assert np.isnan(numpy(function(ops.convert_to_tensor(np.nan), 1.0)))


def test_clip_broadcasts_a_number_to_its_bounds():
    x, bounds = (ops.convert_to_tensor(a, "float32") for a in (X[0], Y))
    np.testing.assert_allclose(numpy(own.clip(x, bounds, 1.0)), np.maximum(X[0], Y), rtol=1e-6)


def test_logaddexp_of_minus_infinity():
    x = ops.convert_to_tensor([-np.inf, 0.3, -np.inf])
    y = ops.convert_to_tensor([0.2, -np.inf, -np.inf])
    np.testing.assert_allclose(numpy(own.logaddexp(x, y)), [0.2, 0.3, -np.inf], rtol=1e-6)
