"""Checks of draws: against their seed, their moments, their cdf, entropies and divergences."""

import functools
import math
from typing import Literal

import numpy as np
from keras import ops

from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.distributions.kl import closed_form_kl
from keras_distlayers.testing import _statistics
from keras_distlayers.testing._evaluation import (
    as_float64,
    as_numpy,
    double_precision,
    draw,
    evaluate,
    evaluate_statistic,
    in_float64,
    largest,
    log_prob,
    statistics,
)
from keras_distlayers.testing._reporting import (
    Failed,
    check,
    not_applicable,
    require,
    require_close,
)
from keras_distlayers.testing.density_checks import scalar_cdf, scalar_masses

_MOST_NUMBERS = 4_000_000
_ROUNDING = 1e-5


def _draws(distribution: Distribution, seed: int):
    """20,000 draws, or as many as fit; at least 500."""
    entries = math.prod((*distribution.batch_shape, *distribution.event_shape))
    n = max(500, min(_statistics.DRAWS, _MOST_NUMBERS // max(entries, 1)))
    return evaluate(draw, distribution, shape=(n,), seed=seed)


@check
def check_seed(distribution: Distribution) -> None:
    """The same seed gives the same draw, another seed another one, no seed a new one.

    Examples:
        >>> import keras_distlayers as kdl
        >>> kdl.testing.check_seed(kdl.distributions.Normal([0.0, 1.0], 1.0))
    """
    first, again, other = (as_numpy(distribution.sample(64, seed=s)) for s in (5, 5, 6))
    require(np.array_equal(first, again), "the same draws for the same seed", "others")
    one, two = as_numpy(distribution.sample(64)), as_numpy(distribution.sample(64))
    if _varies(distribution, first):
        require(not np.array_equal(first, other), "other draws for another seed", "the same")
        require(not np.array_equal(one, two), "new draws without a seed", "the same")


def _varies(distribution, draws) -> bool:
    """Whether 64 draws of the distribution can be told from 64 others but for one in 10^9 times."""
    halves = as_float64(draws).reshape(64, -1)
    changes = (halves != halves[0]).mean(axis=0)
    return bool((changes > 0.3).any()) and halves.size >= 64


@check
def check_moments(distribution: Distribution, *, seed: int = 0) -> None:
    """Draws have the mean, the variance and the covariance that are said in closed form.

    So has the density of a scalar, by quadrature, which has no false alarms. Those of draws:
    less than one in 10^6 distributions. Entries whose draws are too heavy-tailed for the normal
    approximation are left to the quadrature, and to `check_pit`.

    Examples:
        >>> import keras_distlayers as kdl
        >>> kdl.testing.check_moments(kdl.distributions.Normal([0.0, 1.0], 1.0))
    """
    said = evaluate(statistics, distribution, names=("mean", "variance", "stddev", "covariance"))
    said = {name: as_float64(value) for name, value in said.items() if value is not None}
    mean, variance = said.get("mean"), said.get("variance")
    if mean is None:
        raise not_applicable("there is no mean in closed form")
    if variance is not None:
        require_close("stddev()", said["stddev"] ** 2, variance, 1e-5 * largest(variance))
    if distribution.event_shape == ():
        _check_by_quadrature(distribution, mean, variance)
    draws = as_float64(_draws(distribution, seed))
    if distribution.event_shape == () and (
        distribution.support.is_discrete or distribution.support.has_atoms
    ):
        mean = np.where(_is_nearly_certain(distribution, draws), np.nan, mean)
    _check_by_draws(draws, mean, variance, said.get("covariance"))


def _is_nearly_certain(distribution: Distribution, draws):
    """Where all draws are at one point, and the distribution has too little mass elsewhere to be seen."""
    mass = np.exp(
        as_float64(evaluate(log_prob, distribution, draws[0].astype(distribution.event_dtype)))
    )
    elsewhere = -np.log(_statistics.FALSE_ALARM) / len(draws)
    return (draws == draws[0]).all(axis=0) & (mass > 1.0 - elsewhere)


def _check_by_quadrature(distribution: Distribution, mean, variance) -> None:
    """The integrals of the density, where what is left out at the ends does not count."""
    with double_precision():
        values, masses = scalar_masses(in_float64(distribution))
    width = np.sqrt(np.nan_to_num(variance, posinf=0.0)) if variance is not None else 0.0
    _require_integral("a mean", values * masses, mean, 1e-3 * (np.abs(mean) + width))
    if variance is not None:
        _require_integral("a variance", (values - mean) ** 2 * masses, variance, 1e-3 * variance)


def _require_integral(what: str, terms, expected, tolerance) -> None:
    total, ends = terms.sum(axis=0), len(terms) // 40
    inner = terms[ends : len(terms) - ends].sum(axis=0)
    with np.errstate(invalid="ignore"):
        settled = np.isfinite(expected) & (np.abs(total - inner) <= 0.1 * tolerance)
    limit = np.where(settled, tolerance + 1e-6, np.inf)
    require_close(
        f"{what} by quadrature", np.where(settled, total, 0.0),
        np.where(settled, expected, 0.0), limit,
    )  # fmt: skip


def _check_by_draws(draws, mean, variance, covariance) -> None:
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
def check_pit(distribution: Distribution, *, seed: int = 0) -> None:
    """The probability integral transform: draws follow the cdf, whatever their tails.

    The largest gap between the draws' empirical cdf and the distribution's is bounded by the
    Dvoretzky-Kiefer-Wolfowitz inequality; false alarms: less than one in 10^9 distributions.

    Examples:
        >>> import keras_distlayers as kdl
        >>> kdl.testing.check_pit(kdl.distributions.Normal([0.0, 1.0], 1.0))
    """
    scalar_cdf(distribution, distribution.sample(seed=0))
    draws = np.sort(as_numpy(_draws(distribution, seed)), axis=0)
    cdf = scalar_cdf(distribution, draws)
    # Draws that are equal share the share of all of them.
    below = _ranks(draws, "left") / len(draws)
    up_to = _ranks(draws, "right") / len(draws)
    gap = np.abs(up_to - cdf)
    if not (distribution.support.is_discrete or distribution.support.has_atoms):
        gap = np.maximum(gap, np.abs(below - cdf))
    bound = _statistics.largest_gap(cdf[0].size, len(draws)) + _ROUNDING
    if (gap > bound).any():
        at = np.unravel_index(gap.argmax(), gap.shape)
        raise Failed(
            f"a share of {cdf[at]:.4f} of the draws up to {draws[at]:.5g}, within {bound:.2g}",
            f"{up_to[at]:.4f} of {len(draws)} draws",
        )


def _ranks(draws, side: Literal["left", "right"]) -> np.ndarray:
    """How many draws of each column are below each (left), or at or below it (right)."""
    columns = draws.reshape(len(draws), -1)
    ranks = [np.searchsorted(c, c, side) for c in columns.T]
    return np.stack(ranks, axis=1).reshape(draws.shape)


@check
def check_entropy(distribution: Distribution, *, seed: int = 0) -> None:
    """The entropy is the mean of -log_prob over draws.

    Examples:
        >>> import keras_distlayers as kdl
        >>> kdl.testing.check_entropy(kdl.distributions.Normal([0.0, 1.0], 1.0))
    """
    entropy = evaluate_statistic(distribution, "entropy")
    if entropy is None:
        raise not_applicable("there is no entropy in closed form")
    nats = -as_float64(evaluate(log_prob, distribution, _draws(distribution, seed)))
    entropy = as_float64(entropy)
    _statistics.require_mean("an entropy", nats, entropy, _ROUNDING * largest(entropy))


@check
def check_kl(
    distribution: Distribution, other: Distribution | None = None, *, seed: int = 0
) -> None:
    """KL(distribution || other) in closed form is the mean log ratio over draws of the distribution.

    Without another distribution: that of the batch in reverse order, and of the distribution itself, which
    is 0.

    Examples:
        >>> import keras_distlayers as kdl
        >>> kdl.testing.check_kl(kdl.distributions.Normal([0.0, 1.0], 1.0), kdl.distributions.Normal(0.0, 2.0))
    """
    itself = closed_form_kl(distribution, distribution)
    if itself is None and other is None:
        raise not_applicable("there is no KL divergence in closed form")
    if itself is not None:
        itself = as_float64(itself)
        rounding = _ROUNDING * largest(distribution.log_prob(distribution.sample(seed=0)))
        require_close("KL(distribution || distribution)", itself, np.zeros(itself.shape), rounding)
    others = [other] if other is not None else _reversals(distribution)
    for b in others:
        exact = as_float64(distribution.kl_divergence(b))
        draws = _draws(distribution, seed)
        of_distribution, of_b = (
            as_float64(evaluate(log_prob, each, draws)) for each in (distribution, b)
        )
        ratios = np.broadcast_to(of_distribution - of_b, (len(draws), *exact.shape))
        slack = _ROUNDING * largest(of_distribution, of_b)
        _statistics.require_mean("a KL divergence", ratios, exact, slack)


def _reversals(distribution: Distribution) -> list[Distribution]:
    """The batch in reverse order along its first axis that has two distributions or more."""
    for axis, size in enumerate(distribution.batch_shape):
        if size > 1:
            whole = distribution.expand(distribution.batch_shape)
            return [whole.map_tensors(functools.partial(ops.flip, axis=axis))]
    return []
