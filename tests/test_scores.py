"""Scores of intervals and labels, calibration and PIT, against figures that others computed.

On Torch alone, where nothing compiles; test_published_scores.py and test_score_metrics.py run the
scores on every backend.
"""

import numpy as np
import pytest
from heads import HEADS
from helpers import numpy
from keras import ops
from predictive_normal import predictive_normal
from scipy import stats
from sklearn import metrics

import keras_distlayers as kdl
from keras_distlayers import scores

kd = kdl.distributions


def mean(score):
    return float(numpy(score).mean())


# ---------------------------------------------------------------- regression


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
        (
            lambda _: scores.crps(kd.Normal(np.zeros(4, "float32"), 1.0), np.zeros((3, 1))),
            r"batch_shape=\(4,\).* shape=\(3, 1\), which broadcasts.* \(3, 4\)",
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
