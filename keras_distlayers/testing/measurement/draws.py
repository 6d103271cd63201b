"""Thousands of draws in the distribution's own precision, and what can be compared with them."""

import functools
import math
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_distlayers._core.typing import Tensor
from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.distributions.support import Support
from keras_distlayers.testing._evaluation import STATISTICS, as_float64, as_numpy, batch_of
from keras_distlayers.testing.measurement.pairs import has_own_pairs
from keras_distlayers.testing.measurement.record import Raised, Record, after, attempt, measured

DRAWS = 20_000
_MOST_NUMBERS = 4_000_000
GRID = (2, 3)
"""The sample shape of a few draws whose log_prob is taken with two sample axes."""


def measure(distribution: Distribution, seed: int, num_draws: int) -> Record:
    """Draws, as many as fit and at least 500, and all that needs no more than them."""
    entries = math.prod((*batch_of(distribution), *distribution.event_shape))
    n = max(500, min(num_draws, _MOST_NUMBERS // max(entries, 1)))
    return measured(_results, distribution, _outside(distribution), n=n, seed=seed)


def _outside(distribution: Distribution) -> np.ndarray:
    """Values whose entries are all outside the support, one for each number."""
    shape = (*distribution.batch_shape, *distribution.event_shape)
    numbers = np.array(numbers_outside(distribution.support), distribution.event_dtype)
    values = np.broadcast_to(numbers.reshape((-1,) + (1,) * len(shape)), (len(numbers), *shape))
    inside = as_numpy(distribution.support.contains(values))
    return values[~inside.any(axis=tuple(range(1, values.ndim)))]


def numbers_outside(support: Support) -> list[float]:
    """Numbers outside a support, if there are any and log_prob is defined for them."""
    if support.relaxed:
        return []
    lower, upper = as_float64(support.lower).min(), as_float64(support.upper).max()
    beyond = [x for x in (lower - 1.0, upper + 1.0) if math.isfinite(x)]
    return [*beyond, 0.5] if support.is_discrete else beyond


def _results(distribution: Distribution, outside: Tensor, *, n: int, seed: int) -> dict[str, Any]:
    values = distribution.sample((n,), seed=seed)
    points = [x for x in (values, _all_nan(values)) if x is not None]
    cdf = attempt(lambda: distribution.cdf(ops.concatenate(points)))
    statistics = {name: attempt(getattr(distribution, name)) for name in STATISTICS}
    return {
        "values": values,
        **_pairs(distribution, n, seed),
        "inside": distribution.support.contains(values),
        "outside": outside,
        "cdf": after(cdf, lambda cdf: cdf[:n]) if distribution.event_shape == () else None,
        "cdf_at_nan": after(cdf, lambda cdf: cdf[n:]),
        **statistics,
        **_densities(distribution, values, outside, statistics["mode"]),
        **_against(distribution, _reversed(distribution), values),
        "kl_to_itself": attempt(lambda: distribution.kl_divergence(distribution)),
        "grid": attempt(lambda: distribution.log_prob(_grid(distribution, values))),
        "parts": attempt(_part_results, distribution, values[0], statistics),
    }


def _pairs(distribution: Distribution, n: int, seed: int) -> dict[str, Any]:
    """The same draws with their log_prob, where that is the family's own."""
    pairs = None
    if has_own_pairs(distribution):
        pairs = attempt(distribution.sample_and_log_prob, (n,), seed=seed)
    return {
        "values_as_drawn": after(pairs, lambda pairs: pairs[0]),
        "log_prob_as_drawn": after(pairs, lambda pairs: pairs[1]),
    }


def _all_nan(values: Tensor) -> Tensor | None:
    """One draw that is NaN, where there is such a value."""
    is_float = keras.backend.is_float_dtype(values.dtype)
    return ops.full_like(values[:1], math.nan) if is_float else None


def _densities(
    distribution: Distribution, values: Tensor, outside: Tensor, mode: Any
) -> dict[str, Any]:
    """log_prob of draws, of the mode, of what is outside or NaN, of one event for all entries.

    It is taken of all of them together: compiled once.
    """
    one_event = ops.reshape(values, (-1, *distribution.event_shape))[0]
    points = {
        "log_prob": values,
        "log_prob_outside": outside,
        "log_prob_at_nan": _all_nan(values),
        "log_prob_of_event_for_each": ops.broadcast_to(one_event, values.shape[1:])[None],
        "log_prob_at_mode": after(mode, lambda mode: mode[None]),
    }
    found = {name: x for name, x in points.items() if not (x is None or isinstance(x, Raised))}
    together = attempt(lambda: distribution.log_prob(ops.concatenate(list(found.values()))))
    results = {**points, "log_prob_of_event": attempt(distribution.log_prob, one_event)}
    start = 0
    for name, x in found.items():
        end = start + x.shape[0]
        results[name] = after(together, lambda log_prob, part=slice(start, end): log_prob[part])
        start = end
    return results


def measure_against(distribution: Distribution, other: Distribution, values: Tensor) -> Record:
    """The KL divergence from another distribution, and what it is compared with."""
    return measured(_against, distribution, other, values)


def _against(
    distribution: Distribution, other: Distribution | None, values: Tensor
) -> dict[str, Any]:
    if other is None:
        return {"kl": None, "log_prob_of_other": None}
    return {
        "kl": attempt(lambda: distribution.kl_divergence(other)),
        "log_prob_of_other": attempt(other.log_prob, values),
    }


def _reversed(distribution: Distribution) -> Distribution | None:
    """The batch in reverse order along its first axis that has two distributions or more."""
    for axis, size in enumerate(batch_of(distribution)):
        if size > 1:
            whole = distribution.expand(distribution.batch_shape)
            return whole.map_tensors(functools.partial(ops.flip, axis=axis))
    return None


# ---------------------------------------------------------------- parts of a batch

_OF_EACH = ("mean", "stddev", "entropy")
"""What depends on each distribution of a batch, as far as there is a closed form."""


def _grid(distribution: Distribution, values: Tensor) -> Tensor:
    """The first draws, with two sample axes."""
    shape = (*GRID, *distribution.batch_shape, *distribution.event_shape)
    return ops.reshape(values[: math.prod(GRID)], shape)


def _part_results(
    distribution: Distribution, value: Tensor, statistics: dict[str, Any]
) -> dict[str, Any]:
    """Results for the whole batch, and for each of its parts at a value."""
    keys = part_keys(distribution.batch_shape)
    return {
        "whole": {name: statistics[name] for name in _OF_EACH},
        "parts": [attempt(_part_result, distribution[key], value[key]) for key in keys],
    }


def part_keys(batch_shape: tuple[int, ...]) -> list[tuple[slice | int, ...]]:
    """The indices of the first and the last part along each axis."""
    return [
        (slice(None),) * axis + (i,)
        for axis, size in enumerate(batch_shape)
        for i in sorted({0, size - 1})
    ]


def _part_result(part: Distribution, value: Tensor) -> dict[str, Any]:
    return {
        "batch_shape": part.batch_shape,
        "log_prob": part.log_prob(value),
        **{name: attempt(getattr(part, name)) for name in _OF_EACH},
    }


__all__ = ["GRID", "measure", "measure_against", "numbers_outside", "part_keys"]
