"""Distributions and what was observed, as flat NumPy arrays."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from keras import ops

from keras_distlayers._core.errors import message
from keras_distlayers._core.typing import Seed, Tensor
from keras_distlayers.distributions import Bernoulli, Categorical, Distribution
from keras_distlayers.distributions.intervals import checked_coverage
from keras_distlayers.scores import pit
from keras_distlayers.scores.arguments import checked_distribution, entries_or_none

NUM_DRAWS = 2000


def as_array(x: Tensor) -> np.ndarray:
    """A tensor of any backend, or what NumPy takes, as an array."""
    return np.asarray(ops.convert_to_numpy(x))


def observed(where: str, numbers: np.ndarray, value: Tensor) -> np.ndarray:
    """Those of the numbers whose value is not NaN, flat; an error if there are none, or NaN."""
    is_missing = np.isnan(as_array(value).astype("float64"))
    if is_missing.ndim > numbers.ndim:  # one-hot vectors
        is_missing = is_missing.any(axis=-1)
    numbers = numbers[~np.broadcast_to(is_missing, numbers.shape)]
    if numbers.size and not np.isnan(numbers).any():
        return numbers
    raise ValueError(
        message(
            f"{where}, argument `value`",
            expected="observations, each with a probability by its distribution",
            received="no observation" if not numbers.size else "NaN for some of the probabilities",
            fix="Look for parameters that are NaN, and for labels that there are not.",
        )
    )


def sorted_pit(where: str, distribution: Any, value: Tensor, seed: Seed) -> np.ndarray:
    """The PIT of all entries that were observed, in order."""
    numbers = as_array(pit(distribution, value, seed)).astype("float64")
    return np.sort(observed(where, numbers, value))


def as_label_distribution(probs: Any, labels: Tensor) -> Any:
    """A distribution as it is; of probabilities, those of 1 or those of all labels."""
    if hasattr(probs, "unwrapped"):
        return probs
    probs = as_array(probs).astype("float32")
    has_all = probs.ndim > as_array(labels).ndim
    if has_all and probs.shape[-1] == 1:  # as a network with one output gives them
        probs, has_all = probs[..., 0], False
    if not has_all:
        return Bernoulli(probs=probs)
    sums = probs.sum(axis=-1)
    if sums.size and not np.allclose(sums, 1.0, atol=1e-3):
        raise ValueError(
            message(
                "plots.reliability, argument `distribution`",
                expected="probabilities of all labels on the last axis, which sum to 1",
                received=f"sums from {sums.min():.4g} to {sums.max():.4g}",
                fix="Pass a Categorical(logits=...) for logits.",
            )
        )
    return Categorical(probs=probs)


def checked_band(where: str, band: float) -> float:
    """The probability of a band, or an error."""
    if 0.0 < band < 1.0:
        return float(band)
    raise ValueError(
        message(
            f"{where}, argument `band`",
            expected="a number between 0 and 1, such as 0.95",
            received=f"band={band}",
        )
    )


def checked_coverages(where: str, coverage: float | Sequence[float]) -> list[float]:
    """The shares of the mass, from the largest on."""
    shares = [checked_coverage(where, share) for share in np.atleast_1d(coverage).tolist()]
    return sorted(shares, reverse=True)


# ---------------------------------------------------------------- one number for each point


def checked_series(where: str, distribution: Any) -> tuple[Distribution, int]:
    """A distribution of numbers along a single axis, of the batch or the event, and how many."""
    distribution = checked_distribution(where, distribution)
    shape = (*distribution.batch_shape, *distribution.event_shape)
    if sum(size != 1 for size in shape) <= 1:
        return distribution, int(np.prod(shape))
    raise ValueError(
        message(
            f"{where}, argument `distribution`",
            expected="one number for each point: a single axis, of the batch or of the event",
            received=f"batch_shape={distribution.batch_shape}, "
            f"event_shape={distribution.event_shape}",
            fix="Take a row or a column: `distribution.marginals()[i]`, or "
            "`distribution.marginals()[:, i]`.",
        )
    )


def series_quantiles(distribution: Distribution, probs: Sequence[float]) -> np.ndarray:
    """Quantiles of shape `(len(probs), points)`; without a formula or a cdf, those of draws."""
    entries = entries_or_none(distribution)
    try:
        found = [as_array(entries.quantile(p)) for p in probs] if entries else None
    except NotImplementedError:
        found = None
    if found is None:
        found = np.quantile(as_array(distribution.sample(NUM_DRAWS, seed=0)), probs, axis=0)
    size = int(np.prod((*distribution.batch_shape, *distribution.event_shape)))
    return np.stack([np.broadcast_to(row.ravel(), (size,)) for row in found])


def flat(where: str, name: str, x: Any, size: int | None = None) -> np.ndarray:
    """One number for each point, of shape `(size,)`, or an error."""
    numbers = as_array(x).astype("float64").ravel()
    if size is None or numbers.size == size:
        return numbers
    raise ValueError(
        message(
            f"{where}, argument `{name}`",
            expected=f"{size} numbers, one for each point",
            received=f"{numbers.size} numbers",
        )
    )


__all__ = [
    "as_array",
    "as_label_distribution",
    "checked_band",
    "checked_coverages",
    "checked_series",
    "flat",
    "observed",
    "series_quantiles",
    "sorted_pit",
]
