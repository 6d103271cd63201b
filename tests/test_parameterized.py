"""What every distribution and bijector gets from its declarations: components, dtypes, shapes."""

import keras
import numpy as np
import pytest
from helpers import BACKEND, numpy
from keras import ops

import keras_distlayers as kdl
from keras_distlayers._core.parameterized import own_parameters
from keras_distlayers.distributions.kl import closed_form_kl
from keras_distlayers.testing._evaluation import tensors_of


def random_variable():
    entries = kdl.distributions.Normal(np.array([[0.0, 1.0], [2.0, 3.0]], "float32"), 1.0)
    return kdl.RandomVariable(entries, entries.sample(seed=0))


def mixture(components):
    return kdl.distributions.MixtureSameFamily(
        kdl.distributions.Categorical(logits=np.zeros(2, "float32")), components
    )


def shifted(distribution):
    return kdl.distributions.TransformedDistribution(distribution, kdl.bijectors.Shift(1.0))


@pytest.mark.parametrize(
    "make",
    [lambda d: kdl.distributions.Independent(d, 1), mixture, shifted],
    ids=["Independent", "mixture", "f"],
)
def test_component_random_variable_stands_for_its_distribution(make):
    rv = random_variable()
    distribution, expected = make(rv), make(rv.distribution)
    assert distribution.family_name == expected.family_name
    np.testing.assert_array_equal(numpy(distribution.mean()), numpy(expected.mean()))


@pytest.mark.parametrize(
    ("make", "where"),
    [
        (lambda: kdl.distributions.Independent(1.0, 0), "Independent, argument `distribution`"),
        (lambda: mixture("normal"), "MixtureSameFamily, argument `components_distribution`"),
        (
            lambda: kdl.distributions.ZeroInflated(None, 0.0),
            "ZeroInflated, argument `distribution`",
        ),
        (lambda: shifted(np.zeros(2)), "TransformedDistribution, argument `distribution`"),
    ],
    ids=["Independent", "MixtureSameFamily", "ZeroInflated", "TransformedDistribution"],
)
def test_component_of_another_type_is_refused(make, where):
    with pytest.raises(TypeError, match=f"{where}: expected a distribution"):
        make()


class Undeclared(kdl.distributions.Normal):
    def __init__(self, loc, scale, level):
        kdl.distributions.Distribution.__init__(self, loc=loc, scale=scale, level=level)


families = pytest.mark.parametrize("row", kdl.testing.FAMILIES, ids=lambda row: row.name)


@families
def test_config_gives_the_same_parameters_as_it_is_and_serialized(row):
    distribution = row.example()
    serialized = keras.saving.serialize_keras_object(distribution)
    for copy in (
        type(distribution).from_config(distribution.get_config()),
        keras.saving.deserialize_keras_object(serialized),
    ):
        assert copy.dtype == distribution.dtype
        for received, expected in zip(tensors_of(copy), tensors_of(distribution), strict=True):
            np.testing.assert_array_equal(numpy(received), numpy(expected))


def test_config_of_numbers_and_lists_is_taken():
    normal = kdl.distributions.Normal.from_config({"loc": [0.0, 1.0], "scale": 2.0})
    np.testing.assert_array_equal(numpy(normal.loc), [0.0, 1.0])


def test_config_keeps_float64():
    if BACKEND != "jax":  # JAX has float64 only where a process asks for it
        normal = kdl.distributions.Normal(ops.cast([0.1], "float64"), 1.0)
        copy = kdl.distributions.Normal.from_config(normal.get_config())
        assert copy.dtype == "float64"
        np.testing.assert_array_equal(numpy(copy.loc), numpy(normal.loc))


# The rank of a factor and the labels of components are in one parameter alone.
FREE_AXES = {("cov_factor", 2), ("component_logits", 2)}


@families
def test_parameters_whose_events_are_of_other_sizes_are_refused(row):
    """Each axis of an event, made one longer in one parameter, where another one has it too."""
    whole = row.example()
    own = {name: numpy(tensor) for name, tensor in own_parameters(whole).items()}
    ndims = {name: whole.parameter_ndims[name] for name in own}
    if whole.component_names or sum(map(bool, ndims.values())) < 2:
        return
    rest = {name: getattr(whole, name) for name in whole.static_names}
    for name, array in own.items():
        for axis in range(1, ndims[name] + 1):
            if (name, axis) in FREE_AXES and axis == ndims[name]:
                continue
            longer = np.concatenate(
                [array, array.take([0], axis=axis - 1 - ndims[name])], axis=axis - 1 - ndims[name]
            )
            with pytest.raises(ValueError, match=f"{row.name.split('-')[0]}: expected .*{name}"):
                type(whole)(**{**own, name: longer}, **rest)


def test_undeclared_argument_is_refused():
    with pytest.raises(TypeError, match=r"declares, \['loc', 'scale'\].*'level'.*parameter_ndims"):
        Undeclared(0.0, 1.0, 0.5)


def test_none_is_refused_where_it_is_not_the_default():
    with pytest.raises(TypeError, match=r"Exponential, argument `rate`.*Received: None"):
        kdl.distributions.Exponential(None)
    with pytest.raises(TypeError, match="argument `scale`"):
        kdl.distributions.Normal(0.0, None)
    assert kdl.distributions.Poisson(log_rate=0.0).rate is None


class Statistics(keras.layers.Layer):
    """The mean of a distribution over vectors whose size a graph does not know."""

    def __init__(self, wrap):
        super().__init__()
        self.wrap = wrap

    def call(self, x):
        entries = kdl.distributions.Normal(x, ops.ones_like(x))
        distribution = self.wrap(kdl.distributions.Independent(entries, 1))
        draw = distribution.sample(seed=0)
        return distribution.mean() + 0.0 * draw


@pytest.mark.parametrize("wrap", [lambda d: d, shifted], ids=["Independent", "f"])
def test_dynamic_shape_has_the_sizes_that_a_graph_does_not_know(wrap):
    model = keras.Sequential([keras.Input((None,)), Statistics(wrap)])
    for size in (3, 5):
        x = np.zeros((2, size), "float32")
        assert model.predict(x, verbose=0).shape == (2, size)


def test_closed_form_kl_is_none_where_no_rule_holds():
    logistic = kdl.distributions.Logistic(0.0, 1.0)
    assert closed_form_kl(logistic, logistic) is None
    vector = kdl.distributions.Independent(
        kdl.distributions.Logistic(np.zeros(2, "float32"), 1.0), 1
    )
    assert closed_form_kl(vector, vector) is None
    diag = kdl.distributions.MultivariateNormalDiag(np.zeros(2, "float32"), np.ones(2, "float32"))
    assert closed_form_kl(diag, vector) is None
    with pytest.raises(NotImplementedError, match=r"Diag and Independent\(Logistic\)"):
        diag.kl_divergence(vector)
