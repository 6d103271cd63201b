"""Transforms of raw parameters, and the inverse that starts a head at a wanted value."""

import numpy as np
import pytest
from helpers import numpy
from keras import ops

import keras_distlayers as kdl
from keras_distlayers.layers.parameters import LogRate, LowerTriangular, PositiveSquare
from keras_distlayers.testing._evaluation import double_precision, evaluate, gradient

RAW = np.concatenate([[-20.0, -5.0, -0.1, 0.0, 0.1, 5.0, 39.9], [40.1, 200.0]])
TRANSFORMS = {
    "Real": (kdl.layers.Real(), RAW),
    "Positive": (kdl.layers.Positive(), RAW[1:]),
    "Positive-floor": (kdl.layers.Positive(floor=1.0), RAW[1:]),
    "PositiveSquare": (PositiveSquare(), RAW[1:]),
    "LogRate": (LogRate(), RAW),
    "LowerTriangular": (LowerTriangular(), np.linspace(-2.0, 3.0, 20).reshape(2, 10)),
}
transforms = pytest.mark.parametrize(("transform", "raw"), TRANSFORMS.values(), ids=TRANSFORMS)


@transforms
def test_inverse_gives_the_raw_parameter_back(transform, raw):
    raw = raw.astype("float32")
    value = transform.forward(ops.convert_to_tensor(raw))
    np.testing.assert_allclose(numpy(transform.inverse(value)), raw, rtol=1e-4, atol=1e-5)


@transforms
def test_forward_of_the_inverse_gives_the_value_back(transform, raw):
    value = transform.forward(ops.convert_to_tensor(raw.astype("float32")))
    again = transform.forward(transform.inverse(value))
    np.testing.assert_allclose(numpy(again), numpy(value), rtol=1e-5)


@transforms
def test_float64_stays_float64(transform, raw):
    with double_precision():
        raw = ops.convert_to_tensor(raw.astype("float64"))
        again = transform.inverse(transform.forward(raw))
        np.testing.assert_allclose(numpy(again), numpy(raw), rtol=1e-8, atol=1e-9)


def weighted_sum(raw, transform):
    """Of the values, each with a weight of its own."""
    value = ops.reshape(transform.forward(raw), (-1,))
    return ops.sum(value * ops.linspace(1.0, 2.0, value.shape[0], dtype=value.dtype))


@transforms
def test_gradient_of_forward_is_that_of_differences(transform, raw):
    with double_precision():
        raw = np.clip(raw, -20.0, 45.0)
        step = 1e-6 * np.linspace(0.5, 1.5, raw.size).reshape(raw.shape)
        at, above, below = map(ops.convert_to_tensor, (raw, raw + step, raw - step))
        slope = (numpy(gradient(weighted_sum, at, transform=transform)) * step).sum()
        ends = [numpy(evaluate(weighted_sum, x, transform=transform)) for x in (above, below)]
        np.testing.assert_allclose(slope, (ends[0] - ends[1]) / 2.0, rtol=1e-5)


def test_inverse_of_positive_takes_a_number():
    assert float(kdl.layers.Positive().inverse(np.log(2.0) + 1e-5)) == pytest.approx(0.0, abs=1e-6)


INTS = {
    "Real": 2,
    "Positive": 2,
    "Positive-floor": 2,
    "PositiveSquare": 2,
    "LogRate": 41,
    "LowerTriangular": [[1, 0], [3, 2]],
}


@pytest.mark.parametrize("name", TRANSFORMS)
@pytest.mark.parametrize("method", ["forward", "inverse"])
def test_ints_are_floats_of_the_same_value(name, method):
    ints = [1, 2, 3] if (name, method) == ("LowerTriangular", "forward") else INTS[name]
    function = getattr(TRANSFORMS[name][0], method)
    floats = numpy(function(ops.convert_to_tensor(np.array(ints, "float32"))))
    for given in (ints, np.array(ints), ops.convert_to_tensor(np.array(ints, "int32"))):
        np.testing.assert_array_equal(numpy(ops.convert_to_tensor(function(given))), floats)


@pytest.mark.parametrize("raw", [-1e4, -100.0, 0.0, 100.0, 1e4])
@pytest.mark.parametrize("name", ["Positive", "PositiveSquare", "LogRate"])
def test_forward_is_finite_for_extreme_raw_parameters(name, raw):
    value = numpy(TRANSFORMS[name][0].forward(ops.convert_to_tensor(np.float32(raw))))
    assert np.isfinite(value)
    assert name == "LogRate" or value > 0.0


FORMULAS = {
    "Real": "raw",
    "Positive": "softplus(raw) + 1e-5",
    "Positive-floor": "softplus(raw) + 1",
    "PositiveSquare": "(softplus(raw) + 1e-5) ** 2",
    "LowerTriangular": "a lower triangle with softplus(raw) + 1e-5 on its diagonal",
}


@pytest.mark.parametrize("name", FORMULAS)
def test_formula_says_what_forward_does(name):
    assert TRANSFORMS[name][0].formula == FORMULAS[name]
