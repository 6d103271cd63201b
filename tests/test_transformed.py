"""Distributions of a transformed draw."""

import math

import numpy as np
import pytest
from example_bijectors import (
    DISTRIBUTIONS,
    LOC,
    NORMAL,
    SCALE,
    VECTORS,
    triangle,
)
from helpers import BACKEND, OF_FORMULAS, numpy
from keras import ops
from scipy import stats

import keras_distlayers as kdl
from keras_distlayers.testing._evaluation import evaluate, gradient, log_prob

if BACKEND == "torch":
    # Dynamo warns of Keras's code as it traces.
    pytestmark = pytest.mark.filterwarnings("ignore:Dynamo detected")


@pytest.mark.parametrize("make", DISTRIBUTIONS.values(), ids=DISTRIBUTIONS.keys())
def test_transformed_distribution_passes_every_check(make):
    """Gradients on every backend: of bijectors there is no replay."""
    of_formulas = set() if BACKEND == "torch" else {*OF_FORMULAS} - {"gradients"}
    report = kdl.testing.check_distribution(make(), skip=of_formulas)
    assert report["shapes"] == report["config"] == report["gradients"] == "holds"


def small_quantile(scale):
    normal = kdl.distributions.Normal(0.0, scale)
    scaled = kdl.distributions.TransformedDistribution(normal, kdl.bijectors.Scale(2.0))
    return scaled.quantile(1e-9)


def test_quantile_of_a_small_probability_has_a_slope():
    slope = numpy(gradient(small_quantile, ops.convert_to_tensor(1.0)))
    np.testing.assert_allclose(slope, 2.0 * stats.norm.ppf(1e-9), rtol=1e-5)


def test_transformed_log_normal_equals_scipys():
    distribution, truth = DISTRIBUTIONS["log-normal"](), stats.lognorm(SCALE, scale=np.exp(LOC))
    x = np.float32([[0.01, 0.2], [1.0, 1.0], [30.0, 4.0]])
    p = np.float32([[0.01], [0.5], [0.9]])
    log_prob, cdf, survival, quantile = map(numpy, evaluate(probabilities, distribution, x, p))
    np.testing.assert_allclose(log_prob, truth.logpdf(x), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(cdf, truth.cdf(x), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(survival, truth.sf(x), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(quantile, truth.ppf(p), rtol=1e-4)


def probabilities(distribution, x, p):
    return (
        distribution.log_prob(x),
        distribution.cdf(x),
        distribution.survival_function(x),
        distribution.quantile(p),
    )


def test_transformed_by_a_decreasing_bijector_equals_scipys():
    """-exp(x): the tail above is the base's tail below."""
    bijector = kdl.bijectors.Chain([kdl.bijectors.Scale(-1.0), kdl.bijectors.Exp()])
    distribution, truth = (
        kdl.distributions.TransformedDistribution(NORMAL, bijector),
        stats.lognorm(SCALE, scale=np.exp(LOC)),
    )
    x = np.float32([[-0.5, -0.1], [-2.0, -1.0]])
    _, cdf, _, quantile = map(numpy, evaluate(probabilities, distribution, x, np.float32(0.9)))
    np.testing.assert_allclose(cdf, truth.sf(-x), rtol=1e-4)
    np.testing.assert_allclose(quantile, -truth.ppf(0.1), rtol=1e-4)
    support = distribution.support
    assert (float(support.lower), float(support.upper)) == (-math.inf, 0.0)


def test_transformed_by_an_affine_bijector_is_the_full_normal():
    scale = triangle()
    base = kdl.distributions.Independent(kdl.distributions.Normal(np.zeros(3), 1.0), 1)
    distribution = kdl.distributions.TransformedDistribution(
        base,
        kdl.bijectors.Chain(
            [kdl.bijectors.Shift([1.0, 2.0, 3.0]), kdl.bijectors.ScaleTriL(scale)]
        ),
    )
    truth = kdl.distributions.MultivariateNormalTriL([1.0, 2.0, 3.0], scale)
    x = np.float32([0.3, 4.0, -1.0])
    received, expected = (evaluate(statistics_at, d, x) for d in (distribution, truth))
    for name in expected:
        np.testing.assert_allclose(numpy(received[name]), numpy(expected[name]), rtol=1e-4)


def statistics_at(distribution, x):
    names = ("mean", "mode", "entropy")
    return {"log_prob": distribution.log_prob(x)} | {n: getattr(distribution, n)() for n in names}


def test_transformed_has_no_density_where_there_is_no_preimage():
    distribution = kdl.distributions.TransformedDistribution(VECTORS, kdl.bijectors.Exp())
    values = np.float32([[1.0, -1.0, 2.0], [1.0, 0.0, 2.0]])
    assert (numpy(evaluate(log_prob, distribution, values)) == -np.inf).all()
    slope = gradient(
        lambda x: ops.sum(distribution.log_prob(x)[1:]),
        ops.convert_to_tensor(np.abs(values) + 1.0),
    )
    assert np.isfinite(numpy(slope)).all()


def test_transformed_takes_the_batch_of_its_bijector():
    """One scalar distribution, a batch of shifts: each has draws of its own."""
    distribution = kdl.distributions.TransformedDistribution(
        kdl.distributions.Normal(0.0, 1.0), kdl.bijectors.Shift([0.0, 0.0, 100.0])
    )
    assert distribution.batch_shape == (3,)
    draws = numpy(distribution.sample(5, seed=0))
    assert draws.shape == (5, 3)
    assert not np.array_equal(draws[:, 0], draws[:, 1])
    assert distribution[2].batch_shape == ()
    assert float(distribution[2].mean()) == 100.0


SUPPORTS = {
    "Exp": (kdl.bijectors.Exp(), (0.0, math.inf)),
    "Sigmoid, then twice": (
        kdl.bijectors.Chain([kdl.bijectors.Scale(2.0), kdl.bijectors.Sigmoid()]),
        (0.0, 2.0),
    ),
    "Tanh": (kdl.bijectors.Tanh(), (-1.0, 1.0)),
    "Shift": (kdl.bijectors.Shift(1.0), (-math.inf, math.inf)),
}


@pytest.mark.parametrize(("bijector", "bounds"), SUPPORTS.values(), ids=SUPPORTS.keys())
def test_transformed_support(bijector, bounds):
    support = kdl.distributions.TransformedDistribution(
        kdl.distributions.Normal(0.0, 1.0), bijector
    ).support
    assert (float(support.lower), float(support.upper)) == bounds
