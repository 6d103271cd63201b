"""Scores of intervals and labels, calibration and PIT, against figures that others computed.

On Torch alone, where nothing compiles; test_score_metrics.py runs the scores on every backend.
"""

import numpy as np
import pytest
from digits import digits
from heads import HEADS
from helpers import numpy
from keras import ops
from scipy import stats
from sklearn import datasets, metrics, model_selection

import keras_distlayers as kdl
from keras_distlayers import scores

kd = kdl.distributions


def mean(score):
    return float(numpy(score).mean())


# ---------------------------------------------------------------- regression


def predictive_normal():
    """Bayesian linear regression in closed form on the diabetes data: 111 rows that were held out.

    Weights and bias ~ N(0, 1), a noise variance of 0.5, everything standardized by the training
    part.
    """
    data = datasets.load_diabetes()
    parts = model_selection.train_test_split(
        data.data, data.target, test_size=0.25, random_state=0
    )
    x, x_test, y, y_test = parts
    x_mean, x_std, y_mean, y_std = x.mean(axis=0), x.std(axis=0), y.mean(), y.std()
    design, design_test = (
        np.hstack([(a - x_mean) / x_std, np.ones((len(a), 1))]) for a in (x, x_test)
    )
    targets, value = (y - y_mean) / y_std, (y_test - y_mean) / y_std
    noise = 0.5
    covariance = np.linalg.inv(design.T @ design / noise + np.eye(design.shape[1]))
    loc = design_test @ covariance @ design.T @ targets / noise
    variance = noise + np.einsum("ij,jk,ik->i", design_test, covariance, design_test)
    normal = kd.Normal(loc.astype("float32"), np.sqrt(variance).astype("float32"))
    return normal, value.astype("float32")


def test_scores_of_an_exact_predictive_distribution():
    normal, value = predictive_normal()
    assert value.shape == (111,)
    assert mean(scores.log_score(normal, value)) == pytest.approx(1.08167, abs=6e-6)
    assert mean(scores.crps(normal, value)) == pytest.approx(0.40182, abs=6e-6)
    assert mean(scores.coverage(normal, value, 0.9)) == pytest.approx(0.9189, abs=6e-5)
    assert mean(scores.interval_score(normal, value, 0.9)) == pytest.approx(2.9965, abs=6e-5)
    assert mean(scores.pit(normal, value)) == pytest.approx(0.4749, abs=6e-5)
    low, high = (numpy(x) for x in kd.interval(normal, 0.9))
    assert mean(scores.width(normal, coverage=0.9)) == pytest.approx((high - low).mean())


def test_interval_score_is_a_sum_of_pinball_losses():
    """Of a central interval: 2 / alpha times those at its two ends."""
    normal, value = predictive_normal()
    ends = [numpy(scores.pinball(normal, value, level)) for level in (0.05, 0.95)]
    found = numpy(scores.interval_score(normal, value, 0.9))
    np.testing.assert_allclose(found, 2.0 / 0.1 * sum(ends), rtol=1e-3, atol=1e-4)


def test_pinball_is_that_of_scikit_learn(rng):
    loc, value = rng.normal(size=(2, 50)).astype("float32")
    for level in (0.1, 0.5, 0.9):
        quantile = stats.norm.ppf(level, loc, 2.0)
        expected = metrics.mean_pinball_loss(value, quantile, alpha=level)
        assert mean(scores.pinball(kd.Normal(loc, 2.0), value, level)) == pytest.approx(expected)


def test_events_of_several_entries(rng):
    loc, value = rng.normal(size=(2, 7, 3)).astype("float32")
    entries, joint = kd.Normal(loc, 1.0), kd.MultivariateNormalDiag(loc, np.ones(3, "float32"))
    for score, reduced in [
        (scores.interval_score, np.sum),
        (scores.pinball, np.sum),
        (scores.coverage, np.mean),
        (scores.width, np.mean),
    ]:
        expected = reduced(numpy(score(entries, value)), axis=-1)
        np.testing.assert_allclose(numpy(score(joint, value)), expected, rtol=1e-5)
    assert tuple(scores.pit(joint, value).shape) == (7, 3)


# ---------------------------------------------------------------- labels


def test_scores_of_two_classifiers_of_digits():
    """The published figures, before and after division by the best temperature."""
    _, y, logits_of = digits()
    (_, logits), (_, joint) = logits_of.values()
    for given, temperature, nll, brier, ece in [
        (logits, 1.0, 0.1964, 0.0794, 0.0838),
        (logits, 0.4787, 0.1409, 0.0663, 0.0148),
        (joint, 1.0, 2.0632, 0.1691, 0.0804),
        (joint, 10.7419, 0.4100, 0.1608, 0.0892),
    ]:
        labels = kd.Categorical(logits=(given / temperature).astype("float32"))
        assert mean(scores.log_score(labels, y)) == pytest.approx(nll, abs=1e-4)
        assert mean(scores.brier(labels, y)) == pytest.approx(brier, abs=1e-4)
        found = scores.expected_calibration_error(labels, y, num_bins=15)
        assert float(found) == pytest.approx(ece, abs=1e-4)


def test_brier_is_that_of_scikit_learn(rng):
    """By its definition: the installed version may be older than 1.7."""
    probs = rng.dirichlet(np.ones(4), size=30).astype("float32")
    y = rng.integers(0, 4, size=30)
    expected = np.square(probs - np.eye(4)[y]).sum(axis=1)
    one_hot = np.eye(4, dtype="float32")[y]
    for found in (
        scores.brier(kd.Categorical(probs=probs), y),
        scores.brier(kd.OneHotCategorical(probs=probs), one_hot),
    ):
        np.testing.assert_allclose(numpy(found), expected, rtol=1e-5)
    p, outcome = probs[:, 0], (y == 0).astype("float32")
    binary = scores.brier(kd.Bernoulli(probs=p), outcome)
    assert mean(binary) == pytest.approx(metrics.brier_score_loss(outcome, p), rel=1e-5)
    pair = kd.Categorical(probs=np.stack([1.0 - p, p], axis=-1))
    np.testing.assert_allclose(
        numpy(scores.brier(pair, outcome)), 2.0 * numpy(binary), rtol=1e-4, atol=1e-6
    )
    several = kd.Independent(kd.Bernoulli(probs=probs), 1)
    np.testing.assert_allclose(
        numpy(scores.brier(several, one_hot)), expected / 4.0, rtol=1e-4, atol=1e-6
    )


def test_brier_of_a_mixture_of_passes(rng):
    """What `predict_distribution(num_samples=)` gives: the mean of the probabilities."""
    probs = rng.dirichlet(np.ones(3), size=(5, 2)).astype("float32")
    mixture = kd.MixtureSameFamily(
        kd.Categorical(probs=np.full((5, 2), 0.5, "float32")), kd.Categorical(probs=probs)
    )
    y = np.array([0, 1, 2, 0, 1])
    expected = np.square(probs.mean(axis=1) - np.eye(3)[y]).sum(axis=1)
    np.testing.assert_allclose(numpy(scores.brier(mixture, y)), expected, rtol=1e-5)


def binned_error(confidence, outcome, edges):
    """The definition, with the upper end of a bin in it, and 0 in the first one."""
    index = np.maximum(np.searchsorted(edges, confidence, side="left") - 1, 0)
    return sum(abs((confidence - outcome)[index == i].sum()) for i in range(len(edges) - 1)) / len(
        confidence
    )


@pytest.mark.parametrize("binning", ["uniform", "equal_mass"])
def test_calibration_error_of_binary_labels(binning, rng):
    """Probabilities of 0, of 1 and at the ends of bins count, each in its bin."""
    p = np.concatenate([[0.0, 1.0, 1.0], np.arange(11) / 10.0, rng.random(60)]).astype("float32")
    y = (rng.random(p.size) < p**2).astype("float32")
    y[:3] = [1.0, 0.0, 1.0]
    shares = np.linspace(0.0, 1.0, 11).astype("float32")
    edges = shares if binning == "uniform" else np.quantile(p, shares)
    found = scores.expected_calibration_error(kd.Bernoulli(probs=p), y, 10, binning)
    assert float(found) == pytest.approx(binned_error(p, y, edges), abs=1e-5)


def test_calibration_error_at_the_ends():
    certain = kd.Categorical(probs=np.float32([[1.0, 0.0], [1.0, 0.0]]))
    assert float(scores.expected_calibration_error(certain, [0, 1])) == 0.5
    for p, expected in ((0.0, 0.5), (1.0, 0.5)):
        coin = kd.Bernoulli(probs=np.float32([p, p]))
        assert float(scores.expected_calibration_error(coin, [0, 1])) == expected
        assert float(scores.expected_calibration_error(coin, [0, 1], num_bins=1)) == expected


# ---------------------------------------------------------------- PIT


def test_pit_is_uniform_where_the_model_is_right():
    """4000 draws of each, by Kolmogorov and Smirnov at the level 1e-4; with masses and without."""
    n = 4_000
    zeros = np.zeros(n, "float32")
    families = {
        "Gamma": kd.Gamma(zeros + 0.7, 2.0),
        "Poisson": kd.Poisson(zeros + 1.3),
        "NegativeBinomial": kd.NegativeBinomial(zeros + 0.5, probs=0.6),
        "Bernoulli": kd.Bernoulli(probs=zeros + 0.3),
        "Categorical": kd.Categorical(probs=zeros[:, None] + np.float32([0.5, 0.1, 0.4])),
        "ZeroInflated": kd.ZeroInflated(kd.Poisson(zeros + 2.0), 0.0),
        "CensoredNormal": kd.CensoredNormal(zeros, 1.0, low=-0.5, high=0.8),
        "Deterministic": kd.Deterministic(zeros),
    }
    for i, (name, distribution) in enumerate(families.items()):
        value = distribution.sample(seed=i)
        found = numpy(scores.pit(distribution, value, seed=100 + i))
        assert ((found >= -1e-6) & (found <= 1.0)).all(), name
        assert stats.kstest(found, "uniform").pvalue > 1e-4, name


def test_pit_of_a_wrong_model_is_not_uniform():
    value = kd.Poisson(np.full(4_000, 1.3, "float32")).sample(seed=0)
    found = numpy(scores.pit(kd.Poisson(np.full(4_000, 1.6, "float32")), value, seed=1))
    assert stats.kstest(found, "uniform").pvalue < 1e-9


# ---------------------------------------------------------------- every head


@pytest.mark.parametrize("row", HEADS, ids=lambda row: row.name)
def test_every_head_has_a_crps_and_an_energy_score(row, rng):
    rv = row.make()(rng.normal(size=(4, row.num_params)).astype("float32"))
    y = rv.distribution.sample(seed=1)
    crps = numpy(scores.crps(rv, y, num_draws=400, seed=2))
    energy = numpy(scores.energy_score(rv, y, num_draws=400, seed=2))
    assert crps.shape == energy.shape == (4,)
    # A score is at least 0; an estimate has an error.
    assert (np.isfinite(crps) & (crps > -0.1)).all()
    assert (np.isfinite(energy) & (energy > -0.1)).all()


def test_distribution_of_another_library_is_estimated():
    from torch import distributions

    head = kdl.layers.DistributionLambda(lambda t: distributions.Normal(t, 1.0))
    rv, y = head(np.zeros(500, "float32")), np.full(500, 0.5, "float32")
    exact = float(scores.crps(kd.Normal(0.0, 1.0), 0.5))
    found = numpy(scores.crps(rv, y, seed=0))
    assert abs(found.mean() - exact) < 4.5 * found.std() / np.sqrt(found.size)


# ---------------------------------------------------------------- errors


@pytest.mark.parametrize("score", ["brier", "expected_calibration_error"])
def test_scores_of_labels_refuse_other_distributions(score):
    for distribution in (kd.Normal(0.0, 1.0), kd.Poisson(1.0)):
        with pytest.raises(ValueError, match="a distribution over labels"):
            getattr(scores, score)(distribution, 0.0)


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda d: scores.pinball(d, 0.0, level=90), "argument `level`"),
        (lambda d: scores.interval_score(d, 0.0, coverage=90), "argument `coverage`"),
        (lambda d: scores.coverage(d, 0.0, kind="hdi"), "argument `kind`"),
        (lambda d: scores.width(d, coverage=0.0), "argument `coverage`"),
        (
            lambda d: scores.expected_calibration_error(kd.Bernoulli(0.0), 0.0, num_bins=0),
            "argument `num_bins`",
        ),
        (
            lambda d: scores.expected_calibration_error(kd.Bernoulli(0.0), 0.0, binning="mass"),
            "argument `binning`",
        ),
    ],
)
def test_other_arguments_are_refused(call, match):
    with pytest.raises(ValueError, match=match):
        call(kd.Normal(0.0, 1.0))


@pytest.mark.parametrize("name", scores.__all__)
def test_what_is_no_distribution_is_refused(name):
    with pytest.raises(TypeError, match="argument `distribution`"):
        getattr(scores, name)(ops.zeros(2), ops.zeros(2))
