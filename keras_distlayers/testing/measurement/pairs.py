"""Draws together with their log_prob, as `sample_and_log_prob` gives them."""

from typing import Any

from keras import ops

from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.distributions.independent import Independent
from keras_distlayers.testing._evaluation import double_precision, in_float64
from keras_distlayers.testing.measurement.record import Record, measured

DRAWS = 500
_ROUNDING = 2.0**-51
"""A step of a few roundings of float64."""


def measure(distribution: Distribution, seed: int) -> Record:
    """Pairs in the distribution's own precision and in float64; empty for those of the base class.

    The record has `log_prob_as_drawn`, in the own precision; and in float64 `draws`, `log_prob`,
    `draws_alone` of the same seed, and `log_prob_of_draws` at the draws and a rounding of
    them above and below.
    """
    if not _has_own_pairs(distribution):
        return Record(log_prob_as_drawn=None)
    in_own_precision = measured(_log_prob_as_drawn, distribution, seed=seed)
    with double_precision():
        return Record(
            {**in_own_precision, **measured(_results, in_float64(distribution), seed=seed)}
        )


def _has_own_pairs(distribution: Distribution) -> bool:
    """Whether the class writes its own, in place of sample and then log_prob."""
    if isinstance(distribution, Independent):
        return _has_own_pairs(distribution.distribution)
    return any(
        getattr(type(distribution), name) is not getattr(Distribution, name)
        for name in ("sample_and_log_prob", "_sample_and_log_prob")
    )


def _log_prob_as_drawn(distribution: Distribution, *, seed: int) -> dict[str, Any]:
    return {"log_prob_as_drawn": distribution.sample_and_log_prob((DRAWS,), seed=seed)[1]}


def _results(distribution: Distribution, *, seed: int) -> dict[str, Any]:
    draws, log_prob = distribution.sample_and_log_prob((DRAWS,), seed=seed)
    neighbours = [draws, draws * (1.0 + _ROUNDING), draws * (1.0 - _ROUNDING)]
    return {
        "draws": draws,
        "log_prob": log_prob,
        "draws_alone": distribution.sample((DRAWS,), seed=seed),
        "log_prob_of_draws": distribution.log_prob(ops.stack(neighbours)),
    }


__all__ = ["measure"]
