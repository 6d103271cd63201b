"""Bijectors: inverses, log-determinants against autodiff, configs, and the laws they make."""

import json
import math

import keras
import numpy as np
import pytest
from helpers import BACKEND, numpy
from hypothesis import given
from hypothesis import strategies as st
from keras import ops
from scipy import stats

from keras_distlayers import _backend, testing
from keras_distlayers import bijectors as kb
from keras_distlayers import distributions as kd
from keras_distlayers.bijectors._functions import DenseNetwork, DenseStep
from keras_distlayers.testing import _evaluation
from keras_distlayers.testing._evaluation import gradient

SIZE = 3


def rng():
    return np.random.default_rng(0)


def network(inputs=SIZE, masks=(None, None)):
    """From `inputs` numbers to a shift and a log-scale for each."""
    draws = rng()
    kernels = [draws.normal(size=(inputs, 4)), draws.normal(size=(4, 2 * inputs))]
    kernels = [k if m is None else k * m for k, m in zip(kernels, masks, strict=True)]
    steps = [
        DenseStep(k, draws.normal(size=k.shape[1]), activation)
        for k, activation in zip(kernels, ("tanh", None), strict=True)
    ]
    return DenseNetwork(steps, 2)


def autoregressive_network():
    degrees = np.array([1, 1, 2, 2])
    places = np.arange(1, SIZE + 1)
    last = np.repeat(degrees[:, None] < places, 2, axis=1)
    return network(masks=(places[:, None] <= degrees, last))


def triangle(size=SIZE):
    return np.tril(rng().normal(size=(size, size)), -1) + np.diag(np.arange(1.0, size + 1.0))


def spline(batch=()):
    return kb.RationalQuadraticSpline.from_raw(rng().normal(size=(*batch, 14)), bound=2.5)


@keras.saving.register_keras_serializable("tests")
def sums_of_others(x):
    shift = ops.sum(x, axis=-1, keepdims=True) * ops.ones_like(x)
    return ops.stack([shift, ops.sin(shift)], axis=-1)


BIJECTORS = {
    "Shift": lambda: kb.Shift([1.0, -2.0, 0.5]),
    "Scale": lambda: kb.Scale([2.0, -0.5, 1.0]),
    "Affine": lambda: kb.Affine(1.0, [2.0, -0.5, 1.0]),
    "Exp": kb.Exp,
    "Softplus": kb.Softplus,
    "Sigmoid": kb.Sigmoid,
    "Tanh": kb.Tanh,
    "Spline": spline,
    "Spline of one bin": lambda: kb.RationalQuadraticSpline([1.0], [1.0], np.zeros(0)),
    "Permute": lambda: kb.Permute([2, 0, 1]),
    "ScaleTriL": lambda: kb.ScaleTriL(triangle()),
    "RealNVP": lambda: kb.RealNVP([True, False, True], network()),
    "RealNVP of a function": lambda: kb.RealNVP([True, False, False], sums_of_others),
    "MaskedAutoregressive": lambda: kb.MaskedAutoregressive(autoregressive_network()),
    "Invert": lambda: kb.Invert(kb.RealNVP([False, False, True], network())),
    "Invert of a scalar's": lambda: kb.Invert(kb.Affine(1.0, 3.0)),
    "Chain": lambda: kb.Chain([kb.Shift(1.0), kb.Softplus(), kb.Scale([2.0, -0.5, 1.0])]),
    "Chain of vectors": lambda: kb.Chain(
        [kb.Exp(), kb.ScaleTriL(triangle()), kb.Permute([1, 2, 0]), spline((SIZE,))]
    ),
}

each = pytest.mark.parametrize("make", BIJECTORS.values(), ids=BIJECTORS.keys())


def in_float64(make):
    bijector = make()
    return _evaluation.in_float64(bijector)


def jacobian(function, x):
    """Row by row: the gradients of each entry of the value."""
    rows = [
        gradient(lambda x, i=i: function(x)[i], ops.convert_to_tensor(x)) for i in range(len(x))
    ]
    return np.stack([numpy(row) for row in rows])


def summed(log_det):
    """Over the event of a vector, whose entries a bijector of scalars takes one by one."""
    return float(numpy(log_det).sum())


@each
@pytest.mark.parametrize("scale", [1.0, 8.0])
def test_the_log_determinant_is_that_of_the_jacobian(make, scale):
    x = scale * np.array([0.3, -1.1, 0.9])
    with _evaluation.double_precision():
        bijector = in_float64(make)
        expected = np.linalg.slogdet(jacobian(bijector.forward, x))[1]
        y = bijector.forward(x)
        np.testing.assert_allclose(
            summed(bijector.forward_log_det_jacobian(x)), expected, rtol=1e-6, atol=1e-8
        )
        np.testing.assert_allclose(
            summed(bijector.inverse_log_det_jacobian(y)), -expected, rtol=1e-6, atol=1e-6
        )
        np.testing.assert_allclose(
            np.linalg.slogdet(jacobian(bijector.inverse, numpy(y)))[1], -expected,
            rtol=1e-5, atol=1e-6,
        )  # fmt: skip


@each
@pytest.mark.parametrize("scale", [1e-6, 1.0, 8.0])
def test_the_inverse_inverts(make, scale):
    x = scale * np.array([[0.3, -1.1, 0.9], [1.0, 0.0, -0.4]])
    with _evaluation.double_precision():
        bijector = in_float64(make)
        y = bijector.forward(x)
        np.testing.assert_allclose(numpy(bijector.inverse(y)), x, rtol=1e-6, atol=1e-8)
        again, log_det = bijector.inverse_and_log_det(y)
        np.testing.assert_array_equal(numpy(again), numpy(bijector.inverse(y)))
        np.testing.assert_array_equal(numpy(log_det), numpy(bijector.inverse_log_det_jacobian(y)))


LOG_SLOPES = {
    "Tanh": (kb.Tanh, lambda x: 2 * (math.log(2.0) - abs(x) - np.log1p(np.exp(-2 * abs(x))))),
    "Sigmoid": (kb.Sigmoid, lambda x: -abs(x) - 2 * np.log1p(np.exp(-abs(x)))),
    "Softplus": (kb.Softplus, lambda x: min(x, 0.0) - np.log1p(np.exp(-abs(x)))),
    "Exp": (kb.Exp, lambda x: x),
}


@pytest.mark.parametrize(("make", "truth"), LOG_SLOPES.values(), ids=LOG_SLOPES.keys())
@pytest.mark.parametrize("x", [-1e4, -90.0, -20.0, 0.0, 1e-4, 20.0, 90.0, 1e4])
def test_log_determinants_far_out_in_float32(make, truth, x):
    """Where y rounds to its bound, and the slope to zero, its logarithm is still right."""
    received = float(make().forward_log_det_jacobian(x))
    np.testing.assert_allclose(received, truth(x), rtol=1e-5, atol=1e-6)

    def log_det(x):
        return ops.sum(make().forward_log_det_jacobian(x))

    slope = gradient(log_det, ops.convert_to_tensor([x], "float32"))
    assert np.isfinite(numpy(slope)).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_tanh_in_its_dtype(dtype):
    x = np.array([-1e4, -21.0, -3.0, -1e-6, 0.0, 1e-6, 0.7, 9.0, 1e4], dtype)
    with _evaluation.double_precision():
        y = kb.Tanh().forward(ops.convert_to_tensor(x, dtype))
        slope = gradient(lambda x: ops.sum(kb.Tanh().forward(x)), ops.convert_to_tensor(x, dtype))
        assert keras.backend.standardize_dtype(y.dtype) == dtype
    np.testing.assert_allclose(numpy(y), np.tanh(x), rtol=8 * np.finfo(dtype).eps)
    np.testing.assert_allclose(
        numpy(slope), np.cosh(np.clip(x, -50, 50)) ** -2.0, atol=8 * np.finfo(dtype).eps
    )


@pytest.mark.parametrize("make", [kb.Softplus, kb.Exp], ids=["Softplus", "Exp"])
def test_small_values_keep_their_digits(make):
    x = np.float32([-80.0, -30.0, -1.0])
    np.testing.assert_allclose(numpy(make().inverse(make().forward(x))), x, rtol=1e-5)


def test_a_spline_at_its_knots_and_bounds():
    """At K + 1 knots it is exact; beyond the bounds it is the identity, with slope 1."""
    knots = kb.RationalQuadraticSpline([1.0, 3.0], [2.0, 2.0], [0.5], bound=2.0)
    x = np.float32([-100.0, -2.0, -1.0, 2.0, 100.0])
    np.testing.assert_allclose(numpy(knots.forward(x)), [-100, -2, 0, 2, 100], atol=1e-6)
    slopes = numpy(knots.forward_log_det_jacobian(x))
    np.testing.assert_allclose(slopes, [0.0, 0.0, math.log(0.5), 0.0, 0.0], atol=1e-6)


def test_a_spline_against_the_formula_and_rises():
    with _evaluation.double_precision():
        x = np.linspace(-3.0, 3.0, 2001)
        y = numpy(_evaluation.in_float64(spline()).forward(x))
    assert (np.diff(y) > 0).all()
    # One bin of slope s = 1 with end slopes 1 is the identity.
    straight = kb.RationalQuadraticSpline([1.0, 1.0], [1.0, 1.0], [1.0], bound=1.0)
    np.testing.assert_allclose(numpy(straight.forward(np.float32([-0.3, 0.7]))), [-0.3, 0.7])


@pytest.mark.parametrize("bins", [1, 2, 5])
def test_a_spline_of_extreme_raw_numbers(bins):
    signs = np.where(np.arange(3 * bins - 1) % 2, 1.0, -1.0)
    for magnitude in (0.0, 1.0, 1e4):
        bijector = kb.RationalQuadraticSpline.from_raw(np.float32(magnitude * signs))
        x = np.linspace(-4, 4, 101).astype("float32")
        y, log_det = bijector.forward_and_log_det(x)
        assert np.isfinite(numpy(y)).all()
        assert np.isfinite(numpy(log_det)).all()
        assert (np.diff(numpy(y)) >= 0).all()


def test_the_log_scale_is_bounded():
    """A function that shouts: the scale is exp(limit) at the most."""
    shout = kb.RealNVP(
        [True, False],
        lambda x: ops.stack([ops.zeros_like(x), 1e4 * ops.ones_like(x)], axis=-1),
        log_scale_limit=2.0,
    )
    y = numpy(shout.forward(np.float32([1.0, 1.0])))
    np.testing.assert_allclose(y, [1.0, math.exp(2.0)], rtol=1e-5)


@given(testing.shapes(max_dims=2), testing.shapes(max_dims=2))
def test_shapes_of_scalars(batch, lead):
    bijector = kb.Affine(np.zeros(batch), np.ones(batch))
    x = np.zeros((*lead, *batch), "float32")
    assert bijector.batch_shape == batch
    for value in (bijector.forward(x), bijector.forward_log_det_jacobian(x), bijector.inverse(x)):
        assert tuple(value.shape) == x.shape


@given(testing.shapes(max_dims=2), testing.shapes(max_dims=2), st.integers(1, 3))
def test_shapes_of_vectors(batch, lead, size):
    scale = np.broadcast_to(triangle(size), (*batch, size, size))
    bijector = kb.Chain([kb.Shift(1.0), kb.ScaleTriL(scale), kb.Permute(range(size))])
    x = np.ones((*lead, *batch, size), "float32")
    assert bijector.batch_shape == batch
    assert tuple(bijector.forward(x).shape) == x.shape
    assert tuple(bijector.forward_log_det_jacobian(x).shape) == x.shape[:-1]
    assert tuple(bijector.inverse_log_det_jacobian(x).shape) == x.shape[:-1]


@each
def test_configs_and_pytrees(make):
    bijector = make()
    x = np.float32([0.3, -1.1, 0.9])
    config = json.dumps(keras.saving.serialize_keras_object(bijector))
    twins = [
        keras.saving.deserialize_keras_object(json.loads(config)),
        _backend.rebuild(bijector),
        bijector.map_tensors(ops.copy),
    ]
    for twin in twins:
        assert type(twin) is type(bijector)
        assert twin.get_config().keys() == bijector.get_config().keys()
        for value, expected in zip(
            twin.forward_and_log_det(x), bijector.forward_and_log_det(x), strict=True
        ):
            np.testing.assert_array_equal(numpy(value), numpy(expected))


def test_slices_of_the_batch():
    bijector = kb.Chain([kb.Scale([[2.0], [3.0]]), kb.ScaleTriL(np.stack([triangle(2)] * 2))])
    x = np.float32([[1.0, 2.0], [3.0, 4.0]])
    assert bijector.batch_shape == (2,)
    for i in range(2):
        assert bijector[i].batch_shape == ()
        np.testing.assert_allclose(
            numpy(bijector[i].forward(x[i])), numpy(bijector.forward(x))[i], rtol=1e-6
        )
    assert bijector.expand((4, 2)).batch_shape == (4, 2)


def test_a_network_sees_its_condition():
    """Its batch is the law's: slices of the law take the rows of the condition along."""
    steps = [DenseStep(rng().normal(size=(5, 6)), None)]
    condition = rng().normal(size=(4, 2)).astype("float32")
    bijector = kb.RealNVP([True, False, True], DenseNetwork(steps, 2, condition))
    x = rng().normal(size=(7, 4, 3)).astype("float32")
    assert bijector.batch_shape == (4,)
    whole = numpy(bijector.forward(x))
    np.testing.assert_allclose(numpy(bijector[1].forward(x[:, 1])), whole[:, 1], rtol=1e-5)
    assert not np.allclose(whole[:, 1], numpy(bijector[2].forward(x[:, 1])))


def test_dtypes():
    assert keras.backend.standardize_dtype(kb.Exp().forward(np.zeros(2)).dtype) == "float32"
    assert keras.backend.standardize_dtype(kb.Shift(1.0).forward([1]).dtype) == "float32"


DIRECTIONS = {
    "up": (kb.Chain([kb.Exp(), kb.Shift(1.0)]), True),
    "down": (kb.Chain([kb.Scale(-1.0), kb.Exp()]), False),
    "twice down": (kb.Chain([kb.Scale(-1.0), kb.Exp(), kb.Affine(0.0, -2.0)]), True),
    "the inverse of down": (kb.Invert(kb.Scale(-1.0)), False),
}


@pytest.mark.parametrize(("bijector", "expected"), DIRECTIONS.values(), ids=DIRECTIONS.keys())
def test_directions(bijector, expected):
    assert bool(np.all(_evaluation.as_numpy(bijector.is_increasing))) is expected


def test_vectors_have_no_direction():
    assert kb.Chain([kb.Exp(), kb.Permute([0, 1])]).is_increasing is None


# ---------------------------------------------------------------- transformed distributions

LOC, SCALE = np.float32([0.5, -1.0]), np.float32([1.0, 0.5])
NORMAL = kd.Normal(LOC, SCALE)
VECTORS = kd.Independent(kd.Normal(np.float32([[0.5, 1.0, -1.0], [0.0, 0.0, 0.0]]), 0.7), 1)

LAWS = {
    "log-normal": lambda: kd.TransformedDistribution(NORMAL, kb.Exp()),
    "affine": lambda: kd.TransformedDistribution(NORMAL, kb.Affine([1.0, 2.0], [-2.0, 1.0])),
    "mirrored": lambda: kd.TransformedDistribution(
        kd.TransformedDistribution(NORMAL, kb.Exp()), kb.Chain([kb.Shift(2.0), kb.Scale(-1.5)])
    ),
    "logit-normal": lambda: kd.TransformedDistribution(NORMAL, kb.Sigmoid()),
    "spline": lambda: kd.TransformedDistribution(NORMAL, spline((2,))),
    "there and back": lambda: kd.TransformedDistribution(
        kd.TransformedDistribution(NORMAL, kb.Exp()), kb.Invert(kb.Exp())
    ),
    "positive vectors": lambda: kd.TransformedDistribution(VECTORS, kb.Softplus()),
    "full normal": lambda: kd.TransformedDistribution(
        VECTORS, kb.Chain([kb.Shift([1.0, 2.0, 3.0]), kb.ScaleTriL(triangle())])
    ),
    "coupling": lambda: kd.TransformedDistribution(
        VECTORS, kb.Chain([kb.Scale([[0.5], [2.0]]), kb.RealNVP([True, False, True], network())])
    ),
    "autoregressive": lambda: kd.TransformedDistribution(
        VECTORS, kb.MaskedAutoregressive(autoregressive_network(), log_scale_limit=1.0)
    ),
}


if BACKEND == "torch":
    # Dynamo warns of Keras's code as it traces.
    pytestmark = pytest.mark.filterwarnings("ignore:Dynamo detected")


@pytest.mark.parametrize("make", LAWS.values(), ids=LAWS.keys())
def test_a_transformed_distribution_keeps_the_laws(make):
    report = testing.check_distribution(make())
    assert report["shapes"] == report["config"] == report["gradients"] == "holds"


def test_the_log_normal_against_scipy():
    law, truth = LAWS["log-normal"](), stats.lognorm(SCALE, scale=np.exp(LOC))
    x = np.float32([[0.01, 0.2], [1.0, 1.0], [30.0, 4.0]])
    np.testing.assert_allclose(numpy(law.log_prob(x)), truth.logpdf(x), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(numpy(law.cdf(x)), truth.cdf(x), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(numpy(law.survival_function(x)), truth.sf(x), rtol=1e-4, atol=1e-6)
    p = np.float32([[0.01], [0.5], [0.9]])
    np.testing.assert_allclose(numpy(law.quantile(p)), truth.ppf(p), rtol=1e-4)


def test_a_falling_bijector_against_scipy():
    """-exp(x): the tail above is the base's tail below."""
    bijector = kb.Chain([kb.Scale(-1.0), kb.Exp()])
    law, truth = (
        kd.TransformedDistribution(NORMAL, bijector),
        stats.lognorm(SCALE, scale=np.exp(LOC)),
    )
    x = np.float32([[-0.5, -0.1], [-2.0, -1.0]])
    np.testing.assert_allclose(numpy(law.cdf(x)), truth.sf(-x), rtol=1e-4)
    np.testing.assert_allclose(numpy(law.quantile(0.9)), -truth.ppf(0.1), rtol=1e-4)
    support = law.support
    assert (float(support.lower), float(support.upper)) == (-math.inf, 0.0)


def test_an_affine_transform_is_the_normal_that_it_is():
    scale = triangle()
    base = kd.Independent(kd.Normal(np.zeros(3), 1.0), 1)
    law = kd.TransformedDistribution(
        base, kb.Chain([kb.Shift([1.0, 2.0, 3.0]), kb.ScaleTriL(scale)])
    )
    truth = kd.MultivariateNormalTriL([1.0, 2.0, 3.0], scale)
    x = np.float32([0.3, 4.0, -1.0])
    for name, arguments in {"log_prob": [x], "mean": [], "mode": [], "entropy": []}.items():
        np.testing.assert_allclose(
            numpy(getattr(law, name)(*arguments)), numpy(getattr(truth, name)(*arguments)),
            rtol=1e-4,
        )  # fmt: skip


def test_what_has_no_preimage_has_no_density():
    law = kd.TransformedDistribution(VECTORS, kb.Exp())
    values = np.float32([[1.0, -1.0, 2.0], [1.0, 0.0, 2.0]])
    assert (numpy(law.log_prob(values)) == -np.inf).all()
    slope = gradient(
        lambda x: ops.sum(law.log_prob(x)[1:]), ops.convert_to_tensor(np.abs(values) + 1.0)
    )
    assert np.isfinite(numpy(slope)).all()


def test_the_bijectors_batch_is_the_laws():
    """One scalar law, a batch of shifts: each has draws of its own."""
    law = kd.TransformedDistribution(kd.Normal(0.0, 1.0), kb.Shift([0.0, 0.0, 100.0]))
    assert law.batch_shape == (3,)
    draws = numpy(law.sample(5, seed=0))
    assert draws.shape == (5, 3)
    assert not np.array_equal(draws[:, 0], draws[:, 1])
    assert law[2].batch_shape == ()
    assert float(law[2].mean()) == 100.0


SUPPORTS = {
    "Exp": (kb.Exp(), (0.0, math.inf)),
    "Sigmoid, then twice": (kb.Chain([kb.Scale(2.0), kb.Sigmoid()]), (0.0, 2.0)),
    "Tanh": (kb.Tanh(), (-1.0, 1.0)),
    "Shift": (kb.Shift(1.0), (-math.inf, math.inf)),
}


@pytest.mark.parametrize(("bijector", "bounds"), SUPPORTS.values(), ids=SUPPORTS.keys())
def test_supports(bijector, bounds):
    support = kd.TransformedDistribution(kd.Normal(0.0, 1.0), bijector).support
    assert (float(support.lower), float(support.upper)) == bounds


# ---------------------------------------------------------------- errors

BAD_CALLS = {
    "no permutation": (
        lambda: kb.Permute([0, 2]),
        ValueError, r"Permute, argument `permutation`: expected the ints.*permutation=\[0, 2\]",
    ),
    "an event of another size": (
        lambda: kb.Permute([1, 0]).forward(np.zeros(3)),
        ValueError, r"Permute\.forward: expected a last axis of 2\. Received: shape=\(3,\)",
    ),
    "a scalar into a triangle": (
        lambda: kb.ScaleTriL(np.eye(2)).inverse(1.0),
        ValueError, r"ScaleTriL\.inverse: expected a last axis of 2\. Received: shape=\(\)",
    ),
    "a mask of another size": (
        lambda: kb.RealNVP([True, False], sums_of_others).forward(np.zeros(3)),
        ValueError, r"RealNVP\.forward: expected a last axis of 2",
    ),
    "no function": (
        lambda: kb.RealNVP([True, False], 3.0),
        TypeError, r"RealNVP, argument `function`: expected a function.*Received: float",
    ),
    "a function that forgets the log-scale": (
        lambda: kb.MaskedAutoregressive(lambda x: x).inverse(np.zeros(3)),
        ValueError, r"argument `function`: expected a result whose last axes are \(3, 2\)",
    ),
    "no limit": (
        lambda: kb.RealNVP([True], sums_of_others, log_scale_limit=0.0),
        ValueError, r"RealNVP, argument `log_scale_limit`: expected a number above 0.*=0",
    ),
    "sizes of a spline": (
        lambda: kb.RationalQuadraticSpline(np.ones(3), np.ones(3), np.ones(3)),
        ValueError, r"RationalQuadraticSpline: expected K widths.*Received: 3, 3 and 3",
    ),
    "raw numbers of no spline": (
        lambda: kb.RationalQuadraticSpline.from_raw(np.ones(6)),
        ValueError, r"from_raw: expected 3 K - 1 raw numbers.*shape=\(6,\)",
    ),
    "an empty chain": (
        lambda: kb.Chain([]), ValueError, r"Chain, argument `bijectors`: expected one at least",
    ),
    "a chain of functions": (
        lambda: kb.Chain([kb.Exp(), ops.exp]),
        TypeError, r"Chain, argument `bijectors`: expected a keras_distlayers bijector.*function",
    ),
    "the inverse of no bijector": (
        lambda: kb.Invert(2.0), TypeError, r"Invert, argument `bijector`.*Received: a float",
    ),
    "parameters that do not broadcast": (
        lambda: kb.Affine(np.zeros(2), np.ones(3)),
        ValueError, r"Affine: expected parameters whose batch axes broadcast",
    ),
    "a bijector that is none": (
        lambda: kd.TransformedDistribution(NORMAL, ops.exp),
        TypeError, r"TransformedDistribution, argument `bijector`: expected a.*bijector.*function",
    ),
    "scalars under a bijector of vectors": (
        lambda: kd.TransformedDistribution(NORMAL, kb.Permute([1, 0])),
        ValueError, r"argument `distribution`: expected events of at least 1 axes for Permute.*"
        r"event_shape=\(\).*Independent\(distribution, 1\)",
    ),
    "a discrete law": (
        lambda: kd.TransformedDistribution(kd.Bernoulli(logits=0.0), kb.Exp()),
        ValueError, r"argument `distribution`: expected a continuous law.*Bernoulli",
    ),
    "events of another size": (
        lambda: kd.TransformedDistribution(VECTORS, kb.Permute([1, 0])),
        ValueError, r"TransformedDistribution: expected a bijector for events of .*\(3,\).*\(2,\)",
    ),
    "events that would grow": (
        lambda: kd.TransformedDistribution(
            kd.Independent(kd.Normal(np.zeros((2, 1)), 1.0), 1), kb.Shift([1.0, 2.0, 3.0])
        ),
        ValueError, r"expected a bijector for events of event_shape=\(1,\).*\(3,\)",
    ),
    "the mean of what is not affine": (
        LAWS["log-normal"]().mean,
        NotImplementedError, r"TransformedDistribution\.mean: Exp\(.*\) is not affine",
    ),
    "the entropy of what is not affine": (
        LAWS["log-normal"]().entropy, NotImplementedError, r"\.entropy: Exp\(.*is not affine",
    ),
    "the cdf of a vector": (
        lambda: LAWS["positive vectors"]().cdf(np.ones(3)),
        NotImplementedError, r"TransformedDistribution\.cdf: the event is not a scalar",
    ),
    "the quantile of a vector": (
        lambda: LAWS["positive vectors"]().quantile(0.5),
        NotImplementedError, r"\.quantile: the event is not a scalar",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("call", "error", "match"), BAD_CALLS.values(), ids=BAD_CALLS.keys())
def test_a_bad_call_says_what_is_wrong(call, error, match):
    with pytest.raises(error, match=f"(?s){match}"):
        call()
