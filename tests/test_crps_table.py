"""The CRPS in closed form, in float64, against quadrature; its gradient against differences.

On Torch alone, where nothing compiles: the formulas are the same on every backend, and
test_crps.py checks them in float32 on each.
"""

import numpy as np
import pytest
from crps_table import CONTINUOUS, ROWS, points, require_gradients, scores, total
from drawn_scores import CASES, require_unbiased
from helpers import numpy

from keras_distlayers.scores import crps
from keras_distlayers.testing._evaluation import double_precision, evaluate, gradient


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
