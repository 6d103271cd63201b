"""The bands of the plots, in NumPy: what they promise, against simulation and SciPy."""

import numpy as np
import pytest
from scipy import stats

from keras_distlayers.plots._bands import binomial_band, ecdf_band, probability_inside


def chance_of(share, count):
    """Four standard deviations of the share of successes in so many trials."""
    return 4.0 * np.sqrt(share * (1.0 - share) / count)


@pytest.mark.parametrize(("count", "least"), [(20, 0.035), (500, 0.048), (100_000, 0.045)])
def test_ecdf_band_has_the_false_alarms_that_it_promises(count, least):
    """Of uniform numbers; a little fewer where there are few numbers, which are whole."""
    points, lower, upper = ecdf_band(count, 0.95)
    rng, trials, cells = np.random.default_rng(1), 20_000, len(points) - 1
    ecdf = rng.multinomial(count, np.full(cells, 1.0 / cells), size=trials).cumsum(axis=1) / count
    is_out = (ecdf < lower[1:] - 1e-9) | (ecdf > upper[1:] + 1e-9)
    alarms = is_out.any(axis=1).mean()
    assert least - chance_of(least, trials) < alarms < 0.05 + chance_of(0.05, trials)


@pytest.mark.parametrize(("count", "cells"), [(1, 1), (7, 3), (40, 10)])
def test_probability_inside_is_that_of_simulated_counts(count, cells):
    rng, trials = np.random.default_rng(2), 50_000
    expected = count * np.arange(cells + 1) / cells
    lower = np.maximum(0, np.floor(expected - 0.2 * count)).astype(int)
    lower[0], lower[-1] = 0, count
    upper = count - lower[::-1]
    sums = rng.multinomial(count, np.full(cells, 1.0 / cells), size=trials).cumsum(axis=1)
    share = ((lower[1:] <= sums) & (sums <= upper[1:])).all(axis=1).mean()
    found = probability_inside(lower, upper)
    assert found == pytest.approx(share, abs=chance_of(min(found, 0.999), trials))


def test_ecdf_band_is_narrower_than_bonferroni_and_wider_than_one_point():
    points, lower, upper = ecdf_band(1000, 0.95)
    middle = len(points) // 2
    one = binomial_band(1000, 0.5, 0.05)
    all_of_them = binomial_band(1000, 0.5, 0.05 / 99)
    assert all_of_them[0] < round(1000 * lower[middle]) < one[0]
    assert one[1] < round(1000 * upper[middle]) < all_of_them[1]


@pytest.mark.parametrize(("count", "prob"), [(1, 0.3), (10, 0.0), (10, 1.0), (300, 0.02)])
def test_binomial_band_is_that_of_scipy(count, prob):
    for outside in (0.3, 0.05, 1e-4):
        lower, upper = binomial_band(count, prob, outside)
        binomial = stats.binom(count, prob)
        assert binomial.cdf(lower - 1) <= outside / 2 < binomial.cdf(lower)
        assert binomial.sf(upper) <= outside / 2 + 1e-12
        assert upper == 0 or binomial.sf(upper - 1) > outside / 2 - 1e-12
