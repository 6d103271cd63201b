"""Where counts and empirical cdfs lie if probabilities are what they say. NumPy alone."""

import functools
import math

import numpy as np

# Points at which an empirical cdf is looked at, at most.
_POINTS = 100
# The level at a point hardly changes with more values than that.
_MANY = 20_000


def binomial_band(count: int, prob: float, outside: float) -> tuple[int, int]:
    """The counts that a binomial variable is below, and above, with at most half of `outside`."""
    first, cdf = _binomial_cdf(count, prob)
    return first + _lower(cdf, outside), first + int(np.searchsorted(cdf, 1.0 - 0.5 * outside))


def _lower(cdf: np.ndarray, outside: float) -> int:
    return int(np.searchsorted(cdf, 0.5 * outside, side="right"))


def _binomial_cdf(count: int, prob: float) -> tuple[int, np.ndarray]:
    """The first of the counts that have a probability to speak of, and the cdf from there on."""
    prob = min(max(prob, 1e-300), 1.0 - 1e-16)
    half = 10.0 * math.sqrt(count * prob * (1.0 - prob)) + 10.0
    first = max(0, math.floor(count * prob - half))
    k = np.arange(first, min(count, math.ceil(count * prob + half)), dtype="float64")
    # The probability of a count, relative to that of the one before.
    log_ratios = np.log((count - k) / (k + 1.0)) + math.log(prob) - math.log1p(-prob)
    log_pmf = np.concatenate([[0.0], np.cumsum(log_ratios)])
    pmf = np.exp(log_pmf - log_pmf.max())
    return first, np.cumsum(pmf) / pmf.sum()


@functools.lru_cache(maxsize=64)
def ecdf_band(count: int, band: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points from 0 to 1, and the bounds there of the empirical cdf of uniform numbers.

    The whole curve is inside with a probability of `band`, or a little more, as counts are whole
    numbers. At each point the bounds are quantiles of a binomial distribution, at one level for
    all points. It is the largest that keeps the promise.

    Source: Säilynoja, Bürkner and Vehtari, Statistics and Computing 32 (2022),
    https://arxiv.org/abs/2103.10522, section 2; the probability is computed here as that of
    Poisson variables given their sum.
    """
    num_points = min(count, _POINTS)
    outside = _level_at_a_point(min(count, _MANY), num_points, band)
    lower, upper = _bounds(count, _cdfs(count, num_points), outside)
    return np.linspace(0.0, 1.0, num_points + 1), lower / count, upper / count


@functools.lru_cache(maxsize=64)
def _level_at_a_point(count: int, num_points: int, band: float) -> float:
    """The probability of being outside at each point, by halving its logarithm's bracket."""
    cdfs = _cdfs(count, num_points)
    low, high = (1.0 - band) / num_points, 1.0 - band
    for _ in range(20):
        middle = math.sqrt(low * high)
        if probability_inside(*_bounds(count, cdfs, middle)) >= band:
            low = middle
        else:
            high = middle
    return low


def _cdfs(count: int, num_points: int) -> list[tuple[int, np.ndarray]]:
    return [_binomial_cdf(count, i / num_points) for i in range(1, num_points)]


def _bounds(
    count: int, cdfs: list[tuple[int, np.ndarray]], outside: float
) -> tuple[np.ndarray, np.ndarray]:
    """How many of the uniform numbers are below each point at least, and at most."""
    lower = np.array([0, *(first + _lower(cdf, outside) for first, cdf in cdfs), count])
    return lower, count - lower[::-1]


def probability_inside(lower: np.ndarray, upper: np.ndarray) -> float:
    """That the numbers of uniform variables below evenly spaced points stay in the bounds.

    Args:
        lower: Counts at the points from 0, where it is 0, to 1, where it is the number of
            variables.
        upper: Likewise.
    """
    count = int(upper[-1])
    # The counts between two points are those of Poisson variables, given that the sum is right.
    step = _poisson_pmf(count / (len(lower) - 1), int((upper[1:] - lower[:-1]).max()))
    weights = np.ones(1)
    for i in range(1, len(lower)):
        sums = np.convolve(weights, step)
        weights = sums[lower[i] - lower[i - 1] : upper[i] - lower[i - 1] + 1]
    return float(weights[0] / _poisson_pmf(count, count)[-1])


def _poisson_pmf(rate: float, largest: int) -> np.ndarray:
    """The probabilities of the counts from 0 on."""
    k = np.arange(1, largest + 1)
    log_pmf = np.concatenate([[0.0], np.cumsum(np.log(rate) - np.log(k))]) - rate
    return np.exp(log_pmf)


__all__ = ["binomial_band", "ecdf_band", "probability_inside"]
