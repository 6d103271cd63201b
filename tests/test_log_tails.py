"""log_cdf and log_survival_function, against SciPy and against the cdf, far into the tails."""

import keras
import numpy as np
import pytest
from helpers import gradient, numpy
from keras import ops

import keras_distlayers as kdl
from keras_distlayers import distributions as kd
from keras_distlayers.testing import FAMILIES
from keras_distlayers.testing._evaluation import evaluate

# Tail probabilities down to where float32 has none, and the middle.
TAILS = np.array([1e-200, 1e-90, 1e-37, 1e-12, 1e-3, 0.2, 0.5])
# CensoredNormal's oracle has no quantile, VonMises no cdf.
OF_SCIPY = {row.name: row for row in FAMILIES if row.scipy}
del OF_SCIPY["CensoredNormal"], OF_SCIPY["VonMises"]


def logarithms(distribution, value):
    return distribution.log_cdf(value), distribution.log_survival_function(value)


@pytest.mark.parametrize("name", OF_SCIPY)
def test_logarithms_keep_their_digits_in_the_tails(name):
    """On both sides, at SciPy's quantiles of probabilities that float32 cannot hold."""
    row = OF_SCIPY[name]
    arguments = row.example_arguments(batch_shape=(5,))
    exact = row.scipy(**{name: value.astype("float64") for name, value in arguments.items()})
    with np.errstate(all="ignore"):
        p = TAILS[:, None]
        value = np.concatenate([exact.ppf(p), exact.isf(p), np.full((1, 5), 1e3)])
        value = value.astype("float32")
        # Below the smallest normal float, JAX and TensorFlow have 0.
        is_float = (np.abs(value) >= np.finfo("float32").tiny) & np.isfinite(value)
        value = np.where(is_float, value, np.float32(0.5))
        exactly = value.astype("float64")
        below, above = exact.cdf(exactly), exact.sf(exactly)
        expected = (
            np.where(below < 0.5, exact.logcdf(exactly), np.log1p(-above)),
            np.where(above < 0.5, exact.logsf(exactly), np.log1p(-below)),
        )
    ours = evaluate(logarithms, row.make(**arguments), value)
    for found, exactly in zip(ours, expected, strict=True):
        known = np.abs(exactly) < np.finfo("float32").max  # SciPy has some at -inf from -745 on
        assert known.sum() > 10
        # float32 rounds the distance of a value to a bound, as of TruncatedNormal.
        np.testing.assert_allclose(numpy(found)[known], exactly[known], rtol=5e-5, atol=2e-38)


def log_ndtr(z):
    from scipy import special

    return special.log_ndtr(z)


def log_expit(x):
    return -np.logaddexp(0.0, -x)


# Distribution, value, log_cdf, log_survival_function.
FAR = {
    "Categorical": (
        kd.Categorical([0.0, -200.0, -300.0]), [-1, 0, 1, 2],
        [-np.inf, 0.0, 0.0, 0.0], [0.0, -200.0, -300.0, -np.inf],
    ),
    "OrderedLogistic": (
        kd.OrderedLogistic([-200.0, 300.0], 0.0), [-1, 0, 1, 2],
        [-np.inf, -200.0, 0.0, 0.0], [0.0, 0.0, -300.0, -np.inf],
    ),
    "QuantizedLogistic": (
        kd.QuantizedLogistic(0.5, 0.01, low=-2, high=3), [-3, -1, 1, 3],
        [-np.inf, -100.0, log_expit(100.0), 0.0], [0.0, log_expit(100.0), -100.0, -np.inf],
    ),
    "CensoredNormal": (
        kd.CensoredNormal(0.0, 1.0, -50.0, 60.0), [-51.0, -50.0, 55.0, 60.0],
        [-np.inf, log_ndtr(-50.0), 0.0, 0.0], [0.0, 0.0, log_ndtr(-55.0), -np.inf],
    ),
    "MixtureSameFamily": (
        kd.MixtureSameFamily(
            kd.Categorical(probs=[0.25, 0.75]), kd.Normal([0.0, 1.0], [1.0, 1.0])
        ),
        [-np.inf, -50.0, 60.0, np.inf],
        [-np.inf, np.log(0.25) + log_ndtr(-50.0), 0.0, 0.0],
        [0.0, 0.0, np.log(0.75) + log_ndtr(-59.0), -np.inf],
    ),
    "ZeroInflated": (
        kd.ZeroInflated(kd.Poisson(1e-30), -300.0), [-1.0, 0.0, 2.0],
        [-np.inf, -1e-30, 0.0], [0.0, np.log(1e-30), 3 * np.log(1e-30) - np.log(6.0)],
    ),
    "TransformedDistribution-increasing": (
        kd.TransformedDistribution(kd.Normal(0.0, 1.0), kdl.bijectors.Exp()),
        [-1.0, np.exp(-40.0), np.exp(40.0)],
        [-np.inf, log_ndtr(-40.0), 0.0], [0.0, 0.0, log_ndtr(-40.0)],
    ),
    "TransformedDistribution-decreasing": (
        kd.TransformedDistribution(kd.Normal(0.0, 1.0), kdl.bijectors.Scale(-2.0)),
        [-80.0, 100.0], [log_ndtr(-40.0), 0.0], [0.0, log_ndtr(-50.0)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FAR)
def test_logarithms_of_distributions_made_of_others(name):
    distribution, value, *expected = FAR[name]
    value = np.array(value, distribution.event_dtype)
    for found, exact in zip(evaluate(logarithms, distribution, value), expected, strict=True):
        np.testing.assert_allclose(numpy(found), exact, rtol=2e-5, atol=1e-37)


def test_log_cdf_of_independent_entries_is_the_sum():
    distribution = kd.Independent(kd.Normal([0.0, 1.0, 2.0], 1.0), 1)
    value = np.float32([-50.0, -60.0, 3.0])
    expected = log_ndtr(-50.0) + log_ndtr(-61.0) + log_ndtr(1.0)
    np.testing.assert_allclose(numpy(distribution.log_cdf(value)), expected, rtol=1e-5)
    with pytest.raises(NotImplementedError, match="log_survival_function: the event is not a sc"):
        distribution.log_survival_function(value)


def test_your_own_family_has_the_logarithms_of_its_cdf():
    """By the complement where a probability is nearly 1; -inf where it is 0."""

    class Ramp(kd.Distribution):
        """P(x <= t) = t^2 on (0, 1)."""

        parameter_ndims = {"unit": 0}

        def _log_prob(self, value):
            return ops.log(2.0 * value)

        def _sample(self, sample_shape, seed):
            raise NotImplementedError

        def _cdf(self, value):
            return ops.square(value)

        def _survival_function(self, value):
            return (1.0 - value) * (1.0 + value)

    value = np.float32([0.0, 1e-9, 0.5, 1.0 - 2.0**-20, 1.0])
    below, above = logarithms(Ramp(unit=1.0), value)
    exact = np.square(value.astype("float64"))
    with np.errstate(divide="ignore"):
        np.testing.assert_allclose(numpy(below), np.log(exact), rtol=1e-6, atol=1e-12)
        np.testing.assert_allclose(numpy(above), np.log1p(-exact), rtol=1e-6, atol=1e-12)


def test_without_a_cdf_there_is_no_log_cdf():
    with pytest.raises(NotImplementedError, match="VonMises"):
        kd.VonMises(0.0, 1.0).log_cdf(0.0)


def test_logarithms_have_finite_gradients_where_the_probability_is_0():
    """A censored row in a batch must not poison the others."""
    value = np.float32([-1.0, 0.0, 1e-30, 1.0, 400.0])

    def total(rate):
        pair = kd.Exponential(ops.stack([rate, 2.0 * rate]))
        distributions = (
            kd.Exponential(rate),
            kd.Gamma(2.0 * rate, rate),
            kd.Gumbel(rate, 0.1),
            kd.MixtureSameFamily(kd.Categorical([0.0, 0.0]), pair),
        )
        both = [x for distribution in distributions for x in logarithms(distribution, value)]
        return sum(ops.sum(ops.where(ops.isfinite(x), x, 0.0)) for x in both)

    assert np.isfinite(numpy(gradient(total, ops.convert_to_tensor(1.5))))


def test_logarithms_are_methods_of_random_variables_and_nodes_of_a_graph():
    """The Tobit and the survival model: a lifetime that went on is scored by its tail."""
    inputs = keras.Input((2,))
    rv = kdl.layers.IndependentNormal(())(inputs)
    model = keras.Model(inputs, [rv.log_cdf(-3.0), rv.log_survival_function(3.0)])
    raw = np.float32([[0.0, 0.5], [1.0, -1.0]])
    eager = kdl.layers.IndependentNormal(())(raw)
    for found, statistic in zip(
        model(raw), (eager.log_cdf(-3.0), eager.log_survival_function(3.0)), strict=True
    ):
        np.testing.assert_allclose(numpy(found), numpy(statistic), rtol=1e-6)
