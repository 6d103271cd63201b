"""The entries of an event on their own, quantiles by search, and intervals."""

import numpy as np
import pytest
from helpers import numpy
from keras import ops
from scipy import stats

import keras_distlayers as kdl
from keras_distlayers.testing._evaluation import (
    as_float64,
    double_precision,
    evaluate,
    gradient,
)

kd = kdl.distributions

LOC = np.float32([[0.0, 1.0], [-2.0, 3.0], [0.5, -0.5]])


def mixture_of_normals():
    """A batch of 3, events of 2 entries, 2 components."""
    loc = np.stack([LOC, LOC + 2.0], axis=1)
    return kd.MixtureSameFamily(
        kd.Categorical(probs=[0.25, 0.75]), kd.Independent(kd.Normal(loc, 0.5), 1)
    )


JOINT = {
    "independent": lambda: kd.Independent(kd.Gamma(np.exp(LOC), 2.0), 1),
    "full normal": lambda: kd.MultivariateNormalTriL(LOC, [[1.0, 0.0], [3.0, 4.0]]),
    "diagonal normal": lambda: kd.MultivariateNormalDiag(LOC, [1.0, 2.0]),
    "low rank normal": lambda: kd.MultivariateNormalLowRank(
        LOC, cov_factor=[[1.0], [2.0]], cov_diag=[1.0, 2.0]
    ),
    "mixture of one family": mixture_of_normals,
    "mixture": lambda: kd.Mixture(
        kd.Categorical(probs=[0.25, 0.75]),
        [kd.Independent(kd.Normal(LOC, 1.0), 1), kd.Independent(kd.Laplace(LOC, 1.0), 1)],
    ),
    "transformed": lambda: kd.TransformedDistribution(
        kd.MultivariateNormalTriL(LOC, [[1.0, 0.0], [3.0, 4.0]]), kdl.bijectors.Exp()
    ),
}


@pytest.mark.parametrize("name", JOINT)
def test_marginals_have_the_density_of_single_entries(name):
    joint = JOINT[name]()
    value = np.float32([[0.5, 1.5], [0.1, 2.0], [1.0, 0.3]])
    marginals = joint.marginals()
    assert (marginals.batch_shape, marginals.event_shape) == ((3, 2), ())
    found = numpy(marginals.log_prob(value))
    for i, is_observed in enumerate(np.eye(2, dtype=bool)):
        expected = numpy(joint.marginal_log_prob(value, is_observed))
        np.testing.assert_allclose(found[:, i], expected, rtol=1e-5, atol=1e-5)


def test_flow_over_vectors_has_no_marginals():
    base, shift = kd.MultivariateNormalDiag(LOC, [1.0, 2.0]), [[1.0, 0.0], [3.0, 4.0]]
    flow = kd.TransformedDistribution(base, kdl.bijectors.ScaleTriL(shift))
    with pytest.raises(NotImplementedError, match="marginals have no closed form"):
        flow.marginals()
    with pytest.raises(NotImplementedError, match="the event is not a scalar"):
        base.quantile(0.5)


# ---------------------------------------------------------------- quantiles by search

P = np.float32([0.0, 1e-30, 1e-9, 0.01, 0.3, 0.5, 0.8, 0.99, 0.999999, 1.0])

SEARCHED = {
    "gamma": (lambda: kd.Gamma(0.3, 2.0), stats.gamma(0.3, scale=0.5)),
    "beta": (lambda: kd.Beta(0.7, 5.0), stats.beta(0.7, 5.0)),
    "Poisson": (lambda: kd.Poisson(1000.5), stats.poisson(1000.5)),
    "negative binomial": (
        lambda: kd.NegativeBinomial(2.5, probs=0.75), stats.nbinom(2.5, 0.25),
    ),
    "Bernoulli": (lambda: kd.Bernoulli(probs=0.3), stats.bernoulli(0.3)),
    "one component": (
        lambda: kd.MixtureSameFamily(kd.Categorical(logits=[0.0]), kd.Normal([1e6], 2.0)),
        stats.norm(1e6, 2.0),
    ),
}  # fmt: skip


def quantiles(distribution, p):
    return distribution.quantile(p)


@pytest.mark.parametrize("name", SEARCHED)
def test_quantile_by_search_is_that_of_scipy(name):
    make, expected = SEARCHED[name]
    distribution = make()
    found = numpy(evaluate(quantiles, distribution, ops.convert_to_tensor(P)))
    exact = expected.ppf(P.astype("float64"))
    if distribution.support.is_discrete:
        exact = np.maximum(exact, 0.0)  # SciPy has -1 at p = 0
    smallest = 2.0 * float(np.finfo("float32").tiny)  # what is below may be flushed
    np.testing.assert_allclose(found, exact, rtol=2e-5, atol=smallest)


def test_quantile_by_search_of_a_mixture_with_a_gap():
    """0.25 of the mass is 100 below the rest, and a cdf of 0.25 is reached in between."""
    parts = kd.Normal(np.float32([-100.0, 0.0]), 1.0)
    mixture = kd.MixtureSameFamily(kd.Categorical(probs=[0.25, 0.75]), parts)
    p = np.float32([0.125, 0.249, 0.251, 0.625])
    found = numpy(evaluate(quantiles, mixture, ops.convert_to_tensor(p)))
    means = np.array([-100.0, -100.0, 0.0, 0.0])
    inside = stats.norm.ppf([0.5, 0.249 / 0.25, 0.001 / 0.75, 0.5], loc=means)
    np.testing.assert_allclose(found, inside, rtol=1e-3, atol=1e-5)


def total_of_quantiles(parameters, p):
    """Of gammas, and of mixtures of two normals."""
    concentration, loc = parameters
    parts = kd.Normal(ops.stack([loc, -loc], axis=-1), [0.5, 1.0])
    mixture = kd.MixtureSameFamily(kd.Categorical(probs=[0.25, 0.75]), parts)
    return ops.sum(kd.Gamma(concentration, 1.0).quantile(p)) + ops.sum(mixture.quantile(p))


def test_quantile_by_search_has_the_implicit_gradient():
    with double_precision():
        p = ops.convert_to_tensor(np.array([0.1, 0.5, 0.9]))

        def point(concentration, loc):
            return [ops.convert_to_tensor(np.float64(x)) for x in (concentration, loc)]

        found = gradient(total_of_quantiles, point(2.5, 1.0), p)
        for i, slope in enumerate(found):
            step = 1e-5 * np.eye(2)[i]
            ends = [
                float(numpy(evaluate(total_of_quantiles, point(*(np.array([2.5, 1.0]) + s)), p)))
                for s in (step, -step)
            ]
            assert float(numpy(slope)) == pytest.approx((ends[0] - ends[1]) / 2e-5, rel=1e-6)


def quantile_of_gamma(concentration, p, rate):
    return kd.Gamma(concentration, rate).quantile(p)


def test_quantile_by_search_has_a_gradient_where_the_density_is_below_the_smallest_float():
    at, p = ops.convert_to_tensor(2.0), ops.convert_to_tensor(np.float32(1e-10))
    found, expected = (
        rate * as_float64(gradient(quantile_of_gamma, at, p, ops.convert_to_tensor(rate)))
        for rate in np.float32([1e-34, 1.0])
    )
    np.testing.assert_allclose(found, expected, rtol=1e-4)


# ---------------------------------------------------------------- intervals


def test_interval_is_the_shortest_of_its_coverage():
    distribution = kd.Gamma(np.float32([1.0, 3.0]), 1.0)
    ends = evaluate(kd.interval, distribution, coverage=0.8, kind="highest_density")
    lower, upper = map(numpy, ends)
    exact = [stats.gamma(1.0), stats.gamma(3.0)]
    covered = [d.cdf(high) - d.cdf(low) for d, low, high in zip(exact, lower, upper, strict=True)]
    np.testing.assert_allclose(covered, 0.8, rtol=1e-5)
    assert lower[0] == 0.0
    # Of equal density at both ends, but for the steps of the search.
    np.testing.assert_allclose(exact[1].pdf(lower[1]), exact[1].pdf(upper[1]), rtol=0.02)


def test_shortest_interval_may_end_at_the_bound():
    lower, upper = kd.interval(kd.Beta(5.0, 1.0), 0.33, kind="highest_density")
    assert float(numpy(upper)) == 1.0
    assert float(numpy(lower)) == pytest.approx((1.0 - 0.33) ** 0.2, rel=1e-4)


def test_interval_of_vectors_and_counts():
    joint = JOINT["full normal"]()
    lower, upper = (numpy(x) for x in kd.interval(joint, 0.9))
    half = 1.6448536 * np.array([1.0, 5.0])
    np.testing.assert_allclose(lower, LOC - half, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(upper, LOC + half, rtol=1e-5, atol=1e-5)
    rates = np.float32([0.1, 7.0])
    lower, upper = (numpy(x) for x in kd.interval(kd.Poisson(rates), 0.9))
    inside = stats.poisson.cdf(upper, rates) - stats.poisson.cdf(lower - 1.0, rates)
    assert (inside >= 0.9).all()
    tighter = stats.poisson.cdf(upper - 1.0, rates) - stats.poisson.cdf(lower, rates)
    assert (tighter < 0.9).all()


@pytest.mark.parametrize("options", [{"coverage": 90}, {"coverage": 0.0}, {"kind": "hdi"}])
def test_interval_refuses_other_arguments(options):
    with pytest.raises(ValueError, match="interval, argument"):
        kd.interval(kd.Normal(0.0, 1.0), **options)
