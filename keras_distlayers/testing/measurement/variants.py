"""Shapes and dtypes of the same distribution with no rows, and in float64."""

from collections.abc import Callable
from typing import Any

import numpy as np

from keras_distlayers._core.typing import Tensor
from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.testing._backend import backend
from keras_distlayers.testing._evaluation import (
    STATISTICS,
    batch_of,
    double_precision,
    in_float64,
)
from keras_distlayers.testing.measurement import signature
from keras_distlayers.testing.measurement.record import Raised, Record, attempt

_METHODS = ("log_prob", "cdf", "survival_function")


def measure(distribution: Distribution) -> Record:
    """The shapes of results of no draws, and of a batch of no rows; dtypes in float64.

    What cannot be made, as the part of a distribution of another library, is None.
    """
    with double_precision():
        dtypes = _of_each(signature.dtype_of, attempt(in_float64, distribution))
    part = attempt(lambda: distribution[:0]) if batch_of(distribution) else None
    return Record(
        no_draws=_of_each(signature.shape_of, distribution, sample_shape=(0,)),
        no_rows=_of_each(signature.shape_of, part),
        float64=dtypes,
    )


def _of_each(
    function: Callable[[Tensor], Any], distribution: Any, sample_shape: tuple[int, ...] = ()
) -> Record | Raised | None:
    """A record with the function of each result."""
    if distribution is None or isinstance(distribution, Raised):
        return distribution
    return signature.of_each(
        function, attempt(backend.eval_shape, _results, distribution, sample_shape=sample_shape)
    )


def _results(distribution: Distribution, *, sample_shape: tuple[int, ...]) -> dict[str, Any]:
    draw = distribution.sample(sample_shape, seed=0)
    results = {name: attempt(getattr(distribution, name), draw) for name in _METHODS}
    if not sample_shape:
        p = np.full(batch_of(distribution), 0.3)
        results["quantile"] = attempt(distribution.quantile, p)
        results["kl_divergence"] = attempt(distribution.kl_divergence, distribution)
        results |= {name: attempt(getattr(distribution, name)) for name in STATISTICS}
    return {"sample": draw, **results}


__all__ = ["measure"]
