"""Counts: extremes, large counts, draws of special parameters, errors, TFP's heads."""

import keras
import numpy as np
import pytest
from helpers import gradients, numpy
from keras import ops
from scipy import stats

import keras_distlayers as kdl
from keras_distlayers.testing._evaluation import (
    double_precision,
    draw,
    evaluate,
    evaluate_statistic,
    log_prob,
)

LARGE = [1e3, 1e5, 1e6]


@pytest.mark.parametrize("count", LARGE)
@pytest.mark.parametrize("ratio", [0.99, 1.0, 1.001, 3.0])
def test_count_log_prob_keeps_its_digits_for_large_counts(count, ratio):
    """The terms of the textbook formula are 10^7 here: float32 would leave none."""
    rate = np.float32(count * ratio)
    expected = stats.poisson.logpmf(count, float(rate))
    # What rounding the rate to float32 would do: |x - rate| 2^-24.
    tolerance = 1e-5 * max(1.0, abs(expected)) + abs(count - float(rate)) * 2**-22
    received = float(evaluate(log_prob, kdl.distributions.Poisson(rate=rate), np.float32(count)))
    assert abs(received - expected) <= tolerance
    total = np.float32(2.5)
    probs = np.float32(ratio / 4.0)
    expected = stats.nbinom.logpmf(count, 2.5, 1.0 - float(probs))
    distribution = kdl.distributions.NegativeBinomial(total, probs=probs)
    received = float(evaluate(log_prob, distribution, np.float32(count)))
    np.testing.assert_allclose(received, expected, rtol=1e-5, atol=1e-4)


def test_poisson_log_prob_has_no_step_where_the_formula_changes():
    counts = np.arange(1.0, 40.0)
    with double_precision():
        rate = ops.convert_to_tensor(np.full((), 7.3))
        ours = numpy(evaluate(log_prob, kdl.distributions.Poisson(rate=rate), counts))
    np.testing.assert_allclose(ours, stats.poisson.logpmf(counts, 7.3), rtol=1e-9)


@pytest.mark.parametrize("value", [-1.0, 0.5, 2.000001])
@pytest.mark.parametrize(
    "distribution",
    [
        kdl.distributions.Poisson(rate=2.0),
        kdl.distributions.NegativeBinomial(2.0, logits=0.0),
        kdl.distributions.ZeroInflated(kdl.distributions.Poisson(rate=2.0), 0.0),
    ],
    ids=lambda distribution: type(distribution).__name__,
)
def test_count_distribution_has_no_mass_off_the_integers(distribution, value):
    values = np.float32([value, np.floor(value)])
    density, (cdf, expected), survival = map(numpy, evaluate(probabilities, distribution, values))
    assert density[0] == -np.inf
    assert cdf == expected
    assert survival[0] == pytest.approx(1.0 - expected, abs=1e-6)


def probabilities(distribution, values):
    return (
        distribution.log_prob(values),
        distribution.cdf(values),
        distribution.survival_function(values),
    )


@pytest.mark.parametrize("rate", [1e7, 1e9, 1e20])
def test_poisson_draws_of_large_rates(rate):
    """Beyond the integers that a backend draws into."""
    draws = numpy(evaluate(draw, kdl.distributions.Poisson(rate=rate), shape=2000))
    draws = draws.astype("float64")
    assert (draws >= 0).all()
    assert abs(draws.mean() - rate) <= 6 * np.sqrt(rate / 2000) + 1e-6 * rate
    if rate <= 1e9:  # for more, float32 has no digits for the spread
        assert 0.8 <= draws.std() / np.sqrt(rate) <= 1.2


def test_negative_binomial_draws_of_small_total_counts_have_their_zeros():
    """Their gamma draws are below the smallest float32; the logits lift them up again."""
    distribution = kdl.distributions.NegativeBinomial(total_count=0.01, logits=50.0)
    share = (numpy(evaluate(draw, distribution, shape=20_000)) == 0).mean()
    assert abs(share - np.exp(-0.01 * 50.0)) < 0.02


def test_zero_inflated_draws_differ_over_the_batch():
    distribution = kdl.distributions.ZeroInflated(
        kdl.distributions.Poisson(rate=1e4), logits=[0.0] * 50
    )
    draws = numpy(evaluate(draw, distribution))
    assert 5 < (draws == 0).sum() < 45
    counted = draws[draws > 0]
    assert len(np.unique(counted)) > len(counted) // 2  # no draw is shared


@pytest.mark.parametrize(
    ("distribution", "expected"),
    [
        (
            kdl.distributions.NegativeBinomial([0.5, 1.0, 3.0], logits=[1.0, 1e4, 0.0]),
            [0.0, 0.0, 2.0],
        ),
        (kdl.distributions.NegativeBinomial(5.0, probs=[0.75, 0.2]), [12.0, 1.0]),
        (
            kdl.distributions.ZeroInflated(
                kdl.distributions.Poisson(rate=[0.5, 2.5, 2.5]), [0.0, -3.0, 2.0]
            ),
            [0.0, 2.0, 0.0],
        ),
    ],
)
def test_count_modes(distribution, expected):
    assert numpy(evaluate_statistic(distribution, "mode")).tolist() == expected


def test_poisson_kl_of_rates_far_apart_is_finite():
    near, far = (
        kdl.distributions.Poisson(log_rate=[-80.0, 0.0]),
        kdl.distributions.Poisson(log_rate=[10.0, -80.0]),
    )
    divergence = numpy(evaluate_statistic(near, "kl_divergence", far))
    np.testing.assert_allclose(divergence, [np.exp(10.0), 79.0], rtol=1e-5)


def mean(raw, *, head):
    return head.distribution(raw).mean()


def density_and_mean(raw, value, *, head):
    distribution = head.distribution(raw)
    return distribution.log_prob(value), distribution.mean()


def test_independent_poisson_rate_grows_linearly_where_it_would_overflow():
    head = kdl.layers.IndependentPoisson(4)
    rates = numpy(evaluate(mean, np.float32([[-1e4, 0.0, 40.0, 41.0]]), head=head))[0]
    np.testing.assert_allclose(rates, [0.0, 1.0, np.exp(40.0), 2 * np.exp(40.0)], rtol=1e-5)
    (slope,) = gradients(
        lambda raw: ops.sum(kdl.layers.IndependentPoisson().distribution(raw).log_prob(3.0)),
        np.float32([[1e4]]),
    )
    assert np.isfinite(slope).all()
    assert (slope < 0).all()


@pytest.mark.filterwarnings("ignore")  # TFP on tf_keras warns of much, none of it ours
def test_independent_poisson_is_the_distribution_of_tfp_layers():
    import tensorflow as tf
    import tensorflow_probability as tf_tfp

    raw = np.random.default_rng(0).normal(size=(4, 6)).astype("float32")
    value = np.arange(6, dtype="float32").reshape(2, 3)
    theirs = tf_tfp.layers.IndependentPoisson((2, 3))(tf.constant(raw))
    ours, our_mean = evaluate(
        density_and_mean, raw, value, head=kdl.layers.IndependentPoisson((2, 3))
    )
    assert kdl.layers.IndependentPoisson.params_size((2, 3)) == 6
    np.testing.assert_allclose(numpy(ours), theirs.log_prob(value).numpy(), rtol=1e-5)
    np.testing.assert_allclose(numpy(our_mean), theirs.mean().numpy(), rtol=1e-6)


def test_zero_inflated_head_reads_logits_first():
    raw = np.float32([[3.0, 0.5, -0.5, 1.0, 2.0, -2.0]])
    counts = kdl.layers.IndependentNegativeBinomial(2)
    received = evaluate(mean, raw, head=kdl.layers.ZeroInflated(counts))
    mean_count = numpy(evaluate(mean, raw[:, 2:], head=counts))
    expected = mean_count * (1.0 - stats.logistic.cdf(raw[:, :2]))
    np.testing.assert_allclose(numpy(received), expected, rtol=1e-5)


def test_zero_inflated_head_is_saved_with_its_count_head(tmp_path):
    head = kdl.layers.ZeroInflated(
        kdl.layers.IndependentNegativeBinomial((2, 1), name="counts"), seed=3
    )
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(6), head])
    model.save(tmp_path / "model.keras")
    reloaded = keras.models.load_model(tmp_path / "model.keras")
    config = reloaded.layers[-1].get_config()["count_head"]
    inner = keras.saving.deserialize_keras_object(config)
    assert (type(inner), inner.event_shape) == (kdl.layers.IndependentNegativeBinomial, (2, 1))
    x = np.ones((3, 4), "float32")
    value = np.ones((2, 1), "float32")
    ours, theirs = (
        numpy(evaluate(log_prob, evaluate(distribution_of, x, model=m), value))
        for m in (model, reloaded)
    )
    np.testing.assert_array_equal(ours, theirs)


def distribution_of(x, *, model):
    """Of a dense layer and a head, without the draw."""
    dense, head = model.layers
    return head.distribution(dense(x))


def regularized_head():
    prior = kdl.distributions.Poisson(rate=1.0)
    return kdl.layers.IndependentPoisson(
        activity_regularizer=kdl.regularizers.KLDivergenceRegularizer(prior)
    )


BAD_CALLS = {
    "no rate": (
        lambda: kdl.distributions.Poisson(),
        ValueError,
        "exactly one of `rate` and `log_rate`.*neither",
    ),
    "two rates": (
        lambda: kdl.distributions.Poisson(1.0, 0.0),
        ValueError,
        "`rate` and `log_rate`.*both",
    ),
    "no odds": (
        lambda: kdl.distributions.NegativeBinomial(1.0),
        ValueError,
        "NegativeBinomial.*`logits` and `probs`",
    ),
    "zeros in a vector": (
        lambda: kdl.distributions.ZeroInflated(
            kdl.distributions.Independent(kdl.distributions.Poisson(rate=[1.0]), 1), 0.0
        ),
        ValueError,
        r"a distribution of counts.*Independent.*Put `Independent` around",
    ),
    "zeros in a density": (
        lambda: kdl.distributions.ZeroInflated(kdl.distributions.Normal(0.0, 1.0), 0.0),
        ValueError,
        "the real numbers",
    ),
    "no head": (
        lambda: kdl.layers.ZeroInflated(kdl.distributions.Poisson(rate=1.0)),
        TypeError,
        "a ParametricHead.*Poisson",
    ),
    "a head without entries": (
        lambda: kdl.layers.ZeroInflated(kdl.layers.Categorical(3)),
        TypeError,
        "an `event_shape`",
    ),
    "a head with a regularizer": (
        lambda: kdl.layers.ZeroInflated(regularized_head()),
        ValueError,
        "Give the regularizer to",
    ),
    "a head of no counts": (
        lambda: kdl.layers.ZeroInflated(kdl.layers.IndependentNormal(2))(
            np.zeros((1, 6), "float32")
        ),
        ValueError,
        "a distribution of counts",
    ),
}


@pytest.mark.parametrize(("call", "error", "match"), BAD_CALLS.values(), ids=BAD_CALLS)
def test_count_bad_call_says_what_is_wrong(call, error, match):
    with pytest.raises(error, match=f"(?s){match}"):
        call()
