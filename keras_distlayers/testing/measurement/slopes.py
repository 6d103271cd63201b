"""Derivatives by the framework, and difference quotients of the same functions, in float64."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from keras import ops

from keras_distlayers._core.typing import Tensor
from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.testing._backend import backend
from keras_distlayers.testing._evaluation import (
    as_float64,
    double_precision,
    in_float64,
    tensors_of,
    with_tensors,
)
from keras_distlayers.testing.measurement.record import Raised, Record, attempt, measured

Function: TypeAlias = Callable[..., Tensor]
"""Of a list of tensors, and of what is given besides."""

Named: TypeAlias = tuple[tuple[str, Function], ...]
"""Functions by name; hashable, as constants of a compiled call are."""

_STEP = 1e-6


def measure(distribution: Distribution, draw: np.ndarray) -> Record:
    """The slopes of log_prob, entropy, mean and stddev in a random direction.

    In that direction each parameter (and, for log_prob of a continuous distribution, the value)
    changes by a factor: what is zero stays zero, and what is positive positive.

    Args:
        distribution: A `Distribution`.
        draw: One draw of it, an array.
    """
    with double_precision():
        exact = in_float64(distribution)
        value = _off_atoms(exact, as_float64(draw)).astype(exact.event_dtype)
        parameters = tensors_of(exact)
        if _is_a_point(exact):
            log_prob: Record = Record()  # which is 0 or -inf
        elif exact.support.is_discrete:
            log_prob = slopes({"log_prob": _log_prob_of_parameters}, parameters, exact, value)
        else:
            log_prob = slopes({"log_prob": _log_prob}, [value, *parameters], exact)
        return Record(log_prob | slopes(_STATISTICS, parameters, exact))


def _is_a_point(distribution: Distribution) -> bool:
    support = distribution.support
    return support.has_atoms and support.lower is support.upper


def _off_atoms(distribution: Distribution, value: np.ndarray) -> np.ndarray:
    """Values between the bounds, where those have a mass: log_prob jumps there."""
    if not distribution.support.has_atoms:
        return value
    lower, upper = as_float64(distribution.support.lower), as_float64(distribution.support.upper)
    margin = 0.1 * np.minimum(1.0, upper - lower)
    return np.clip(value, lower + margin, upper - margin)


def _log_prob(inputs: list[Tensor], distribution: Distribution) -> Tensor:
    return with_tensors(distribution, inputs[1:]).log_prob(inputs[0])


def _log_prob_of_parameters(
    inputs: list[Tensor], distribution: Distribution, value: Tensor
) -> Tensor:
    return with_tensors(distribution, inputs).log_prob(value)


def _entropy(inputs: list[Tensor], distribution: Distribution) -> Tensor:
    return with_tensors(distribution, inputs).entropy()


def _mean(inputs: list[Tensor], distribution: Distribution) -> Tensor:
    return with_tensors(distribution, inputs).mean()


def _stddev(inputs: list[Tensor], distribution: Distribution) -> Tensor:
    return with_tensors(distribution, inputs).stddev()


_STATISTICS = {"entropy": _entropy, "mean": _mean, "stddev": _stddev}


# ---------------------------------------------------------------- of any functions


def slopes(
    functions: Mapping[str, Function], inputs: Sequence[Tensor], *given: Any, factors: bool = True
) -> Record:
    """For each function the slope of its sum by each input, and the difference quotient.

    Args:
        functions: By name, of a list of tensors and of what is given besides.
        inputs: Where: arrays or tensors, in float64.
        *given: The other arguments, distributions and tensors.
        factors: Whether the direction changes each entry by a factor, or by a number.

    Returns:
        For each function a record with `total`, `slopes` and `quotients`; None where the
        function says that there is no such result.
    """
    points = [as_float64(x) for x in inputs]
    directions = _directions(points, factors)
    named = tuple(functions.items())
    gradients = measured(_gradients, _tensors(points), *given, functions=named)
    moved = [_totals_around(points, directions, i, given, named) for i in range(len(points))]
    return Record({name: _joined(name, gradients, moved, directions) for name in functions})


def _directions(points: list[np.ndarray], factors: bool) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [
        rng.uniform(0.5, 1.5, p.shape)
        * rng.choice([-1, 1], p.shape)
        * (np.where(np.isfinite(p), p, 0.0) if factors else 1.0)  # an infinite bound stays
        for p in points
    ]


def _tensors(arrays: list[np.ndarray]) -> list[Tensor]:
    return [ops.convert_to_tensor(x) for x in arrays]


def _total(inputs: list[Tensor], *given: Any, function: Function) -> Tensor:
    return ops.sum(ops.cast(function(inputs, *given), "float64"))  # labels, as modes, are ints


def _gradients(inputs: list[Tensor], *given: Any, functions: Named) -> dict[str, Any]:
    return {name: attempt(_gradient, inputs, *given, function=f) for name, f in functions}


def _gradient(inputs: list[Tensor], *given: Any, function: Function) -> dict[str, Any]:
    total, gradients = backend.value_and_gradient(_total, inputs, *given, function=function)
    return {"total": total, "gradients": gradients}


def _totals(inputs: list[Tensor], *given: Any, functions: Named) -> dict[str, Any]:
    return {name: attempt(_total, inputs, *given, function=f) for name, f in functions}


def _totals_around(
    points: list[np.ndarray],
    directions: list[np.ndarray],
    i: int,
    given: tuple[Any, ...],
    named: Named,
) -> list[Record]:
    """The functions' sums a step forward and a step backward in one of the inputs."""
    return [
        measured(_totals, _moved(points, directions, i, step), *given, functions=named)
        for step in (_STEP, -_STEP)
    ]


def _moved(
    points: list[np.ndarray], directions: list[np.ndarray], i: int, step: float
) -> list[Tensor]:
    arrays = list(points)
    arrays[i] = points[i] + step * directions[i]
    return _tensors(arrays)


def _joined(
    name: str, gradients: Record, moved: list[list[Record]], directions: list[np.ndarray]
) -> Record | Raised | None:
    found = dict.get(gradients, name)
    if found is None or isinstance(found, Raised):
        return found
    return Record(
        total=float(found["total"]),
        slopes=[
            np.where(d == 0.0, 0.0, as_float64(g) * d).sum()
            for g, d in zip(found["gradients"], directions, strict=True)
        ],
        quotients=[_quotient(forward[name], backward[name]) for forward, backward in moved],
    )


def _quotient(forward: float, backward: float) -> float:
    with np.errstate(invalid="ignore"):  # of infinities
        return float((forward - backward) / (2 * _STEP))


__all__ = ["measure", "slopes"]
