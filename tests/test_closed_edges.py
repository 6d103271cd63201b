"""Probabilities of exactly 0 or 1 and rates of exactly 0: values, gradients, entropies, KL.

And the gradients of quantiles at 0 and 1, where the quantile is an end of the support: those of
that end, and of p where they are finite; 0 where the end is infinite.

Where a slope is infinite, as that of the log_prob of an impossible event, or of the entropy by a
probability of 0, only that the gradient is a number is tested.
"""

import math

import numpy as np
import pytest
from helpers import BACKEND, gradients, numpy
from keras import ops

import keras_distlayers as kdl
from keras_distlayers.testing._evaluation import evaluate, gradient

kd = kdl.distributions

INF, LOG2 = math.inf, math.log(2.0)
HALVES = [0.0, 0.5, 0.5]


def mixture_of_normals(probs):
    return kd.MixtureSameFamily(kd.Categorical(probs=probs), kd.Normal([0.0, 0.0, 2.0], 1.0))


def zero_inflated(rate):
    return kd.ZeroInflated(kd.Poisson(rate), 0.0)


def zero_inflated_binomial(probs):
    return kd.ZeroInflated(kd.NegativeBinomial(3.0, probs=probs), 0.0)


def negative_binomial(probs):
    return kd.NegativeBinomial(3.0, probs=probs)


def bernoulli(probs):
    return kd.Bernoulli(probs=probs)


def vector_of_bernoullis(probs):
    return kd.Independent(kd.Bernoulli(probs=probs), 1)


def categorical(probs):
    return kd.Categorical(probs=probs)


def one_hot(probs):
    return kd.OneHotCategorical(probs=probs)


def poisson(rate):
    return kd.Poisson(rate=rate)


# The mixture at 1: its components have the densities phi(1), phi(1) and phi(1).
LOG_PROBS = [
    # make, parameter, value, log_prob, its gradient by the parameter; None for any number
    (bernoulli, 0.0, 0.0, 0.0, -1.0),
    (bernoulli, 0.0, 1.0, -INF, None),
    (bernoulli, 1.0, 1.0, 0.0, 1.0),
    (bernoulli, 1.0, 0.0, -INF, None),
    (vector_of_bernoullis, [0.0, 1.0, 0.5], [0.0, 1.0, 1.0], -LOG2, [-1.0, 1.0, 2.0]),
    (categorical, HALVES, 1, -LOG2, [0.0, 2.0, 0.0]),
    (categorical, HALVES, 0, -INF, None),
    (categorical, [0.0, 0.0, 1.0], 2, 0.0, [0.0, 0.0, 1.0]),
    (one_hot, HALVES, [0.0, 1.0, 0.0], -LOG2, [0.0, 2.0, 0.0]),
    (one_hot, HALVES, [1.0, 0.0, 0.0], -INF, None),
    (one_hot, [0.0, 0.0, 1.0], [0.0, 0.0, 1.0], 0.0, [0.0, 0.0, 1.0]),
    (poisson, 0.0, 0.0, 0.0, -1.0),
    (poisson, 0.0, 3.0, -INF, None),
    (negative_binomial, 0.0, 0.0, 0.0, -3.0),
    (negative_binomial, 0.0, 2.0, -INF, None),
    (zero_inflated, 0.0, 0.0, 0.0, -0.5),
    (zero_inflated, 0.0, 1.0, -INF, None),
    (zero_inflated_binomial, 0.0, 0.0, 0.0, -1.5),
    (mixture_of_normals, HALVES, 1.0, -1.4189385, [1.0, 1.0, 1.0]),
    (mixture_of_normals, [0.0, 0.0, 1.0], 2.0, -0.9189385, [math.exp(-2.0)] * 2 + [1.0]),
]  # fmt: skip

KLS = [
    # make, parameter, that of the other one, KL, its gradient by the other's
    (bernoulli, 0.0, 0.5, LOG2, 2.0),
    (bernoulli, 1.0, 0.5, LOG2, -2.0),
    (bernoulli, 0.0, 0.0, 0.0, 1.0),
    (bernoulli, 1.0, 1.0, 0.0, -1.0),
    (bernoulli, 0.5, 0.0, INF, None),
    (vector_of_bernoullis, [0.0, 1.0], [0.5, 1.0], LOG2, [2.0, -1.0]),
    (categorical, HALVES, HALVES, 0.0, [0.0, -1.0, -1.0]),
    (categorical, HALVES, [0.5, 0.25, 0.25], LOG2, [0.0, -2.0, -2.0]),
    (categorical, [0.5, 0.25, 0.25], HALVES, INF, None),
    (one_hot, HALVES, [0.5, 0.25, 0.25], LOG2, [0.0, -2.0, -2.0]),
    (poisson, 0.0, 1.0, 1.0, 1.0),
    (poisson, 0.0, 0.0, 0.0, 1.0),
    (poisson, 1.0, 0.0, INF, None),
]

ENTROPIES = [
    (bernoulli, 0.0, 0.0),
    (bernoulli, 1.0, 0.0),
    (vector_of_bernoullis, [0.0, 0.5, 1.0], LOG2),
    (categorical, HALVES, LOG2),
    (categorical, [0.0, 0.0, 1.0], 0.0),
    (one_hot, HALVES, LOG2),
    (one_hot, [0.0, 0.0, 1.0], 0.0),
]

STATISTICS = [
    # make, parameter, mean, its gradient summed over the entries, standard deviation
    (bernoulli, 0.0, 0.0, 1.0, 0.0),
    (bernoulli, 1.0, 1.0, 1.0, 0.0),
    (one_hot, HALVES, HALVES, [1.0] * 3, HALVES),
    (one_hot, [0.0, 0.0, 1.0], [0.0, 0.0, 1.0], [1.0] * 3, [0.0] * 3),
    (poisson, 0.0, 0.0, 1.0, 0.0),
    (negative_binomial, 0.0, 0.0, 3.0, 0.0),
    (zero_inflated, 0.0, 0.0, 0.5, 0.0),
    (zero_inflated_binomial, 0.0, 0.0, 1.5, 0.0),
    (mixture_of_normals, HALVES, 1.0, [0.0, 0.0, 2.0], math.sqrt(2.0)),
]


CDFS = [
    # make, parameter, cdf at 0, its gradient
    (bernoulli, 0.0, 1.0, -1.0),
    (bernoulli, 1.0, 0.0, -1.0),
    (poisson, 0.0, 1.0, -1.0),
    (negative_binomial, 0.0, 1.0, -3.0),
    (zero_inflated, 0.0, 1.0, -0.5),
]


def truncated_above(loc, scale, high):
    return kd.TruncatedNormal(loc, scale, -INF, high)


def exp_of_normal(loc, scale):
    return kd.TransformedDistribution(kd.Normal(loc, scale), kdl.bijectors.Exp())


def sigmoid_of_logistic(loc, scale):
    return kd.TransformedDistribution(kd.Logistic(loc, scale), kdl.bijectors.Sigmoid())


def recalibrated(loc, scale):
    return kdl.recalibration.Recalibrated(kd.Normal(loc, scale), [-4.0, 4.0], [-2.0, 2.0])


# The mass of the normal between 1.5 and 3 over its densities there is 0.5053931 and 14.76975.
QUANTILES = [
    # make, its parameters, the ends, and their gradients by the parameters and p
    (kd.Normal, [0.5, 1.5], (-INF, INF), ([0.0] * 3, [0.0] * 3)),
    (kd.LogNormal, [0.5, 1.5], (0.0, INF), ([0.0] * 3, [0.0] * 3)),
    (kd.Logistic, [0.5, 1.5], (-INF, INF), ([0.0] * 3, [0.0] * 3)),
    (kd.Laplace, [0.5, 1.5], (-INF, INF), ([0.0] * 3, [0.0] * 3)),
    (kd.Gumbel, [0.5, 1.5], (-INF, INF), ([0.0] * 3, [0.0] * 3)),
    (kd.AsymmetricLaplace, [0.5, 1.5, 0.3], (-INF, INF), ([0.0] * 4, [0.0] * 4)),
    (kd.StudentT, [3.0, 0.5, 1.5], (-INF, INF), ([0.0] * 4, [0.0] * 4)),
    (kd.Exponential, [2.0], (0.0, INF), ([0.0, 0.5], [0.0, 0.0])),
    (kd.Uniform, [1.0, 3.0], (1.0, 3.0), ([1.0, 0.0, 2.0], [0.0, 1.0, 2.0])),
    (kd.TruncatedNormal, [0.0, 1.0, 1.5, 3.0], (1.5, 3.0),
     ([0.0, 0.0, 1.0, 0.0, 0.5053931], [0.0, 0.0, 0.0, 1.0, 14.76975])),
    (truncated_above, [0.0, 1.0, 0.0], (-INF, 0.0),
     ([0.0] * 4, [0.0, 0.0, 1.0, math.sqrt(math.pi / 2.0)])),
    (kd.CensoredNormal, [0.5, 1.5, -1.0, 2.0], (-1.0, 2.0),
     ([0.0, 0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0, 0.0])),
    (kd.Gamma, [2.0, 3.0], (0.0, INF), ([0.0] * 3, [0.0] * 3)),
    (exp_of_normal, [0.5, 1.5], (0.0, INF), ([0.0] * 3, [0.0] * 3)),
    (sigmoid_of_logistic, [0.5, 1.5], (0.0, 1.0), ([0.0] * 3, [0.0] * 3)),
    (recalibrated, [0.5, 1.5], (-INF, INF), ([0.0] * 3, [0.0] * 3)),
]  # fmt: skip
# JAX compiles its search for half as long as all of the above; Gamma's has the same mechanism.
if BACKEND != "jax":
    QUANTILES.append((kd.Beta, [2.0, 3.0], (0.0, 1.0), ([0.0] * 3, [0.0] * 3)))


def tensors(rows, column=1):
    return [ops.convert_to_tensor(np.float32(row[column])) for row in rows]


def names(rows):
    return [f"{row[0].__name__} {row[1:3]}" for row in rows]


# All rows in one function, which compiles once; the rows do not depend on each other.


def log_probs(parameters):
    rows = zip(LOG_PROBS, parameters, strict=True)
    return [make(p).log_prob(value) for (make, _, value, *_), p in rows]


def divergences(both):
    rows = zip(KLS, both[: len(KLS)], both[len(KLS) :], strict=True)
    return [make(p).kl_divergence(make(q)) for (make, *_), p, q in rows]


def entropies(parameters):
    return [row[0](p).entropy() for row, p in zip(ENTROPIES, parameters, strict=True)]


def means(parameters):
    return [row[0](p).mean() for row, p in zip(STATISTICS, parameters, strict=True)]


def stddevs(parameters):
    return [row[0](p).stddev() for row, p in zip(STATISTICS, parameters, strict=True)]


def cdfs(parameters):
    """At 0."""
    return [make(p).cdf(0.0) for (make, *_), p in zip(CDFS, parameters, strict=True)]


def total(at, *, results):
    return sum(ops.sum(x) for x in results(at))


def require(rows, received, column):
    for name, got, row in zip(names(rows), received, rows, strict=True):
        if row[column] is None:
            assert np.isfinite(numpy(got)).all(), name
            continue
        np.testing.assert_allclose(numpy(got), row[column], rtol=1e-5, atol=1e-6, err_msg=name)


def test_log_prob_at_closed_edges():
    parameters = tensors(LOG_PROBS)
    require(LOG_PROBS, evaluate(log_probs, parameters), 3)
    require(LOG_PROBS, gradient(total, parameters, results=log_probs), 4)


def test_kl_divergence_at_closed_edges():
    both = tensors(KLS) + tensors(KLS, 2)
    require(KLS, evaluate(divergences, both), 3)
    slopes = gradient(total, both, results=divergences)
    pairs = zip(slopes[: len(KLS)], slopes[len(KLS) :], strict=True)
    for name, row, (by_first, by_second) in zip(names(KLS), KLS, pairs, strict=True):
        if row[4] is not None:
            assert np.isfinite(numpy(by_first)).all(), name
            np.testing.assert_allclose(
                numpy(by_second), row[4], rtol=1e-5, atol=1e-6, err_msg=name
            )


def test_entropy_at_closed_edges():
    parameters = tensors(ENTROPIES)
    require(ENTROPIES, evaluate(entropies, parameters), 2)
    for slope in gradient(total, parameters, results=entropies):
        assert np.isfinite(numpy(slope)).all()


def test_mean_and_stddev_at_closed_edges():
    parameters = tensors(STATISTICS)
    require(STATISTICS, evaluate(means, parameters), 2)
    require(STATISTICS, gradient(total, parameters, results=means), 3)
    require(STATISTICS, evaluate(stddevs, parameters), 4)


def test_cdf_at_closed_edges():
    parameters = tensors(CDFS)
    require(CDFS, evaluate(cdfs, parameters), 2)
    require(CDFS, gradient(total, parameters, results=cdfs), 3)


def quantiles(arguments, *, name, num_parameters):
    """All rows at once, of flat arguments: the parameters and p of each."""
    arguments, results = list(arguments), []
    for make, count in zip([row[0] for row in QUANTILES], num_parameters, strict=True):
        *parameters, p = (arguments.pop(0) for _ in range(count + 1))
        results.append(getattr(make(*parameters), name)(p))
    return results


def total_quantile(arguments, **options):
    return sum(ops.sum(x) for x in quantiles(arguments, **options))


@pytest.mark.parametrize("name", ["quantile", "upper_quantile"])
def test_quantile_at_closed_edges(name):
    sign, p = (1.0, [0.0, 1.0]) if name == "quantile" else (-1.0, [1.0, 0.0])
    rows = [[*([x, x] for x in row[1]), p] for row in QUANTILES]
    arguments = [ops.convert_to_tensor(np.float32(x)) for row in rows for x in row]
    options = {"name": name, "num_parameters": tuple(len(row[1]) for row in QUANTILES)}
    values = evaluate(quantiles, arguments, **options)
    slopes = list(map(numpy, gradient(total_quantile, arguments, **options)))
    for row, value in zip(QUANTILES, values, strict=True):
        label = f"{row[0].__name__} {row[1]}"
        np.testing.assert_allclose(numpy(value), row[2], rtol=1e-6, err_msg=label)
        received = np.array([slopes.pop(0) for _ in range(len(row[1]) + 1)])
        received[-1] *= sign
        expected = np.transpose(row[3])
        np.testing.assert_allclose(received, expected, rtol=1e-5, atol=1e-6, err_msg=label)


def test_an_infinite_quantile_that_is_left_out_leaves_the_other_gradients():
    """0 times infinity would be NaN."""

    is_finite = ops.convert_to_tensor([False, True])

    def median(loc, scale):
        return ops.sum(ops.where(is_finite, kd.Normal(loc, scale).quantile([1.0, 0.5]), 0.0))

    np.testing.assert_allclose(gradients(median, 0.5, 1.5), [1.0, 0.0], atol=1e-6)


def test_a_nan_stays_a_nan():
    assert np.isnan(numpy(kd.Bernoulli(probs=math.nan).log_prob(1.0)))
    assert np.isnan(numpy(kd.Poisson(rate=math.nan).log_prob(1.0)))
    assert np.isnan(numpy(kd.Categorical(probs=[math.nan, 0.5]).log_prob(0)))
