"""Every check of `keras_distlayers.testing` over every head, and what is of single heads."""

import keras
import numpy as np
import pytest
from helpers import numpy
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from keras import ops
from tensorflow_probability.substrates import numpy as tfp

import keras_distlayers as kdl
from keras_distlayers.random_variable import RandomVariable
from keras_distlayers.testing._evaluation import statistic

tfd, tfb = tfp.distributions, tfp.bijectors
FLOOR = 1e-5


@keras.saving.register_keras_serializable("tests")
def make_normal(t):
    return kdl.distributions.Normal(t[..., 0], ops.softplus(t[..., 1]) + FLOOR)


@keras.saving.register_keras_serializable("tests")
def twice_the_mean(distribution):
    return 2.0 * distribution.mean()


# Events of two entries and three rows, wherever nothing else is meant: on JAX each primitive
# is compiled anew for a new shape, and that is where the time goes.
HEADS = {
    "MultivariateNormalTriL": lambda **k: kdl.layers.MultivariateNormalTriL(2, **k),
    "MultivariateNormalDiag": lambda **k: kdl.layers.MultivariateNormalDiag(2, **k),
    "IndependentNormal": lambda **k: kdl.layers.IndependentNormal(2, **k),
    "IndependentNormal-matrix": lambda **k: kdl.layers.IndependentNormal((2, 1), **k),
    "IndependentNormal-scalar": lambda **k: kdl.layers.IndependentNormal(**k),
    "IndependentBernoulli": lambda **k: kdl.layers.IndependentBernoulli((2, 2, 1), **k),
    "IndependentBernoulli-int": lambda **k: kdl.layers.IndependentBernoulli(2, **k),
    "IndependentPoisson": lambda **k: kdl.layers.IndependentPoisson(2, **k),
    "IndependentPoisson-scalar": lambda **k: kdl.layers.IndependentPoisson(**k),
    "IndependentNegativeBinomial": lambda **k: kdl.layers.IndependentNegativeBinomial(2, **k),
    "ZeroInflated": lambda **k: kdl.layers.ZeroInflated(kdl.layers.IndependentPoisson(2), **k),
    "ZeroInflated-NegativeBinomial": lambda **k: kdl.layers.ZeroInflated(
        kdl.layers.IndependentNegativeBinomial(), **k
    ),
    "Categorical": lambda **k: kdl.layers.Categorical(3, **k),
    "OrderedLogistic": lambda **k: kdl.layers.OrderedLogistic(4, **k),
    "OneHotCategorical": lambda **k: kdl.layers.OneHotCategorical(2, **k),
    "CategoricalMixtureOfOneHotCategorical": lambda **k: (
        kdl.layers.CategoricalMixtureOfOneHotCategorical(2, 2, **k)
    ),
    "IndependentLogistic": lambda **k: kdl.layers.IndependentLogistic(2, **k),
    "IndependentLaplace": lambda **k: kdl.layers.IndependentLaplace(2, **k),
    "IndependentStudentT": lambda **k: kdl.layers.IndependentStudentT(2, **k),
    "IndependentLogNormal": lambda **k: kdl.layers.IndependentLogNormal(2, **k),
    "IndependentGamma": lambda **k: kdl.layers.IndependentGamma(2, **k),
    "IndependentBeta": lambda **k: kdl.layers.IndependentBeta(2, **k),
    "IndependentVonMises": lambda **k: kdl.layers.IndependentVonMises(2, **k),
    "IndependentTruncatedNormal": lambda **k: kdl.layers.IndependentTruncatedNormal(
        2, -1.0, 2.0, **k
    ),
    "IndependentTruncatedNormal-half": lambda **k: kdl.layers.IndependentTruncatedNormal(2, **k),
    "IndependentCensoredNormal": lambda **k: kdl.layers.IndependentCensoredNormal(2, -0.5, **k),
    "IndependentQuantile": lambda **k: kdl.layers.IndependentQuantile(2, level=0.3, **k),
    "MixtureSameFamily": lambda **k: kdl.layers.MixtureSameFamily(
        2, kdl.layers.MultivariateNormalTriL(2), **k
    ),
    "MixtureNormal": lambda **k: kdl.layers.MixtureNormal(2, 2, **k),
    "MixtureLogistic": lambda **k: kdl.layers.MixtureLogistic(2, **k),
    "IndependentQuantizedLogisticMixture": lambda **k: (
        kdl.layers.IndependentQuantizedLogisticMixture(2, 2, low=0, high=5, **k)
    ),
    "MultivariateNormalLowRank": lambda **k: kdl.layers.MultivariateNormalLowRank(2, 1, **k),
    "Dirichlet": lambda **k: kdl.layers.Dirichlet(2, **k),
    "DistributionLambda": lambda **k: kdl.layers.DistributionLambda(make_normal, **k),
}
SIZES = {"DistributionLambda": 2}
heads = pytest.mark.parametrize("name", HEADS)


def num_params(name):
    return SIZES.get(name) or HEADS[name]().num_params


@heads
@pytest.mark.parametrize("check", kdl.testing.LAYER_CHECKS, ids=lambda check: check.name)
def test_a_head_keeps_the_contract(name, check):
    check(HEADS[name], num_params=SIZES.get(name))


@heads
def test_its_distribution_keeps_the_distributions(name):
    kdl.testing.check_layer(
        HEADS[name],
        num_params=SIZES.get(name),
        skip=[check.name for check in kdl.testing.LAYER_CHECKS],
    )


def test_every_public_head_is_checked():
    checked = {type(make()) for make in HEADS.values()}
    public = {getattr(kdl.layers, name) for name in kdl.layers.__all__}
    heads = {cls for cls in public if issubclass(cls, kdl.layers.Head)}
    # The flow, whose networks take their time, is in test_flows.py.
    bases = {kdl.layers.Head, kdl.layers.ParametricHead, kdl.layers.IndependentHead}
    assert heads - checked == {*bases, kdl.layers.ConditionalFlow}


def raw_values(size, batch=(4,), seed=0):
    return np.random.default_rng(seed).normal(size=(*batch, size)).astype("float32")


# ------------------------------------------------------------------ the same distribution as TFP's


def tfp_tril(raw, d):
    chain = tfb.FillScaleTriL(diag_bijector=tfb.Softplus(), diag_shift=FLOOR)
    return tfd.MultivariateNormalTriL(raw[..., :d], chain.forward(raw[..., d:]))


def tfp_normal(raw, d):
    loc, scale = np.split(raw, 2, axis=-1)
    return tfd.Independent(tfd.Normal(loc, np.logaddexp(scale, 0.0) + FLOOR), 1)


def tfp_diag(raw, d):
    loc, scale = np.split(raw, 2, axis=-1)
    return tfd.MultivariateNormalDiag(loc, np.logaddexp(scale, 0.0) + FLOOR)


def tfp_bernoulli(raw, d):
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
def test_the_same_raw_parameters_give_the_distribution_of_tfp(name, data):
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
    if not isinstance(oracle, tfd.MultivariateNormalTriL):
        return 1.0 + (4.0 / oracle.stddev().min()) ** 2
    tril = np.abs(oracle.scale.to_dense())
    inverse = np.abs(np.linalg.inv(oracle.scale.to_dense()))
    return 1.0 + (inverse @ tril @ inverse @ np.full((d, 1), 4.0)).max() ** 2


def test_fill_triangular_has_tfps_order():
    raw = np.concatenate([np.zeros(3), np.arange(1.0, 7.0)]).astype("float32")
    tril = numpy(kdl.layers.MultivariateNormalTriL(3)(raw).scale_tril)
    np.testing.assert_allclose(np.tril(tril, -1), [[0, 0, 0], [6, 0, 0], [3, 2, 0]])
    np.testing.assert_allclose(np.diag(tril), np.logaddexp([4.0, 5.0, 1.0], 0.0) + 1e-5)


# ------------------------------------------------------------------ shapes, calls, tensors


@heads
def test_what_stands_for_the_tensor(name):
    raw = raw_values(num_params(name))

    def tensor(fn):
        rv = HEADS[name](convert_to_tensor_fn=fn)(raw)
        return rv, numpy(ops.convert_to_tensor(rv))

    distribution = HEADS[name]().distribution(ops.convert_to_tensor(raw))
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
    assert value.shape == (7, 4, *rv.event_shape)


def test_no_digits_are_lost_under_mixed_precision():
    """The head takes float32 parameters as they are, whatever its policy's compute dtype."""
    raw = np.float32([[1.0 + 2**-12, 0.0]])
    distribution = kdl.layers.IndependentNormal(1, dtype="mixed_bfloat16")(raw)
    assert float(distribution.mean()[0, 0]) == raw[0, 0]


def test_a_head_of_ones_own():
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
def test_params_size(size, expected):
    assert size == expected


@pytest.mark.parametrize("name", ["MixtureNormal", "MixtureLogistic"])
def test_a_mixture_trains_in_a_graph(name):
    head = HEADS[name]()
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(head.num_params), head])
    model.compile("sgd", kdl.losses.NegativeLogLikelihood())
    targets = np.zeros((6, *head.event_shape), "float32")
    history = model.fit(np.ones((6, 3), "float32"), targets, batch_size=3, epochs=2, verbose=0)
    assert np.isfinite(history.history["loss"]).all()
