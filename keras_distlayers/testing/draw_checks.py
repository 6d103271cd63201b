"""Checks of draws: against their seed, their moments, their cdf, entropies and divergences."""

from typing import Literal

import numpy as np
from scipy import stats

from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.testing import _statistics
from keras_distlayers.testing._evaluation import as_float64, largest
from keras_distlayers.testing._reporting import (
    Failed,
    check,
    not_applicable,
    require,
    require_close,
)
from keras_distlayers.testing.density_checks import masses, require_cdf
from keras_distlayers.testing.measurement import Measurement, Record, measure
from keras_distlayers.testing.measurement.draws import measure_against

_ROUNDING = 1e-5


@check
def check_seed(distribution: Distribution | Measurement) -> None:
    """The same seed gives the same draw, another seed another one, no seed a new one.

    Examples:
        >>> import keras_distlayers as kdl
        >>> kdl.testing.check_seed(kdl.distributions.Normal([0.0, 1.0], 1.0))
    """
    eager = measure(distribution).eager
    first, again, other = (eager[name] for name in ("draw", "draw_again", "other_draw"))
    require(np.array_equal(first, again), "the same draws for the same seed", "others")
    if _varies(first):
        one, two = eager["unseeded"]
        require(not np.array_equal(first, other), "other draws for another seed", "the same")
        require(not np.array_equal(one, two), "new draws without a seed", "the same")


@check
def check_sample_and_log_prob(distribution: Distribution | Measurement, *, seed: int = 0) -> None:
    """`sample_and_log_prob` gives the draws of `sample`, each with its log_prob.

    The log_prob in float64, within what a rounding of the draw does to it. A draw that has
    rounded to a bound may have a finite one that `log_prob` can no longer give.

    Examples:
        >>> import keras_distlayers as kdl
        >>> normal = kdl.distributions.Normal([0.0, 1.0], 1.0)
        >>> log_normal = kdl.distributions.TransformedDistribution(normal, kdl.bijectors.Exp())
        >>> kdl.testing.check_sample_and_log_prob(log_normal)
    """
    measurement = measure(distribution, seed=seed)
    draws, pairs = measurement.draws, measurement.pairs
    if pairs["log_prob"] is None:
        raise not_applicable("it is sample, then log_prob")
    alone, together = as_float64(draws["values"]), as_float64(draws["values_as_drawn"])
    require_close("a draw with its log_prob", together, alone, _ROUNDING * largest(alone))
    log_prob = as_float64(pairs["log_prob"])
    at_draws, above, below = as_float64(pairs["log_prob_of_draws"])
    with np.errstate(invalid="ignore"):
        rounding = np.abs(above - at_draws) + np.abs(below - at_draws)
    is_resolved = np.isfinite(rounding)
    require(np.isfinite(log_prob).all(), "a finite log_prob with every draw", f"{log_prob}")
    tolerance = 1e-9 * largest(log_prob) + 10.0 * np.where(is_resolved, rounding, 0.0)
    expected = np.where(is_resolved, at_draws, log_prob)
    require_close("the log_prob with a draw", log_prob, expected, tolerance)


def _varies(draws: np.ndarray) -> bool:
    """Whether 64 draws differ from 64 others of the distribution, but for one in 10^9 times."""
    draws = as_float64(draws).reshape(len(draws), -1)
    changes = (draws != draws[0]).mean(axis=0)
    return bool((changes > 0.3).any()) and draws.size >= 64


@check
def check_moments(distribution: Distribution | Measurement, *, seed: int = 0) -> None:
    """Draws have the mean, the variance and the covariance that are given in closed form.

    So has the density of a scalar, by quadrature, which has no false alarms. Those of draws:
    less than one in 10^6 distributions. Entries whose draws are too heavy-tailed for the normal
    approximation are left to the quadrature, and to `check_pit`.

    Examples:
        >>> import keras_distlayers as kdl
        >>> kdl.testing.check_moments(kdl.distributions.Normal([0.0, 1.0], 1.0))
    """
    measurement = measure(distribution, seed=seed)
    distribution, draws = measurement.distribution, measurement.draws
    if draws["mean"] is None:
        raise not_applicable("there is no mean in closed form")
    mean = as_float64(draws["mean"])
    variance, covariance = (_optional(draws[name]) for name in ("variance", "covariance"))
    if variance is not None:
        stddev = as_float64(draws["stddev"])
        require_close("stddev()", stddev**2, variance, 1e-5 * largest(variance))
    if distribution.event_shape == ():
        _check_by_quadrature(measurement.points, mean, variance)
        if distribution.support.is_discrete or distribution.support.has_atoms:
            mean = np.where(_is_nearly_certain(draws), np.nan, mean)
    _check_by_draws(as_float64(draws["values"]), mean, variance, covariance)


def _optional(result: np.ndarray | None) -> np.ndarray | None:
    return None if result is None else as_float64(result)


def _is_nearly_certain(draws: Record) -> np.ndarray:
    """Where all draws are at one point, and too little mass is elsewhere to be seen."""
    values = draws["values"]
    mass = np.exp(as_float64(draws["log_prob"][0]))
    elsewhere = -np.log(_statistics.FALSE_ALARM) / len(values)
    return (values == values[0]).all(axis=0) & (mass > 1.0 - elsewhere)


def _check_by_quadrature(points: Record, mean: np.ndarray, variance: np.ndarray | None) -> None:
    """The integrals of the density, where what is left out at the ends does not count."""
    values, weights = points["values"], masses(points)
    width = np.sqrt(np.nan_to_num(variance, posinf=0.0)) if variance is not None else 0.0
    _require_integral("a mean", values * weights, mean, 1e-3 * (np.abs(mean) + width))
    if variance is not None:
        with np.errstate(invalid="ignore"):
            terms = (values - mean) ** 2 * weights
        _require_integral("a variance", terms, variance, 1e-3 * variance)


def _require_integral(
    what: str, terms: np.ndarray, expected: np.ndarray, tolerance: np.ndarray
) -> None:
    total, ends = terms.sum(axis=0), len(terms) // 40
    inner = terms[ends : len(terms) - ends].sum(axis=0)
    with np.errstate(invalid="ignore"):
        settled = np.isfinite(expected) & (np.abs(total - inner) <= 0.1 * tolerance)
    limit = np.where(settled, tolerance + 1e-6, np.inf)
    require_close(
        f"{what} by quadrature", np.where(settled, total, 0.0),
        np.where(settled, expected, 0.0), limit,
    )  # fmt: skip


def _check_by_draws(
    draws: np.ndarray, mean: np.ndarray, variance: np.ndarray | None, covariance: np.ndarray | None
) -> None:
    slack = _ROUNDING * (1.0 + np.abs(np.nan_to_num(mean)))
    _statistics.require_mean("a mean", draws, mean, slack)
    centred = draws - mean
    if variance is not None:
        rounding = _ROUNDING * (variance + _ROUNDING * mean**2 + _ROUNDING)
        _statistics.require_mean("a variance", centred**2, variance, rounding)
    if covariance is not None and covariance.ndim == mean.ndim + 1:
        products = centred[..., :, None] * centred[..., None, :]
        _statistics.require_mean(
            "a covariance", products, covariance, _ROUNDING * largest(covariance)
        )


@check
def check_pit(distribution: Distribution | Measurement, *, seed: int = 0) -> None:
    """The probability integral transform: draws follow the cdf, whatever their tails.

    The largest gap between the draws' empirical cdf and the distribution's is bounded by the
    Dvoretzky-Kiefer-Wolfowitz inequality. Of a continuous distribution the draws in each tail,
    with a probability of 0.4%, are counted too. False alarms: less than one in 10^9
    distributions.

    Examples:
        >>> import keras_distlayers as kdl
        >>> kdl.testing.check_pit(kdl.distributions.Normal([0.0, 1.0], 1.0))
    """
    measurement = measure(distribution, seed=seed)
    distribution, record = measurement.distribution, measurement.draws
    require_cdf(distribution, record["cdf"])
    order = np.argsort(record["values"], axis=0)
    draws, cdf = (
        np.take_along_axis(x, order, axis=0) for x in (record["values"], as_float64(record["cdf"]))
    )
    # Draws that are equal share the share of all of them.
    below = _ranks(draws, "left") / len(draws)
    up_to = _ranks(draws, "right") / len(draws)
    gap = np.abs(up_to - cdf)
    if not (distribution.support.is_discrete or distribution.support.has_atoms):
        gap = np.maximum(gap, np.abs(below - cdf))
    bound = _statistics.largest_gap(2 * cdf[0].size, len(draws)) + _ROUNDING
    if (gap > bound).any():
        at = np.unravel_index(gap.argmax(), gap.shape)
        raise Failed(
            f"a share of {cdf[at]:.4f} of the draws up to {draws[at]:.5g}, within {bound:.2g}",
            f"{up_to[at]:.4f} of {len(draws)} draws",
        )
    if not (distribution.support.is_discrete or distribution.support.has_atoms):
        _statistics.require_tail("lower", cdf, draws == draws[0])
        _statistics.require_tail("upper", 1.0 - cdf, draws == draws[-1])


def _ranks(draws: np.ndarray, side: Literal["left", "right"]) -> np.ndarray:
    """How many draws of each column are below each (left), or at or below it (right)."""
    columns = draws.reshape(len(draws), -1)
    ranks = [np.searchsorted(c, c, side) for c in columns.T]
    return np.stack(ranks, axis=1).reshape(draws.shape)


@check
def check_independence(distribution: Distribution | Measurement, *, seed: int = 0) -> None:
    """The distributions of a batch have draws of their own: one does not go with its neighbour.

    The ranks of the draws of each two neighbours in the batch have a correlation of 0, entry by
    entry of the event. False alarms: less than one in 10^6 distributions.

    Examples:
        >>> import keras_distlayers as kdl
        >>> kdl.testing.check_independence(kdl.distributions.Normal([0.0, 1.0], 1.0))
    """
    measurement = measure(distribution, seed=seed)
    batch = measurement.distribution.batch_shape
    axes = [axis for axis, size in enumerate(batch, start=1) if size > 1]
    if not axes:
        raise not_applicable("there is one distribution, without a batch")
    scores = stats.rankdata(measurement.draws["values"], axis=0)
    scores = scores - scores.mean(axis=0)
    scores = scores / np.maximum(scores.std(axis=0), 1.0)  # 0 where all draws are equal
    for axis in axes:
        ranks = np.moveaxis(scores, axis, 1)
        products = ranks[:, 1:] * ranks[:, :-1]
        _statistics.require_mean(
            f"a rank correlation of neighbours on axis {axis - 1} of the batch",
            products, np.zeros(products.shape[1:]), _ROUNDING, "as independent draws have it",
        )  # fmt: skip


@check
def check_entropy(distribution: Distribution | Measurement, *, seed: int = 0) -> None:
    """The entropy is the mean of -log_prob over draws.

    Examples:
        >>> import keras_distlayers as kdl
        >>> kdl.testing.check_entropy(kdl.distributions.Normal([0.0, 1.0], 1.0))
    """
    draws = measure(distribution, seed=seed).draws
    if draws["entropy"] is None:
        raise not_applicable("there is no entropy in closed form")
    nats, entropy = -as_float64(draws["log_prob"]), as_float64(draws["entropy"])
    _statistics.require_mean("an entropy", nats, entropy, _ROUNDING * largest(entropy))


@check
def check_kl(
    distribution: Distribution | Measurement, other: Distribution | None = None, *, seed: int = 0
) -> None:
    """KL(distribution || other) in closed form is the mean log ratio over draws.

    Without another distribution: that of the batch in reverse order, and of the distribution
    itself, which is 0.

    Examples:
        >>> import keras_distlayers as kdl
        >>> normal = kdl.distributions.Normal([0.0, 1.0], 1.0)
        >>> kdl.testing.check_kl(normal, kdl.distributions.Normal(0.0, 2.0))
    """
    measurement = measure(distribution, seed=seed)
    draws = measurement.draws
    itself, against = draws["kl_to_itself"], draws
    if itself is None and other is None:
        raise not_applicable("there is no KL divergence in closed form")
    if itself is not None:
        rounding = _ROUNDING * largest(draws["log_prob"][0])
        require_close("KL(distribution || distribution)", itself, np.zeros(itself.shape), rounding)
    if other is not None:
        against = measure_against(measurement.distribution, other, draws["values"])
        require(against["kl"] is not None, "a KL divergence in closed form", "none")
    if against["kl"] is not None:
        _require_kl(against["kl"], draws["log_prob"], against["log_prob_of_other"])


def _require_kl(exact: np.ndarray, log_prob: np.ndarray, log_prob_of_other: np.ndarray) -> None:
    exact, log_prob, log_prob_of_other = map(as_float64, (exact, log_prob, log_prob_of_other))
    ratios = np.broadcast_to(log_prob - log_prob_of_other, (len(log_prob), *exact.shape))
    is_infinite = np.isinf(exact)  # some draws are outside the support of the other
    outside = np.isinf(ratios).any(axis=0)
    require(outside[is_infinite].all(), "a finite KL divergence", f"{exact}, of finite log ratios")
    ratios, exact = (np.where(is_infinite, 0.0, x) for x in (ratios, exact))
    slack = _ROUNDING * largest(log_prob, log_prob_of_other)
    _statistics.require_mean("a KL divergence", ratios, exact, slack)
