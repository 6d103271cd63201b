"""Distributions along a line: of an input, or of time."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from keras import ops
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from keras_distlayers._core.shapes import checked_size
from keras_distlayers._core.typing import Tensor
from keras_distlayers.distributions import Distribution
from keras_distlayers.plots._style import MAIN, OBSERVED, axes_or_new, legend, shades
from keras_distlayers.plots._values import (
    as_array,
    checked_coverages,
    checked_series,
    flat,
    series_quantiles,
)


def intervals(
    x: Any,
    distribution: Any,
    value: Tensor | None = None,
    value_x: Any = None,
    coverage: float | Sequence[float] = (0.5, 0.9),
    ax: Axes | None = None,
) -> Axes:
    """The median and the equal-tailed intervals along a number x.

    Quantiles of a distribution without marginals or a cdf, as those of a flow, are those of 2000
    draws.

    Args:
        x: One number for each row, in any order, of shape `(n,)` or `(n, 1)`.
        distribution: A `Distribution` or a `RandomVariable` of one number for each x: the batch
            or the event has n entries, and no other axis.
        value: What was observed, if anything.
        value_x: Where it was observed; None for at `x`.
        coverage: The share of the mass of the interval, or of several.
        ax: Where to draw; None for a new figure.

    Returns:
        The Axes, whose labels are `x` and `y` until you set others.

    Raises:
        TypeError: if `distribution` is not a distribution, or `ax` not an Axes.
        ValueError: if there is more than one number for each x, or if a share is not between 0
            and 1.

    Examples:
        >>> import keras_distlayers as kdl
        >>> normal = kdl.distributions.Normal([0.0, 1.0, 4.0], [1.0, 1.0, 2.0])
        >>> ax = kdl.plots.intervals([0.0, 1.0, 2.0], normal, value=[0.5, 0.0, 5.0])
        >>> ax.get_legend_handles_labels()[1]
        ['90% interval', '50% interval', 'median', 'observed']
    """
    where = "plots.intervals"
    distribution, size = checked_series(where, distribution)
    x = flat(where, "x", x, size)
    shares = checked_coverages(where, coverage)
    ax = axes_or_new(where, ax)
    _draw_intervals(ax, x, distribution, shares)
    _draw_observed(ax, where, x, value, value_x, linestyle="none")
    ax.set(xlabel="x", ylabel="y")
    legend(ax)
    return ax


def fan_chart(
    distribution: Any,
    value: Tensor | None = None,
    time: Any = None,
    past: Any = None,
    coverage: float | Sequence[float] = (0.5, 0.8, 0.95),
    ax: Axes | None = None,
) -> Axes:
    """A series: the median and the intervals of each step, and how the series went.

    Args:
        distribution: A `Distribution` or a `RandomVariable` of one series. Its steps are along
            the batch, or along the event. The intervals are those of each step on its own.
        value: The series that was observed, if any.
        time: Where the steps are, a number for each; None for 1, 2, and so on.
        past: What was observed before. It ends one step before the first one.
        coverage: The share of the mass of the interval, or of several.
        ax: Where to draw; None for a new figure.

    Returns:
        The Axes, whose labels are `time step` and `value` until you set others.

    Raises:
        TypeError: if `distribution` is not a distribution, or `ax` not an Axes.
        ValueError: if it is not one of a single series, or if a share is not between 0 and 1.

    Examples:
        >>> import keras_distlayers as kdl
        >>> walk = kdl.distributions.Normal(0.0, [1.0, 1.4, 1.7])
        >>> ax = kdl.plots.fan_chart(walk, past=[0.5, -0.5, 0.0])
        >>> ax.get_legend_handles_labels()[1]
        ['95% interval', '80% interval', '50% interval', 'median', 'past']
    """
    where = "plots.fan_chart"
    distribution, size = checked_series(where, distribution)
    steps = np.arange(1.0, size + 1.0) if time is None else flat(where, "time", time, size)
    shares = checked_coverages(where, coverage)
    ax = axes_or_new(where, ax, (6.0, 3.2))
    _draw_intervals(ax, steps, distribution, shares)
    _draw_observed(ax, where, steps, value, None, linestyle="-", linewidth=1.0)
    if past is not None:
        past = flat(where, "past", past)
        step = steps[1] - steps[0] if size > 1 else 1.0
        before = steps[0] - step * np.arange(len(past), 0, -1)
        ax.plot(before, past, **OBSERVED, linewidth=1.0, alpha=0.6, label="past")
    ax.set(xlabel="time step", ylabel="value")
    if time is None:
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    legend(ax)
    return ax


def density(
    x: Any,
    distribution: Any,
    value: Tensor | None = None,
    value_x: Any = None,
    y_range: tuple[float, float] | None = None,
    num_points: int = 200,
    max_density: float | None = None,
    ax: Axes | None = None,
) -> Axes:
    """The density along a number x, as shades of blue: for several modes, which intervals hide.

    The shade is the square root of the density, so that wide peaks are visible beside sharp ones.
    Of counts and labels it is that of the probability.

    Args:
        x: One number for each row, in any order, of shape `(n,)` or `(n, 1)`.
        distribution: A `Distribution` or a `RandomVariable` of one number for each x.
        value: What was observed, if anything.
        value_x: Where it was observed; None for at `x`.
        y_range: The least and the greatest number to show; None for what holds 99.8 % of the mass
            at each x, and what was observed.
        num_points: How many numbers between them; of counts, at most so many.
        max_density: The density of the darkest shade, for pictures to compare; None for one that
            1 % of the picture exceeds.
        ax: Where to draw; None for a new figure.

    Returns:
        The Axes. `ax.figure.colorbar(ax.collections[0])` adds a scale.

    Raises:
        TypeError: if `distribution` is not a distribution, or `ax` not an Axes.
        ValueError: if there is more than one number for each x.

    Examples:
        >>> import keras_distlayers as kdl
        >>> normal = kdl.distributions.Normal([0.0, 1.0, 4.0], [1.0, 1.0, 2.0])
        >>> ax = kdl.plots.density([0.0, 1.0, 2.0], normal)
        >>> ax.collections[0].get_array().shape
        (200, 3)
    """
    where = "plots.density"
    distribution, size = checked_series(where, distribution)
    num_points = checked_size(where, "num_points", num_points, 2)
    x = flat(where, "x", x, size)
    ax = axes_or_new(where, ax)
    if y_range is None:
        y_range = _range(distribution, value)
    y = np.linspace(*y_range, num_points)
    if distribution.support.is_discrete:
        y = np.unique(np.round(y))  # between them there is no mass
    order = np.argsort(x)
    root = np.sqrt(_density(distribution, y))[:, order]
    darkest = np.quantile(root[np.isfinite(root)], 0.99)
    vmax = darkest if max_density is None else np.sqrt(max_density)
    mesh = ax.pcolormesh(x[order], y, root, cmap="Blues", vmin=0.0, vmax=vmax, shading="nearest")
    mesh.set_rasterized(True)
    _draw_observed(ax, where, x, value, value_x, linestyle="none", markersize=1.8)
    ax.set(xlabel="x", ylabel="y")
    if value is not None:
        legend(ax)
    return ax


def _density(distribution: Distribution, y: np.ndarray) -> np.ndarray:
    """At each y for each point, of shape `(len(y), points)`."""
    shape = (*distribution.batch_shape, *distribution.event_shape)
    grid = ops.convert_to_tensor(y.reshape(-1, *(1,) * len(shape)), distribution.dtype)
    marginals = distribution.marginals() if np.prod(distribution.event_shape) > 1 else distribution
    found = as_array(marginals.prob(grid + ops.zeros(shape, dtype=distribution.dtype)))
    return found.reshape(len(y), -1)


def _range(distribution: Distribution, value: Tensor | None) -> tuple[float, float]:
    ends = series_quantiles(distribution, (0.001, 0.999)).ravel()
    if value is not None:
        ends = np.concatenate([ends, as_array(value).ravel()])
    ends = ends[np.isfinite(ends)]
    margin = 0.03 * (ends.max() - ends.min())
    return ends.min() - margin, ends.max() + margin


def _draw_intervals(
    ax: Axes, x: np.ndarray, distribution: Distribution, coverages: list[float]
) -> None:
    below = [0.5 * (1.0 - share) for share in coverages]
    quantiles = series_quantiles(distribution, [*below, *(1.0 - p for p in below), 0.5])
    order = np.argsort(x, kind="stable")
    x, quantiles = x[order], quantiles[:, order]
    count = len(coverages)
    for i, color in enumerate(shades(count)):
        label = f"{100.0 * coverages[i]:.3g}% interval"
        low, high = quantiles[i], quantiles[count + i]
        ax.fill_between(x, low, high, color=color, linewidth=0.0, label=label)
    ax.plot(x, quantiles[-1], color=MAIN, label="median")


def _draw_observed(
    ax: Axes, where: str, x: np.ndarray, value: Any, value_x: Any, **options: Any
) -> None:
    if value is None:
        return
    if value_x is not None:
        x = flat(where, "value_x", value_x)
    value = flat(where, "value", value, len(x))
    order = np.argsort(x, kind="stable")
    ax.plot(x[order], value[order], **{**OBSERVED, **options}, label="observed")


__all__ = ["density", "fan_chart", "intervals"]
