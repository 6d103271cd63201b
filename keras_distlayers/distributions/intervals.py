"""Intervals that hold a share of a distribution's mass."""

from typing import Literal, TypeAlias

import numpy as np
from keras import ops

from keras_distlayers._core.errors import message
from keras_distlayers._core.ops import broadcast_tensors, clip, minimum
from keras_distlayers._core.typing import Tensor
from keras_distlayers.distributions.distribution import Distribution

IntervalKind: TypeAlias = Literal["equal_tailed", "highest_density"]

KINDS = ("equal_tailed", "highest_density")

# The shortest interval is looked for among so many, and again between the neighbours of the best.
_STEPS = 64


def interval(
    distribution: Distribution, coverage: float = 0.9, kind: IntervalKind = "equal_tailed"
) -> tuple[Tensor, Tensor]:
    """The interval that holds a share of the mass of each entry of an event.

    Args:
        distribution: A `Distribution`, whose entries have a quantile: see `marginals`.
        coverage: The share, between 0 and 1. Of counts and labels the interval, with both of its
            ends, holds at least that.
        kind: `"equal_tailed"` has the same mass below and above. `"highest_density"` is the
            shortest interval; where the density has one mode it holds the points of the highest
            density.

    Returns:
        The lower and the upper ends, of shape `batch_shape + event_shape` each.

    Raises:
        ValueError: if `coverage` is not between 0 and 1, or if `kind` is another word.
        NotImplementedError: if the distribution has no marginals, or those no cdf, in closed form.

    Examples:
        >>> import keras_distlayers as kdl
        >>> normal = kdl.distributions.Normal(0.0, 1.0)
        >>> [round(float(end), 3) for end in kdl.distributions.interval(normal, 0.9)]
        [-1.645, 1.645]
        >>> waiting = kdl.distributions.Exponential(1.0)
        >>> ends = kdl.distributions.interval(waiting, 0.9, kind="highest_density")
        >>> [round(float(end), 3) for end in ends]
        [0.0, 2.303]
    """
    coverage = checked_coverage("interval", coverage)
    checked_kind("interval", kind)
    marginals = distribution.unwrapped().marginals()
    below = 0.5 * (1.0 - coverage)
    if kind == "highest_density":
        below = _mass_below_the_shortest(marginals, coverage)
    batch = marginals.dynamic_batch_shape()
    lower, upper = _ends(marginals, ops.convert_to_tensor(below, marginals.dtype), coverage)
    return ops.broadcast_to(lower, batch), ops.broadcast_to(upper, batch)


def _ends(marginals: Distribution, below: Tensor, coverage: float) -> tuple[Tensor, Tensor]:
    """The quantiles of `below` and of `below + coverage`, at most 1."""
    batch = ops.zeros(marginals.dynamic_batch_shape(), below.dtype)
    below, _ = broadcast_tensors(below, batch)
    # In one call: a quantile may have to be searched.
    ends = marginals.quantile(ops.stack([below, minimum(below + coverage, 1.0)]))
    return ends[0], ends[1]


def _mass_below_the_shortest(marginals: Distribution, coverage: float) -> Tensor:
    first, step = 0.0, (1.0 - coverage) / _STEPS
    for _ in range(2):
        shares = ops.convert_to_tensor(np.arange(_STEPS + 1) * step, marginals.dtype)
        shares = ops.reshape(shares, (-1, *(1,) * len(marginals.batch_shape))) + first
        # Rounding must not take a share out of its range.
        shares = clip(shares, 0.0, 1.0 - coverage)
        lower, upper = _ends(marginals, shares, coverage)
        # Both ends may be infinite.
        widths = ops.where(ops.isnan(upper - lower), np.inf, upper - lower)
        best = ops.argmin(widths, axis=0)
        shares = ops.broadcast_to(shares, ops.shape(widths))
        chosen = ops.take_along_axis(shares, best[None], axis=0)[0]
        first, step = chosen - step, 2.0 * step / _STEPS
    return chosen


def checked_coverage(where: str, coverage: float) -> float:
    """The share of the mass, or an error."""
    if 0.0 < coverage < 1.0:
        return float(coverage)
    raise ValueError(
        message(
            f"{where}, argument `coverage`",
            expected="a number between 0 and 1, such as 0.9",
            received=f"coverage={coverage}",
        )
    )


def checked_kind(where: str, kind: str) -> None:
    """An error for a kind of interval that there is not."""
    if kind not in KINDS:
        raise ValueError(
            message(
                f"{where}, argument `kind`", expected=f"one of {KINDS}", received=f"kind={kind!r}"
            )
        )


__all__ = ["IntervalKind", "interval"]
