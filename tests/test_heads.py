"""Every check of `keras_distlayers.testing` over every head, and what is of single heads."""

import functools

import keras
import numpy as np
import pytest
from heads import FLOOR, HEAD, HEADS
from helpers import BACKEND, OF_FORMULAS, numpy
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from keras import ops

import keras_distlayers as kdl
from keras_distlayers.random_variable import RandomVariable
from keras_distlayers.testing._evaluation import statistic

heads = pytest.mark.parametrize("row", HEADS, ids=lambda row: row.name)


@keras.saving.register_keras_serializable("tests")
def twice_the_mean(distribution):
    return 2.0 * distribution.mean()


@functools.lru_cache(maxsize=1)
def measurement(name):
    """Every check of a head looks at the same one."""
    return kdl.testing.measure_layer(HEAD[name].make, num_params=HEAD[name].size)


# Whether gradients agree with differences and with the score, in float64. The distribution's are
# replayed, or checked by family, on every backend, the transforms' in test_parameters.py; that a
# head puts the two together shows on Torch, where nothing compiles.
OF_GRADIENTS = ("raw_gradients", "draw_gradients")
CHECKS = [
    check
    for check in kdl.testing.LAYER_CHECKS
    if BACKEND == "torch" or check.name not in OF_GRADIENTS
]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
@heads
def test_head_passes_check(row, check):
    check(measurement(row.name))


@heads
def test_head_makes_a_distribution_that_passes_its_checks(row):
    """Where its family is not in the table: a mixture of others, one that is moved."""
    skip = [check.name for check in kdl.testing.LAYER_CHECKS]
    of_formulas = () if BACKEND == "torch" else OF_FORMULAS
    kdl.testing.check_layer(measurement(row.name), skip=[*skip, *of_formulas])


def test_heads_lists_every_public_head():
    checked = {type(row.make()) for row in HEADS}
    public = {getattr(kdl.layers, name) for name in kdl.layers.__all__}
    heads = {cls for cls in public if isinstance(cls, type) and issubclass(cls, kdl.layers.Head)}
    # The flow, whose networks take their time, is in test_flows.py.
    bases = {kdl.layers.Head, kdl.layers.ParametricHead, kdl.layers.IndependentHead}
    assert heads - checked == {*bases, kdl.layers.ConditionalFlow}


def raw_values(size, batch=(4,), seed=0):
    return np.random.default_rng(seed).normal(size=(*batch, size)).astype("float32")


# ------------------------------------------------------------------ the same distribution as TFP's


def tfp():
    """Imported by the tests that need it, as it takes seconds."""
    from tensorflow_probability.substrates import numpy

    return numpy.distributions, numpy.bijectors


def tfp_tril(raw, d):
    tfd, tfb = tfp()
    chain = tfb.FillScaleTriL(diag_bijector=tfb.Softplus(), diag_shift=FLOOR)
    return tfd.MultivariateNormalTriL(raw[..., :d], chain.forward(raw[..., d:]))


def tfp_normal(raw, d):
    tfd, _ = tfp()
    loc, scale = np.split(raw, 2, axis=-1)
    return tfd.Independent(tfd.Normal(loc, np.logaddexp(scale, 0.0) + FLOOR), 1)


def tfp_diag(raw, d):
    tfd, _ = tfp()
    loc, scale = np.split(raw, 2, axis=-1)
    return tfd.MultivariateNormalDiag(loc, np.logaddexp(scale, 0.0) + FLOOR)


def tfp_bernoulli(raw, d):
    tfd, _ = tfp()
    return tfd.Independent(tfd.Bernoulli(logits=raw, dtype=np.float64), 1)


# Not within a rounding of 0, where a coin's mode is either side.
coarse = st.floats(-3, 3).map(lambda x: round(x, 3))

ORACLES = {
    "MultivariateNormalTriL": (kdl.layers.MultivariateNormalTriL, tfp_tril),
    "MultivariateNormalDiag": (kdl.layers.MultivariateNormalDiag, tfp_diag),
    "IndependentNormal": (kdl.layers.IndependentNormal, tfp_normal),
    "IndependentBernoulli": (kdl.layers.IndependentBernoulli, tfp_bernoulli),
}


@pytest.mark.parametrize("name", ORACLES)
@given(data=st.data())
def test_head_reads_raw_parameters_as_tfp_does(name, data):
    cls, oracle = ORACLES[name]
    d = data.draw(st.sampled_from([1, 3]))
    batch = data.draw(st.sampled_from([(), (1,), (3,), (2, 1), (1, 2, 3)]))
    shape = (*batch, cls.params_size(d))
    raw = data.draw(hnp.arrays("float32", shape, elements=coarse))
    distribution, expected = (
        cls(d).distribution(ops.convert_to_tensor(raw)),
        oracle(raw.astype("f8"), d),
    )
    value = np.round(np.abs(np.sin(np.arange(d)))).astype("float32")
    largest = 1.0 if name.endswith("Bernoulli") else spread(expected, d)
    for ours, theirs, scale in [
        (distribution.log_prob(value), expected.log_prob(value.astype("f8")), largest),
        (distribution.mean(), expected.mean(), 1.0),
        (distribution.mode(), expected.mode(), 1.0),
        (distribution.stddev(), expected.stddev(), 1.0),
        (distribution.entropy(), expected.entropy(), 10.0),
    ]:
        ours, theirs = numpy(ours), np.broadcast_to(np.asarray(theirs), numpy(ours).shape)
        assert (np.abs(ours - theirs) <= 1e-5 * np.maximum(np.abs(theirs), scale)).all()


def spread(oracle, d):
    """The largest term of a forward substitution with values up to 4; see test_families."""
    if not hasattr(oracle, "scale_tril"):
        return 1.0 + (4.0 / oracle.stddev().min()) ** 2
    tril = np.abs(oracle.scale.to_dense())
    inverse = np.abs(np.linalg.inv(oracle.scale.to_dense()))
    return 1.0 + (inverse @ tril @ inverse @ np.full((d, 1), 4.0)).max() ** 2


def test_multivariate_normal_tril_fills_in_tfps_order():
    raw = np.concatenate([np.zeros(3), np.arange(1.0, 7.0)]).astype("float32")
    tril = numpy(kdl.layers.MultivariateNormalTriL(3)(raw).scale_tril)
    np.testing.assert_allclose(np.tril(tril, -1), [[0, 0, 0], [6, 0, 0], [3, 2, 0]])
    np.testing.assert_allclose(np.diag(tril), np.logaddexp([4.0, 5.0, 1.0], 0.0) + 1e-5)


# ------------------------------------------------------------------ shapes, calls, tensors


# The names alone are in `check_tensor`, for every head. What else the option may be is read by the
# base class: here are the heads that make their distributions in different ways.
OF_EACH_KIND = (
    "MultivariateNormalTriL",
    "IndependentBernoulli-image",
    "ZeroInflated-Poisson",
    "Categorical",
    "IndependentTruncatedNormal",
    "MixtureSameFamily",
    "MixtureLogistic",
    "Standardized",
    "DistributionLambda",
)


@pytest.mark.parametrize("row", [HEAD[name] for name in OF_EACH_KIND], ids=OF_EACH_KIND)
def test_convert_to_tensor_fn_takes_names_methods_and_functions(row):
    raw = raw_values(row.num_params, (3,))

    def tensor(fn):
        rv = row.make(convert_to_tensor_fn=fn)(raw)
        return rv, numpy(ops.convert_to_tensor(rv))

    distribution = row.make().distribution(ops.convert_to_tensor(raw))
    has_mean, has_mode = (statistic(distribution, s) is not None for s in ("mean", "mode"))
    for fn in (
        ("mean", kdl.distributions.Distribution.mean, RandomVariable.mean) if has_mean else ()
    ):
        rv, value = tensor(fn)
        np.testing.assert_array_equal(value, numpy(rv.mean()))
    for fn in ("mode", kdl.distributions.Distribution.mode) if has_mode else ():
        rv, value = tensor(fn)
        np.testing.assert_array_equal(value, numpy(rv.mode()))
    if has_mean:
        rv, value = tensor(twice_the_mean)
        np.testing.assert_allclose(value, 2.0 * numpy(rv.mean()), rtol=1e-6)
    rv, value = tensor(lambda d: d.sample(7))
    assert value.shape == (7, 3, *rv.event_shape)


def test_head_loses_no_digits_under_mixed_precision():
    """The head takes float32 parameters as they are, whatever its policy's compute dtype."""
    raw = np.float32([[1.0 + 2**-12, 0.0]])
    distribution = kdl.layers.IndependentNormal(1, dtype="mixed_bfloat16")(raw)
    assert float(distribution.mean()[0, 0]) == raw[0, 0]


def test_head_subclass_writes_make_distribution_alone():
    class Exponentiated(kdl.layers.Head):
        def make_distribution(self, inputs):
            return kdl.distributions.Normal(inputs[..., 0], ops.exp(inputs[..., 1]))

    rv = Exponentiated()(np.zeros((3, 2), "float32"))
    assert tuple(rv.log_prob(np.ones(3)).shape) == (3,)


def test_distribution_lambda_takes_several_inputs():
    layer = kdl.layers.DistributionLambda(
        lambda t: kdl.distributions.Normal(t[0], ops.softplus(t[1]))
    )
    a, b = keras.Input((3,)), keras.Input((3,))
    model = keras.Model([a, b], layer([a, b]))
    rv = model([np.zeros((2, 3), "float32"), np.ones((2, 3), "float32")])
    assert rv.batch_shape == (2, 3)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (kdl.layers.MultivariateNormalTriL.params_size(3), 9),
        (kdl.layers.MultivariateNormalDiag.params_size(3), 6),
        (kdl.layers.IndependentNormal.params_size((2, 3)), 12),
        (kdl.layers.IndependentNormal.params_size(), 2),
        (kdl.layers.IndependentBernoulli.params_size((2, 2, 1)), 4),
    ],
)
def test_params_size_counts_raw_parameters(size, expected):
    assert size == expected


@pytest.mark.parametrize("name", ["MixtureNormal", "MixtureLogistic"])
def test_mixture_head_trains(name):
    head = HEAD[name].make()
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(head.num_params), head])
    model.compile("sgd", kdl.losses.NegativeLogLikelihood())
    targets = np.zeros((6, *head.event_shape), "float32")
    history = model.fit(np.ones((6, 3), "float32"), targets, batch_size=3, epochs=2, verbose=0)
    assert np.isfinite(history.history["loss"]).all()


def test_head_casts_float64_to_the_dtype_of_its_policy():
    raw = np.zeros((2, 4))
    assert kdl.layers.IndependentNormal(2)(raw).distribution.dtype == "float32"
    assert kdl.layers.IndependentNormal(2).distribution(raw).dtype == "float32"
    half = kdl.layers.IndependentNormal(2, dtype="mixed_float16")
    assert half(raw).distribution.dtype == "float32"
    if BACKEND != "jax":  # JAX has float64 only where a process asks for it
        double = kdl.layers.IndependentNormal(2, dtype="float64")
        assert double(raw).distribution.dtype == double.distribution(raw).dtype == "float64"
