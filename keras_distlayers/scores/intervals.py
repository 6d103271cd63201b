"""Scores of intervals and quantiles, and how often and how wide the intervals are."""

import math
from typing import Any

from keras import ops

from keras_distlayers._core import shapes
from keras_distlayers._core.ops import maximum, mean
from keras_distlayers._core.typing import Tensor
from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.distributions.intervals import IntervalKind, interval
from keras_distlayers.scores.arguments import (
    checked_between,
    checked_distribution,
    checked_value,
)


def interval_score(
    distribution: Any, value: Tensor, coverage: float = 0.9, kind: IntervalKind = "equal_tailed"
) -> Tensor:
    """The interval score, in the units of the value; less is better.

    It is the width of the interval plus 2 / (1 - coverage) times the distance of the value from
    it: Winkler's score. It is proper for `kind="equal_tailed"`. Of an event with several entries
    it is the sum of theirs.

    Args:
        distribution: A `Distribution` or a `RandomVariable` whose entries have quantiles.
        value: Tensor whose trailing axes are `event_shape`, and whose leading axes broadcast with
            `batch_shape`.
        coverage: The share of the mass, as for `distributions.interval`.
        kind: `"equal_tailed"` or `"highest_density"`, likewise.

    Returns:
        Tensor of the broadcast shape without the event.

    Raises:
        TypeError: if `distribution` is not a distribution.
        ValueError: if `coverage` is not between 0 and 1, or the shape of the value does not fit.
        NotImplementedError: if the distribution has no marginals, or those no cdf.

    Examples:
        >>> import keras_distlayers as kdl
        >>> uniform = kdl.distributions.Uniform(0.0, 10.0)
        >>> scores = kdl.scores.interval_score(uniform, [5.0, 10.5], coverage=0.8)
        >>> [round(float(score), 4) for score in scores]
        [8.0, 23.0]

    Source: Gneiting and Raftery, Journal of the American Statistical Association 102 (2007),
    section 6.2.
    """
    distribution, value, lower, upper = _with_interval(
        "interval_score", distribution, value, coverage, kind
    )
    outside = maximum(lower - value, 0.0) + maximum(value - upper, 0.0)
    score = upper - lower + 2.0 / (1.0 - coverage) * outside
    return shapes.sum_last(score, len(distribution.event_shape))


def coverage(
    distribution: Any, value: Tensor, coverage: float = 0.9, kind: IntervalKind = "equal_tailed"
) -> Tensor:
    """Whether the interval holds the value: 1.0 or 0.0; of an event, the share of its entries.

    Its mean over data should be near `coverage`. An interval of counts or labels holds at least
    that share. The arguments and errors are those of `interval_score`.

    Args:
        distribution: A `Distribution` or a `RandomVariable` whose entries have quantiles.
        value: As for `interval_score`.
        coverage: The share of the mass that the interval is asked to hold.
        kind: As for `distributions.interval`.

    Returns:
        Tensor of the broadcast shape without the event; NaN for a NaN.

    Examples:
        >>> import keras_distlayers as kdl
        >>> normal = kdl.distributions.Normal(0.0, 1.0)
        >>> [float(x) for x in kdl.scores.coverage(normal, [1.0, 2.0], coverage=0.9)]
        [1.0, 0.0]
    """
    distribution, value, lower, upper = _with_interval(
        "coverage", distribution, value, coverage, kind
    )
    is_inside = ops.cast(ops.logical_and(lower <= value, value <= upper), distribution.dtype)
    is_nan = ops.logical_or(ops.isnan(value), ops.logical_or(ops.isnan(lower), ops.isnan(upper)))
    return _mean_of_entries(ops.where(is_nan, math.nan, is_inside), distribution)


def width(
    distribution: Any,
    value: Tensor | None = None,
    coverage: float = 0.9,
    kind: IntervalKind = "equal_tailed",
) -> Tensor:
    """The width of the interval, in the units of the value; of an event, the mean of its entries.

    It shows sharpness: of two models with the right coverage, the one with the smaller width is
    better. The arguments and errors are those of `interval_score`.

    Args:
        distribution: A `Distribution` or a `RandomVariable` whose entries have quantiles.
        value: Not used; the width does not depend on it.
        coverage: The share of the mass.
        kind: As for `distributions.interval`.

    Returns:
        Tensor of shape `batch_shape`.

    Examples:
        >>> import keras_distlayers as kdl
        >>> normal = kdl.distributions.Normal(0.0, 1.0)
        >>> round(float(kdl.scores.width(normal, coverage=0.9)), 3)
        3.29
    """
    distribution = checked_distribution("width", distribution)
    lower, upper = interval(distribution, coverage, kind)
    return _mean_of_entries(upper - lower, distribution)


def pinball(distribution: Any, value: Tensor, level: float = 0.5) -> Tensor:
    """The quantile score, or pinball loss, in the units of the value; less is better.

    For the quantile q it is level (value - q) where the value is above q, and
    (1 - level) (q - value) below. At the level 1/2 it is half of the absolute error of the median.
    Of an event with several entries it is the sum of theirs.

    Args:
        distribution: A `Distribution` or a `RandomVariable` whose entries have quantiles.
        value: As for `interval_score`.
        level: The probability of the quantile, between 0 and 1.

    Returns:
        Tensor of the broadcast shape without the event.

    Raises:
        TypeError: if `distribution` is not a distribution.
        ValueError: if `level` is not between 0 and 1, or the shape of the value does not fit.
        NotImplementedError: if the distribution has no marginals, or those no cdf.

    Examples:
        >>> import keras_distlayers as kdl
        >>> uniform = kdl.distributions.Uniform(0.0, 10.0)
        >>> [round(float(x), 4) for x in kdl.scores.pinball(uniform, [0.0, 10.0], level=0.9)]
        [0.9, 0.9]

    Source: Koenker and Bassett, Econometrica 46 (1978).
    """
    level = checked_between("pinball", "level", level)
    distribution = checked_distribution("pinball", distribution)
    value = checked_value("pinball", distribution, value)
    above = value - distribution.marginals().quantile(level)
    score = maximum(level * above, (level - 1.0) * above)
    return shapes.sum_last(score, len(distribution.event_shape))


def _with_interval(
    where: str, distribution: Any, value: Tensor, coverage: float, kind: IntervalKind
) -> tuple[Distribution, Tensor, Tensor, Tensor]:
    """The distribution, the value, and the ends of the interval."""
    distribution = checked_distribution(where, distribution)
    value = checked_value(where, distribution, value)
    return distribution, value, *interval(distribution, coverage, kind)


def _mean_of_entries(x: Tensor, distribution: Distribution) -> Tensor:
    axes = tuple(range(-len(distribution.event_shape), 0))
    return mean(x, axis=axes) if axes else x


__all__ = ["coverage", "interval_score", "pinball", "width"]
