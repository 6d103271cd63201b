"""Gradients of log_prob where a parameter is at an end of its range, in float64."""

import math
from typing import Any

import numpy as np
from keras import ops

from keras_distlayers._core.parameterized import Parameterized, own_components, own_parameters
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
from keras_distlayers.testing.measurement.record import Record, attempt, measured

_DRAWS = 32
_STEP = 1e-6


def measure(distribution: Distribution, seed: int) -> Record:
    """For each end of a parameter's range the gradient there, and the quotient of a step inside.

    Draws are made at the end itself, so that they are possible there. Of a vector, the first
    entry is at the end.

    Returns:
        A record of records, by what is at an end: `slope` and `quotient` along the step, and
        `gradients` by all parameters.
    """
    with double_precision():
        exact = in_float64(distribution)
        tensors, ends = tensors_of(exact), _ends(exact)
        moved = {name: _moved(tensors, *end) for name, end in ends.items()}
        if not moved:
            return Record()
        indices = tuple((name, index) for name, (index, *_) in ends.items())
        return measured(_results, moved, exact, indices=indices, seed=seed)


def _ends(distribution: Distribution) -> dict[str, tuple[int, int, float, float]]:
    """By description: the parameter's place in `tensors_of`, its rank, the end, the way inside."""
    places = _places(distribution)
    return {
        f"`{name}` is {end:g}, argument {i}": (i, rank, end, sign)
        for i, (name, rank, ends) in enumerate(places)
        for end, sign in zip(ends, (1.0, -1.0), strict=True)
        if math.isfinite(end)
    }


def _places(distribution: Parameterized) -> list[tuple[str, int, tuple[float, float]]]:
    """Name, rank and ends of each of `tensors_of`."""
    known = getattr(distribution, "closed_ranges", {})
    own = [
        (name, distribution.parameter_ndims[name], known.get(name, (-math.inf, math.inf)))
        for name in own_parameters(distribution)
    ]
    return own + [place for part in own_components(distribution) for place in _places(part)]


def _moved(
    tensors: list[Tensor], index: int, rank: int, end: float, sign: float
) -> dict[str, Any]:
    """The parameters with one at its end, and the direction of a step inside."""
    arrays = [as_float64(x) for x in tensors]
    direction = np.zeros(arrays[index].shape)
    direction[(..., 0) if rank else ...] = sign
    arrays[index] = np.where(direction != 0.0, end, arrays[index])
    *tensors, towards = (ops.convert_to_tensor(x) for x in (*arrays, direction))
    return {"tensors": tensors, "direction": towards}


def _results(
    moved: dict[str, Any],
    distribution: Distribution,
    *,
    indices: tuple[tuple[str, int], ...],
    seed: int,
) -> dict[str, Any]:
    return {
        name: attempt(_slope, **moved[name], distribution=distribution, index=index, seed=seed)
        for name, index in indices
    }


def _slope(
    tensors: list[Tensor], direction: Tensor, distribution: Distribution, index: int, seed: int
) -> dict[str, Any]:
    value = with_tensors(distribution, tensors).sample((_DRAWS,), seed=seed)
    value = ops.stop_gradient(value)
    total, gradients = backend.value_and_gradient(_total, tensors, distribution, value)
    inside = list(tensors)
    inside[index] = tensors[index] + _STEP * direction
    return {
        "gradients": gradients,
        "slope": ops.sum(gradients[index] * direction),
        "quotient": (_total(inside, distribution, value) - total) / _STEP,
    }


def _total(tensors: list[Tensor], distribution: Distribution, value: Tensor) -> Tensor:
    return ops.sum(with_tensors(distribution, tensors).log_prob(value))


__all__ = ["measure"]
