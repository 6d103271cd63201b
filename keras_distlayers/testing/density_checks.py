"""Checks of a law's density, cdf, quantile and mode."""

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
    evaluated,
    evaluated_statistic,
    in_float64,
    largest,
    log_prob,
)
from keras_distlayers.testing._evidence import check, does_not_apply, require, require_close

_LARGEST_TABLE = 4096
_LARGEST_EVENT = 12
_ROUNDING = 1e-6
"""Of parameters that were float32, such as probabilities that should sum to 1."""


@check
def check_support(law: Distribution) -> None:
    """Draws lie in the support and have a density; what lies outside has none.

    A support that is relaxed says that log_prob goes on outside of it.

    Examples:
        >>> from keras_distlayers import distributions as kd, testing
        >>> testing.check_support(kd.Categorical(logits=[0.0, 1.0]))
    """
    draws, densities = evaluated(draw_and_density, law, shape=(FEW_DRAWS,))
    inside = as_numpy(law.support.contains(draws))
    densities, entries = as_float64(densities), as_numpy(draws)
    received = f"{entries[~inside][:3]}" if not inside.all() else ""
    require(inside.all(), f"draws in the support, {law.support}", received)
    require(
        (densities > -np.inf).all(),
        "a log_prob above minus infinity at every draw",
        f"{densities.min()}",
    )
    for value in outside(law.support):
        values = np.full((*law.batch_shape, *law.event_shape), value, entries.dtype)
        if values.size and not as_numpy(law.support.contains(values)).any():
            densities = as_float64(law.log_prob(values))
            require(
                (densities == -np.inf).all(),
                f"a log_prob of minus infinity at {value}, outside of the support",
                f"{densities.max()}",
            )


def outside(support) -> list[float]:
    """Numbers outside of a support, if there are any and log_prob speaks of them."""
    if support.relaxed:
        return []
    lower, upper = as_float64(support.lower).min(), as_float64(support.upper).max()
    beyond = [x for x in (lower - 1.0, upper + 1.0) if math.isfinite(x)]
    return [*beyond, 0.5] if support.is_discrete else beyond


@check
def check_normalization(law: Distribution) -> None:
    """The density integrates to 1, the mass sums to 1.

    Scalars by quadrature, finite sets by counting, vectors by importance sampling from a
    Student t around the law's own draws.

    Examples:
        >>> from keras_distlayers import distributions as kd, testing
        >>> testing.check_normalization(kd.Normal([0.0, 1.0], 1.0))
    """
    with double_precision():
        law = in_float64(law)
        if law.event_shape == ():
            total = scalar_masses(law)[1].sum(axis=0)
        elif law.support.is_discrete:
            total = _sum_of_masses(law)
        else:
            return _check_by_importance(law)
        tolerance = 1e-5 if law.support.is_discrete else 1e-3
    require_close("a total mass", total, np.ones(total.shape), tolerance)


def scalar_masses(law: Distribution):
    """Values of a law of scalars, outermost first and last, and the mass that each stands for.

    Every integer of the bulk, or the points of a quadrature; two arrays `(n, *batch_shape)`.
    """
    if law.support.is_discrete:
        numbers = _numbers(law).reshape((-1,) + (1,) * len(law.batch_shape))
        values = np.broadcast_to(numbers, (len(numbers), *law.batch_shape))
        return values, _probs(law, values)
    points, weights = _points(law)
    masses = _probs(law, points) * weights
    if not law.support.has_atoms:
        return points, masses
    bounds = [np.broadcast_to(as_float64(x), law.batch_shape) for x in _bounds(law)]
    atoms = [np.where(np.isfinite(b), _probs(law, b), 0.0)[None] for b in bounds]
    low, high = (np.where(np.isfinite(b), b, 0.0)[None] for b in bounds)
    return np.concatenate([low, points, high]), np.concatenate([atoms[0], masses, atoms[1]])


def _probs(law: Distribution, values):
    values = ops.convert_to_tensor(values, law._event_dtype)
    return np.exp(as_float64(evaluated(log_prob, law, values)))


def _points(law: Distribution):
    """Where to take the density of scalars, and the weight of each point."""
    draws = as_float64(evaluated(draw, law, shape=(FEW_DRAWS,)))
    low, centre, high = np.quantile(draws, [0.25, 0.5, 0.75], axis=0)
    lower, upper = (np.broadcast_to(as_float64(x), centre.shape) for x in _bounds(law))
    return _statistics.quadrature(lower, upper, centre, (high - low) / 2)


def _bounds(law: Distribution):
    return law.support.lower, law.support.upper


def _sum_of_masses(law: Distribution):
    """Over every event there is, or over the integers around the draws where there are many."""
    entries = math.prod(law.event_shape)
    numbers = _numbers(law)
    if len(numbers) ** entries > _LARGEST_TABLE:
        raise does_not_apply(f"{len(numbers)}^{entries} events are too many to be counted")
    table = np.array(list(itertools.product(numbers, repeat=entries)))
    events = table.reshape((len(table), *(1,) * len(law.batch_shape), *law.event_shape))
    return _probs(law, events).sum(axis=0)


def _numbers(law: Distribution) -> np.ndarray:
    lower, upper = (float(x) for x in _bounds(law))
    if not (math.isfinite(lower) and math.isfinite(upper)):
        draws = as_float64(evaluated(draw, law, shape=(FEW_DRAWS,)))
        reach = 10.0 + 4.0 * (draws.max() - draws.min()) + 10.0 * math.sqrt(abs(draws).max())
        lower = max(lower, draws.min() - reach)
        upper = min(upper, draws.max() + reach)
    return np.arange(math.floor(lower), math.floor(upper) + 1)


def _check_by_importance(law: Distribution) -> None:
    """E[p(x) / q(x)] = 1 for x from a proposal q that covers p."""
    entries = math.prod(law.event_shape)
    if law.support.has_atoms:
        raise does_not_apply("the bounds have masses, and the event is no scalar")
    if entries > _LARGEST_EVENT:
        raise does_not_apply(f"events of {entries} entries are too many to be integrated")
    draws = as_float64(evaluated(draw, law, shape=(2 * FEW_DRAWS,)))
    rng, weights = np.random.default_rng(0), []
    for index in np.ndindex(law.batch_shape):
        one = law[index] if index else law
        coordinates = _coordinates(law, draws[(slice(None), *index)])
        proposal = _statistics.Proposal(coordinates)
        x = proposal.sample(_statistics.DRAWS, rng)
        values = _events(law, x)
        axes = tuple(range(1, values.ndim))
        values = ops.convert_to_tensor(values)
        inside = as_numpy(one.support.contains(values)).all(axis=axes)
        densities = as_float64(evaluated(log_prob, one, values))
        weights.append(np.where(inside, np.exp(densities - proposal.log_prob(x)), 0.0))
    _statistics.require_mean(
        "a total mass", np.stack(weights, axis=1), np.ones(len(weights)), slack=1e-3
    )


def _coordinates(law: Distribution, draws):
    """Events as vectors of the numbers that are free; of a simplex all but the last."""
    draws = draws[..., :-1] if law.support.is_simplex else draws
    return draws.reshape(len(draws), -1)


def _events(law: Distribution, x):
    """The events of such vectors."""
    if law.support.is_simplex:
        x = np.concatenate([x, 1.0 - x.sum(axis=-1, keepdims=True)], axis=-1)
    return x.reshape(-1, *law.event_shape)


def scalar_cdf(law: Distribution, values):
    """The cdf at values, in a law of scalars that has one."""
    if law.event_shape != ():
        raise does_not_apply("the event is not a scalar")
    values = ops.convert_to_tensor(values, law._event_dtype)
    cdf = evaluated_statistic(law, "cdf", values)
    if cdf is None:
        raise does_not_apply("there is no cdf in closed form")
    return as_float64(cdf)


@check
def check_cdf(law: Distribution) -> None:
    """The cdf rises from 0 to 1, its slope is the density, and the survival function the rest.

    Examples:
        >>> from keras_distlayers import distributions as kd, testing
        >>> testing.check_cdf(kd.Normal([0.0, 1.0], 1.0))
    """
    with double_precision():
        law = in_float64(law)
        draws = np.sort(as_numpy(evaluated(draw, law, shape=(101,))), axis=0)
        cdf = scalar_cdf(law, draws)
        require((np.diff(cdf, axis=0) >= -1e-9).all(), "a cdf that never falls", "one that does")
        inside = (cdf >= -_ROUNDING) & (cdf <= 1.0 + _ROUNDING)
        require(inside.all(), "a cdf in [0, 1]", f"{cdf.min()}, {cdf.max()}")
        rest = as_float64(law.survival_function(draws))
        require((rest >= 0).all(), "a survival_function that is never below 0", f"{rest.min()}")
        require_close("cdf + survival_function", cdf + rest, np.ones(cdf.shape), 1e-6)
        masses, rises = _masses_and_rises(law, draws)
        require_close("the slope of the cdf", rises, masses, 1e-3 * largest_of(masses))
        lower, upper = (as_float64(x) for x in _bounds(law))
        if np.isfinite(upper).all():
            top = np.broadcast_to(upper, law.batch_shape).astype(law._event_dtype)
            require_close("the cdf at the upper bound", law.cdf(top), np.ones(top.shape), 1e-6)
        if np.isfinite(lower).all():
            below = np.broadcast_to(lower - 1.0, law.batch_shape).astype(law._event_dtype)
            require_close("the cdf below", law.cdf(below), np.zeros(below.shape), 1e-6)


def largest_of(masses) -> float:
    """The largest finite density, for a tolerance."""
    return float(masses[np.isfinite(masses)].max(initial=1e-300))


def _masses_and_rises(law: Distribution, draws):
    """The density and the slope of the cdf, or the mass and its step, at draws."""
    masses = _probs(law, draws)
    if law.support.is_discrete:
        return masses, scalar_cdf(law, draws) - scalar_cdf(law, draws - 1)
    step = _small_step(law, draws)
    inside = step > 0.0
    step = np.where(inside, step, 1.0)
    slope = (scalar_cdf(law, draws + step) - scalar_cdf(law, draws - step)) / (2 * step)
    return np.where(inside, masses, 0.0), np.where(inside, slope, 0.0)


def _small_step(law: Distribution, draws):
    """A part of the spread, and of the way to a bound, where a density may be steep; 0 at one."""
    lower, upper = (as_float64(x) for x in _bounds(law))
    spread = np.quantile(draws, 0.75, axis=0) - np.quantile(draws, 0.25, axis=0)
    # Most draws may be at an atom.
    spread = np.where(spread > 0.0, spread, np.ptp(draws, axis=0))
    return 1e-4 * np.minimum(spread, np.minimum(draws - lower, upper - draws))


@check
def check_quantile(law: Distribution) -> None:
    """The quantile inverts the cdf; for labels and counts it is the first at or above p.

    Examples:
        >>> from keras_distlayers import distributions as kd, testing
        >>> testing.check_quantile(kd.Normal([0.0, 1.0], 1.0))
    """
    with double_precision():
        law = in_float64(law)
        p = np.array([1e-3, 0.1, 0.37, 0.5, 0.81, 0.999])
        p = p.reshape((-1,) + (1,) * len(law.batch_shape))
        values = evaluated_statistic(law, "quantile", p)
        if values is None:
            raise does_not_apply("there is no quantile in closed form")
        cdf = scalar_cdf(law, values)
        p = np.broadcast_to(p, cdf.shape)
        if not law.support.is_discrete:
            between = _is_between_atoms(law, values)
            require_close("cdf(quantile(p))", np.where(between, cdf, p), p, 1e-6)
            return
        before = scalar_cdf(law, values - 1)
        first = (cdf >= p - 1e-6) & (before < p + 1e-6)
        received = f"{as_numpy(values)[~first][:3]}" if not first.all() else ""
        require(first.all(), "the first value whose cdf is at least p", received)


def _is_between_atoms(law: Distribution, values):
    """Where the cdf does not jump."""
    lower, upper = (as_float64(x) for x in _bounds(law))
    values = as_float64(values)
    return not law.support.has_atoms or ((values > lower) & (values < upper))


@check
def check_mode(law: Distribution) -> None:
    """No draw has a higher density than the mode.

    Examples:
        >>> from keras_distlayers import distributions as kd, testing
        >>> testing.check_mode(kd.Normal([0.0, 1.0], 1.0))
    """
    mode = evaluated_statistic(law, "mode")
    if mode is None:
        raise does_not_apply("there is no mode in closed form")
    top = as_float64(evaluated(log_prob, law, mode))
    # NaN is how a law says that its density has no maximum.
    axes = tuple(range(-len(law.event_shape), 0))
    top = np.where(np.isnan(as_float64(mode)).any(axis=axes), np.inf, top)
    others = as_float64(evaluated(draw_and_density, law, shape=(FEW_DRAWS,))[1])
    slack = 1e-5 * largest(others)
    higher = others > top + slack
    received = f"{others.max()} at a draw, {top.min()} at the mode"
    require(not higher.any(), "the highest log_prob at the mode", received)
