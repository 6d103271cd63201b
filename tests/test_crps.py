"""The CRPS on every backend: digits, gradients, estimates. test_crps_table.py has the rest."""

import keras
import numpy as np
from crps_table import ROWS, points, require_gradients, scores, total
from drawn_scores import require_unbiased
from helpers import numpy

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
