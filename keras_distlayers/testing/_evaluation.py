"""Laws and functions of them as checks evaluate them: compiled, as NumPy, in float64."""

import contextlib

import keras
import numpy as np
from keras import ops

from keras_distlayers import _backend, _structure
from keras_distlayers.distributions.distribution import Distribution

FEW_DRAWS = 1000
"""One number for all checks that need more than one: JAX compiles anew for another shape."""


_depth = 0


@contextlib.contextmanager
def kept():
    """What JAX compiles inside is kept until the outermost of these contexts is left.

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
            _backend.forget()


def evaluated(function, *args, **options):
    """The function's result for laws and tensors, in one compilation (see `_backend`).

    While it is kept, a function of a module is compiled once for each shape, a lambda anew.
    """
    with kept():
        return _backend.fused(function, *args, **options)


def gradient(function, at, *given, **options):
    """That of a scalar function by its first argument, a tensor or a list of them."""
    with kept():
        return _backend.value_and_gradient(function, at, *given, **options)[1]


def draw(law: Distribution, *, shape=(), seed=0):
    return law.sample(shape, seed=seed)


def log_prob(law: Distribution, value):
    return law.log_prob(value)


def draw_and_density(law: Distribution, *, shape=()):
    value = law.sample(shape, seed=0)
    return value, law.log_prob(value)


def statistic(law: Distribution, name: str, *args):
    """A statistic, or None where the law says that it has none."""
    try:
        return getattr(law, name)(*args)
    except NotImplementedError:
        return None


def statistics(law: Distribution, *args, names) -> dict:
    return {name: statistic(law, name, *args) for name in names}


def evaluated_statistic(law: Distribution, name: str, *args):
    return evaluated(statistics, law, *args, names=(name,))[name]


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


def in_float64(law):
    """The same law, or component of one, with float64 parameters, through its constructor."""
    arguments = {name: ops.cast(tensor, "float64") for name, tensor in law._tensors().items()}
    for name in law.component_names:
        arguments[name] = _structure.map_each(in_float64, getattr(law, name))
    return type(law)(**arguments, **{name: getattr(law, name) for name in law.static_names})


def tensors_of(law: Distribution) -> list:
    """All parameters, those of components included, in the order of `map_tensors`."""
    tensors = []

    def note(tensor):
        tensors.append(tensor)
        return tensor

    law.map_tensors(note)
    return tensors


def is_bound(law) -> list[bool]:
    """For each of `tensors_of`, whether it bounds the support."""
    bounds = getattr(law, "bound_names", ())
    own = [name in bounds for name in law._tensors()]
    return own + [flag for component, _ in law._components() for flag in is_bound(component)]


def with_tensors(law: Distribution, tensors) -> Distribution:
    """The law with other parameters, in the order of `tensors_of`."""
    rest = iter(tensors)
    return law.map_tensors(lambda _: next(rest))
