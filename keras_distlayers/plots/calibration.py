"""Whether probabilities are what they say: four pictures of it."""

from typing import Any

import numpy as np
from keras import ops
from matplotlib.axes import Axes

from keras_distlayers._core.shapes import checked_size
from keras_distlayers._core.typing import Seed, Tensor
from keras_distlayers.plots._bands import binomial_band, ecdf_band
from keras_distlayers.plots._style import BAND, EXPECTED, MAIN, axes_or_new, legend
from keras_distlayers.plots._values import (
    as_array,
    as_label_distribution,
    checked_band,
    observed,
    sorted_pit,
)
from keras_distlayers.scores.calibration import (
    Binning,
    bin_edges,
    bin_totals,
    calibration_error,
    confidence_and_outcome,
)


def reliability(
    distribution: Any,
    value: Tensor,
    num_bins: int = 10,
    binning: Binning = "uniform",
    band: float = 0.95,
    ax: Axes | None = None,
) -> Axes:
    """A reliability diagram: how often labels come true, against the probability they had.

    A point is a bin of `scores.expected_calibration_error`, at its mean probability. A bin without
    labels has none. Where the probabilities are right, all points are inside the grey boxes with a
    probability of at least `band`. The bars above show how many labels each bin has.

    Args:
        distribution: A `Distribution` or a `RandomVariable` over labels or one-hot vectors. Or
            an array of probabilities: those of 1, in the shape of the labels, or those of all
            labels, on an axis more.
        value: The labels, in the shape of a draw. A NaN is left out.
        num_bins: How many bins.
        binning: `"uniform"`: bins of equal width. `"equal_mass"`: bins with about as many labels
            each.
        band: The probability of the boxes, between 0 and 1.
        ax: Where to draw; None for a new figure.

    Returns:
        The Axes. The bars are in `ax.child_axes[0]`.

    Raises:
        TypeError: if `distribution` is not a distribution, or `ax` not an Axes.
        ValueError: if it is not one over labels, if the shape of the value does not fit, or if an
            argument is not one of the above.

    Examples:
        >>> import keras_distlayers as kdl
        >>> ax = kdl.plots.reliability([0.1, 0.1, 0.3, 0.8], [0, 0, 1, 1])
        >>> ax.get_xlabel(), ax.get_ylabel()
        ('predicted probability', 'observed frequency')

    Source: Bröcker and Smith, Weather and Forecasting 22 (2007), for the boxes; they are binomial
    here, with Bonferroni's correction for the number of bins.
    """
    where = "plots.reliability"
    band, num_bins = checked_band(where, band), checked_size(where, "num_bins", num_bins, 1)
    ax = axes_or_new(where, ax, (4.2, 4.2))
    distribution = as_label_distribution(distribution, value)
    both = confidence_and_outcome(where, distribution, value)
    confidence, outcome = (
        ops.convert_to_tensor(observed(where, as_array(numbers), value)) for numbers in both
    )
    ends = bin_edges(where, confidence, num_bins, binning)
    totals = bin_totals(confidence, outcome, ops.ones_like(confidence), ends)
    _draw_reliability(ax, as_array(totals), as_array(ends), band)
    ax.plot([], [], " ", label=f"ECE {float(calibration_error(totals)):.3f}")
    legend(ax, loc="upper left")
    return ax


def _draw_reliability(ax: Axes, totals: np.ndarray, ends: np.ndarray, band: float) -> None:
    edges = np.concatenate([[0.0], ends, [1.0]])
    used = totals[0] > 0
    counts, sums, hits = totals[:, used].astype("float64")
    left, width = edges[:-1][used], np.diff(edges)[used]
    outside = (1.0 - band) / len(counts)
    pairs = zip(counts, sums, strict=True)
    bounds = np.array([binomial_band(round(n), total / n, outside) for n, total in pairs])
    lower, upper = bounds.T / counts
    label = f"calibrated, {band:.0%}"
    ax.bar(left, upper - lower, width, lower, align="edge", color=BAND, label=label)
    ax.plot([0.0, 1.0], [0.0, 1.0], **EXPECTED)
    ax.plot(sums / counts, hits / counts, "o-", color=MAIN, markersize=4.0, label="observed")
    ax.set(xlim=(0.0, 1.0), ylim=(0.0, 1.0), aspect="equal")
    ax.set(xlabel="predicted probability", ylabel="observed frequency")
    _draw_counts(ax, left, width, counts)


def _draw_counts(ax: Axes, left: np.ndarray, width: np.ndarray, counts: np.ndarray) -> None:
    above = ax.inset_axes((0.0, 1.04, 1.0, 0.18), sharex=ax)
    above.bar(left, counts, width, align="edge", color=MAIN, edgecolor="white", linewidth=0.5)
    above.tick_params(labelbottom=False, labelsize=8)
    above.spines[["top", "right"]].set_visible(False)
    above.set_ylabel("labels", fontsize=9)


def pit_histogram(
    distribution: Any,
    value: Tensor,
    num_bins: int = 20,
    band: float = 0.95,
    seed: Seed = 0,
    ax: Axes | None = None,
) -> Axes:
    """A histogram of the PIT, `scores.pit`, which is flat where the distributions are right.

    A U says that they are too narrow, a hump that they are too wide, a slope that they are too low
    or too high. Of right ones, all bars end inside the band with a probability of at least `band`.

    Args:
        distribution: A `Distribution` or a `RandomVariable` whose entries have a cdf. The entries
            of an event count each on their own.
        value: What was observed, in the shape of a draw. A NaN is left out.
        num_bins: How many bars.
        band: The probability of the band, between 0 and 1.
        seed: Of the uniform draws for counts, labels and other values with a mass.
        ax: Where to draw; None for a new figure.

    Returns:
        The Axes. The bars are densities: 1 is uniform.

    Raises:
        TypeError: if `distribution` is not a distribution, or `ax` not an Axes.
        ValueError: if the shape of the value does not fit, or if an argument is not one of the
            above.
        NotImplementedError: if the distribution has no marginals, or those no cdf.

    Examples:
        >>> import keras_distlayers as kdl
        >>> normal = kdl.distributions.Normal([0.0, 1.0, 2.0], 1.0)
        >>> ax = kdl.plots.pit_histogram(normal, [0.5, 0.5, 0.5], num_bins=4)
        >>> [round(float(height), 2) for height in ax.patches[0].get_data().values]
        [1.33, 1.33, 1.33, 0.0]

    Source: Gneiting, Balabdaoui and Raftery, Journal of the Royal Statistical Society B 69 (2007);
    the band is binomial, with Bonferroni's correction for the number of bars.
    """
    where = "plots.pit_histogram"
    band, num_bins = checked_band(where, band), checked_size(where, "num_bins", num_bins, 1)
    ax = axes_or_new(where, ax)
    pit = sorted_pit(where, distribution, value, seed)
    counts, edges = np.histogram(pit, num_bins, (0.0, 1.0))
    scale = num_bins / len(pit)
    bounds = binomial_band(len(pit), 1.0 / num_bins, (1.0 - band) / num_bins)
    lower, upper = (np.full(2, bound * scale) for bound in bounds)
    label = f"uniform, {band:.0%}"
    ax.fill_between([0.0, 1.0], lower, upper, color=BAND, linewidth=0.0, label=label)
    ax.axhline(1.0, **EXPECTED)
    ax.stairs(counts * scale, edges, color=MAIN, linewidth=1.5, label=f"{len(pit)} values")
    ax.set(xlim=(0.0, 1.0), xlabel="PIT", ylabel="density")
    ax.set_ylim(0.0, 1.3 * max(counts.max(), bounds[1]) * scale)
    legend(ax, loc="upper center", ncols=2)
    return ax


def pit_ecdf_difference(
    distribution: Any, value: Tensor, band: float = 0.95, seed: Seed = 0, ax: Axes | None = None
) -> Axes:
    """The empirical cdf of the PIT less that of uniform numbers, with a simultaneous band.

    It needs no bins. Where the distributions are right, the whole curve is inside the band with
    the probability `band`. A curve that is first above 0 and then below says that they are too
    narrow, first below and then above that they are too wide. One that is above everywhere says
    that they are too high, below everywhere that they are too low.

    Args:
        distribution: As for `pit_histogram`.
        value: Likewise.
        band: The probability of the band, between 0 and 1.
        seed: Likewise.
        ax: Where to draw; None for a new figure.

    Returns:
        The Axes.

    Raises:
        TypeError: as `pit_histogram` does.
        ValueError: likewise.
        NotImplementedError: likewise.

    Examples:
        >>> import keras_distlayers as kdl
        >>> normal = kdl.distributions.Normal([0.0, 1.0, 2.0], 1.0)
        >>> ax = kdl.plots.pit_ecdf_difference(normal, [0.5, 0.5, 0.5])
        >>> ax.get_ylabel()
        'ECDF of the PIT - PIT'

    Source: Säilynoja, Bürkner and Vehtari, Statistics and Computing 32 (2022).
    """
    where = "plots.pit_ecdf_difference"
    band, ax = checked_band(where, band), axes_or_new(where, ax)
    pit = sorted_pit(where, distribution, value, seed)
    points = _draw_ecdf(ax, pit, band, less=1.0)
    largest = max(np.abs(line).max() for line in points)
    ax.set(xlim=(0.0, 1.0), ylim=(-1.6 * largest, 1.6 * largest))
    ax.set(xlabel="PIT", ylabel="ECDF of the PIT - PIT")
    legend(ax, loc="upper right", ncols=2)
    return ax


def coverage(
    distribution: Any, value: Tensor, band: float = 0.95, seed: Seed = 0, ax: Axes | None = None
) -> Axes:
    """How often intervals hold the value, against the share of the mass that they should hold.

    The intervals are equal-tailed, of all sizes. The curve is below the diagonal where they are
    too narrow. Where the distributions are right, the whole curve is inside the band with the
    probability `band`.

    Counts and labels are made continuous as in `scores.pit`, so that their curve is that of the
    diagonal as well. A whole interval of theirs, as in `scores.coverage`, holds more than asked.

    Args:
        distribution: As for `pit_histogram`.
        value: Likewise.
        band: The probability of the band, between 0 and 1.
        seed: Likewise.
        ax: Where to draw; None for a new figure.

    Returns:
        The Axes.

    Raises:
        TypeError: as `pit_histogram` does.
        ValueError: likewise.
        NotImplementedError: likewise.

    Examples:
        >>> import keras_distlayers as kdl
        >>> normal = kdl.distributions.Normal([0.0, 1.0, 2.0], 1.0)
        >>> ax = kdl.plots.coverage(normal, [0.5, 0.5, 0.5])
        >>> ax.get_xlabel(), ax.get_ylabel()
        ('nominal coverage', 'observed coverage')
    """
    where = "plots.coverage"
    band, ax = checked_band(where, band), axes_or_new(where, ax, (4.0, 4.0))
    pit = sorted_pit(where, distribution, value, seed)
    # The smallest interval that holds a value has the share |2 PIT - 1|, a uniform number too.
    _draw_ecdf(ax, np.sort(np.abs(2.0 * pit - 1.0)), band, less=0.0)
    ax.plot([0.0, 1.0], [0.0, 1.0], **EXPECTED)
    ax.set(xlim=(0.0, 1.0), ylim=(0.0, 1.0), aspect="equal")
    ax.set(xlabel="nominal coverage", ylabel="observed coverage")
    legend(ax, loc="upper left")
    return ax


def _draw_ecdf(ax: Axes, numbers: np.ndarray, band: float, less: float) -> list[np.ndarray]:
    """Draws an empirical cdf and its band, less a multiple of the uniform cdf; returns both."""
    points, lower, upper = ecdf_band(len(numbers), band)
    ecdf = np.searchsorted(numbers, points, side="right") / len(numbers)
    lower, upper, ecdf = (line - less * points for line in (lower, upper, ecdf))
    label = f"uniform, {band:.0%}" if less else f"calibrated, {band:.0%}"
    ax.fill_between(points, lower, upper, color=BAND, linewidth=0.0, label=label)
    if less:
        ax.axhline(0.0, **EXPECTED)
    ax.plot(points, ecdf, color=MAIN, label=f"{len(numbers)} values")
    return [lower, upper, ecdf]


__all__ = ["coverage", "pit_ecdf_difference", "pit_histogram", "reliability"]
