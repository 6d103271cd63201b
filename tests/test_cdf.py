"""Cdfs that are incomplete gamma and beta functions: digits for any size, gradients by all."""

import numpy as np
import pytest
from helpers import gradients
from keras import ops
from oracles import require_accurate_probabilities

import keras_distlayers as kdl
from keras_distlayers.testing._evaluation import double_precision

SIZES = np.array([0.05, 0.5, 2.0, 30.0, 1e3, 1e5, 1e6])
TAILS = np.array([1e-25, 1e-12, 1e-4, 0.02, 0.2, 0.45])

ARGUMENTS = {
    "Gamma": {"concentration": SIZES, "rate": 3.0},
    "Poisson": {"rate": SIZES},
    "Poisson-log_rate": {"log_rate": np.log(SIZES)},
    "Beta": {"concentration1": SIZES, "concentration0": 3.0 * SIZES},
    "Beta, one large": {"concentration1": SIZES, "concentration0": 7.0},
    "NegativeBinomial-logits": {"total_count": SIZES, "logits": -0.5},
    "NegativeBinomial-logits, few failures": {"total_count": 1.5, "logits": np.log(SIZES)},
}
distributions = pytest.mark.parametrize("name", ARGUMENTS)


def distribution_of(name, dtype, sizes=SIZES):
    """The row, its arguments, and values from one tail of each distribution to the other."""
    (row,) = (r for r in kdl.testing.FAMILIES if r.name == name.partition(",")[0])
    arguments = {
        k: np.full(len(SIZES), v, dtype)[: len(sizes)] for k, v in ARGUMENTS[name].items()
    }
    exact = row.scipy(**{k: v.astype("float64") for k, v in arguments.items()})
    lower, upper = exact.ppf(TAILS[:, None]), exact.isf(TAILS[:, None])
    # SciPy knows no count with less than 1e-16 above it.
    upper = np.where(np.isfinite(upper), upper, exact.mean() + 20.0 * exact.std())
    values = np.concatenate([lower, upper]).astype(dtype)
    # Without the subnormal numbers, which some backends take for 0.
    return row, arguments, np.where(values < np.finfo(dtype).tiny, 0.0, values).astype(dtype)


@distributions
def test_five_digits_in_float32_for_any_size(name):
    row, arguments, values = distribution_of(name, "float32")
    require_accurate_probabilities(row, arguments, values)


@distributions
def test_a_gradient_by_each_parameter(name):
    # To 1000: above, a step that leaves SciPy its digits is not small for log_rate.
    row, arguments, values = distribution_of(name, "float64", SIZES[:5])
    names, given = list(arguments), list(arguments.values())

    def exact(name, factor):
        moved = {**arguments, name: factor * arguments[name]}
        return row.scipy(**moved).cdf(values).sum(axis=0)

    with double_precision():
        received = gradients(
            lambda *tensors: ops.sum(
                row.make(**dict(zip(names, tensors, strict=True))).cdf(values)
            ),
            *given,
        )
    for name, by_name in zip(names, received, strict=True):
        slope = (exact(name, 1 + 1e-5) - exact(name, 1 - 1e-5)) / 2e-5
        np.testing.assert_allclose(by_name * arguments[name], slope, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(
    ("name", "ends"), [("Gamma", (0.0, np.inf)), ("Beta", (0.0, 1.0)), ("Poisson", (-1.0, np.inf))]
)
def test_the_ends_of_the_support(name, ends):
    row, arguments, _ = distribution_of(name, "float32")
    distribution = row.make(**arguments)
    for value, below in zip(ends, (0.0, 1.0), strict=True):
        np.testing.assert_array_equal(ops.convert_to_numpy(distribution.cdf(value)), below)
        np.testing.assert_array_equal(
            ops.convert_to_numpy(distribution.survival_function(value)), 1 - below
        )
