"""Tests of draws whose false alarms are bounded.

Every test has a false alarm in less than one of 10^6 runs, over all of its entries.
"""

import math

import numpy as np
from scipy import special

from keras_distlayers.testing._reporting import Failed, not_applicable

FALSE_ALARM = 1e-9
"""The nominal rate of each test; the normal approximation may cost a factor of 400."""

_TAIL = 0.004
"""The probability of the tails whose draws are counted: 80 of 20,000."""

_HEAVY = 0.15
"""The largest third moment, in standard errors, at which a mean is taken for normal.

The relative error of a normal tail at z standard errors is about exp(z^3 rho / (6 sqrt(n)))
(Petrov, Sums of Independent Random Variables, ch. 8): below 400 at z = 6.2 and this bound.
"""

_LEAST_TAIL_INDEX = 2.0
"""The least tail index, as estimated, at which the samples' own moments are believed.

P(|x| > t) falls like t^-index, and up to 2 there is no variance: samples without one of the
rare large draws then have too small a mean, and too small a standard error by far.
"""


def require_mean(
    what: str,
    samples: np.ndarray,
    expected: np.ndarray,
    slack: float | np.ndarray = 0.0,
    source: str = "as given in closed form",
) -> None:
    """The mean of the samples over axis 0 is `expected`, entry by entry.

    Entries whose expectation is not finite, or whose samples are too heavy-tailed for the
    normal approximation, are left out.

    Args:
        what: The name of the expectation.
        samples: Array `(n, ...)` of independent samples.
        expected: Array `(...)`.
        slack: Absolute; for the rounding of the samples.
        source: Where the expectation comes from, for the error.

    Raises:
        Failed: if an entry is further away than its standard error allows.
        NotApplicable: if no entry can be tested.
    """
    mean, error, tame = _mean_and_error(samples)
    tame &= np.isfinite(expected)
    if not tame.any():
        raise not_applicable(f"the draws are too heavy-tailed for a test of their {what}")
    limit = _deviations(tame.sum()) * error + slack
    far = tame & ~(np.abs(mean - expected) <= limit)
    if far.any():
        at = tuple(np.argwhere(far)[0])
        raise Failed(
            f"{what} of {expected[at]:.6g} at entry {tuple(map(int, at))}, "
            f"{source}, within {limit[at]:.2g}",
            f"{mean[at]:.6g} over {len(samples)} draws",
        )


def _mean_and_error(samples: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Means, their standard errors, and where the errors can be trusted."""
    mean = samples.mean(axis=0)
    spread = np.abs(samples - mean)
    deviation = np.sqrt((spread**2).mean(axis=0))
    third = (spread**3).mean(axis=0)
    root = math.sqrt(len(samples))
    with np.errstate(divide="ignore", invalid="ignore"):
        heavy = third / deviation**3 / root
    tame = (heavy < _HEAVY) & (_tail_index(spread) > _LEAST_TAIL_INDEX)
    return mean, deviation / root, np.isfinite(mean) & ((deviation == 0) | tame)


def _tail_index(spread: np.ndarray) -> np.ndarray:
    """Hill's estimate from the largest 1% of the samples.

    Source: Hill, Annals of Statistics 3 (1975).
    """
    n = len(spread)
    count = min(max(50, n // 100), n - 1)
    top = np.partition(spread, n - 1 - count, axis=0)[n - 1 - count :]
    with np.errstate(divide="ignore", invalid="ignore"):
        return 1.0 / np.log(top[1:] / top[0]).mean(axis=0)


def _deviations(entries: int) -> float:
    """How many standard errors a mean may be off, with this many means."""
    return float(-special.ndtri(FALSE_ALARM / 2 / max(entries, 1)))


def require_tail(side: str, beyond: np.ndarray, is_extreme: np.ndarray) -> None:
    """As many draws lie in a tail as its probability says, by the binomial distribution.

    Entries with many draws at the extreme itself, where floats end, are left out.

    Args:
        side: The name of the tail.
        beyond: Array `(n, ...)`: the probability beyond each draw.
        is_extreme: Array of the same shape: whether it is the outermost draw.

    Raises:
        Failed: if an entry has too few or too many draws in the tail.
    """
    n, counts = len(beyond), (beyond <= _TAIL).sum(axis=0)
    tested = is_extreme.mean(axis=0) < 0.5 * _TAIL
    rare = FALSE_ALARM / 8 / max(tested.size, 1)  # a half for the gap, two tails, two sides
    few = special.bdtr(counts, n, _TAIL)
    many = special.bdtrc(counts - 1, n, _TAIL)
    wrong = tested & (np.minimum(few, np.where(counts > 0, many, 1.0)) < rare)
    if wrong.any():
        at = tuple(np.argwhere(wrong)[0])
        raise Failed(
            f"about {_TAIL * n:.0f} of {n} draws in the {side} tail of probability {_TAIL}",
            f"{counts[at]} at entry {tuple(map(int, at))}",
        )


def largest_gap(entries: int, draws: int) -> float:
    """The largest distance of an empirical cdf from the cdf, by the DKW inequality.

    P(sup |F_n - F| > e) <= 2 exp(-2 n e^2), for every distribution. Source: Massart, Annals of
    Probability 18 (1990).
    """
    return math.sqrt(math.log(2 * max(entries, 1) / FALSE_ALARM) / (2 * draws))
