"""CRPS and energy score: closed forms in float64 against quadrature, gradients, estimates, shapes.

On Torch alone, where nothing compiles: the formulas are the same on every backend, and
test_crps.py checks them in float32 on each.
"""

import math

import numpy as np
import pytest
from crps_table import CONTINUOUS, ROWS, points, require_gradients, scores, total
from drawn_scores import CASES, exponential_of_normal, require_mean, require_unbiased
from helpers import numpy
from keras import ops

import keras_distlayers as kdl
from keras_distlayers.scores import crps
from keras_distlayers.testing._evaluation import double_precision, evaluate, gradient

kd = kdl.distributions


def test_closed_forms_are_the_integral():
    with double_precision():
        found = evaluate(scores, points("float64"))
    for (name, row), score in zip(ROWS.items(), found, strict=True):
        np.testing.assert_allclose(numpy(score), row.scores(), rtol=1e-8, atol=1e-8, err_msg=name)


def test_gradients_by_the_parameters_are_those_of_differences():
    with double_precision():
        at = points("float64")
        found = gradient(total, at)
        for i, (name, row) in enumerate(ROWS.items()):
            for j, parameter in enumerate(row.parameters):
                if name == "CensoredNormal" and parameter in ("low", "high"):
                    continue  # the score has a kink where the value is the bound
                *arrays, value = at[i]
                ends = []
                for step in (1e-6, -1e-6):
                    moved = [x + step if k == j else x for k, x in enumerate(arrays)]
                    score = crps(row.distribution(moved), value)
                    ends.append(numpy(score).sum(axis=1))
                expected = (ends[0] - ends[1]) / 2e-6
                np.testing.assert_allclose(
                    numpy(found[i][j])[:, 0],
                    expected,
                    rtol=1e-5,
                    atol=1e-6,
                    err_msg=f"{name} by {parameter}",
                )


# An affine transform has the digits of the score of x, whose slope by the scale is a difference.
FAR = set(CONTINUOUS) - {"moved"}


def test_gradients_far_out_keep_their_digits():
    """There the score grows like the absolute error, whatever the scale."""

    def far(dtype):
        return [
            [*arrays, value * 1e4 if name in FAR else value]
            for name, (*arrays, value) in zip(ROWS, points(dtype), strict=True)
        ]

    single = gradient(total, far("float32"))
    with double_precision():
        double = gradient(total, far("float64"))
        for (name, row), slopes, exact in zip(ROWS.items(), single, double, strict=True):
            for parameter, slope, expected in zip(row.parameters, slopes, exact, strict=False):
                np.testing.assert_allclose(
                    numpy(slope), numpy(expected), rtol=1e-3, atol=1e-4,
                    err_msg=f"{name} by {parameter}",
                )  # fmt: skip


def test_gradients_in_float32_are_finite_and_those_by_the_value_are_exact():
    require_gradients(gradient(total, points("float32")), ROWS)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize(("score", "num_draws"), [("crps", 3), ("crps", 40), ("energy_score", 40)])
def test_estimate_and_its_gradient_are_unbiased(name, score, num_draws):
    require_unbiased(name, score, num_draws)


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
        (kd.Normal(0.0, 1.0), 0.0, {"num_draws": 1}, ValueError, "an int of at least 2"),
    ],
)
@pytest.mark.parametrize("score", ["crps", "energy_score"])
def test_other_arguments_are_refused(distribution, value, options, error, match, score):
    with pytest.raises(error, match=match):
        getattr(kdl.scores, score)(distribution, np.float32(value), **options)
