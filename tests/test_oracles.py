"""Every family against SciPy, TFP on JAX and torch.distributions, wherever they have it.

In float64, so that the tolerance holds formulas: 1e-7 relative, the tails included. What
float32 makes of the formulas is `testing.check_accuracy`'s matter.
"""

import numpy as np
import pytest
from helpers import numpy
from hypothesis import given
from hypothesis import strategies as st
from oracles import LIBRARIES, oracle

import keras_distlayers as kdl
from keras_distlayers.testing import strategies
from keras_distlayers.testing._evaluation import (
    double_precision,
    evaluate_statistic,
    in_float64,
)
from keras_distlayers.testing.gradient_checks import require_accuracy

families = pytest.mark.parametrize("row", kdl.testing.FAMILIES, ids=lambda row: row.name)

STATISTICS = ("mean", "variance", "stddev", "entropy")
FUNCTIONS = ("log_prob", "cdf", "survival_function")
RELATIVE = 1e-7


def draw_case(data, row):
    """Arguments of a family, its distribution in float64, and a value, in the tails too."""
    batch = data.draw(st.sampled_from([(), (1,), (3,), (3, 1)]))
    event = data.draw(
        kdl.testing.shapes(min_dims=row.event_ndims, max_dims=row.event_ndims, max_side=2)
    )
    arguments = data.draw(st.fixed_dictionaries(strategies.arguments(row, batch, event)))
    distribution = row.make(**{k: np.asarray(v, "float32") for k, v in arguments.items()})
    value = data.draw(kdl.testing.values(distribution, where=("inside",)))
    return {k: np.asarray(v, "float32") for k, v in arguments.items()}, distribution, value


@families
@given(data=st.data())
def test_a_family_is_that_of_its_oracles(row, data):
    arguments, distribution, value = draw_case(data, row)
    compared = 0
    for library in LIBRARIES:
        expected = oracle(row, library, arguments)
        if expected is None:
            continue
        with double_precision():
            compared += compare(in_float64(distribution), expected, exactly(distribution, value))
    assert compared


def exactly(distribution, value):
    """In float64; probabilities sum to 1 with all digits, for distributions go on differently beside it."""
    value = value.astype(distribution._event_dtype)
    if not distribution.support.is_simplex:
        return value
    value = value.astype("float64")
    return value / value.sum(axis=-1, keepdims=True)


def compare(distribution, expected, value) -> int:
    """How many results were compared."""
    results = [(name, ()) for name in STATISTICS] + [(name, (value,)) for name in FUNCTIONS]
    if distribution.event_shape:
        results = [r for r in results if r[0] not in ("cdf", "survival_function")]
    compared = 0
    for name, values in results:
        ours = evaluate_statistic(distribution, name, *values)
        if ours is None:
            continue  # labels have no mean here, as their docstring says
        theirs = expected(name, *values)
        if theirs is None or not np.isfinite(theirs).all():
            continue
        ours = numpy(ours)
        theirs = np.broadcast_to(theirs, ours.shape)
        scale = np.maximum(np.abs(theirs), 1.0)
        if name in ("cdf", "survival_function"):
            scale = np.maximum(np.abs(theirs), expected.smallest)
        assert (np.abs(ours - theirs) <= RELATIVE * scale).all(), (name, ours, theirs)
        compared += 1
    return compared


@families
@given(data=st.data())
def test_float32_has_the_digits_that_it_can_give(row, data):
    _, distribution, value = draw_case(data, row)
    require_accuracy(distribution, value)


@families
def test_a_family_has_an_oracle(row):
    arguments = row.example_arguments()
    assert any(oracle(row, library, arguments) is not None for library in LIBRARIES)
