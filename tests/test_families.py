"""Generic laws of distributions, over the one table of families, against TFP's NumPy substrate.

Tolerance: 1e-5 of the largest term that is summed, in float32.
"""

import keras
import numpy as np
import pytest
from families import FAMILIES, cases, example
from helpers import numpy
from hypothesis import given
from hypothesis import strategies as st

from keras_distlayers import distributions as kd

families = pytest.mark.parametrize("family", FAMILIES, ids=lambda f: f.name)

STATISTICS = ["mean", "mode", "variance", "stddev", "covariance", "entropy"]
FUNCTIONS = ["cdf", "survival_function"]


def close(ours, oracle, largest_term=1.0):
    """Within 1e-5 of the larger of the answer and the largest term that is summed for it."""
    ours, oracle = numpy(ours).astype("float64"), np.asarray(oracle, "float64")
    assert ours.shape == oracle.shape
    scale = np.maximum(np.abs(np.where(np.isfinite(oracle), oracle, 0.0)), largest_term)
    np.testing.assert_array_less(np.nan_to_num(np.abs(ours - oracle) / scale, nan=0.0), 1e-5)
    np.testing.assert_array_equal(np.isfinite(ours), np.isfinite(oracle))


def largest_term(case):
    """Of log_prob's sum. A triangular solve subtracts terms that cancel, so theirs count."""
    if case.family.name != "MultivariateNormalTriL":
        return largest_entry(case)
    tril = case.parameters["scale_tril"].astype("float64")
    loc = case.parameters["loc"].astype("float64")
    # |L^-1| |L| |z| bounds the terms of a forward substitution (Higham, ch. 8).
    terms = np.abs(case.value) + np.abs(loc)
    inverse = np.abs(np.linalg.inv(tril))
    solution = np.einsum("...ij,...j->...i", inverse, terms)
    spread = np.einsum("...ij,...jk,...k->...i", inverse, np.abs(tril), solution)
    return np.maximum(1.0, (spread * solution).sum(-1))


def largest_entry(case):
    values = np.abs(case.value.astype("float64"))
    parameters = [np.abs(v.astype("float64")).max() for v in case.parameters.values()]
    if case.family.support != "real":
        return 1.0 + max(parameters)
    smallest = min(v.min() for k, v in case.parameters.items() if k.startswith("scale"))
    return 1.0 + ((values.max() + max(parameters)) / smallest) ** 2


@families
@given(data=st.data())
def test_shapes_follow_the_algebra(family, data):
    case = data.draw(cases(family))
    law, sample_shape = case.law, data.draw(st.sampled_from([(), (1,), (2,), (2, 3)]))
    event = (case.event_size,) * family.event_ndims
    assert law.batch_shape == case.batch_shape
    assert law.event_shape == event
    draw = law.sample(sample_shape, seed=0)
    assert tuple(draw.shape) == (*sample_shape, *case.batch_shape, *event)
    assert tuple(law.log_prob(draw).shape) == (*sample_shape, *case.batch_shape)


@families
@given(data=st.data())
def test_log_prob_equals_the_oracle(family, data):
    case = data.draw(cases(family, sample_shape=(2,)))
    oracle = case.oracle.log_prob(case.value.astype("float64"))
    close(case.law.log_prob(case.value), oracle, largest_term(case))


@families
@pytest.mark.parametrize("statistic", STATISTICS)
@given(data=st.data())
def test_a_statistic_equals_the_oracle(family, statistic, data):
    case = data.draw(cases(family))
    law_name = family.name.split("-")[0]
    if (law_name, statistic) in WITHOUT:
        with pytest.raises(NotImplementedError, match=law_name):
            getattr(case.law, statistic)()
        return
    ours = getattr(case.law, statistic)()
    scale = 1.0
    if statistic == "covariance" and "scale_tril" in case.parameters:
        scale = np.max(np.abs(case.parameters["scale_tril"])) ** 2
    if statistic == "entropy":
        scale = 1.0 + max(np.max(np.abs(v)) for v in case.parameters.values())
    close(ours, oracle_statistic(case, statistic), scale)


WITHOUT = {
    ("Normal", "covariance"),
    ("Bernoulli", "covariance"),
    ("Categorical", "covariance"),
    ("Categorical", "mean"),
    ("Categorical", "variance"),
    ("Categorical", "stddev"),
}


def oracle_statistic(case, statistic):
    if statistic == "covariance" and case.family.name.startswith("Independent"):
        variance = case.oracle.variance()
        return variance[..., None] * np.eye(variance.shape[-1])
    if statistic == "mode" and "Bernoulli" in case.family.name:
        # At p = 1/2 both are modes; float32 and float64 may round to either side.
        return np.where(np.isclose(case.oracle.mean(), 0.5), 0.0, case.oracle.mode()) + np.where(
            np.isclose(case.oracle.mean(), 0.5), numpy(case.law.mode()), 0.0
        )
    return getattr(case.oracle, statistic)()


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize(
    "family", [f for f in FAMILIES if f.event_ndims == 0], ids=lambda f: f.name
)
@given(data=st.data())
def test_cdf_equals_the_oracle(family, function, data):
    case = data.draw(cases(family))
    value = case.value.astype("float64") if family.support == "real" else case.value
    close(getattr(case.law, function)(case.value), getattr(case.oracle, function)(value))


@given(data=st.data(), p=st.floats(1e-6, 1 - 1e-6))
def test_the_quantile_inverts_the_cdf(data, p):
    case = data.draw(cases(FAMILIES[0]))
    np.testing.assert_allclose(numpy(case.law.cdf(case.law.quantile(p))), p, rtol=2e-4, atol=1e-6)
    close(case.law.quantile(p), case.oracle.quantile(np.float64(np.float32(p))), 5e2)


def test_the_joint_cdf_is_the_product():
    law = kd.Independent(kd.Normal(np.zeros(3, "float32"), 1.0), 1)
    np.testing.assert_allclose(numpy(law.cdf(np.zeros(3, "float32"))), 0.125, rtol=1e-6)


@families
def test_every_mode_has_the_highest_density(family):
    law = example(family)
    others = law.log_prob(law.sample(50, seed=3))
    assert (numpy(law.log_prob(law.mode())) >= numpy(others) - 1e-5).all()


@families
def test_the_config_round_trip_gives_the_same_law(family):
    law = example(family)
    config = keras.saving.serialize_keras_object(law)
    twin = keras.saving.deserialize_keras_object(config)
    value = law.sample(seed=1)
    np.testing.assert_array_equal(numpy(twin.log_prob(value)), numpy(law.log_prob(value)))


@families
def test_the_same_seed_draws_the_same(family):
    law = example(family)
    first, second, other = (numpy(law.sample(20, seed=s)) for s in (5, 5, 6))
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, other)


@families
def test_draws_are_of_the_law(family):
    """Moments of 20,000 draws of each of 4 laws; false alarms below 1e-5 a family."""
    law = example(family, batch_shape=(4,), event_size=2)
    draws = numpy(law.sample(20_000, seed=11)).astype("float64")
    if family.support == "labels":
        observed = np.stack([(draws == k).mean(axis=0) for k in range(2)], axis=-1)
        expected = numpy(law._probs())
        deviation = np.sqrt(expected * (1 - expected) / len(draws))
    else:
        observed, expected = draws.mean(axis=0), numpy(law.mean())
        deviation = numpy(law.stddev()) / np.sqrt(len(draws))
    # 5.5 standard errors: 4e-8 each, at most 8 entries.
    np.testing.assert_array_less(np.abs(observed - expected), 5.5 * deviation + 1e-6)
    if family.support == "real":
        ratio = draws.var(axis=0) / numpy(law.variance())
        np.testing.assert_array_less(np.abs(ratio - 1.0), 5.5 * np.sqrt(2 / len(draws)))


def test_draws_of_a_full_normal_have_its_covariance():
    law = example(FAMILIES[5], batch_shape=())
    draws = numpy(law.sample(50_000, seed=2)).astype("float64")
    expected = numpy(law.covariance()).astype("float64")
    variance = np.diag(expected)
    # The standard error of an entry of a Gaussian sample covariance.
    error = np.sqrt((expected**2 + np.outer(variance, variance)) / len(draws))
    np.testing.assert_array_less(np.abs(np.cov(draws.T) - expected), 5.5 * error)


def test_reparameterized_is_said_of_the_right_families():
    assert {f.name for f in FAMILIES if example(f).reparameterized} == {
        "Normal", "MultivariateNormalTriL", "MultivariateNormalDiag", "Independent-Normal",
    }  # fmt: skip


def test_categorical_gives_no_mass_to_what_is_no_label():
    law = kd.Categorical(logits=[0.0, 0.0])
    assert list(numpy(law.log_prob([-1, 2]))) == [-np.inf, -np.inf]


@pytest.mark.parametrize("p", [0.0, 1.0])
def test_a_certain_coin_has_no_entropy(p):
    law = kd.Bernoulli(probs=[p])
    assert numpy(law.entropy()) == 0.0
    assert numpy(law.log_prob([p])) == 0.0
    assert numpy(law.log_prob([1.0 - p])) == -np.inf


def test_float64_is_kept_and_half_precision_is_not():
    half = keras.ops.cast([1.0], "float16")
    assert kd.Normal(half, 1.0).dtype == "float32"
    if keras.config.backend() != "jax":  # JAX has float64 only where a process asks for it
        double = keras.ops.cast([1.0], "float64")
        assert kd.Normal(double, 1.0).dtype == "float64"
