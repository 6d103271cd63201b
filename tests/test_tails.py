"""float32 far from the center: 30 scales, counts of a million, logits of 1e4, sizes to 1e6.

The oracle of log_prob and of the statistics is the family's own formula in float64 at the same
float32 inputs, which tests/test_oracles.py holds to SciPy, TFP and Torch within 1e-7; that of the
cdf is SciPy, down to probabilities of 1e-30.

The bounds are 1e-5 relative, or, where a rounding of the float32 numbers that go in moves the
result by more, 1e-5 of how it moves: no formula gives digits that its inputs do not have. At 30
scales, for instance, log_prob of a normal moves by 900 times the rounding of the scale.

Searches run on Torch alone, where nothing compiles (see conftest.py); tests/test_replay.py holds
the other backends to Torch's results.
"""

import functools
import operator

import extremes
import numpy as np
import pytest
from helpers import gradients, numpy
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from keras import ops
from oracles import require_accurate_probabilities

import keras_distlayers as kdl
from keras_distlayers.testing._evaluation import double_precision, in_float64, statistic
from keras_distlayers.testing.gradient_checks import require_accuracy, require_accurate_statistic

families = pytest.mark.parametrize("row", kdl.testing.FAMILIES, ids=lambda row: row.name)

STATISTICS = ("mean", "mode", "stddev", "entropy")


# ---------------------------------------------------------------- what is drawn


def draw_distribution(data, row):
    """A row's arguments and the distribution of them, with logits and counts at their extremes."""
    batch = data.draw(st.sampled_from([(), (3,), (3, 1)]))
    shapes = row.raw_shapes(batch, (2,) * row.event_ndims)
    raw = {
        name: data.draw(raw_numbers(extremes.largest_raw_number(row, name), shape))
        for name, shape in shapes.items()
    }
    arguments = extremes.arguments_of(row, raw)
    return arguments, row.make(**arguments)


def raw_numbers(limit, shape):
    sizes = (min(limit, 4.0), limit)
    # Without the subnormal numbers, which some backends take for 0.
    floats = [st.floats(-x, x).map(normal_number) for x in sizes]
    # exp(-100) is below float32, its square root is not.
    edges = st.sampled_from([0.0, 1.0, min(limit, 100.0), limit])
    edges |= edges.map(operator.neg)
    return hnp.arrays("float64", shape, elements=st.one_of(edges, *floats))


def normal_number(x):
    return x if abs(x) >= np.finfo("float32").tiny else 0.0


def draw_value(data, row, arguments, distribution):
    """A float32 value of the support, up to 30 scales from the center."""
    support, shape = distribution.support, (*distribution.batch_shape, *distribution.event_shape)
    if extremes.is_count(distribution):
        counts = st.integers(0, 30) | st.integers(0, int(extremes.COUNT))
        return np.float32(data.draw(hnp.arrays("int64", shape, elements=counts)))
    if support.is_discrete:
        return data.draw(kdl.testing.values(distribution, where=("inside",)))
    scales = st.floats(-extremes.SCALES, extremes.SCALES)
    steps = data.draw(hnp.arrays("float64", shape, elements=scales))
    return extremes.value_at(row, arguments, steps)


# ---------------------------------------------------------------- densities and statistics


@families
@given(data=st.data())
def test_log_prob_keeps_its_digits_in_the_tails(row, data):
    arguments, distribution = draw_distribution(data, row)
    value = draw_value(data, row, arguments, distribution)
    require_accuracy(distribution, value)


@families
@given(data=st.data())
def test_statistics_keep_their_digits(row, data):
    _, distribution = draw_distribution(data, row)
    for name in available(row.name):
        if name == "mode" and distribution.support.is_discrete:
            require_highest_mass(distribution)
        else:
            require_accurate_statistic(distribution, name)


def require_highest_mass(distribution):
    """Two labels may have the same mass up to a rounding: either is a mode.

    A mode beyond the range of float32 is infinite, as it is for the other statistics.
    """
    received = numpy(distribution.mode())
    with double_precision():
        exact = in_float64(distribution)
        mode = numpy(exact.mode())
        np.testing.assert_array_equal(np.isinf(received), mode > np.finfo("float32").max)
        mass, highest = (
            numpy(exact.log_prob(np.where(np.isinf(received), mode, label)))
            for label in (received, mode)
        )
    np.testing.assert_allclose(mass, highest, rtol=1e-5, atol=1e-5)


@functools.cache
def available(name):
    """The statistics that a row's distributions have in closed form."""
    (row,) = (row for row in kdl.testing.FAMILIES if row.name == name)
    return [name for name in STATISTICS if statistic(row.example(), name) is not None]


# ---------------------------------------------------------------- tail probabilities


with_cdf = pytest.mark.parametrize(
    "row", [r for r in kdl.testing.FAMILIES if r.event_ndims == 0], ids=lambda row: row.name
)


@with_cdf
@given(data=st.data())
def test_cdf_keeps_its_digits_in_the_tails(row, data):
    arguments, distribution = draw_distribution(data, row)
    require_accurate_probabilities(row, arguments, draw_value(data, row, arguments, distribution))


sizes = pytest.mark.parametrize("name", extremes.SIZED_ARGUMENTS)


@sizes
def test_cdf_has_five_digits_for_any_size(name):
    row, arguments, values = extremes.sized(name, "float32")
    require_accurate_probabilities(row, arguments, values)


@sizes
def test_cdf_has_a_gradient_by_each_parameter(name):
    # To 1000: above, a step that leaves SciPy its digits is not small for log_rate.
    row, arguments, values = extremes.sized(name, "float64", extremes.SIZES[:5])
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
