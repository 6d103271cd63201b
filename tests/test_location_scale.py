"""LocationScale as a base of families that are not symmetric, with few hooks."""

import numpy as np
import pytest
from helpers import numpy
from keras import ops

import keras_distlayers as kdl

POINTS = np.array([-3.0, -0.5, 0.0, 1.0, 4.0], "float32")


class SmallestGumbel(kdl.distributions.LocationScale):
    """The Gumbel distribution of the smallest of many numbers."""

    def _standard_log_prob(self, z):
        return z - ops.exp(z)

    def _standard_cdf(self, z):
        return -ops.expm1(-ops.exp(z))

    def _standard_quantile(self, p):
        return ops.log(-ops.log1p(-p))


class Sloped(kdl.distributions.SymmetricLocationScale):
    """A Laplace distribution without its quantile; with a parameter more."""

    parameter_ndims = {"loc": 0, "scale": 0, "slope": 0}

    def __init__(self, loc, scale, slope):
        kdl.distributions.Distribution.__init__(self, loc=loc, scale=scale, slope=slope)

    def _standard_log_prob(self, z):
        return ops.log(0.5 * self.slope) - self.slope * ops.abs(z)

    def _standard_cdf(self, z):
        tail = 0.5 * ops.exp(-self.slope * ops.abs(z))
        return ops.where(z < 0.0, tail, 1.0 - tail)


def test_survival_function_is_one_less_cdf_for_an_asymmetric_family():
    distribution = SmallestGumbel(loc=0.5, scale=2.0)
    z = (POINTS - 0.5) / 2.0
    np.testing.assert_allclose(
        numpy(distribution.survival_function(POINTS)), np.exp(-np.exp(z)), rtol=1e-5
    )
    np.testing.assert_allclose(
        numpy(distribution.cdf(POINTS)), 1.0 - np.exp(-np.exp(z)), rtol=1e-5, atol=1e-7
    )


def test_survival_function_keeps_the_tail_of_a_symmetric_family():
    distribution = Sloped(loc=1.0, scale=2.0, slope=3.0)
    received = numpy(distribution.survival_function(np.float32(41.0)))
    np.testing.assert_allclose(received, 0.5 * np.exp(-60.0), rtol=1e-4)


def test_draws_follow_the_standard_quantile():
    draws = numpy(SmallestGumbel(loc=0.5, scale=2.0).sample(4000, seed=0))
    expected = 0.5 - 2.0 * np.euler_gamma
    assert abs(draws.mean() - expected) < 4.0 * (2.0 * np.pi / 6**0.5) / 4000**0.5


@pytest.mark.parametrize("statistic", ["mean", "mode", "variance", "stddev", "entropy"])
def test_statistics_without_a_hook_are_refused_by_name(statistic):
    with pytest.raises(NotImplementedError, match=r"SmallestGumbel\.\w+: it has no closed form"):
        getattr(SmallestGumbel(0.0, 1.0), statistic)()


def test_sample_without_a_quantile_is_refused_by_name():
    with pytest.raises(NotImplementedError, match=r"Sloped\.quantile: it has no closed form"):
        Sloped(0.0, 1.0, 2.0).sample()


def test_location_scale_without_a_density_cannot_be_made():
    with pytest.raises(TypeError, match="abstract"):
        kdl.distributions.LocationScale(0.0, 1.0)


def test_cdf_and_survival_function_of_each_family_sum_to_one():
    for row in kdl.testing.FAMILIES:
        distribution = row.example()
        if isinstance(distribution, kdl.distributions.LocationScale):
            cdf, survival = distribution.cdf(0.3), distribution.survival_function(0.3)
            np.testing.assert_allclose(numpy(cdf) + numpy(survival), 1.0, rtol=1e-5)
