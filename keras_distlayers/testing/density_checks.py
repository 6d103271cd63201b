"""Checks of a distribution's density, cdf, quantile and mode."""

import numpy as np

from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.testing import _statistics
from keras_distlayers.testing._evaluation import as_float64, largest
from keras_distlayers.testing._reporting import check, not_applicable, require, require_close
from keras_distlayers.testing.measurement import Measurement, Record, measure
from keras_distlayers.testing.measurement.points import PROBABILITIES, bounds

_ROUNDING = 1e-6
"""Of parameters that were float32, such as probabilities that should sum to 1."""


@check
def check_support(distribution: Distribution | Measurement) -> None:
    """Draws lie in the support and have a density; what lies outside has none. A NaN stays NaN.

    The density of a draw is that of `sample_and_log_prob`.

    A support that is relaxed says that log_prob goes on outside it.

    Examples:
        >>> import keras_distlayers as kdl
        >>> kdl.testing.check_support(kdl.distributions.Categorical(logits=[0.0, 1.0]))
    """
    measurement = measure(distribution)
    draws, support = measurement.draws, measurement.distribution.support
    inside = draws["inside"]
    received = f"{draws['values'][~inside][:3]}" if not inside.all() else ""
    require(inside.all(), f"draws in the support, {support}", received)
    as_drawn = draws["log_prob_as_drawn"]
    log_prob = draws["log_prob"] if as_drawn is None else as_drawn
    has_density = (log_prob > -np.inf).all()
    require(has_density, "a log_prob above minus infinity at every draw", f"{log_prob.min()}")
    for values, densities in zip(draws["outside"], draws["log_prob_outside"], strict=True):
        require(
            (densities == -np.inf).all(),
            f"a log_prob of minus infinity at {values.flat[0]}, outside the support",
            f"{densities.max()}",
        )
    for name in ("log_prob", "cdf"):
        at_nan = draws[f"{name}_at_nan"]
        if at_nan is not None:
            require(np.isnan(at_nan).all(), f"a {name} of NaN at NaN", f"{at_nan[:3]}")


@check
def check_normalization(distribution: Distribution | Measurement) -> None:
    """The density integrates to 1, the mass sums to 1.

    Scalars by quadrature, finite sets by counting, vectors by importance sampling from a
    Student t around the distribution's own draws.

    Examples:
        >>> import keras_distlayers as kdl
        >>> kdl.testing.check_normalization(kdl.distributions.Normal([0.0, 1.0], 1.0))
    """
    points = measure(distribution).points
    if points["method"] is None:
        raise not_applicable(points["reason"])
    if points["method"] == "importance":
        weights = _importance_weights(points)
        ones = np.ones(weights.shape[1:])
        _statistics.require_mean("a total mass", weights, ones, slack=1e-3)
    else:
        total = masses(points).sum(axis=0)
        tolerance = 1e-5 if points["method"] == "sum" else 1e-3
        require_close("a total mass", total, np.ones(total.shape), tolerance)


def masses(points: Record) -> np.ndarray:
    """The mass that each point stands for."""
    with np.errstate(invalid="ignore", over="ignore"):
        return np.where(
            points["weights"] > 0.0, np.exp(points["log_prob"]) * points["weights"], 0.0
        )


def _importance_weights(points: Record) -> np.ndarray:
    """p(x) / q(x) for x from a proposal q that covers p; their mean is the total mass."""
    axes = tuple(range(points["log_prob"].ndim, points["inside"].ndim))
    inside = points["inside"].all(axis=axes)
    return np.where(inside, np.exp(points["log_prob"] - points["log_densities"]), 0.0)


def require_cdf(distribution: Distribution, cdf: np.ndarray | None) -> None:
    """Leaves a check of scalars with a cdf for any other distribution."""
    if distribution.event_shape != ():
        raise not_applicable("the event is not a scalar")
    if cdf is None:
        raise not_applicable("there is no cdf in closed form")


@check
def check_cdf(distribution: Distribution | Measurement) -> None:
    """The cdf rises from 0 to 1, its slope is the density, and the survival function the rest.

    Examples:
        >>> import keras_distlayers as kdl
        >>> kdl.testing.check_cdf(kdl.distributions.Normal([0.0, 1.0], 1.0))
    """
    measurement = measure(distribution)
    distribution, points = measurement.distribution, measurement.points
    require_cdf(distribution, points["cdf"] if distribution.event_shape == () else None)
    n = len(points["draws"])
    cdf, neighbours, (top, below) = np.split(points["cdf"], [n, len(points["cdf"]) - 2])
    require((np.diff(cdf, axis=0) >= -1e-9).all(), "a cdf that never falls", "one that does")
    inside = (cdf >= -_ROUNDING) & (cdf <= 1.0 + _ROUNDING)
    require(inside.all(), "a cdf in [0, 1]", f"{cdf.min()}, {cdf.max()}")
    rest = points["survival"]
    require((rest >= 0).all(), "a survival_function that is never below 0", f"{rest.min()}")
    require_close("cdf + survival_function", cdf + rest, np.ones(cdf.shape), 1e-6)
    densities, rises = _densities_and_rises(points, cdf, neighbours)
    require_close("the slope of the cdf", rises, densities, 1e-3 * _largest_density(densities))
    lower, upper = bounds(distribution)
    if np.isfinite(upper).all():
        require_close("the cdf at the upper bound", top, np.ones(top.shape), 1e-6)
    if np.isfinite(lower).all():
        require_close("the cdf below", below, np.zeros(below.shape), 1e-6)


def _largest_density(densities: np.ndarray) -> float:
    """The largest finite one, for a tolerance."""
    return float(densities[np.isfinite(densities)].max(initial=1e-300))


def _densities_and_rises(
    points: Record, cdf: np.ndarray, neighbours: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The density and the slope of the cdf, or the mass and its step, at draws."""
    densities = np.exp(points["log_prob_at_draws"])
    steps = points["steps"]
    if steps is None:
        return densities, cdf - neighbours
    above, below = np.split(neighbours, 2)
    inside = steps > 0.0
    slopes = (above - below) / (2 * np.where(inside, steps, 1.0))
    return np.where(inside, densities, 0.0), np.where(inside, slopes, 0.0)


@check
def check_quantile(distribution: Distribution | Measurement) -> None:
    """The quantile inverts the cdf; for labels and counts it is the first at or above p.

    Examples:
        >>> import keras_distlayers as kdl
        >>> kdl.testing.check_quantile(kdl.distributions.Normal([0.0, 1.0], 1.0))
    """
    measurement = measure(distribution)
    distribution, points = measurement.distribution, measurement.points
    if distribution.event_shape != () or points["quantile"] is None:
        raise not_applicable("there is no quantile in closed form")
    cdf = points["cdf_at_quantile"]
    require_cdf(distribution, cdf)
    p = PROBABILITIES.reshape((-1,) + (1,) * len(distribution.batch_shape))
    p = np.broadcast_to(p, cdf.shape)
    if not distribution.support.is_discrete:
        between = _is_between_atoms(distribution, points["quantile"])
        require_close("cdf(quantile(p))", np.where(between, cdf, p), p, 1e-6)
        return
    first = (cdf >= p - 1e-6) & (points["cdf_before_quantile"] < p + 1e-6)
    received = f"{points['quantile'][~first][:3]}" if not first.all() else ""
    require(first.all(), "the first value whose cdf is at least p", received)


def _is_between_atoms(distribution: Distribution, values: np.ndarray) -> bool | np.ndarray:
    """Where the cdf does not jump."""
    lower, upper = bounds(distribution)
    return not distribution.support.has_atoms or ((values > lower) & (values < upper))


@check
def check_mode(distribution: Distribution | Measurement) -> None:
    """No draw has a higher density than the mode.

    Examples:
        >>> import keras_distlayers as kdl
        >>> kdl.testing.check_mode(kdl.distributions.Normal([0.0, 1.0], 1.0))
    """
    measurement = measure(distribution)
    draws = measurement.draws
    if draws["mode"] is None:
        raise not_applicable("there is no mode in closed form")
    top, others = as_float64(draws["log_prob_at_mode"][0]), as_float64(draws["log_prob"])
    # NaN is how a distribution says that its density has no maximum.
    axes = tuple(range(-len(measurement.distribution.event_shape), 0))
    top = np.where(np.isnan(as_float64(draws["mode"])).any(axis=axes), np.inf, top)
    higher = others > top + 1e-5 * largest(others)
    received = f"{others.max()} at a draw, {top.min()} at the mode"
    require(not higher.any(), "the highest log_prob at the mode", received)
