"""CRPS and energy score on every backend: digits, gradients, estimates from draws, shapes.

test_crps_table.py has the closed forms in float64.
"""

import math

import keras
import numpy as np
import pytest
from crps_table import ROWS, points, require_gradients, scores, total
from drawn_scores import exponential_of_normal, require_mean, require_unbiased
from helpers import numpy
from keras import ops

import keras_distlayers as kdl
from keras_distlayers.testing._evaluation import evaluate, gradient

kd = kdl.distributions


# ---------------------------------------------------------------- closed forms


def test_float32_keeps_its_digits():
    """All families in one compilation."""
    found = evaluate(scores, points("float32"))
    for (name, row), score in zip(ROWS.items(), found, strict=True):
        assert keras.backend.standardize_dtype(score.dtype) == "float32"
        np.testing.assert_allclose(numpy(score), row.scores(), rtol=3e-5, atol=1e-6, err_msg=name)


SIMPLE = ("Normal", "Laplace", "Logistic", "Uniform", "mixture", "CensoredNormal")


def test_gradients_are_finite_and_those_by_the_value_are_exact():
    """At `loc`, at bounds and far out, among others. Other families: test_crps_table.py."""
    slopes = gradient(total, points("float32", SIMPLE), names=SIMPLE)
    require_gradients(slopes, SIMPLE)


# ---------------------------------------------------------------- estimates from draws


def test_estimate_and_its_gradient_are_unbiased():
    """Draws without a gradient. Others, and the energy score: test_crps_table.py."""
    require_unbiased("score function", "crps", 3)


def test_estimate_by_sorting_is_the_mean_over_all_pairs():
    distribution, y = exponential_of_normal(0.0, 1.0), 0.5
    draws = numpy(distribution.sample(50, seed=3)).astype("float64")
    between = np.abs(draws[:, None] - draws).sum() / (50 * 49)
    expected = np.abs(draws - y).mean() - 0.5 * between
    found = kdl.scores.crps(distribution, y, num_draws=50, seed=3)
    assert float(numpy(found)) == pytest.approx(expected, rel=1e-5)


def test_energy_score_of_a_normal_vector():
    """At its mean it is c (1 - 1 / sqrt(2)), for c = E||X|| = sqrt(2) gamma(2) / gamma(3/2)."""
    loc = ops.convert_to_tensor(np.zeros((5_000, 3), "float32"))
    distribution = kd.MultivariateNormalDiag(loc, np.ones(3, "float32"))
    c = math.sqrt(2.0) * math.gamma(2.0) / math.gamma(1.5)
    for num_draws in (2, 5, 30):
        found = kdl.scores.energy_score(distribution, loc, num_draws=num_draws, seed=0)
        require_mean(numpy(found), c * (1.0 - math.sqrt(0.5)))


def test_energy_score_sees_the_correlation_that_crps_does_not():
    tril = np.float32([[1.0, 0.0], [0.95, math.sqrt(1.0 - 0.95**2)]])
    true, wrong = (
        kd.MultivariateNormalTriL(np.zeros(2, "float32"), x)
        for x in (tril, np.eye(2, dtype="float32"))
    )
    y = true.sample(2_000, seed=5)
    np.testing.assert_allclose(
        numpy(kdl.scores.crps(true, y)), numpy(kdl.scores.crps(wrong, y)), rtol=1e-4, atol=1e-5
    )
    better, worse = (numpy(kdl.scores.energy_score(d, y, seed=6)) for d in (true, wrong))
    difference = worse - better
    assert difference.mean() > 5.0 * difference.std() / math.sqrt(difference.size)


# ---------------------------------------------------------------- shapes, labels, errors


def test_score_of_a_vector_is_the_sum_over_its_entries(rng):
    loc, y = (
        rng.normal(size=(2, 3, 4)).astype("float32"),
        rng.normal(size=(3, 4)).astype("float32"),
    )
    normal = kd.Normal(loc, 2.0)
    entries = numpy(kdl.scores.crps(normal, y))
    assert entries.shape == (2, 3, 4)
    for joint in (
        kd.Independent(normal, 1),
        kd.MultivariateNormalDiag(loc, np.full(4, 2.0, "float32")),
    ):
        np.testing.assert_allclose(
            numpy(kdl.scores.crps(joint, y)), entries.sum(axis=-1), rtol=1e-5
        )
    head = kdl.layers.IndependentNormal(4)(rng.normal(size=(5, 8)).astype("float32"))
    values = rng.normal(size=(6, 5, 4)).astype("float32")
    for score in (kdl.scores.crps, kdl.scores.energy_score, kdl.scores.log_score):
        assert tuple(score(head, values).shape) == (6, 5)


def test_flow_without_marginals_is_estimated():
    base = kd.MultivariateNormalDiag(np.zeros((5_000, 2), "float32"), np.ones(2, "float32"))
    flow = kd.TransformedDistribution(
        base, kdl.bijectors.ScaleTriL(np.float32([[1.0, 0.0], [3.0, 4.0]]))
    )
    y = np.float32([0.5, 1.0])
    found = kdl.scores.crps(flow, y, num_draws=10, seed=2)
    exact = kdl.scores.crps(kd.Normal([0.0, 0.0], [1.0, 5.0]), y)
    require_mean(numpy(found), numpy(exact).sum())


def test_labels_may_be_integers():
    for labels in (np.int32([0, 2]), np.float32([0.0, 2.0])):
        found = numpy(kdl.scores.crps(kd.Categorical(probs=[0.25, 0.5, 0.25]), labels))
        np.testing.assert_allclose(found, [0.75**2 + 0.25**2, 0.25**2 + 0.75**2], rtol=1e-6)


def test_nan_stays_nan():
    values = np.float32([np.nan, 0.0])
    for distribution in (kd.Exponential(1.0), exponential_of_normal(0.0, 1.0)):
        found = numpy(kdl.scores.crps(distribution, values, seed=0))
        assert np.isnan(found).tolist() == [True, False]


@pytest.mark.parametrize(
    ("distribution", "value", "options", "error", "match"),
    [
        (0.5, 0.0, {}, TypeError, "argument `distribution`"),
        (kd.Normal([0.0, 1.0], 1.0), [0.0] * 3, {}, ValueError, "argument `value`"),
        (kd.Normal(0.0, 1.0), 0.0, {"num_draws": 1}, ValueError, "integer of 2 or more"),
    ],
)
@pytest.mark.parametrize("score", ["crps", "energy_score"])
def test_other_arguments_are_refused(distribution, value, options, error, match, score):
    with pytest.raises(error, match=match):
        getattr(kdl.scores, score)(distribution, np.float32(value), **options)
