"""Checks of a distribution's density, cdf, quantile and mode."""

import itertools
import math

import numpy as np
from keras import ops

from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.testing import _statistics
from keras_distlayers.testing._evaluation import (
    FEW_DRAWS,
    as_float64,
    as_numpy,
    double_precision,
    draw,
    draw_and_density,
    evaluate,
    evaluate_statistic,
    in_float64,
    largest,
    log_prob,
)
from keras_distlayers.testing._reporting import check, not_applicable, require, require_close

_LARGEST_TABLE = 4096
_LARGEST_EVENT = 12
_ROUNDING = 1e-6
"""Of parameters that were float32, such as probabilities that should sum to 1."""


@check
def check_support(distribution: Distribution) -> None:
    """Draws lie in the support and have a density; what lies outside has none.

    A support that is relaxed says that log_prob goes on outside it.

    Examples:
        >>> import keras_distlayers as kdl
        >>> kdl.testing.check_support(kdl.distributions.Categorical(logits=[0.0, 1.0]))
    """
    draws, densities = evaluate(draw_and_density, distribution, shape=(FEW_DRAWS,))
    inside = as_numpy(distribution.support.contains(draws))
    densities, entries = as_float64(densities), as_numpy(draws)
    received = f"{entries[~inside][:3]}" if not inside.all() else ""
    require(inside.all(), f"draws in the support, {distribution.support}", received)
    require(
        (densities > -np.inf).all(),
        "a log_prob above minus infinity at every draw",
        f"{densities.min()}",
    )
    for value in outside(distribution.support):
        values = np.full(
            (*distribution.batch_shape, *distribution.event_shape), value, entries.dtype
        )
        if values.size and not as_numpy(distribution.support.contains(values)).any():
            densities = as_float64(distribution.log_prob(values))
            require(
                (densities == -np.inf).all(),
                f"a log_prob of minus infinity at {value}, outside the support",
                f"{densities.max()}",
            )


def outside(support) -> list[float]:
    """Numbers outside a support, if there are any and log_prob speaks of them."""
    if support.relaxed:
        return []
    lower, upper = as_float64(support.lower).min(), as_float64(support.upper).max()
    beyond = [x for x in (lower - 1.0, upper + 1.0) if math.isfinite(x)]
    return [*beyond, 0.5] if support.is_discrete else beyond


@check
def check_normalization(distribution: Distribution) -> None:
    """The density integrates to 1, the mass sums to 1.

    Scalars by quadrature, finite sets by counting, vectors by importance sampling from a
    Student t around the distribution's own draws.

    Examples:
        >>> import keras_distlayers as kdl
        >>> kdl.testing.check_normalization(kdl.distributions.Normal([0.0, 1.0], 1.0))
    """
    with double_precision():
        distribution = in_float64(distribution)
        if distribution.event_shape == ():
            total = scalar_masses(distribution)[1].sum(axis=0)
        elif distribution.support.is_discrete:
            total = _sum_of_masses(distribution)
        else:
            return _check_by_importance(distribution)
        tolerance = 1e-5 if distribution.support.is_discrete else 1e-3
    require_close("a total mass", total, np.ones(total.shape), tolerance)


def scalar_masses(distribution: Distribution):
    """Values of a distribution of scalars, outermost first and last, and the mass that each stands for.

    Every integer of the bulk, or the points of a quadrature; two arrays `(n, *batch_shape)`.
    """
    if distribution.support.is_discrete:
        numbers = _numbers(distribution).reshape((-1,) + (1,) * len(distribution.batch_shape))
        values = np.broadcast_to(numbers, (len(numbers), *distribution.batch_shape))
        return values, _probs(distribution, values)
    points, weights = _points(distribution)
    masses = _probs(distribution, points) * weights
    if not distribution.support.has_atoms:
        return points, masses
    bounds = [
        np.broadcast_to(as_float64(x), distribution.batch_shape) for x in _bounds(distribution)
    ]
    atoms = [np.where(np.isfinite(b), _probs(distribution, b), 0.0)[None] for b in bounds]
    low, high = (np.where(np.isfinite(b), b, 0.0)[None] for b in bounds)
    return np.concatenate([low, points, high]), np.concatenate([atoms[0], masses, atoms[1]])


def _probs(distribution: Distribution, values):
    values = ops.convert_to_tensor(values, distribution.event_dtype)
    return np.exp(as_float64(evaluate(log_prob, distribution, values)))


def _points(distribution: Distribution):
    """Where to take the density of scalars, and the weight of each point."""
    draws = as_float64(evaluate(draw, distribution, shape=(FEW_DRAWS,)))
    low, centre, high = np.quantile(draws, [0.25, 0.5, 0.75], axis=0)
    lower, upper = (np.broadcast_to(as_float64(x), centre.shape) for x in _bounds(distribution))
    return _statistics.quadrature(lower, upper, centre, (high - low) / 2)


def _bounds(distribution: Distribution):
    return distribution.support.lower, distribution.support.upper


def _sum_of_masses(distribution: Distribution):
    """Over every event there is, or over the integers around the draws where there are many."""
    entries = math.prod(distribution.event_shape)
    numbers = _numbers(distribution)
    if len(numbers) ** entries > _LARGEST_TABLE:
        raise not_applicable(f"{len(numbers)}^{entries} events are too many to be counted")
    table = np.array(list(itertools.product(numbers, repeat=entries)))
    events = table.reshape(
        (len(table), *(1,) * len(distribution.batch_shape), *distribution.event_shape)
    )
    return _probs(distribution, events).sum(axis=0)


def _numbers(distribution: Distribution) -> np.ndarray:
    lower, upper = (float(x) for x in _bounds(distribution))
    if not (math.isfinite(lower) and math.isfinite(upper)):
        draws = as_float64(evaluate(draw, distribution, shape=(FEW_DRAWS,)))
        reach = 10.0 + 4.0 * (draws.max() - draws.min()) + 10.0 * math.sqrt(abs(draws).max())
        lower = max(lower, draws.min() - reach)
        upper = min(upper, draws.max() + reach)
    return np.arange(math.floor(lower), math.floor(upper) + 1)


def _check_by_importance(distribution: Distribution) -> None:
    """E[p(x) / q(x)] = 1 for x from a proposal q that covers p."""
    entries = math.prod(distribution.event_shape)
    if distribution.support.has_atoms:
        raise not_applicable("the bounds have masses, and the event is no scalar")
    if entries > _LARGEST_EVENT:
        raise not_applicable(f"events of {entries} entries are too many to be integrated")
    draws = as_float64(evaluate(draw, distribution, shape=(2 * FEW_DRAWS,)))
    rng, weights = np.random.default_rng(0), []
    for index in np.ndindex(distribution.batch_shape):
        one = distribution[index] if index else distribution
        coordinates = _coordinates(distribution, draws[(slice(None), *index)])
        proposal = _statistics.Proposal(coordinates)
        x = proposal.sample(_statistics.DRAWS, rng)
        values = _events(distribution, x)
        axes = tuple(range(1, values.ndim))
        values = ops.convert_to_tensor(values)
        inside = as_numpy(one.support.contains(values)).all(axis=axes)
        densities = as_float64(evaluate(log_prob, one, values))
        weights.append(np.where(inside, np.exp(densities - proposal.log_prob(x)), 0.0))
    _statistics.require_mean(
        "a total mass", np.stack(weights, axis=1), np.ones(len(weights)), slack=1e-3
    )


def _coordinates(distribution: Distribution, draws):
    """Events as vectors of the numbers that are free; of a simplex all but the last."""
    draws = draws[..., :-1] if distribution.support.is_simplex else draws
    return draws.reshape(len(draws), -1)


def _events(distribution: Distribution, x):
    """The events of such vectors."""
    if distribution.support.is_simplex:
        x = np.concatenate([x, 1.0 - x.sum(axis=-1, keepdims=True)], axis=-1)
    return x.reshape(-1, *distribution.event_shape)


def scalar_cdf(distribution: Distribution, values):
    """The cdf at values, in a distribution of scalars that has one."""
    if distribution.event_shape != ():
        raise not_applicable("the event is not a scalar")
    values = ops.convert_to_tensor(values, distribution.event_dtype)
    cdf = evaluate_statistic(distribution, "cdf", values)
    if cdf is None:
        raise not_applicable("there is no cdf in closed form")
    return as_float64(cdf)


@check
def check_cdf(distribution: Distribution) -> None:
    """The cdf rises from 0 to 1, its slope is the density, and the survival function the rest.

    Examples:
        >>> import keras_distlayers as kdl
        >>> kdl.testing.check_cdf(kdl.distributions.Normal([0.0, 1.0], 1.0))
    """
    with double_precision():
        distribution = in_float64(distribution)
        draws = np.sort(as_numpy(evaluate(draw, distribution, shape=(101,))), axis=0)
        cdf = scalar_cdf(distribution, draws)
        require((np.diff(cdf, axis=0) >= -1e-9).all(), "a cdf that never falls", "one that does")
        inside = (cdf >= -_ROUNDING) & (cdf <= 1.0 + _ROUNDING)
        require(inside.all(), "a cdf in [0, 1]", f"{cdf.min()}, {cdf.max()}")
        rest = as_float64(distribution.survival_function(draws))
        require((rest >= 0).all(), "a survival_function that is never below 0", f"{rest.min()}")
        require_close("cdf + survival_function", cdf + rest, np.ones(cdf.shape), 1e-6)
        masses, rises = _masses_and_rises(distribution, draws)
        require_close("the slope of the cdf", rises, masses, 1e-3 * largest_of(masses))
        lower, upper = (as_float64(x) for x in _bounds(distribution))
        if np.isfinite(upper).all():
            top = np.broadcast_to(upper, distribution.batch_shape).astype(
                distribution.event_dtype
            )
            require_close(
                "the cdf at the upper bound", distribution.cdf(top), np.ones(top.shape), 1e-6
            )
        if np.isfinite(lower).all():
            below = np.broadcast_to(lower - 1.0, distribution.batch_shape).astype(
                distribution.event_dtype
            )
            require_close("the cdf below", distribution.cdf(below), np.zeros(below.shape), 1e-6)


def largest_of(masses) -> float:
    """The largest finite density, for a tolerance."""
    return float(masses[np.isfinite(masses)].max(initial=1e-300))


def _masses_and_rises(distribution: Distribution, draws):
    """The density and the slope of the cdf, or the mass and its step, at draws."""
    masses = _probs(distribution, draws)
    if distribution.support.is_discrete:
        return masses, scalar_cdf(distribution, draws) - scalar_cdf(distribution, draws - 1)
    step = _small_step(distribution, draws)
    inside = step > 0.0
    step = np.where(inside, step, 1.0)
    slope = (scalar_cdf(distribution, draws + step) - scalar_cdf(distribution, draws - step)) / (
        2 * step
    )
    return np.where(inside, masses, 0.0), np.where(inside, slope, 0.0)


def _small_step(distribution: Distribution, draws):
    """A part of the spread, and of the way to a bound, where a density may be steep; 0 at one."""
    lower, upper = (as_float64(x) for x in _bounds(distribution))
    spread = np.quantile(draws, 0.75, axis=0) - np.quantile(draws, 0.25, axis=0)
    # Most draws may be at an atom.
    spread = np.where(spread > 0.0, spread, np.ptp(draws, axis=0))
    return 1e-4 * np.minimum(spread, np.minimum(draws - lower, upper - draws))


@check
def check_quantile(distribution: Distribution) -> None:
    """The quantile inverts the cdf; for labels and counts it is the first at or above p.

    Examples:
        >>> import keras_distlayers as kdl
        >>> kdl.testing.check_quantile(kdl.distributions.Normal([0.0, 1.0], 1.0))
    """
    with double_precision():
        distribution = in_float64(distribution)
        p = np.array([1e-3, 0.1, 0.37, 0.5, 0.81, 0.999])
        p = p.reshape((-1,) + (1,) * len(distribution.batch_shape))
        values = evaluate_statistic(distribution, "quantile", p)
        if values is None:
            raise not_applicable("there is no quantile in closed form")
        cdf = scalar_cdf(distribution, values)
        p = np.broadcast_to(p, cdf.shape)
        if not distribution.support.is_discrete:
            between = _is_between_atoms(distribution, values)
            require_close("cdf(quantile(p))", np.where(between, cdf, p), p, 1e-6)
            return
        before = scalar_cdf(distribution, values - 1)
        first = (cdf >= p - 1e-6) & (before < p + 1e-6)
        received = f"{as_numpy(values)[~first][:3]}" if not first.all() else ""
        require(first.all(), "the first value whose cdf is at least p", received)


def _is_between_atoms(distribution: Distribution, values):
    """Where the cdf does not jump."""
    lower, upper = (as_float64(x) for x in _bounds(distribution))
    values = as_float64(values)
    return not distribution.support.has_atoms or ((values > lower) & (values < upper))


@check
def check_mode(distribution: Distribution) -> None:
    """No draw has a higher density than the mode.

    Examples:
        >>> import keras_distlayers as kdl
        >>> kdl.testing.check_mode(kdl.distributions.Normal([0.0, 1.0], 1.0))
    """
    mode = evaluate_statistic(distribution, "mode")
    if mode is None:
        raise not_applicable("there is no mode in closed form")
    top = as_float64(evaluate(log_prob, distribution, mode))
    # NaN is how a distribution says that its density has no maximum.
    axes = tuple(range(-len(distribution.event_shape), 0))
    top = np.where(np.isnan(as_float64(mode)).any(axis=axes), np.inf, top)
    others = as_float64(evaluate(draw_and_density, distribution, shape=(FEW_DRAWS,))[1])
    slack = 1e-5 * largest(others)
    higher = others > top + slack
    received = f"{others.max()} at a draw, {top.min()} at the mode"
    require(not higher.any(), "the highest log_prob at the mode", received)
