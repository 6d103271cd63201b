"""Densities, masses and probabilities at chosen points, in float64."""

import itertools
import math
from typing import Any

import numpy as np
from keras import ops

from keras_distlayers._core.typing import Tensor
from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.testing._evaluation import as_float64, batch_of, double_precision, in_float64
from keras_distlayers.testing.measurement import integrals
from keras_distlayers.testing.measurement.record import Raised, Record, after, attempt, measured

PROBABILITIES = np.array([1e-3, 0.1, 0.37, 0.5, 0.81, 0.999])
_FEW_DRAWS = 101
_LARGEST_TABLE = 4096
_LARGEST_EVENT = 12
_PROPOSALS = 20_000


def measure(distribution: Distribution, draws: np.ndarray) -> Record:
    """What density, cdf and quantile are where it tells most.

    Args:
        distribution: A `Distribution`.
        draws: Its draws, `(n, *batch_shape, *event_shape)`, which say where its mass lies.
    """
    with double_precision():
        exact = in_float64(distribution)
        chosen = _mass_points(exact, as_float64(draws))
        points = Record(chosen, draws=np.sort(as_float64(draws)[:_FEW_DRAWS], axis=0))
        if exact.event_shape == ():
            points |= _cdf_points(exact, points["draws"])
        results = measured(_results, exact, _inputs(exact, points))
        return Record({**points, **results})


def _inputs(distribution: Distribution, points: Record) -> dict[str, Any]:
    """What goes into the compiled call: of each kind one array, in the dtype of events."""
    names = [name for name in ("values", "cdf_values", "draws") if points.get(name) is not None]
    return {name: points[name].astype(distribution.event_dtype) for name in names}


def _results(distribution: Distribution, points: dict[str, Any]) -> dict[str, Any]:
    results = {}
    if "values" in points:
        results["log_prob"] = attempt(distribution.log_prob, points["values"])
        results["inside"] = distribution.support.contains(points["values"])
    if "cdf_values" in points:
        results |= _scalar_results(distribution, points)
    return results


def _scalar_results(distribution: Distribution, points: dict[str, Any]) -> dict[str, Any]:
    """Of distributions of scalars alone."""
    p = PROBABILITIES.reshape((-1,) + (1,) * len(batch_of(distribution)))
    quantile = attempt(distribution.quantile, p)
    return {
        "log_prob_at_draws": attempt(distribution.log_prob, points["draws"]),
        "survival": attempt(distribution.survival_function, points["draws"]),
        "quantile": quantile,
        **_cdf_with_quantiles(distribution, points["cdf_values"], quantile),
    }


def _cdf_with_quantiles(
    distribution: Distribution, values: Tensor, quantile: Tensor | Raised | None
) -> dict[str, Any]:
    """The cdf at values, at quantiles and 1 below those: of all together, compiled once."""
    if quantile is None or isinstance(quantile, Raised):
        return {"cdf": attempt(distribution.cdf, values), "cdf_at_quantile": quantile}
    n, k = values.shape[0], quantile.shape[0]
    cdf = attempt(lambda: distribution.cdf(ops.concatenate([values, quantile, quantile - 1])))
    return {
        "cdf": after(cdf, lambda cdf: cdf[:n]),
        "cdf_at_quantile": after(cdf, lambda cdf: cdf[n : n + k]),
        "cdf_before_quantile": after(cdf, lambda cdf: cdf[n + k :]),
    }


# ---------------------------------------------------------------- where to take the density


def _mass_points(distribution: Distribution, draws: np.ndarray) -> Record:
    """Points and their weights: the weighted densities sum, or average, to 1.

    The record has `method`, or in its place `reason`, why the total mass cannot be found.
    """
    support = distribution.support
    if distribution.event_shape == () and support.is_discrete:
        return _every_number(distribution, draws)
    if distribution.event_shape == ():
        return _quadrature(distribution, draws)
    entries = math.prod(distribution.event_shape)
    if support.is_discrete:
        return _every_event(distribution, draws, entries)
    if support.has_atoms:
        return _nothing("the bounds have masses, and the event is not a scalar")
    if entries > _LARGEST_EVENT:
        return _nothing(f"events of {entries} entries are too many to be integrated")
    return _proposals(distribution, draws[:2000])


def _nothing(reason: str) -> Record:
    return Record(method=None, reason=reason, values=None)


def _every_number(distribution: Distribution, draws: np.ndarray) -> Record:
    """Every integer of the bulk."""
    numbers = _numbers(distribution, draws).reshape((-1,) + (1,) * len(batch_of(distribution)))
    values = np.broadcast_to(numbers, (len(numbers), *batch_of(distribution)))
    return Record(method="sum", values=values, weights=np.ones(values.shape))


def _quadrature(distribution: Distribution, draws: np.ndarray) -> Record:
    """The points of a quadrature, and the bounds themselves where they have a mass."""
    low, centre, high = np.quantile(draws, [0.25, 0.5, 0.75], axis=0)
    lower, upper = bounds(distribution)
    values, weights = integrals.quadrature(lower, upper, centre, (high - low) / 2)
    if distribution.support.has_atoms:
        atoms = [np.where(np.isfinite(b), b, 0.0)[None] for b in (lower, upper)]
        is_atom = np.isfinite(lower), np.isfinite(upper) & (upper > lower)  # one may be both
        masses = [mask[None].astype("float64") for mask in is_atom]
        values = np.concatenate([atoms[0], values, atoms[1]])
        weights = np.concatenate([masses[0], weights, masses[1]])
    return Record(method="quadrature", values=values, weights=weights)


def bounds(distribution: Distribution) -> list[np.ndarray]:
    """The bounds of the support, for each distribution of scalars in the batch."""
    support = distribution.support
    return [
        np.broadcast_to(as_float64(x), batch_of(distribution))
        for x in (support.lower, support.upper)
    ]


def _every_event(distribution: Distribution, draws: np.ndarray, entries: int) -> Record:
    """Every event that there is, or with integers around the draws where there are many."""
    numbers = _numbers(distribution, draws)
    if len(numbers) ** entries > _LARGEST_TABLE:
        return _nothing(f"{len(numbers)}^{entries} events are too many to be counted")
    table = np.array(list(itertools.product(numbers, repeat=entries)))
    ones = (1,) * len(batch_of(distribution))
    values = table.reshape((len(table), *ones, *distribution.event_shape))
    return Record(
        method="sum", values=values, weights=np.ones((len(table), *batch_of(distribution)))
    )


def _numbers(distribution: Distribution, draws: np.ndarray) -> np.ndarray:
    """The integers of the support, as far as there is any mass to speak of."""
    lower, upper = float(distribution.support.lower), float(distribution.support.upper)
    if not (math.isfinite(lower) and math.isfinite(upper)):
        reach = 10.0 + 4.0 * (draws.max() - draws.min()) + 10.0 * math.sqrt(abs(draws).max())
        lower = max(lower, draws.min() - reach)
        upper = min(upper, draws.max() + reach)
    return np.arange(math.floor(lower), math.floor(upper) + 1)


def _proposals(distribution: Distribution, draws: np.ndarray) -> Record:
    """Events from a Student t around the draws of each distribution, with their log densities."""
    rng, batch = np.random.default_rng(0), batch_of(distribution)
    values = np.empty((_PROPOSALS, *batch, *distribution.event_shape))
    densities = np.empty((_PROPOSALS, *batch))
    for index in np.ndindex(batch):
        column = (slice(None), *index)
        proposal = integrals.Proposal(_coordinates(distribution, draws[column]))
        x = proposal.sample(_PROPOSALS, rng)
        values[column], densities[column] = _events(distribution, x), proposal.log_prob(x)
    return Record(method="importance", values=values, log_densities=densities)


def _coordinates(distribution: Distribution, draws: np.ndarray) -> np.ndarray:
    """Events as vectors of the numbers that are free; of a simplex all but the last."""
    draws = draws[..., :-1] if distribution.support.is_simplex else draws
    return draws.reshape(len(draws), -1)


def _events(distribution: Distribution, x: np.ndarray) -> np.ndarray:
    """The events of such vectors."""
    if distribution.support.is_simplex:
        x = np.concatenate([x, 1.0 - x.sum(axis=-1, keepdims=True)], axis=-1)
    return x.reshape(-1, *distribution.event_shape)


# ---------------------------------------------------------------- where to take the cdf


def _cdf_points(distribution: Distribution, draws: np.ndarray) -> dict[str, np.ndarray | None]:
    """Draws, neighbours of theirs, and numbers at and beyond the bounds, in one array."""
    lower, upper = bounds(distribution)
    if distribution.support.is_discrete:
        steps, neighbours = None, [draws - 1.0]
    else:
        steps = _small_steps(draws, lower, upper)
        neighbours = [draws + steps, draws - steps]
    top = np.where(np.isfinite(upper), upper, 0.0)
    below = np.where(np.isfinite(lower), lower - 1.0, 0.0)
    return {
        "steps": steps,
        "cdf_values": np.concatenate([draws, *neighbours, top[None], below[None]]),
    }


def _small_steps(draws: np.ndarray, lower: np.ndarray, upper: np.ndarray) -> np.ndarray:
    """A small part of the spread and of the distance to a bound, where a density may be steep."""
    spread = np.quantile(draws, 0.75, axis=0) - np.quantile(draws, 0.25, axis=0)
    # Most draws may be at an atom.
    spread = np.where(spread > 0.0, spread, np.ptp(draws, axis=0))
    return 1e-4 * np.minimum(spread, np.minimum(draws - lower, upper - draws))


__all__ = ["PROBABILITIES", "bounds", "measure"]
