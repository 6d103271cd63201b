"""Every family against SciPy, TFP and torch.distributions, wherever they have it.

In float64, so that the tolerance holds formulas: 1e-7 relative, the tails included. What
float32 makes of the formulas is held by tests/test_tails.py.

Searches run on Torch alone, where nothing compiles (see conftest.py); tests/test_replay.py holds
the other backends to Torch's results.
"""

import numpy as np
import pytest
import replay
from helpers import numpy
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from oracles import LIBRARIES, oracle

import keras_distlayers as kdl
from keras_distlayers.testing._evaluation import (
    double_precision,
    evaluate,
    evaluate_statistic,
    in_float64,
    statistic,
)
from keras_distlayers.testing.gradient_checks import require_accuracy

BY_NAME = {row.name: row for row in kdl.testing.FAMILIES}
families = pytest.mark.parametrize("row", kdl.testing.FAMILIES, ids=lambda row: row.name)

STATISTICS = ("mean", "variance", "stddev", "entropy")
FUNCTIONS = ("log_prob", "cdf", "survival_function")
RELATIVE = 1e-7

# ---------------------------------------------------------------- one distribution


def draw_case(data, row):
    """Arguments of a family, its distribution, and a value, in the tails too."""
    arguments = draw_arguments(data, row, (3,))
    distribution = row.make(**arguments)
    value = data.draw(kdl.testing.values(distribution, where=("inside",)))
    return arguments, distribution, value


def draw_arguments(data, row, batch):
    """Values alone: the checks of shapes are testing's."""
    shapes = row.raw_shapes(batch, (2,) * row.event_ndims)
    numbers = st.floats(-4.0, 4.0, width=32)
    return row.arguments({
        name: data.draw(hnp.arrays("float64", shape, elements=numbers))
        for name, shape in shapes.items()
    })  # fmt: skip


@families
@given(data=st.data())
def test_results_equal_those_of_the_oracles(row, data):
    arguments, distribution, value = draw_case(data, row)
    assert compare_with_oracles(row, arguments, distribution, value)


@families
def test_examples_of_the_replay_equal_those_of_the_oracles(row):
    inputs = replay.family_inputs(row)
    moderate = slice(replay.MODERATE)
    arguments = {name: argument[moderate] for name, argument in inputs["arguments"].items()}
    distribution = row.make(**arguments)
    assert compare_with_oracles(row, arguments, distribution, inputs["value"][moderate])


def compare_with_oracles(row, arguments, distribution, value):
    """How many results were compared."""
    compared = 0
    for library in LIBRARIES:
        theirs = oracle(row, library, normalized(arguments))
        with double_precision():
            if theirs is not None:
                exact = row.make(**normalized(arguments))
                compared += compare(exact, theirs, in_support(distribution, value))
    return compared


def normalized(arguments):
    """In float64; probabilities sum to 1 with all digits."""
    arguments = {name: argument.astype("float64") for name, argument in arguments.items()}
    if "probs" in arguments and arguments["probs"].ndim > 1:
        arguments["probs"] = normalized_vector(arguments["probs"])
    return arguments


def in_support(distribution, value):
    """The value in float64; where the entries of an event sum to 1, with all digits.

    Outside the simplex, densities differ between libraries.
    """
    value = value.astype(distribution.event_dtype)
    if not distribution.support.is_simplex:
        return value
    return normalized_vector(value.astype("float64"))


def normalized_vector(x):
    return x / x.sum(axis=-1, keepdims=True)


def compare(distribution, theirs, value) -> int:
    """How many results were compared."""
    results = [(name, ()) for name in STATISTICS] + [(name, (value,)) for name in FUNCTIONS]
    if distribution.event_shape:
        results = [r for r in results if r[0] not in ("cdf", "survival_function")]
    compared = 0
    for name, values in results:
        received = evaluate_statistic(distribution, name, *values)
        if received is None:
            continue  # labels have no mean here, as their docstring says
        expected = theirs(name, *values)
        if expected is None or not np.isfinite(expected).all():
            continue
        received = numpy(received)
        expected = np.broadcast_to(expected, received.shape)
        scale = np.maximum(np.abs(expected), 1.0)
        if name in ("cdf", "survival_function"):
            scale = np.maximum(np.abs(expected), theirs.smallest)
        assert (np.abs(received - expected) <= RELATIVE * scale).all(), (name, received, expected)
        compared += 1
    return compared


@families
@given(data=st.data())
def test_log_prob_in_float32_has_the_digits_of_its_inputs(row, data):
    _, distribution, value = draw_case(data, row)
    require_accuracy(distribution, value)


# ---------------------------------------------------------------- two distributions

PAIRS = replay.pairs()
pairs = pytest.mark.parametrize(("name_a", "name_b"), PAIRS, ids=lambda name: name)
# TFP has no closed form for the others; test_counts.py has the formula of counts.
IN_TFP = [p for p in PAIRS if "Poisson" not in p[0] and "Mixture" not in p[0]]


def theirs(row, arguments):
    """Any of the Gaussian families as TFP's full normal, which has every closed form."""
    if row.name not in replay.GAUSSIANS:
        return oracle(row, "tfp", arguments)
    p = {k: np.asarray(v, "float64") for k, v in arguments.items()}
    if "scale_tril" not in p:
        scale = p.get("scale_diag", p.get("scale"))
        p = {"loc": p["loc"], "scale_tril": scale[..., None] * np.eye(scale.shape[-1])}
    return oracle(BY_NAME["MultivariateNormalTriL"], "tfp", p)


@pytest.mark.parametrize(("name_a", "name_b"), IN_TFP, ids=lambda name: name)
@given(data=st.data())
def test_divergences_equal_those_of_tfp(name_a, name_b, data):
    rows = [BY_NAME[name_a], BY_NAME[name_b]]
    batches = [(2, 1), (3,)]
    arguments = [draw_arguments(data, row, b) for row, b in zip(rows, batches, strict=True)]
    distributions = [row.make(**p) for row, p in zip(rows, arguments, strict=True)]
    a, b = (theirs(row, p) for row, p in zip(rows, arguments, strict=True))
    with double_precision():
        ours = numpy(evaluate(kdl.distributions.kl_divergence, *map(in_float64, distributions)))
    np.testing.assert_allclose(ours, a.kl_divergence(b), rtol=1e-7, atol=1e-7)
    single = numpy(evaluate(kdl.distributions.kl_divergence, *distributions))
    np.testing.assert_allclose(single, ours, rtol=1e-4, atol=1e-4)


@pairs
def test_divergences_are_mean_log_ratios(name_a, name_b):
    kdl.testing.check_kl(BY_NAME[name_a].example(seed=1), BY_NAME[name_b].example(seed=2))


def has_entropy(name):
    return statistic(BY_NAME[name].example(), "entropy") is not None


@pytest.mark.parametrize("name", [a for a, b in PAIRS if a == b and has_entropy(a)])
def test_cross_entropy_of_a_distribution_with_itself_is_its_entropy(name):
    distribution = BY_NAME[name].example()
    np.testing.assert_allclose(
        numpy(distribution.cross_entropy(distribution)),
        numpy(distribution.entropy()),
        rtol=1e-5,
        atol=1e-5,
    )
