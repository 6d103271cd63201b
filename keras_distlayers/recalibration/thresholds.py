"""The threshold of split conformal prediction."""

import math
from typing import Any

import numpy as np

from keras_distlayers._core.errors import message
from keras_distlayers.scores.arguments import checked_between


def conformal_threshold(scores: Any, coverage: float) -> np.ndarray:
    """The `ceil((n + 1) * coverage)`-th smallest of n scores; infinite where n is smaller.

    If a new score comes from the same source as these, it is at most the threshold with a
    probability of `coverage` or more. The n-th part of the scores without the `+ 1` promises too
    much: for small n it holds a smaller share.

    Args:
        scores: NumPy array whose first axis is that of the n scores; each entry of the others has
            a threshold of its own. They may be infinite.
        coverage: The share, between 0 and 1.

    Returns:
        NumPy array of the shape of one score.

    Raises:
        ValueError: if `coverage` is not between 0 and 1, or if a score is NaN.

    Examples:
        >>> import numpy as np
        >>> from keras_distlayers.recalibration import conformal_threshold
        >>> float(conformal_threshold(np.arange(1.0, 20.0), coverage=0.9))
        18.0
        >>> float(conformal_threshold(np.arange(1.0, 9.0), coverage=0.9))
        inf

    Source: Vovk, Gammerman and Shafer, Algorithmic Learning in a Random World (2005), section 2.2;
    Lei et al., Journal of the American Statistical Association 113 (2018), section 2.2.
    """
    where = "conformal_threshold"
    coverage = checked_between(where, "coverage", coverage)
    scores = np.asarray(scores)
    if np.isnan(scores).any():
        raise ValueError(
            message(
                f"{where}, argument `scores`",
                expected="numbers, which may be infinite",
                received=f"{int(np.isnan(scores).sum())} of {scores.size} NaN",
            )
        )
    rank = needed_rank(len(scores), coverage)
    if rank > len(scores):
        return np.full(scores.shape[1:], np.inf, scores.dtype)
    return np.partition(scores, rank - 1, axis=0)[rank - 1]


def needed_rank(count: int, coverage: float) -> int:
    """`ceil((count + 1) * coverage)`; a product that rounds above an integer is that integer."""
    return math.ceil((count + 1) * coverage * (1.0 - 1e-12))


__all__ = ["conformal_threshold", "needed_rank"]
