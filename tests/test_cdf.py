"""The ends of the support: a cdf is 0 or 1 there. Digits in between: tests/test_tails.py."""

import numpy as np
import pytest
from helpers import numpy

import keras_distlayers as kdl
from keras_distlayers.testing._evaluation import evaluate


@pytest.mark.parametrize(
    ("distribution", "ends"),
    [
        (kdl.distributions.Gamma([0.05, 2.0, 1e6], 3.0), (0.0, np.inf)),
        (kdl.distributions.Beta([0.05, 2.0, 1e6], [0.15, 6.0, 3e6]), (0.0, 1.0)),
        (kdl.distributions.Poisson([0.05, 2.0, 1e6]), (-1.0, np.inf)),
    ],
    ids=["Gamma", "Beta", "Poisson"],
)
def test_cdf_is_0_and_1_at_the_ends_of_the_support(distribution, ends):
    ends = np.float32(ends)[:, None]
    below, above = evaluate(probabilities, distribution, ends)
    np.testing.assert_array_equal(numpy(below), [[0.0] * 3, [1.0] * 3])
    np.testing.assert_array_equal(numpy(above), [[1.0] * 3, [0.0] * 3])


def probabilities(distribution, value):
    return distribution.cdf(value), distribution.survival_function(value)
