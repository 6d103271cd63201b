"""Distributions and functions of them as checks evaluate them: compiled, as NumPy, in float64."""

import contextlib

import keras
import numpy as np
from keras import ops

from keras_distlayers._core import parameterized
from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.testing import _backend

STATISTICS = ("mean", "mode", "variance", "stddev", "covariance", "entropy")

_depth = 0


@contextlib.contextmanager
def compilation_cache():
    """Keeps what JAX compiles inside, until the outermost of these contexts is left.

    No longer: a class whose method was replaced, as in a notebook, must not be tested by what
    the old one compiled to.
    """
    global _depth
    _depth += 1
    try:
        yield
    finally:
        _depth -= 1
        if _depth == 0:
            _backend.clear_jit_cache()


def evaluate(function, /, *args, **options):
    """The function's result for distributions and tensors, in one compilation (see `_backend`).

    While it is kept, a function of a module is compiled once for each shape, a lambda anew.
    """
    with compilation_cache():
        return _backend.jit_call(function, *args, **options)


def gradient(function, at, *given, **options):
    """The gradient of a scalar function by its first argument, a tensor or a list of them."""
    return evaluate(_gradient, at, *given, function=function, **options)


def _gradient(at, *given, function, **options):
    return _backend.value_and_gradient(function, at, *given, **options)[1]


def draw(distribution: Distribution, *, shape=(), seed=0):
    return distribution.sample(shape, seed=seed)


def log_prob(distribution: Distribution, value):
    return distribution.log_prob(value)


def draw_and_density(distribution: Distribution, *, shape=()):
    value = distribution.sample(shape, seed=0)
    return value, distribution.log_prob(value)


def statistic(distribution: Distribution, name: str, *args):
    """A statistic, or None where the distribution says that it has none."""
    try:
        return getattr(distribution, name)(*args)
    except NotImplementedError:
        return None


def statistics(distribution: Distribution, *args, names) -> dict:
    return {name: statistic(distribution, name, *args) for name in names}


def evaluate_statistic(distribution: Distribution, name: str, *args):
    return evaluate(statistics, distribution, *args, names=(name,))[name]


def as_float64(x) -> np.ndarray:
    return np.asarray(as_numpy(x), "float64")


def as_numpy(x) -> np.ndarray:
    is_plain = isinstance(x, np.ndarray | float | int)
    return np.asarray(x) if is_plain else ops.convert_to_numpy(x)


def largest(*arrays) -> float:
    """The largest finite magnitude, 1 at least: what a tolerance is relative to."""
    values = [np.abs(as_float64(a)) for a in arrays]
    return max(1.0, *(float(v[np.isfinite(v)].max(initial=0.0)) for v in values))


@contextlib.contextmanager
def double_precision():
    """float64 as the default of Keras, its policies and the backend."""
    floatx, policy = keras.config.floatx(), keras.config.dtype_policy()
    with _backend.float64():
        keras.config.set_floatx("float64")
        keras.config.set_dtype_policy("float64")
        try:
            yield
        finally:
            keras.config.set_floatx(floatx)
            keras.config.set_dtype_policy(policy)


def in_float64(distribution):
    """A distribution, or a component of one, made again with float64 parameters."""
    arguments = {
        name: ops.cast(tensor, "float64")
        for name, tensor in parameterized.own_parameters(distribution).items()
    }
    for name in distribution.component_names:
        arguments[name] = parameterized.map_each(in_float64, getattr(distribution, name))
    return type(distribution)(
        **arguments, **{name: getattr(distribution, name) for name in distribution.static_names}
    )


def batch_of(distribution: Distribution) -> tuple[int, ...]:
    """The shape of a batch whose sizes are all known, as they are where nothing is symbolic."""
    return tuple(int(n) for n in distribution.batch_shape)  # type: ignore[arg-type]


def tensors_of(distribution: Distribution) -> list:
    """All parameters, those of components included, in the order of `map_tensors`."""
    tensors = []

    def note(tensor):
        tensors.append(tensor)
        return tensor

    distribution.map_tensors(note)
    return tensors


def is_bound(distribution) -> list[bool]:
    """For each of `tensors_of`, whether it bounds the support."""
    bounds = getattr(distribution, "bound_names", ())
    own = [name in bounds for name in parameterized.own_parameters(distribution)]
    components = parameterized.own_components(distribution)
    return own + [flag for component in components for flag in is_bound(component)]


def with_tensors(distribution: Distribution, tensors) -> Distribution:
    """The distribution with other parameters, in the order of `tensors_of`."""
    rest = iter(tensors)
    return distribution.map_tensors(lambda _: next(rest))
