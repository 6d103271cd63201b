"""Infinite values, values outside the support, and probabilities outside [0, 1]."""

import math

import numpy as np
from helpers import gradients, numpy
from keras import ops
from scipy import special, stats

import keras_distlayers as kdl
from keras_distlayers.testing._evaluation import evaluate, gradient

kd = kdl.distributions
INF, NAN = math.inf, math.nan

# Each failed at an infinite value: by a value or by a gradient that is not a number.
FAMILIES = [
    lambda a: kd.AsymmetricLaplace(0.0, 1.0, level=a),
    lambda a: kd.Exponential(a),
    lambda a: kd.Gumbel(a, 1.5),
    lambda a: kd.QuantizedLogistic(a, 2.0, 0, 3),
]
DENSITIES = [
    lambda a: kd.Logistic(a, 1.5),
    lambda a: kd.Gumbel(a, 1.5),
    lambda a: kd.Gamma(a, 1.0),
    lambda a: kd.LogNormal(a, 1.0),
    lambda a: kd.Poisson(a),
    lambda a: kd.Bernoulli(logits=a),
]
STATISTICS = {
    # at minus infinity, at infinity
    "cdf": (0.0, 1.0),
    "survival_function": (1.0, 0.0),
    "log_cdf": (-INF, 0.0),
    "log_survival_function": (0.0, -INF),
}
HALF, INFINITIES = np.float32(0.4), np.float32([-INF, INF])


def probabilities(both):
    a, values = both
    return [[getattr(make(a), name)(values) for name in STATISTICS] for make in FAMILIES]


def total_of_probabilities(both):
    # An infinite logarithm has no gradient either.
    rows = probabilities(both)
    return sum(ops.sum(ops.where(ops.isfinite(x), x, 0.0)) for row in rows for x in row)


def log_probs(a, values):
    return [make(a).log_prob(values) for make in DENSITIES]


def test_probabilities_at_infinite_values():
    both = [ops.convert_to_tensor(x) for x in (HALF, INFINITIES)]
    for i, row in enumerate(evaluate(probabilities, both)):
        for (name, expected), received in zip(STATISTICS.items(), row, strict=True):
            np.testing.assert_array_equal(numpy(received), expected, err_msg=f"{i} {name}")
    for slope in gradient(total_of_probabilities, both):
        np.testing.assert_array_equal(numpy(slope), np.zeros(slope.shape))


def test_log_prob_at_infinite_values():
    for i, received in enumerate(evaluate(log_probs, HALF, INFINITIES)):
        np.testing.assert_array_equal(numpy(received), [-INF, -INF], err_msg=str(i))


def of_labels(values):
    families = kd.Categorical(probs=[0.2, 0.3, 0.5]), kd.OrderedLogistic([0.0, 1.0], 0.3)
    names = ("log_prob", "cdf", "survival_function")
    return [[getattr(x, name)(values) for name in names] for x in families]


def test_probabilities_of_labels_far_out_and_between():
    values = np.float32([3e9, INF, -3e9, -INF, NAN, 1.5, 1e5])
    for up_to_one, row in zip(
        (0.5, stats.logistic.cdf(0.7)), evaluate(of_labels, values), strict=True
    ):
        log_prob, cdf, rest = map(numpy, row)
        expected = np.float32([1.0, 1.0, 0.0, 0.0, NAN, up_to_one, 1.0])
        np.testing.assert_allclose(cdf, expected, rtol=1e-6)
        np.testing.assert_allclose(rest, 1.0 - expected, rtol=1e-6)
        assert np.all(log_prob == -INF)


def quantiles_of(p):
    families = (
        kd.Exponential(1.0), kd.Uniform(-1.0, 2.0), kd.Deterministic(1.0), kd.Normal(0.0, 1.0)
    )  # fmt: skip
    return [distribution.quantile(p) for distribution in families]


def test_a_quantile_of_no_probability_is_nan():
    for received in evaluate(quantiles_of, np.float32([-0.1, 1.1, NAN, 0.5])):
        assert np.isnan(numpy(received)).tolist() == [True, True, True, False]


def test_quantiles_of_a_decreasing_bijector_have_the_digits_of_small_probabilities():
    """Their gradients too; the scale of a bijector may be of either sign."""
    p, scale = np.float32([1e-30, 1e-10, 0.3, 0.9]), np.float32(-2.0)
    pairs = [
        (kd.Normal(0.3, 1.0), stats.norm(0.3)),
        (kd.Gumbel(0.3, 1.0), stats.gumbel_r(0.3)),
        (kd.Exponential(2.0), stats.expon(scale=0.5)),
        (kd.LogNormal(0.0, 1.0), stats.lognorm(1.0)),
        (kd.Independent(kd.Normal(0.0, 1.0), 0), stats.norm()),
        (kd.TruncatedNormal(0.0, 1.0, -9.0, 20.0), stats.truncnorm(-9.0, 9.0)),
        (kd.AsymmetricLaplace(0.0, 1.0, 0.5), stats.laplace(scale=2.0)),
        (kd.Uniform(-1.0, 1.0), stats.uniform(-1.0, 2.0)),
    ]

    def quantiles(scale):
        bijector = kdl.bijectors.Affine(1.0, scale)
        return [kd.TransformedDistribution(base, bijector).quantile(p) for base, _ in pairs]

    for (base, scipy), received in zip(pairs, evaluate(quantiles, scale), strict=True):
        if isinstance(base, kd.TruncatedNormal):  # SciPy's has no digits this far out
            received, expected = received[1:], scipy.isf(p[1:].astype("float64"))
        else:
            expected = scipy.isf(p.astype("float64"))
        np.testing.assert_allclose(
            numpy(received), 1.0 - 2.0 * expected, rtol=2e-5, err_msg=repr(base)
        )
    (slope,) = gradients(lambda scale: sum(ops.sum(x[1:]) for x in quantiles(scale)), scale)
    x = sum(np.sum(scipy.isf(p[1:].astype("float64"))) for _, scipy in pairs)
    np.testing.assert_allclose(slope, x, rtol=2e-5)


def test_a_coin_that_shows_another_number_is_impossible():
    values = np.float32([-1.0, 0.0, 0.5, 1.0, 2.0, 255.0, INF, NAN])
    for coin in (kd.Bernoulli(probs=0.5), kd.Bernoulli(logits=0.0)):
        expected = [-INF, *[-math.log(2.0)] * 3, -INF, -INF, -INF, NAN]
        np.testing.assert_allclose(numpy(coin.log_prob(values)), expected, rtol=1e-6)


def deviations(parameters):
    rate, shift = parameters
    return [
        kd.ZeroInflated(kd.Poisson(rate), 0.0).stddev(),
        kd.ZeroInflated(kd.NegativeBinomial(3.0, probs=rate), 0.0).stddev(),
        kd.Poisson(rate).stddev(),
        kd.CensoredNormal(shift, 1.0, 0.0, INF).stddev(),
    ]


def test_a_standard_deviation_of_zero_has_a_gradient():
    parameters = [ops.convert_to_tensor(np.float32(x)) for x in (0.0, -50.0)]
    assert [float(x) for x in evaluate(deviations, parameters)] == [0.0] * 4
    for slope in gradient(lambda parameters: sum(deviations(parameters)), parameters):
        assert np.isfinite(numpy(slope))


def test_equal_cutpoints_have_no_mass_between_them():
    def log_prob(cutpoints, loc):
        distribution = kd.OrderedLogistic(cutpoints, loc)
        return distribution.log_prob(np.int32([0, 2, 3]))

    cutpoints, loc = np.float32([0.0, 0.0, 1.0]), np.float32(0.3)
    labels = [0, 2, 3]
    at = np.float64([-INF, 0.0, 0.0, 1.0, INF]) - 0.3
    expected = np.log(np.diff(stats.logistic.cdf(at))[labels])
    np.testing.assert_allclose(numpy(log_prob(cutpoints, loc)), expected, rtol=1e-5)
    by_loc = gradients(lambda c, x: ops.sum(log_prob(c, x)), cutpoints, loc)
    step = 1e-6
    moved = [np.log(np.diff(stats.logistic.cdf(at - s))[labels]).sum() for s in (step, -step)]
    np.testing.assert_allclose(by_loc[1], (moved[0] - moved[1]) / (2 * step), rtol=1e-4)
    assert np.isfinite(by_loc[0]).all()


def test_variances_of_entries_that_are_nearly_certain():
    concentration = np.float32([1e4, 1e-3, 2e-3])
    dirichlet, scipy = (
        kd.Dirichlet(concentration),
        stats.dirichlet(concentration.astype("float64")),
    )
    np.testing.assert_allclose(numpy(dirichlet.variance()), scipy.var(), rtol=1e-5)
    np.testing.assert_allclose(numpy(dirichlet.covariance()), scipy.cov(), rtol=1e-5)
    logits = np.float64([20.0, 0.0, -1.0])
    p = np.exp(logits) / np.exp(logits).sum()
    rest = (np.ones((3, 3)) - np.eye(3)) @ p
    received = numpy(kd.OneHotCategorical(logits=logits.astype("float32")).covariance())
    np.testing.assert_allclose(np.diagonal(received), p * rest, rtol=1e-5)


# ------------------------------------------------------------------ mixtures


def two_families(probs):
    """Of which one alone has mass below 0."""
    return kd.Mixture(kd.Categorical(probs=probs), [kd.Exponential(1.0), kd.Normal(0.0, 1.0)])


def one_family(probs):
    return kd.MixtureSameFamily(kd.Categorical(probs=probs), kd.Exponential([1.0, 2.0]))


E1, PHI = math.exp(-1.0), stats.norm.pdf(1.0)
MIXTURES = [
    # make, probabilities, value, density, the slope of its logarithm by the probabilities
    (two_families, [0.0, 1.0], 1.0, PHI, [E1 / PHI, 1.0]),
    (two_families, [0.5, 0.5], -1.0, PHI / 2.0, [0.0, 2.0]),
    (two_families, [1.0, 0.0], -1.0, 0.0, [0.0, 0.0]),
    (one_family, [0.5, 0.5], -1.0, 0.0, [0.0, 0.0]),
    (one_family, [1.0, 0.0], -1.0, 0.0, [0.0, 0.0]),
]


def densities(parameters):
    return [make(p).prob(x) for (make, _, x, *_), p in zip(MIXTURES, parameters, strict=True)]


def total_log_density(parameters):
    rows = zip(MIXTURES, parameters, strict=True)
    return sum(make(p).log_prob(x) for (make, _, x, *_), p in rows)


def test_mixtures_outside_the_support_of_a_component():
    parameters = [ops.convert_to_tensor(np.float32(row[1])) for row in MIXTURES]
    slopes = gradient(total_log_density, parameters)
    for row, density, slope in zip(MIXTURES, evaluate(densities, parameters), slopes, strict=True):
        np.testing.assert_allclose(numpy(density), row[3], rtol=1e-5)
        np.testing.assert_allclose(numpy(slope), row[4], rtol=1e-5)


def test_a_component_of_weight_zero_has_no_part_in_the_moments():
    """Though it has no mean, or an infinite variance."""
    weights = kd.Categorical(probs=[0.0, 1.0])
    mixture = kd.Mixture(weights, [kd.StudentT(1.0, 0.0, 1.0), kd.Normal(2.0, 3.0)])
    assert (float(mixture.mean()), float(mixture.variance())) == (2.0, 9.0)
    entries = kd.StudentT(np.float32([[1.5, 1.5], [4.0, 4.0]]), 0.0, 1.0)
    vectors = kd.MixtureSameFamily(weights, kd.Independent(entries, 1))
    np.testing.assert_allclose(numpy(vectors.covariance()), 2.0 * np.eye(2), rtol=1e-6)


def test_draws_of_a_von_mises_whose_squared_concentration_is_beyond_floats():
    draws = numpy(kd.VonMises(0.0, 1e30).sample(1000, seed=0))
    assert 0.9e-15 < np.std(draws) < 1.1e-15


# ------------------------------------------------------------------ far out in the tails


def far_out(parameters):
    df, logits, rate = parameters
    # z^2 is beyond float32; extra zeros of a probability that rounds to 0, in the tail of counts.
    counts = kd.ZeroInflated(kd.Poisson(rate), logits)
    return kd.StudentT(df, 0.0, 1.0).log_prob(1e30) + counts.log_survival_function(30.0)


def test_log_probabilities_far_out_have_a_value_and_a_gradient():
    at = [0.05, -20.0, 3.0]
    parameters = [ops.convert_to_tensor(np.float32(x)) for x in at]
    poisson = stats.poisson(3.0)
    total = stats.t(0.05).logpdf(1e30) + poisson.logsf(30.0)
    np.testing.assert_allclose(numpy(evaluate(far_out, parameters)), total, rtol=1e-5)
    t = [stats.t(0.05 + h).logpdf(1e30) for h in (1e-6, -1e-6)]
    slopes = [(t[0] - t[1]) / 2e-6, -special.expit(-20.0), poisson.pmf(30) / poisson.sf(30)]
    received = [numpy(slope) for slope in gradient(far_out, parameters)]
    np.testing.assert_allclose(received, slopes, rtol=1e-4)
