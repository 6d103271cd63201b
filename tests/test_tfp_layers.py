"""The heads beside `tfp.layers` themselves, on tf_keras, in one process.

The same raw parameters have to give the same distribution. Where tfp.layers has no floor under its
scales, it is handed the raw parameters whose softplus is ours with the floor.
"""

import functools

import keras
import numpy as np
import pytest
from helpers import numpy
from keras import ops

import keras_distlayers as kdl
from keras_distlayers.random_variable import RandomVariable
from keras_distlayers.testing._backend import backend as testing_backend
from keras_distlayers.testing._evaluation import evaluate

# TFP on tf_keras warns of much, none of it ours.
pytestmark = pytest.mark.filterwarnings("ignore")
FLOOR = 1e-5
BATCHES = [(), (1,), (4,), (3, 2), (2, 1, 3)]


@pytest.fixture(scope="module")
def tfpl():
    import tensorflow_probability as tfp

    return tfp.layers


@pytest.fixture(scope="module")
def pair(tfpl):
    """Both layers of a row, the same for all tests: what is compiled for ours is shared."""
    return functools.cache(lambda name: HEADS[name][0](tfpl))


def as_it_is(raw):
    return raw


def scales_last(raw):
    """With a floor under the second half, the raw scales."""
    loc, raw_scale = np.split(raw, 2, axis=-1)
    return np.concatenate([loc, floored(raw_scale)], axis=-1)


def of_components(components):
    """Likewise for each component of a mixture, after the logits."""

    def floor(raw):
        logits, rest = raw[..., :components], raw[..., components:]
        each = rest.reshape(*rest.shape[:-1], components, -1)
        return np.concatenate([logits, scales_last(each).reshape(rest.shape)], axis=-1)

    return floor


def floored(raw_scale):
    """The raw parameter whose softplus is that of `raw_scale` plus the floor, in float64."""
    return np.log(np.expm1(np.logaddexp(raw_scale, 0.0) + FLOOR))


def events(shape, kind):
    rng = np.random.default_rng(7)
    return {
        "real": lambda: rng.normal(size=shape),
        "binary": lambda: rng.integers(0, 2, size=shape),
        "count": lambda: rng.integers(0, 9, size=shape),
        "one-hot": lambda: np.eye(shape[-1])[rng.integers(shape[-1], size=shape[:-1])],
    }[kind]().astype("float32")


def both(name, *arguments):
    """Both layers, with the same arguments."""
    return lambda tfpl: (getattr(kdl.layers, name)(*arguments), getattr(tfpl, name)(*arguments))


def mixture(name, components, *arguments):
    def make(tfpl):
        ours = getattr(kdl.layers, name)(*arguments)
        theirs = getattr(tfpl, name)(*arguments, autocast=False)  # or it would round float64
        return (
            kdl.layers.MixtureSameFamily(components, ours),
            tfpl.MixtureSameFamily(components, theirs),
        )

    return make


# Name: how to make both, event_shape, kind of event, raw parameters for tfp.layers.
HEADS = {
    "IndependentBernoulli": (both("IndependentBernoulli"), (), "binary", as_it_is),
    "IndependentBernoulli-3": (both("IndependentBernoulli", 3), (3,), "binary", as_it_is),
    "IndependentBernoulli-2,2,1": (
        both("IndependentBernoulli", (2, 2, 1)), (2, 2, 1), "binary", as_it_is,
    ),
    "IndependentNormal": (both("IndependentNormal"), (), "real", scales_last),
    "IndependentNormal-2,3": (both("IndependentNormal", (2, 3)), (2, 3), "real", scales_last),
    "IndependentLogistic": (both("IndependentLogistic"), (), "real", scales_last),
    "IndependentLogistic-2,3": (both("IndependentLogistic", (2, 3)), (2, 3), "real", scales_last),
    "IndependentPoisson": (both("IndependentPoisson"), (), "count", as_it_is),
    "IndependentPoisson-2,2": (both("IndependentPoisson", (2, 2)), (2, 2), "count", as_it_is),
    "OneHotCategorical": (both("OneHotCategorical", 4), (4,), "one-hot", as_it_is),
    "CategoricalMixtureOfOneHotCategorical": (
        both("CategoricalMixtureOfOneHotCategorical", 4, 3), (4,), "one-hot", as_it_is,
    ),
    "MultivariateNormalTriL-1": (both("MultivariateNormalTriL", 1), (1,), "real", as_it_is),
    "MultivariateNormalTriL-4": (both("MultivariateNormalTriL", 4), (4,), "real", as_it_is),
    "MixtureSameFamily-TriL": (
        mixture("MultivariateNormalTriL", 3, 2), (2,), "real", as_it_is,
    ),
    "MixtureSameFamily-Poisson": (mixture("IndependentPoisson", 2, 3), (3,), "count", as_it_is),
    "MixtureNormal": (both("MixtureNormal", 3), (), "real", of_components(3)),
    "MixtureNormal-2,2": (both("MixtureNormal", 3, (2, 2)), (2, 2), "real", of_components(3)),
    "MixtureLogistic": (both("MixtureLogistic", 2), (), "real", of_components(2)),
    "MixtureLogistic-3": (both("MixtureLogistic", 2, 3), (3,), "real", of_components(2)),
}  # fmt: skip
heads = pytest.mark.parametrize("name", HEADS)


def raw_values(size, batch, seed=0):
    return np.random.default_rng(seed).normal(size=(*batch, size)).astype("float32")


def double(theirs, raw):
    """The distribution of a layer of tfp.layers in float64, without a draw."""
    import tensorflow as tf

    return theirs._make_distribution_fn(tf.constant(raw.astype("float64")))


def assert_close(ours, theirs, scale=1.0):
    """Within 1e-5 of the larger of the two, of 1 and of the terms that a sum is made of."""
    ours, theirs = numpy(ours), np.asarray(theirs)
    assert ours.shape == theirs.shape
    bound = 1e-5 * np.maximum(np.maximum(np.abs(ours), np.abs(theirs)), scale)
    assert (np.abs(ours - theirs) <= bound).all(), np.max(np.abs(ours - theirs) / bound)


def density_and_mean(raw, value, *, head):
    """Compiled at once: on JAX each operation alone would be compiled for each of the shapes."""
    distribution = head.distribution(raw)
    return distribution, distribution.log_prob(value), distribution.mean()


def draw(raw, *, head):
    state = [variable.value for variable in head.non_trainable_variables]
    return ops.convert_to_tensor(head.stateless_call([], state, raw)[0])


@heads
@pytest.mark.parametrize("batch", BATCHES, ids=str)
def test_head_gives_the_distribution_of_tfp_layers_in_float64(pair, name, batch):
    _, event_shape, kind, floor = HEADS[name]
    ours, theirs = pair(name)
    raw = raw_values(ours.num_params, batch, seed=len(batch))
    expected = double(theirs, floor(raw.astype("float64")))
    value = events((*batch, *event_shape), kind)
    distribution, log_prob, mean = evaluate(density_and_mean, raw, value, head=ours)
    assert (distribution.batch_shape, distribution.event_shape) == (batch, event_shape)
    assert tuple(expected.event_shape) == event_shape
    assert_close(log_prob, expected.log_prob(value.astype("float64")))
    assert_close(mean, expected.mean())


@heads
def test_head_gives_the_distribution_of_tfp_layers_in_float32(pair, name):
    """Through tfp.layers' own __call__, in float32 on both sides: 1e-4, for theirs rounds too."""
    import tensorflow as tf

    _, event_shape, kind, floor = HEADS[name]
    ours, theirs = pair(name)
    raw = raw_values(ours.num_params, (4,))
    expected = theirs(tf.constant(floor(raw.astype("f8")).astype("f4")))
    value = events((4, *event_shape), kind)
    _, log_prob, _ = evaluate(density_and_mean, raw, value, head=ours)
    np.testing.assert_allclose(
        numpy(log_prob), expected.log_prob(value).numpy(), rtol=1e-4, atol=1e-5
    )
    ours.build(raw.shape)
    drawn = testing_backend.eval_shape(draw, raw, head=ours)
    assert tuple(drawn.shape) == tuple(tf.convert_to_tensor(expected).shape)


def log_mean(raw, *, head):
    return head.distribution(raw).log_mean()


def test_log_mean_equals_that_of_tfp_layers(pair):
    ours, theirs = pair("CategoricalMixtureOfOneHotCategorical")
    for batch in BATCHES:
        raw = 5.0 * raw_values(ours.num_params, batch)
        assert_close(evaluate(log_mean, raw, head=ours), double(theirs, raw).log_mean())


SIZES = [
    ("MultivariateNormalTriL", (5,)),
    ("OneHotCategorical", (5,)),
    ("CategoricalMixtureOfOneHotCategorical", (5, 3)),
    ("IndependentBernoulli", ()),
    ("IndependentBernoulli", ((2, 3),)),
    ("IndependentNormal", ()),
    ("IndependentNormal", ((2, 3),)),
    ("IndependentLogistic", ((2, 3),)),
    ("IndependentPoisson", ((2, 3),)),
    ("MixtureSameFamily", (4, 9)),
    ("MixtureNormal", (4,)),
    ("MixtureNormal", (4, (2, 3))),
    ("MixtureLogistic", (4, (2, 3))),
]


@pytest.mark.parametrize(("name", "arguments"), SIZES, ids=str)
def test_params_size_equals_that_of_tfp_layers(tfpl, name, arguments):
    ours, theirs = (
        getattr(package, name).params_size(*arguments) for package in (kdl.layers, tfpl)
    )
    assert int(ours) == int(theirs)


# ------------------------------------------------------------------ constants


def blocks(package, initializers):
    return package.BlockwiseInitializer([initializers.Constant(0.25), "ones", "zeros"], [2, 1, 3])


@pytest.mark.parametrize("shape", [(6,), (3, 6)])
def test_blockwise_initializer_equals_that_of_tfp_layers(tfpl, shape):
    import tf_keras

    ours = blocks(kdl.layers, keras.initializers)(shape, dtype="float32")
    theirs = blocks(tfpl, tf_keras.initializers)(shape)
    np.testing.assert_array_equal(numpy(ours), theirs.numpy())


@pytest.mark.parametrize("activation", [None, "softplus"])
@pytest.mark.parametrize("shape", [6, (3, 6)])
def test_variable_layer_equals_that_of_tfp_layers(tfpl, shape, activation):
    import tensorflow as tf
    import tf_keras

    ours = kdl.layers.VariableLayer(
        shape, activation, initializer=blocks(kdl.layers, keras.initializers)
    )
    theirs = tfpl.VariableLayer(
        shape, activation=activation, initializer=blocks(tfpl, tf_keras.initializers)
    )
    result, expected = ours(np.zeros((2, 1), "float32")), theirs(tf.zeros((2, 1)))
    np.testing.assert_allclose(numpy(result), expected.numpy(), rtol=1e-6)
    assert [tuple(w.shape) for w in ours.trainable_weights] == [
        tuple(w.shape) for w in theirs.trainable_weights
    ]


# ------------------------------------------------------------------ a flow


def both_networks(order, units=8, size=3):
    """AutoregressiveNetwork of each, with the same kernels and biases."""
    import tensorflow_probability as tfp

    arguments = {"hidden_units": [units, units], "activation": "tanh", "input_order": order}
    ours = kdl.layers.AutoregressiveNetwork(params=2, event_shape=size, **arguments)
    ours.build((None, size))
    theirs = tfp.bijectors.AutoregressiveNetwork(params=2, event_shape=[size], **arguments)
    theirs(np.zeros((1, size), "float32"))
    # Kernels, then biases.
    weights = sorted(theirs.weights, key=lambda w: -len(w.shape))
    for mine, other in zip(ours.kernels + ours.biases, weights, strict=True):
        mine.assign(np.random.default_rng(0).normal(size=other.shape))
        other.assign(numpy(mine))
    for mask, kernel in zip(ours.masks, theirs.weights[::2], strict=True):
        kernel.assign(kernel * mask)
    return ours, theirs


@pytest.mark.parametrize("order", ["left-to-right", "right-to-left", [2, 4, 1, 3]], ids=str)
@pytest.mark.parametrize("units", [[], [1], [2, 7], [16, 3, 9]], ids=str)
@pytest.mark.parametrize("size", [1, 4])
def test_autoregressive_network_has_the_masks_of_tfp(order, units, size):
    import tensorflow_probability as tfp

    if size == 1 and not isinstance(order, str):
        order = [1]
    theirs = tfp.bijectors.AutoregressiveNetwork(
        params=2, event_shape=[size], hidden_units=units, input_order=order,
        kernel_initializer="ones",
    )  # fmt: skip
    theirs(np.zeros((1, size), "float32"))
    ours = kdl.layers.AutoregressiveNetwork(
        2, size, units, input_order=order, kernel_initializer="ones"
    )
    ours.build((None, size))
    for mask, kernel in zip(ours.masks, theirs.weights[::2], strict=True):
        np.testing.assert_array_equal(mask, kernel.numpy())


@pytest.mark.parametrize("order", ["left-to-right", "right-to-left"])
def test_autoregressive_transform_equals_that_of_tfp_layers(tfpl, order):
    """The log-scale of ours is bounded softly; a far bound leaves it as tfp.layers has it."""
    import tensorflow as tf
    import tensorflow_probability as tfp

    made, their_made = both_networks(order)
    raw, value = raw_values(6, (4,)), raw_values(3, (4,), seed=1)
    base = kdl.layers.IndependentNormal(3)
    transform = kdl.layers.AutoregressiveTransform(made, log_scale_limit=1e4)
    theirs = tfpl.AutoregressiveTransform(their_made)
    their_base = tfpl.IndependentNormal(3)(tf.constant(scales_last(raw.astype("f8")).astype("f4")))
    expected = theirs._transform(their_base)
    points = tfp.distributions.Normal(0.0, 1.0).sample((4, 3), seed=0).numpy()
    *densities, forward = evaluate(flow, raw, value, points, base=base, transform=transform)
    for x, density in zip((value, points), densities, strict=True):
        assert_close(density, expected.log_prob(x), scale=10.0)
    assert_close(forward, expected.bijector.forward(points), scale=10.0)


def flow(raw, value, points, *, base, transform):
    transformed = transform(RandomVariable(base.distribution(raw), points)).distribution
    return (
        transformed.log_prob(value), transformed.log_prob(points),
        transformed.bijector.forward(points),
    )  # fmt: skip
