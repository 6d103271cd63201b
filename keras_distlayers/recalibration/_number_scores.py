"""How odd a number is under a predicted distribution, and the interval of those that are less odd.

Each score has two functions of the distribution of each entry of an event: `score(entries, y)`,
and `interval(entries, threshold)`, the ends of what has a score of at most the threshold.
"""

import abc
from typing import Any

import numpy as np
from keras import ops

from keras_distlayers._backend import backend
from keras_distlayers._core.errors import message
from keras_distlayers._core.ops import logaddexp, maximum, minimum
from keras_distlayers._core.typing import Tensor
from keras_distlayers.distributions import Distribution
from keras_distlayers.scores.calibration import mass_at

Interval = tuple[Tensor, Tensor]

# The share of its own size by which a tail may be smaller, so that rounding leaves no value out.
_SLACK = 1e-5

# Where the highest density is looked for: quantiles of these log odds, and between them.
_LOG_ODDS = np.linspace(-12.0, 12.0, 25)
_BETWEEN = np.arange(5) / 5.0

# An end of a density's interval is at most so many widths of that range away, else infinite.
_REACH = 1e4
_HALVINGS = 48


class NumberScore(abc.ABC):
    """A score of numbers.

    Args:
        coverage: The share that the interval shall hold.
    """

    def __init__(self, coverage: float) -> None:
        self.coverage = coverage

    def check(self, entries: Distribution) -> None:
        """An error for a distribution that the score is not for."""
        del entries

    @abc.abstractmethod
    def score(self, entries: Distribution, y: Tensor) -> Tensor:
        """How odd each number is."""

    @abc.abstractmethod
    def interval(self, entries: Distribution, threshold: Tensor) -> Interval:
        """The lower and the upper ends."""


class ResidualScore(NumberScore):
    """|y - mean|."""

    def score(self, entries: Distribution, y: Tensor) -> Tensor:
        return ops.abs(y - entries.mean())

    def interval(self, entries: Distribution, threshold: Tensor) -> Interval:
        return entries.mean() - threshold, entries.mean() + threshold


class ScaledScore(NumberScore):
    """|y - mean| / stddev."""

    def score(self, entries: Distribution, y: Tensor) -> Tensor:
        return ops.abs(y - entries.mean()) / entries.stddev()

    def interval(self, entries: Distribution, threshold: Tensor) -> Interval:
        reach = threshold * entries.stddev()
        return entries.mean() - reach, entries.mean() + reach


class QuantileScore(NumberScore):
    """How far y is outside the equal-tailed interval, below 0 inside: CQR."""

    def score(self, entries: Distribution, y: Tensor) -> Tensor:
        lower, upper = self._ends(entries)
        return maximum(lower - y, y - upper)

    def interval(self, entries: Distribution, threshold: Tensor) -> Interval:
        lower, upper = self._ends(entries)
        return lower - threshold, upper + threshold

    def _ends(self, entries: Distribution) -> Interval:
        tail = 0.5 * (1.0 - self.coverage)
        return entries.quantile(tail), entries.upper_quantile(tail)


class CdfScore(NumberScore):
    """-log of the smaller of P(Y <= y) and P(Y >= y), in nats."""

    def score(self, entries: Distribution, y: Tensor) -> Tensor:
        log_above = entries.log_survival_function(y)
        if entries.support.is_discrete or entries.has_atoms:
            log_above = logaddexp(log_above, ops.log(mass_at(entries, y)))
        return -minimum(entries.log_cdf(y), log_above)

    def interval(self, entries: Distribution, threshold: Tensor) -> Interval:
        tail = minimum(ops.exp(-threshold), 1.0) * (1.0 - _SLACK)
        return entries.quantile(tail), entries.upper_quantile(tail)


class DensityScore(NumberScore):
    """The logarithm of the highest density over that at y, in nats.

    The interval is the smallest one that holds all values of so high a density.
    """

    def check(self, entries: Distribution) -> None:
        if entries.support.is_discrete or entries.has_atoms:
            raise ValueError(
                message(
                    "SplitConformal, argument `score`",
                    expected="one of 'residual', 'scaled', 'quantile', 'cdf' for a distribution "
                    "without a density",
                    received=f"score='density' for {entries.family_name}",
                )
            )

    def score(self, entries: Distribution, y: Tensor) -> Tensor:
        highest = ops.max(entries.log_prob(_grid(entries)), axis=0)
        return highest - entries.log_prob(y)

    def interval(self, entries: Distribution, threshold: Tensor) -> Interval:
        grid = _grid(entries)
        log_probs = entries.log_prob(grid)
        bound = ops.max(log_probs, axis=0) - threshold
        is_inside = log_probs >= bound
        reach = _REACH * (grid[-1] - grid[0])
        support = entries.support
        lower = _outer_end(entries, bound, grid, is_inside, grid[0] - reach, support.lower)
        grid, is_inside = ops.flip(grid, axis=0), ops.flip(is_inside, axis=0)
        upper = _outer_end(entries, bound, grid, is_inside, grid[0] + reach, support.upper)
        return lower, upper


def _grid(entries: Distribution) -> Tensor:
    """Values from a low quantile to a high one, ascending on a first axis."""
    ndims = len(entries.batch_shape)
    tails = ops.convert_to_tensor(1.0 / (1.0 + np.exp(np.abs(_LOG_ODDS))), entries.dtype)
    tails = ops.reshape(tails, (-1, *(1,) * ndims))
    middle = len(_LOG_ODDS) // 2
    parts = [entries.quantile(tails[:middle]), entries.upper_quantile(tails[middle:])]
    shape = tuple(entries.dynamic_batch_shape())
    parts = [ops.broadcast_to(part, (part.shape[0], *shape)) for part in parts]
    anchors = ops.concatenate(parts, axis=0)
    shares = ops.convert_to_tensor(_BETWEEN, entries.dtype)
    shares = ops.reshape(shares, (1, -1, *(1,) * ndims))
    between = (1.0 - shares) * anchors[:-1, None] + shares * anchors[1:, None]
    between = ops.reshape(between, (-1, *shape))
    return ops.concatenate([between, anchors[-1:]], axis=0)


def _outer_end(
    entries: Distribution,
    bound: Tensor,
    grid: Tensor,
    is_inside: Tensor,
    farthest: Tensor,
    end_of_support: Any,
) -> Tensor:
    """Where the density falls below a bound, seen from the first value of a grid that is above it.

    Args:
        entries: The distributions.
        bound: Of their log densities.
        grid: Values on a first axis, from the outermost one.
        is_inside: Whether the log density of each is above the bound.
        farthest: How far to look where the first is.
        end_of_support: The end of the support on that side.
    """
    first = ops.argmax(ops.cast(is_inside, "int32"), axis=0)[None]
    inside = ops.take_along_axis(grid, first, axis=0)[0]
    before = ops.take_along_axis(grid, maximum(first - 1, 0), axis=0)[0]
    end = ops.cast(end_of_support, entries.dtype) + ops.zeros_like(inside)
    is_bounded = ops.abs(end - inside) <= ops.abs(farthest - inside)
    outside = ops.where(first[0] > 0, before, ops.where(is_bounded, end, farthest))

    def halve(outside: Tensor, inside: Tensor) -> Interval:
        middle = 0.5 * outside + 0.5 * inside
        is_in = entries.log_prob(middle) >= bound
        return ops.where(is_in, outside, middle), ops.where(is_in, middle, inside)

    is_all_inside = ops.logical_and(first[0] == 0, entries.log_prob(outside) >= bound)
    found = backend.repeat(halve, _HALVINGS, (outside, inside))[0]
    return ops.where(is_all_inside, end, found)


NUMBER_SCORES: dict[str, type[NumberScore]] = {
    "residual": ResidualScore,
    "scaled": ScaledScore,
    "quantile": QuantileScore,
    "cdf": CdfScore,
    "density": DensityScore,
}

__all__ = ["NUMBER_SCORES", "NumberScore"]
