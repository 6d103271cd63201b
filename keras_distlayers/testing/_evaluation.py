"""Distributions and functions of them as checks evaluate them: compiled, as NumPy, in float64."""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import keras
import numpy as np
from keras import ops

from keras_distlayers._core import parameterized
from keras_distlayers._core.batches import map_each
from keras_distlayers._core.typing import Seed, Tensor
from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.testing._backend import backend

Result = TypeVar("Result")
Point = TypeVar("Point")  # a tensor or a list of them
Whole = TypeVar("Whole", bound=parameterized.Parameterized)

STATISTICS = ("mean", "mode", "variance", "stddev", "covariance", "entropy")

_depth = 0


@contextlib.contextmanager
def compilation_cache() -> Iterator[None]:
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
            backend.clear_jit_cache()


def evaluate(function: Callable[..., Result], /, *args: Any, **options: Any) -> Result:
    """The function's result for distributions and tensors, in one compilation (see `backend`).

    While it is kept, a function of a module is compiled once for each shape, a lambda anew.
    """
    with compilation_cache():
        return backend.jit_call(function, *args, **options)


def gradient(function: Callable[..., Tensor], at: Point, *given: Any, **options: Any) -> Point:
    """The gradient of a scalar function by its first argument, a tensor or a list of them."""
    return evaluate(_gradient, at, *given, function=function, **options)


def _gradient(at: Point, *given: Any, function: Callable[..., Tensor], **options: Any) -> Point:
    return backend.value_and_gradient(function, at, *given, **options)[1]


def draw(
    distribution: Distribution, *, shape: int | tuple[int, ...] = (), seed: Seed = 0
) -> Tensor:
    return distribution.sample(shape, seed=seed)


def log_prob(distribution: Distribution, value: Tensor) -> Tensor:
    return distribution.log_prob(value)


def draw_and_density(
    distribution: Distribution, *, shape: int | tuple[int, ...] = ()
) -> tuple[Tensor, Tensor]:
    value = distribution.sample(shape, seed=0)
    return value, distribution.log_prob(value)


def statistic(distribution: Distribution, name: str, *args: Tensor) -> Tensor | None:
    """A statistic, or None where the distribution says that it has none."""
    try:
        return getattr(distribution, name)(*args)
    except NotImplementedError:
        return None


def statistics(
    distribution: Distribution, *args: Tensor, names: Iterable[str]
) -> dict[str, Tensor | None]:
    return {name: statistic(distribution, name, *args) for name in names}


def evaluate_statistic(distribution: Distribution, name: str, *args: Tensor) -> Tensor | None:
    return evaluate(statistics, distribution, *args, names=(name,))[name]


def as_float64(x: Tensor) -> np.ndarray:
    return np.asarray(as_numpy(x), "float64")


def as_numpy(x: Tensor) -> np.ndarray:
    is_plain = isinstance(x, np.ndarray | float | int)
    return np.asarray(x) if is_plain else ops.convert_to_numpy(x)


def largest(*arrays: Tensor) -> float:
    """The largest finite magnitude, 1 at least: what a tolerance is relative to."""
    values = [np.abs(as_float64(a)) for a in arrays]
    return max(1.0, *(float(v[np.isfinite(v)].max(initial=0.0)) for v in values))


@contextlib.contextmanager
def double_precision() -> Iterator[None]:
    """float64 as the default of Keras, its policies and the backend."""
    floatx, policy = keras.config.floatx(), keras.config.dtype_policy()
    with backend.float64():
        keras.config.set_floatx("float64")
        keras.config.set_dtype_policy("float64")
        try:
            yield
        finally:
            keras.config.set_floatx(floatx)
            keras.config.set_dtype_policy(policy)


def in_float64(distribution: Whole) -> Whole:
    """A distribution, or a component of one, made again with float64 parameters."""
    arguments = {
        name: ops.cast(tensor, "float64")
        for name, tensor in parameterized.own_parameters(distribution).items()
    }
    for name in distribution.component_names:
        arguments[name] = map_each(in_float64, getattr(distribution, name))
    return type(distribution)(
        **arguments, **{name: getattr(distribution, name) for name in distribution.static_names}
    )


def batch_of(distribution: Distribution) -> tuple[int, ...]:
    """The shape of a batch whose sizes are all known, as they are where nothing is symbolic."""
    return tuple(int(n) for n in distribution.batch_shape)  # type: ignore[arg-type]


def tensors_of(distribution: Distribution) -> list[Tensor]:
    """All parameters, those of components included, in the order of `map_tensors`."""
    tensors = []

    def note(tensor: Tensor) -> Tensor:
        tensors.append(tensor)
        return tensor

    distribution.map_tensors(note)
    return tensors


def is_bound(distribution: parameterized.Parameterized) -> list[bool]:
    """For each of `tensors_of`, whether it bounds the support."""
    bounds = getattr(distribution, "bound_names", ())
    own = [name in bounds for name in parameterized.own_parameters(distribution)]
    components = parameterized.own_components(distribution)
    return own + [flag for component in components for flag in is_bound(component)]


def with_tensors(distribution: Distribution, tensors: Iterable[Tensor]) -> Distribution:
    """The distribution with other parameters, in the order of `tensors_of`."""
    rest = iter(tensors)
    return distribution.map_tensors(lambda _: next(rest))
