"""Draws together with their log_prob, as `sample_and_log_prob` gives them."""

from typing import Any

from keras import ops

from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.distributions.independent import Independent
from keras_distlayers.testing._evaluation import double_precision, in_float64
from keras_distlayers.testing.measurement.record import Record, measured

DRAWS = 200
_ROUNDING = 2.0**-51
"""A step of a few roundings of float64."""


def measure(distribution: Distribution, seed: int) -> Record:
    """Pairs in float64; None for those of the base class.

    The record has `log_prob`, given with the draws, and `log_prob_of_draws`, at the draws and at a
    rounding of them above and below.
    """
    if not has_own_pairs(distribution):
        return Record(log_prob=None)
    with double_precision():
        return measured(_results, in_float64(distribution), seed=seed)


def has_own_pairs(distribution: Distribution) -> bool:
    """Whether the class writes its own, in place of sample and then log_prob."""
    if isinstance(distribution, Independent):
        return has_own_pairs(distribution.distribution)
    return any(
        getattr(type(distribution), name) is not getattr(Distribution, name)
        for name in ("sample_and_log_prob", "_sample_and_log_prob")
    )


def _results(distribution: Distribution, *, seed: int) -> dict[str, Any]:
    draws, log_prob = distribution.sample_and_log_prob((DRAWS,), seed=seed)
    neighbours = [draws, draws * (1.0 + _ROUNDING), draws * (1.0 - _ROUNDING)]
    return {
        "log_prob": log_prob,
        "log_prob_of_draws": distribution.log_prob(ops.stack(neighbours)),
    }


__all__ = ["has_own_pairs", "measure"]
