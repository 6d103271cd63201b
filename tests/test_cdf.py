"""The ends of the support: a cdf is 0 or 1 there. Digits in between: tests/test_tails.py."""

import numpy as np
import pytest
from helpers import numpy
from keras import ops

import keras_distlayers as kdl
from keras_distlayers.testing._evaluation import evaluate, gradient


@pytest.mark.parametrize(
    ("distribution", "ends"),
    [
        (kdl.distributions.Gamma([0.05, 2.0, 1e6], 3.0), (0.0, np.inf)),
        (kdl.distributions.Beta([0.05, 2.0, 1e6], [0.15, 6.0, 3e6]), (0.0, 1.0)),
        (kdl.distributions.Poisson([0.05, 2.0, 1e6]), (-1.0, np.inf)),
    ],
    ids=["Gamma", "Beta", "Poisson"],
)
def test_cdf_is_0_and_1_at_the_ends_of_the_support(distribution, ends):
    ends = np.float32(ends)[:, None]
    below, above = evaluate(probabilities, distribution, ends)
    np.testing.assert_array_equal(numpy(below), [[0.0] * 3, [1.0] * 3])
    np.testing.assert_array_equal(numpy(above), [[1.0] * 3, [0.0] * 3])


def probabilities(distribution, value):
    return distribution.cdf(value), distribution.survival_function(value)


def probability_above(scale, value, *, family):
    distribution = family(0.0, scale)
    return ops.sum(distribution.cdf(np.float32(np.inf)) - distribution.cdf(value))


@pytest.mark.parametrize("name", ["Normal", "Logistic", "Laplace", "Gumbel"])
def test_interval_up_to_infinity_has_the_slope_of_its_finite_end(name):
    """What is not known but that it is above a value: an interval-censored target."""
    family = getattr(kdl.distributions, name)
    scale, value = ops.convert_to_tensor(np.float32(1.3)), np.float32(1.0)
    slope = numpy(gradient(probability_above, scale, value, family=family))
    density = float(numpy(family(0.0, 1.3).prob(value)))
    np.testing.assert_allclose(slope, density * 1.0 / 1.3, rtol=1e-4)


def test_zero_inflated_integers_below_zero():
    base = kdl.distributions.QuantizedLogistic(0.0, 1.0, low=-3, high=3)
    distribution = kdl.distributions.ZeroInflated(base, 0.0)
    value = np.float32([-3.0, -2.0, -1.0, 0.0, 2.0])
    mass = 0.5 * numpy(base.prob(np.arange(-3.0, 4.0, dtype="float32")))
    mass[3] += 0.5
    below = np.cumsum(mass)[[0, 1, 2, 3, 5]]
    results = {
        "cdf": below,
        "survival_function": 1.0 - below,
        "log_cdf": np.log(below),
        "log_survival_function": np.log1p(-below),
    }
    for method, expected in results.items():
        received = numpy(getattr(distribution, method)(value))
        np.testing.assert_allclose(received, expected, rtol=1e-5, err_msg=method)


def test_component_of_weight_zero_may_have_no_variance():
    weights = kdl.distributions.Categorical(probs=[1.0, 0.0])
    components = kdl.distributions.StudentT([5.0, 1.5], 0.0, 1.0)
    mixture = kdl.distributions.MixtureSameFamily(weights, components)
    np.testing.assert_allclose(numpy(mixture.variance()), 5.0 / 3.0, rtol=1e-6)


@pytest.mark.parametrize("name", ["Uniform", "TruncatedNormal", "CensoredNormal"])
def test_value_may_have_fewer_axes_than_the_bounds(name):
    low, high = np.float32([[0.0], [1.0], [-1.0]]), np.float32([[2.0], [1.5], [4.0]])
    bounds = {"low": low, "high": high}
    normal = {} if name == "Uniform" else {"loc": np.float32(0.5), "scale": np.float32(2.0)}
    distribution = getattr(kdl.distributions, name)(**normal, **bounds)
    value = np.float32([-0.5, 0.9, 1.2, 9.0])
    for method in ("cdf", "survival_function"):
        whole = numpy(getattr(distribution, method)(np.tile(value, (3, 1))))
        np.testing.assert_array_equal(numpy(getattr(distribution, method)(value)), whole)
    p = np.float32([0.1, 0.5, 0.9, 1.0])
    whole = numpy(distribution.quantile(np.tile(p, (3, 1))))
    np.testing.assert_allclose(numpy(distribution.quantile(p)), whole, rtol=1e-6)
