"""RandomVariable: a tensor wherever one is wanted, a distribution where one is asked for."""

import copy
import operator
import pickle

import keras
import numpy as np
import pytest
from helpers import BACKEND, gradients, numpy
from keras import ops

import keras_distlayers as kdl
from keras_distlayers.random_variable import RandomVariable


@pytest.fixture
def rv():
    raw = np.random.default_rng(0).normal(size=(4, 6)).astype("float32")
    return kdl.layers.IndependentNormal(3, seed=0)(raw)


@pytest.fixture
def draw(rv):
    return numpy(ops.convert_to_tensor(rv))


def test_random_variable_is_a_tensor_and_a_distribution(rv):
    assert isinstance(rv, RandomVariable)
    assert isinstance(rv, kdl.distributions.Distribution)
    assert tuple(rv.shape) == (4, 3)
    assert rv.ndim == 2
    assert keras.backend.standardize_dtype(rv.dtype) == "float32"
    assert (rv.batch_shape, rv.event_shape) == ((4,), (3,))


def test_random_variable_draws_once(rv, draw):
    for _ in range(3):
        np.testing.assert_array_equal(numpy(ops.convert_to_tensor(rv)), draw)
    np.testing.assert_array_equal(np.asarray(rv), draw)
    np.testing.assert_array_equal(rv.numpy(), draw)


def test_random_variable_sample_continues_the_layers_generator():
    first, second = (
        kdl.layers.IndependentNormal(3, seed=4)(np.ones((2, 6), "float32")) for _ in "ab"
    )
    one, two = numpy(first.sample(5)), numpy(first.sample(5))
    assert one.shape == (5, 2, 3)
    assert not np.array_equal(one, two)
    np.testing.assert_array_equal(one, numpy(second.sample(5)))
    np.testing.assert_array_equal(numpy(first.sample(seed=9)), numpy(second.sample(seed=9)))


BINARY = [
    operator.add, operator.sub, operator.mul, operator.truediv, operator.floordiv, operator.mod,
    operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge,
]  # fmt: skip


@pytest.mark.parametrize("operation", BINARY, ids=lambda f: f.__name__)
def test_random_variable_arithmetic_and_comparison_use_the_draw(rv, draw, operation):
    tensor = ops.convert_to_tensor(np.full((4, 3), 0.5, "float32"))
    for other, plain in ((2.0, 2.0), (tensor, numpy(tensor)), (rv, draw)):
        result = operation(rv, other)
        assert not isinstance(result, RandomVariable)
        np.testing.assert_allclose(numpy(result), operation(draw, plain), rtol=1e-5, atol=1e-6)
    for other, plain in ((2.0, 2.0), (tensor, numpy(tensor))):
        np.testing.assert_allclose(
            numpy(operation(other, rv)), operation(plain, draw), rtol=1e-5, atol=1e-6
        )


def test_random_variable_other_operators_use_the_draw(rv, draw):
    positive = abs(rv)
    np.testing.assert_allclose(numpy(positive**2), draw**2, rtol=1e-5)
    np.testing.assert_allclose(numpy(-rv), -draw)
    np.testing.assert_allclose(numpy(+rv), draw)
    weights = ops.ones((3, 2))
    np.testing.assert_allclose(numpy(rv @ weights), draw @ np.ones((3, 2)), rtol=1e-5)
    truth = rv > 0.0
    np.testing.assert_array_equal(numpy(~truth), ~(draw > 0))


def test_random_variable_added_to_a_numpy_array(rv, draw):
    if BACKEND == "torch":
        with pytest.raises(TypeError):  # as for every torch.Tensor: NumPy does not step back
            np.ones(3, "float32") + ops.ones(3)
        return
    np.testing.assert_allclose(numpy(np.ones(3, "float32") + rv), 1 + draw, rtol=1e-6)


def test_random_variable_indexing_length_and_iteration(rv, draw):
    assert len(rv) == 4
    np.testing.assert_array_equal(numpy(rv[1:, 0]), draw[1:, 0])
    rows = [numpy(row) for row in rv]
    np.testing.assert_array_equal(np.stack(rows), draw)


def test_random_variable_as_a_python_number():
    rv = kdl.layers.IndependentNormal((), convert_to_tensor_fn="mean")(
        np.array([3.0, 0.0], "float32")
    )
    assert float(rv) == 3.0
    assert int(rv) == 3
    assert bool(rv)


def test_random_variable_equality_is_of_values_and_hash_of_identity(rv):
    assert numpy(rv == rv).all()
    assert {rv: "found"}[rv] == "found"


def test_random_variable_repr(rv):
    expected = (
        "<RandomVariable Independent(Normal), batch_shape=(4,), event_shape=(3,), "
        "draw of shape (4, 3), float32>"
    )
    assert repr(rv) == str(rv) == expected


def transformed():
    chain = kdl.bijectors.Chain([kdl.bijectors.Exp(), kdl.bijectors.Scale(2.0)])
    return kdl.distributions.TransformedDistribution(kdl.distributions.Normal(0.0, 1.0), chain)


def flow():
    return kdl.layers.ConditionalFlow(2).distribution(np.zeros((3, 4), "float32"))


def of_a_library():
    to_theirs = kdl.interop.to_torch if BACKEND == "torch" else kdl.interop.to_tfp
    return kdl.distributions.as_distribution(to_theirs(kdl.distributions.Normal(0.0, 1.0)))


LIBRARY = "Torch" if BACKEND == "torch" else "Tfp"


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (transformed, "TransformedDistribution(Normal, Chain)"),
        (flow, "TransformedDistribution(MultivariateNormalDiag, Chain)"),
        (of_a_library, f"{LIBRARY}Distribution(Normal)"),
    ],
)
def test_random_variable_repr_names_what_a_distribution_is_made_of(make, name):
    distribution = make()
    rv = RandomVariable(distribution, distribution.sample(seed=0))
    assert repr(rv).startswith(f"<RandomVariable {name}, batch_shape={distribution.batch_shape}, ")


def test_random_variable_format_for_numbers_is_that_of_the_draw():
    rv = kdl.layers.IndependentNormal((), convert_to_tensor_fn="mean")(
        np.array([3.0, 0.0], "float32")
    )
    assert f"{rv:.2f}" == "3.00"
    assert f"{rv}" == repr(rv)


@pytest.mark.parametrize(
    "clone", [copy.copy, copy.deepcopy, lambda rv: pickle.loads(pickle.dumps(rv))]
)
def test_random_variable_copies_and_pickles_keep_draw_and_distribution(rv, draw, clone):
    rv._keras_mask = ops.convert_to_tensor([True, True, False, True])
    again = clone(rv)
    assert isinstance(again, RandomVariable)
    np.testing.assert_array_equal(numpy(again._keras_mask), numpy(rv._keras_mask))
    np.testing.assert_array_equal(numpy(ops.convert_to_tensor(again)), draw)
    np.testing.assert_array_equal(numpy(again.log_prob(draw)), numpy(rv.log_prob(draw)))
    assert again.sample(2).shape == (2, 4, 3)


def test_random_variable_unknown_attribute_says_where_it_looked(rv):
    with pytest.raises(AttributeError, match=r"no attribute 'nope': neither its distribution"):
        rv.nope  # noqa: B018 - asking is the test


def test_random_variable_mean_is_the_distributions_and_ops_mean_the_draws(rv, draw):
    np.testing.assert_allclose(numpy(rv.mean()), numpy(rv.distribution.distribution.loc))
    np.testing.assert_allclose(float(ops.mean(rv)), draw.mean(), rtol=1e-5)


@pytest.mark.parametrize("name", ["mean", "mode", "stddev", "variance", "covariance", "entropy"])
def test_random_variable_statistics_are_the_distributions(rv, name):
    np.testing.assert_array_equal(
        numpy(getattr(rv, name)()), numpy(getattr(rv.distribution, name)())
    )


def test_random_variable_log_prob_kl_and_parameters(rv):
    prior = kdl.distributions.Independent(kdl.distributions.Normal(np.zeros(3), 1.0), 1)
    np.testing.assert_array_equal(
        numpy(rv.log_prob(rv)), numpy(rv.distribution.log_prob(ops.convert_to_tensor(rv)))
    )
    expected = numpy(rv.distribution.kl_divergence(prior))
    np.testing.assert_array_equal(numpy(rv.kl_divergence(prior)), expected)
    np.testing.assert_array_equal(numpy(kdl.distributions.kl_divergence(rv, prior)), expected)
    assert rv.reinterpreted_batch_ndims == 1
    np.testing.assert_allclose(numpy(kdl.distributions.kl_divergence(rv, rv)), 0.0, atol=1e-6)


def test_random_variable_unknown_attribute_is_named(rv):
    with pytest.raises(AttributeError, match="no_such_thing"):
        rv.no_such_thing  # noqa: B018


OPS = {
    "exp": ops.exp,
    "sum": ops.sum,
    "reshape": lambda x: ops.reshape(x, (2, 6)),
    "concatenate": lambda x: ops.concatenate([x, x]),
    "stack": lambda x: ops.stack([x, x]),
    "where": lambda x: ops.where(x > 0, x, 0.0),
    "einsum": lambda x: ops.einsum("ij,kj->ik", x, x),
    "softmax": ops.softmax,
    "cast": lambda x: ops.cast(x, "int32"),
    "transpose": ops.transpose,
    "max": ops.max,
    "isfinite": ops.isfinite,
    "shape": lambda x: ops.convert_to_tensor(ops.shape(x)),
    "norm": ops.norm,
}


@pytest.mark.parametrize("name", OPS)
def test_random_variable_is_taken_by_ops(rv, draw, name):
    result = OPS[name](rv)
    assert not isinstance(result, RandomVariable)
    expected = OPS[name](ops.convert_to_tensor(draw))
    np.testing.assert_array_equal(numpy(result), numpy(expected))


LAYERS = {
    "Dense": lambda: keras.layers.Dense(2),
    "Activation": lambda: keras.layers.Activation("relu"),
    "BatchNormalization": keras.layers.BatchNormalization,
    "Dropout": lambda: keras.layers.Dropout(0.5),
    "Reshape": lambda: keras.layers.Reshape((3, 1)),
    "Concatenate": lambda: keras.layers.Concatenate(),
    "Add": lambda: keras.layers.Add(),
    "MultiHeadAttention": lambda: keras.layers.MultiHeadAttention(1, 2),
}


@pytest.mark.parametrize("name", LAYERS)
def test_random_variable_is_taken_by_layers(rv, draw, name):
    layer = LAYERS[name]()

    def call(x):
        if name in ("Concatenate", "Add"):
            return layer([x, x])
        if name == "MultiHeadAttention":
            x = ops.expand_dims(x, 0)
            return layer(x, x)
        return layer(x)

    np.testing.assert_allclose(
        numpy(call(rv)), numpy(call(ops.convert_to_tensor(draw))), rtol=1e-5, atol=1e-6
    )


def test_random_variable_stop_gradient_keeps_the_values(rv, draw):
    """On JAX the variable comes back whole, its distribution's parameters stopped too."""
    np.testing.assert_array_equal(numpy(ops.convert_to_tensor(ops.stop_gradient(rv))), draw)


def test_random_variable_is_a_leaf_for_keras(rv):
    assert keras.tree.flatten({"a": rv}) == [rv] or keras.tree.flatten({"a": rv})[0] is rv
    assert not keras.tree.is_nested(rv)


def test_random_variable_is_taken_by_the_frameworks_functions(rv, draw):
    if BACKEND == "jax":
        import jax
        import jax.numpy as jnp

        np.testing.assert_allclose(jnp.exp(rv), np.exp(draw), rtol=1e-5)
        doubled = jax.jit(lambda v: (2.0 * ops.convert_to_tensor(v), v.mean()))(rv)
        np.testing.assert_allclose(doubled[0], 2 * draw)
        back = jax.jit(lambda v: v)(rv)
        assert isinstance(back, RandomVariable)
        np.testing.assert_array_equal(numpy(back.mean()), numpy(rv.mean()))
        assert len(jax.tree_util.tree_leaves(rv)) == 3
        # Documented: convert it first. JAX 0.7 still does, with a warning.
        with pytest.raises((ValueError, DeprecationWarning), match="__jax_array__"):
            jax.lax.exp(rv)
    elif BACKEND == "tensorflow":
        import tensorflow as tf

        np.testing.assert_allclose(tf.exp(rv), np.exp(draw), rtol=1e-5)
        np.testing.assert_allclose(tf.function(lambda: rv)(), draw)
        np.testing.assert_allclose(tf.ones((4, 3)) + rv, 1 + draw, rtol=1e-6)
    else:
        import torch

        assert isinstance(rv, torch.Tensor)
        assert type(torch.exp(rv)) is torch.Tensor
        np.testing.assert_allclose(torch.exp(rv), np.exp(draw), rtol=1e-5)


def test_deep_copy_of_what_a_layer_made_has_its_gradient():
    """On Torch a parameter that a layer made is not a leaf; Torch itself copies leaves."""
    raw = ops.convert_to_tensor(np.array([[0.3, -0.2, 0.5, 0.1]], "float32"))
    value = np.float32([[0.1, 0.2]])

    def density(raw, clone):
        rv = kdl.layers.IndependentNormal(2)(2.0 * raw)
        pair = clone({"rv": rv, "distribution": rv.distribution})
        return ops.sum(pair["rv"].log_prob(value) + pair["distribution"].log_prob(value))

    expected, received = (
        gradients(lambda raw, clone=clone: density(raw, clone), raw)[0]
        for clone in (copy.copy, copy.deepcopy)
    )
    np.testing.assert_allclose(received, expected, rtol=1e-5)


def test_deep_copy_of_a_foreign_distribution_on_torch():
    if BACKEND == "torch":
        import torch

        loc = torch.ones(2, requires_grad=True) * 2.0
        shift = torch.distributions.AffineTransform(loc, 3.0)
        normal = torch.distributions.Normal(loc, 1.0)
        foreign = torch.distributions.TransformedDistribution(normal, [shift])
        distribution = kdl.distributions.as_distribution(foreign)
        again = copy.deepcopy(distribution)
        value = np.ones(2, "float32")
        np.testing.assert_array_equal(
            numpy(again.log_prob(value)), numpy(distribution.log_prob(value))
        )
