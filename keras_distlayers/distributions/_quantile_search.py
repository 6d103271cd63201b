"""Quantiles of families whose cdf has no inverse in closed form: a search on the cdf.

The bracket is halved, which no shape of a cdf can mislead: first at 0, then in the logarithm of
the distance from 0, which finds the scale, then in the value itself. What comes out is the least
float whose probability reaches p, be there densities, gaps or atoms.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from keras import ops

from keras_distlayers._backend import backend
from keras_distlayers._core import shapes
from keras_distlayers._core.ops import floor, maximum, minimum
from keras_distlayers._core.typing import Tensor

# By dtype: how often the bracket is halved, first of log|x|, to less than a factor of 1.2, then of
# x, to neighbouring floats.
_HALVINGS = {"float32": (10, 25), "float64": (13, 54)}


def quantile(distribution: Any, p: Tensor, *, is_upper: bool = False) -> Tensor:
    """The least value whose cdf is p or more, with the implicit gradient where there is one.

    Args:
        distribution: A `Distribution` over scalars with a cdf and a survival function.
        p: Probabilities, which broadcast with the batch.
        is_upper: Whether p is the probability above the value, in place of that of the cdf.
    """
    dtype, support = distribution.dtype, distribution.support
    shape = shapes.broadcast(ops.shape(p), distribution.dynamic_batch_shape())
    if 0 in (*p.shape, *distribution.batch_shape):  # there is nothing to look for
        return ops.zeros(shape, dtype)
    p = ops.broadcast_to(p, shape)
    below, above = (1.0 - p, p) if is_upper else (p, 1.0 - p)
    fixed, fixed_above = ops.stop_gradient(below), ops.stop_gradient(above)

    lower, upper = (ops.cast(bound, dtype) for bound in (support.lower, support.upper))

    def is_below(x: Tensor) -> Tensor:
        """Whether x is below the quantile; by the tail that has the digits."""
        value = minimum(maximum(floor(x) if support.is_discrete else x, lower), upper)
        value = ops.cast(value, distribution.event_dtype)
        cdf, rest = distribution.cdf(value), distribution.survival_function(value)
        is_small = ops.where(fixed < 0.5, cdf < fixed, rest > fixed_above)
        return ops.logical_or(x < lower, is_small)

    root = ops.stop_gradient(_least_not_below(is_below, ops.zeros(shape, dtype), dtype))
    if support.is_discrete:
        root = floor(root)
    root = ops.where(fixed == 0.0, lower, ops.where(fixed_above == 0.0, upper, root))
    # No comparison holds for NaN, so the search ends somewhere.
    found = ops.cast(ops.stop_gradient(root), distribution.event_dtype)
    root = ops.where(ops.isnan(distribution.cdf(found)), math.nan, root)
    return root if support.is_discrete else _with_gradient(distribution, root, below, above)


def _least_not_below(is_below: Callable[[Tensor], Tensor], zeros: Tensor, dtype: str) -> Tensor:
    """The least x that is not below the quantile.

    One loop for all three kinds of steps, so that a compiler sees `is_below` once.
    """
    in_logs, in_values = _HALVINGS[dtype]
    info = np.finfo(dtype)
    nearest, farthest = float(info.tiny), float(info.max)

    def halve(step: Tensor, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        is_positive = low >= 0.0
        near, far = ops.where(is_positive, low, -high), ops.where(is_positive, high, -low)
        distance = ops.exp(0.5 * (ops.log(maximum(near, nearest)) + ops.log(far)))
        middle = ops.where(
            step <= in_logs,
            ops.where(is_positive, distance, -distance),
            0.5 * low + 0.5 * high,
        )
        middle = ops.where(step == 0, 0.0, middle)
        is_low = is_below(middle)
        return step + 1, ops.where(is_low, middle, low), ops.where(is_low, high, middle)

    start = (ops.zeros((), "int32"), zeros - farthest, zeros + farthest)
    return backend.repeat(halve, 1 + in_logs + in_values, start)[2]


def _with_gradient(distribution: Any, root: Tensor, below: Tensor, above: Tensor) -> Tensor:
    """By log F(x) = log p, dx = (dlog p - dlog F) F / f, and likewise by the upper tail.

    By logarithms, for a density may be below the smallest float. Zero where there is none.
    """
    log_density = ops.stop_gradient(distribution.log_prob(root))
    has_density = ops.logical_and(ops.isfinite(log_density), ops.isfinite(root))
    log_density = ops.where(has_density, log_density, 0.0)
    inside = ops.where(has_density, root, ops.zeros_like(root))
    is_low = below < 0.5
    log_tail = ops.where(
        is_low, distribution.log_cdf(inside), distribution.log_survival_function(inside)
    )
    log_p = ops.where(is_low, below, above)
    log_p = ops.log(ops.where(has_density, log_p, 0.5))
    has_density = ops.logical_and(has_density, ops.isfinite(log_tail))
    moved = ops.where(has_density, log_p - log_tail, 0.0)
    moved = moved - ops.stop_gradient(moved)
    ratio = ops.stop_gradient(ops.where(has_density, log_tail - log_density, 0.0))
    return root + ops.where(is_low, 1.0, -1.0) * ops.exp(ratio) * moved


__all__ = ["quantile"]
