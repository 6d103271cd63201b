"""Bijectors: inverses, log-determinants against autodiff, shapes, configs, pytrees."""

import json
import math

import keras
import numpy as np
import pytest
from example_bijectors import BIJECTORS, rng, spline, triangle
from helpers import BACKEND, numpy
from hypothesis import given
from hypothesis import strategies as st
from keras import ops

import keras_distlayers as kdl
from keras_distlayers.bijectors.dense_network import DenseNetwork, DenseStep
from keras_distlayers.testing import _evaluation
from keras_distlayers.testing._backend import backend as testing_backend
from keras_distlayers.testing._evaluation import evaluate, gradient

if BACKEND == "torch":
    # Dynamo warns of Keras's code as it traces.
    pytestmark = pytest.mark.filterwarnings("ignore:Dynamo detected")


each = pytest.mark.parametrize("make", BIJECTORS.values(), ids=BIJECTORS.keys())


def in_float64(make):
    bijector = make()
    return _evaluation.in_float64(bijector)


def jacobian(bijector, x, name):
    """Row by row: the gradients of each entry of the value; compiled once for all rows."""
    rows = [
        gradient(projected, x, ops.convert_to_tensor(row), bijector, name=name)
        for row in np.eye(len(x))
    ]
    return np.stack([numpy(row) for row in rows])


def projected(x, row, bijector, *, name):
    return ops.sum(row * getattr(bijector, name)(x))


def there_and_back(x, bijector):
    """What the tests of each bijector look at, in one compilation."""
    y = bijector.forward(x)
    again, log_det = bijector.inverse_and_log_det(y)
    return {
        "forward": y,
        "forward_log_det": bijector.forward_log_det_jacobian(x),
        "inverse": bijector.inverse(y),
        "inverse_log_det": bijector.inverse_log_det_jacobian(y),
        "inverse_with_log_det": again,
        "log_det_with_inverse": log_det,
    }


def summed(log_det):
    """Over the event of a vector, whose entries a bijector of scalars takes one by one."""
    return float(numpy(log_det).sum())


@each
@pytest.mark.parametrize("scale", [1.0, 8.0])
def test_log_determinant_is_that_of_the_jacobian(make, scale):
    x = scale * np.array([0.3, -1.1, 0.9])
    with _evaluation.double_precision():
        x, bijector = ops.convert_to_tensor(x), in_float64(make)
        found = evaluate(there_and_back, x, bijector)
        expected = np.linalg.slogdet(jacobian(bijector, x, "forward"))[1]
        np.testing.assert_allclose(
            summed(found["forward_log_det"]), expected, rtol=1e-6, atol=1e-8
        )
        np.testing.assert_allclose(
            summed(found["inverse_log_det"]), -expected, rtol=1e-6, atol=1e-6
        )
        np.testing.assert_allclose(
            np.linalg.slogdet(jacobian(bijector, found["forward"], "inverse"))[1], -expected,
            rtol=1e-5, atol=1e-6,
        )  # fmt: skip


@each
@pytest.mark.parametrize("scale", [1e-6, 1.0, 8.0])
def test_inverse_undoes_forward(make, scale):
    x = scale * np.array([[0.3, -1.1, 0.9], [1.0, 0.0, -0.4]])
    with _evaluation.double_precision():
        found = evaluate(there_and_back, ops.convert_to_tensor(x), in_float64(make))
        found = {name: numpy(value) for name, value in found.items()}
        np.testing.assert_allclose(found["inverse"], x, rtol=1e-6, atol=1e-8)
        np.testing.assert_array_equal(found["inverse_with_log_det"], found["inverse"])
        np.testing.assert_array_equal(found["log_det_with_inverse"], found["inverse_log_det"])


LOG_SLOPES = {
    "Tanh": (
        kdl.bijectors.Tanh,
        lambda x: 2 * (math.log(2.0) - abs(x) - np.log1p(np.exp(-2 * abs(x)))),
    ),
    "Sigmoid": (kdl.bijectors.Sigmoid, lambda x: -abs(x) - 2 * np.log1p(np.exp(-abs(x)))),
    "Softplus": (kdl.bijectors.Softplus, lambda x: min(x, 0.0) - np.log1p(np.exp(-abs(x)))),
    "Exp": (kdl.bijectors.Exp, lambda x: x),
}


@pytest.mark.parametrize(("make", "truth"), LOG_SLOPES.values(), ids=LOG_SLOPES.keys())
@pytest.mark.parametrize("x", [-1e4, -90.0, -20.0, 0.0, 1e-4, 20.0, 90.0, 1e4])
def test_log_determinant_keeps_its_digits_far_out(make, truth, x):
    """Where y rounds to its bound, and the slope to zero, its logarithm is still right."""
    at = ops.convert_to_tensor(x, "float32")
    np.testing.assert_allclose(
        float(evaluate(log_det, at, make=make)), truth(x), rtol=1e-5, atol=1e-6
    )
    assert np.isfinite(numpy(gradient(log_det, at, make=make))).all()


def log_det(x, *, make):
    return make().forward_log_det_jacobian(x)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_tanh_keeps_the_digits_of_its_dtype(dtype):
    x = np.array([-1e4, -21.0, -3.0, -1e-6, 0.0, 1e-6, 0.7, 9.0, 1e4], dtype)
    with _evaluation.double_precision():
        y = kdl.bijectors.Tanh().forward(ops.convert_to_tensor(x, dtype))
        slope = gradient(
            lambda x: ops.sum(kdl.bijectors.Tanh().forward(x)), ops.convert_to_tensor(x, dtype)
        )
        assert keras.backend.standardize_dtype(y.dtype) == dtype
    np.testing.assert_allclose(numpy(y), np.tanh(x), rtol=8 * np.finfo(dtype).eps)
    np.testing.assert_allclose(
        numpy(slope), np.cosh(np.clip(x, -50, 50)) ** -2.0, atol=8 * np.finfo(dtype).eps
    )


@pytest.mark.parametrize(
    "make", [kdl.bijectors.Softplus, kdl.bijectors.Exp], ids=["Softplus", "Exp"]
)
def test_inverse_keeps_the_digits_of_small_values(make):
    x = np.float32([-80.0, -30.0, -1.0])
    np.testing.assert_allclose(numpy(make().inverse(make().forward(x))), x, rtol=1e-5)


def forward_and_log_det(bijector, x):
    return bijector.forward_and_log_det(x)


def test_spline_is_exact_at_knots_and_beyond_bounds():
    """At K + 1 knots it is exact; beyond the bounds it is the identity, with slope 1."""
    knots = kdl.bijectors.RationalQuadraticSpline([1.0, 3.0], [2.0, 2.0], [0.5], bound=2.0)
    x = np.float32([-100.0, -2.0, -1.0, 2.0, 100.0])
    y, slopes = map(numpy, evaluate(forward_and_log_det, knots, x))
    np.testing.assert_allclose(y, [-100, -2, 0, 2, 100], atol=1e-6)
    np.testing.assert_allclose(slopes, [0.0, 0.0, math.log(0.5), 0.0, 0.0], atol=1e-6)


def test_spline_increases_and_is_the_identity_with_equal_slopes():
    with _evaluation.double_precision():
        x = np.linspace(-3.0, 3.0, 2001)
        y = numpy(evaluate(forward_and_log_det, _evaluation.in_float64(spline()), x)[0])
    assert (np.diff(y) > 0).all()
    # One bin of slope s = 1 with end slopes 1 is the identity.
    straight = kdl.bijectors.RationalQuadraticSpline([1.0, 1.0], [1.0, 1.0], [1.0], bound=1.0)
    y, _ = evaluate(forward_and_log_det, straight, np.float32([-0.3, 0.7]))
    np.testing.assert_allclose(numpy(y), [-0.3, 0.7])


@pytest.mark.parametrize("bins", [1, 2, 5])
def test_spline_of_extreme_raw_numbers_is_finite_and_increases(bins):
    signs = np.where(np.arange(3 * bins - 1) % 2, 1.0, -1.0)
    for magnitude in (0.0, 1.0, 1e4):
        bijector = kdl.bijectors.RationalQuadraticSpline.from_raw(np.float32(magnitude * signs))
        x = np.linspace(-4, 4, 101).astype("float32")
        y, log_det = map(numpy, evaluate(forward_and_log_det, bijector, x))
        assert np.isfinite(y).all()
        assert np.isfinite(log_det).all()
        assert (np.diff(y) >= 0).all()


def test_coupling_bounds_its_log_scale():
    """A function that shouts: the scale is exp(limit) at the most."""
    shout = kdl.bijectors.RealNVP(
        [True, False],
        lambda x: ops.stack([ops.zeros_like(x), 1e4 * ops.ones_like(x)], axis=-1),
        log_scale_limit=2.0,
    )
    y = numpy(shout.forward(np.float32([1.0, 1.0])))
    np.testing.assert_allclose(y, [1.0, math.exp(2.0)], rtol=1e-5)


@given(kdl.testing.shapes(max_dims=2), kdl.testing.shapes(max_dims=2))
def test_bijector_of_scalars_keeps_shapes(batch, lead):
    bijector = kdl.bijectors.Affine(np.zeros(batch), np.ones(batch))
    x = np.zeros((*lead, *batch), "float32")
    assert bijector.batch_shape == batch
    for value in testing_backend.eval_shape(there_and_back, x, bijector).values():
        assert tuple(value.shape) == x.shape


@given(kdl.testing.shapes(max_dims=2), kdl.testing.shapes(max_dims=2), st.integers(1, 3))
def test_bijector_of_vectors_keeps_shapes(batch, lead, size):
    scale = np.broadcast_to(triangle(size), (*batch, size, size))
    bijector = kdl.bijectors.Chain(
        [
            kdl.bijectors.Shift(1.0),
            kdl.bijectors.ScaleTriL(scale),
            kdl.bijectors.Permute(range(size)),
        ]
    )
    x = np.ones((*lead, *batch, size), "float32")
    assert bijector.batch_shape == batch
    found = testing_backend.eval_shape(there_and_back, x, bijector)
    assert tuple(found["forward"].shape) == x.shape
    assert tuple(found["forward_log_det"].shape) == x.shape[:-1]
    assert tuple(found["inverse_log_det"].shape) == x.shape[:-1]


@each
def test_bijector_config_and_pytree_round_trip(make):
    bijector = make()
    x = np.float32([0.3, -1.1, 0.9])
    config = json.dumps(keras.saving.serialize_keras_object(bijector))
    copies = [
        keras.saving.deserialize_keras_object(json.loads(config)),
        testing_backend.tree_roundtrip(bijector),
        bijector.map_tensors(ops.copy),
    ]
    of_bijector = evaluate(forward_and_log_det, bijector, x)
    for clone in copies:
        assert type(clone) is type(bijector)
        assert clone.get_config().keys() == bijector.get_config().keys()
        found = evaluate(forward_and_log_det, clone, x)
        for value, expected in zip(found, of_bijector, strict=True):
            np.testing.assert_array_equal(numpy(value), numpy(expected))


def test_bijector_slices_of_the_batch():
    bijector = kdl.bijectors.Chain(
        [kdl.bijectors.Scale([[2.0], [3.0]]), kdl.bijectors.ScaleTriL(np.stack([triangle(2)] * 2))]
    )
    x = np.float32([[1.0, 2.0], [3.0, 4.0]])
    assert bijector.batch_shape == (2,)
    for i in range(2):
        assert bijector[i].batch_shape == ()
        np.testing.assert_allclose(
            numpy(bijector[i].forward(x[i])), numpy(bijector.forward(x))[i], rtol=1e-6
        )
    assert bijector.expand((4, 2)).batch_shape == (4, 2)


def test_coupling_network_depends_on_its_condition():
    """Its batch is the condition's: a slice of the bijector has the condition's rows."""
    steps = [DenseStep(rng().normal(size=(5, 6)), None)]
    condition = rng().normal(size=(4, 2)).astype("float32")
    bijector = kdl.bijectors.RealNVP([True, False, True], DenseNetwork(steps, 2, condition))
    x = rng().normal(size=(7, 4, 3)).astype("float32")
    assert bijector.batch_shape == (4,)
    whole = numpy(bijector.forward(x))
    np.testing.assert_allclose(numpy(bijector[1].forward(x[:, 1])), whole[:, 1], rtol=1e-5)
    assert not np.allclose(whole[:, 1], numpy(bijector[2].forward(x[:, 1])))


def test_bijector_computes_ints_and_float64_inputs_in_float32():
    assert (
        keras.backend.standardize_dtype(kdl.bijectors.Exp().forward(np.zeros(2)).dtype)
        == "float32"
    )
    assert (
        keras.backend.standardize_dtype(kdl.bijectors.Shift(1.0).forward([1]).dtype) == "float32"
    )


DIRECTIONS = {
    "up": (kdl.bijectors.Chain([kdl.bijectors.Exp(), kdl.bijectors.Shift(1.0)]), True),
    "down": (kdl.bijectors.Chain([kdl.bijectors.Scale(-1.0), kdl.bijectors.Exp()]), False),
    "twice down": (
        kdl.bijectors.Chain(
            [kdl.bijectors.Scale(-1.0), kdl.bijectors.Exp(), kdl.bijectors.Affine(0.0, -2.0)]
        ),
        True,
    ),
    "the inverse of down": (kdl.bijectors.Invert(kdl.bijectors.Scale(-1.0)), False),
}


@pytest.mark.parametrize(("bijector", "expected"), DIRECTIONS.values(), ids=DIRECTIONS.keys())
def test_bijector_is_increasing(bijector, expected):
    assert bool(np.all(_evaluation.as_numpy(bijector.is_increasing))) is expected


def test_bijector_of_vectors_is_neither_increasing_nor_decreasing():
    assert (
        kdl.bijectors.Chain([kdl.bijectors.Exp(), kdl.bijectors.Permute([0, 1])]).is_increasing
        is None
    )
