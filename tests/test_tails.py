"""float32 far from the centre: every family at 30 scales, counts of a million, logits of 1e4.

The oracle of log_prob and of the statistics is the family's own formula in float64 at the same
float32 inputs, which tests/test_oracles.py holds to SciPy, TFP and Torch within 1e-7; that of the
cdf is SciPy, down to probabilities of 1e-30.

The bounds are 1e-5 relative, or, where a rounding of the float32 numbers that go in moves the
result by more, 1e-5 of how it moves: no formula gives digits that its inputs do not have. At 30
scales, for instance, log_prob of a normal moves by 900 times the rounding of the scale.
"""

import functools
import operator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from oracles import oracle, require_accurate_probabilities

import keras_distlayers as kdl
from keras_distlayers.testing._evaluation import (
    as_float64,
    double_precision,
    evaluate_statistic,
    in_float64,
    statistic,
)
from keras_distlayers.testing.gradient_checks import require_accuracy, require_accurate_statistic

families = pytest.mark.parametrize("row", kdl.testing.FAMILIES, ids=lambda row: row.name)

SCALES, COUNT, LOGIT = 30.0, 1e6, 1e4
STATISTICS = ("mean", "mode", "stddev", "entropy")


# ---------------------------------------------------------------- what is drawn


def draw_distribution(data, row):
    """A row's arguments and the distribution of them, with logits and counts at their extremes."""
    batch = data.draw(st.sampled_from([(), (3,), (3, 1)]))  # JAX compiles for each shape
    shapes = row.raw_shapes(batch, (2,) * row.event_ndims)
    raw = {k: data.draw(raw_numbers(limit_of(row, k), shape)) for k, shape in shapes.items()}
    if "count_logits" in raw:  # the mean of what is inflated stays a million times total_count
        raw["count_logits"] = np.minimum(raw["count_logits"], np.log(COUNT))
    arguments = row.arguments(raw)
    return arguments, row.make(**arguments)


def limit_of(row, name):
    """The largest magnitude of a parameter's raw numbers."""
    counts = {"log_rate": np.log(COUNT), "rate": COUNT, "total_count": COUNT}
    if is_count(row.example()) and name in counts:
        return counts[name]
    return LOGIT if "logits" in name else 4.0


def is_count(distribution):
    upper = distribution.support.upper
    return distribution.support.is_discrete and isinstance(upper, float) and upper == np.inf


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
    """A float32 value of the support, up to 30 scales from the centre."""
    support, shape = distribution.support, (*distribution.batch_shape, *distribution.event_shape)
    if is_count(distribution):
        counts = st.integers(0, 30) | st.integers(0, int(COUNT))
        return np.float32(data.draw(hnp.arrays("int64", shape, elements=counts)))
    if support.is_discrete:
        return data.draw(kdl.testing.values(distribution, where=("inside",)))
    steps = data.draw(hnp.arrays("float64", shape, elements=st.floats(-SCALES, SCALES)))
    if support.is_simplex:
        powers = np.exp(steps - steps.max(axis=-1, keepdims=True))
        return np.float32(powers / powers.sum(axis=-1, keepdims=True))
    centre, scale = centre_and_scale(row, arguments, distribution)
    return np.float32(inside(centre, scale * steps, steps, support))


def centre_and_scale(row, arguments, distribution):
    with double_precision():
        exact = in_float64(distribution)
        own = [evaluate_statistic(exact, name) for name in ("mean", "stddev")]
    if None not in own:
        return [as_float64(x) for x in own]
    lower, upper = as_float64(distribution.support.lower), as_float64(distribution.support.upper)
    if np.isfinite(upper - lower).all():
        return 0.5 * (lower + upper), 0.5 * (upper - lower)
    return [oracle(row, "scipy", arguments)(name) for name in ("mean", "stddev")]


def inside(centre, move, steps, support):
    """The centre, moved; towards a bound that it would pass, by a share 1 - exp(-|steps|)."""
    lower, upper = as_float64(support.lower), as_float64(support.upper)
    moved, left = centre + move, np.exp(-np.abs(steps))
    with np.errstate(invalid="ignore"):
        moved = np.where(moved <= lower, lower + (centre - lower) * left, moved)
        return np.where(moved >= upper, upper + (centre - upper) * left, moved)


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
        require_accurate_statistic(distribution, name)


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
def test_the_cdf_keeps_its_digits_in_the_tails(row, data):
    arguments, distribution = draw_distribution(data, row)
    require_accurate_probabilities(row, arguments, draw_value(data, row, arguments, distribution))
