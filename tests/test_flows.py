"""Autoregressive and coupling layers: their structure, training, saving, and what they learn."""

import keras
import numpy as np
import pytest
from helpers import BACKEND, OF_FORMULAS, called, numpy
from keras import ops
from sklearn.datasets import make_moons

import keras_distlayers as kdl
from keras_distlayers.random_variable import RandomVariable
from keras_distlayers.testing._backend import backend as testing_backend
from keras_distlayers.testing._evaluation import draw, evaluate, gradient, log_prob

if BACKEND == "torch":
    # Dynamo warns of Keras's code as it traces, and of its own look at a draw's gradient.
    pytestmark = [
        pytest.mark.filterwarnings("ignore:Dynamo detected"),
        pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor"),
    ]


def made(**options):
    return kdl.layers.AutoregressiveNetwork(**{"params": 2, "hidden_units": [8, 8], **options})


def moons(n=512, seed=0):
    """Standardized, so that a Gaussian's likelihood is that of its correlation alone."""
    points, _ = make_moons(n, noise=0.05, random_state=seed)
    return ((points - points.mean(axis=0)) / points.std(axis=0)).astype("float32")


def test_flow_distribution_keeps_the_weights_that_it_was_made_with():
    layer = kdl.layers.ConditionalFlow(2, hidden_units=(4,), seed=0)
    points = np.ones((3, 2), "float32")
    distribution = layer.distribution(ops.ones((3, 4)))
    before = numpy(evaluate(log_prob, distribution, points))
    for weight in layer.trainable_weights:
        weight.assign(numpy(weight) + 1.0)
    np.testing.assert_array_equal(numpy(evaluate(log_prob, distribution, points)), before)
    after = evaluate(log_prob, layer.distribution(ops.ones((3, 4))), points)
    assert (numpy(after) != before).all()


# ---------------------------------------------------------------- the network

ORDERS = {
    "left to right": ("left-to-right", [1, 2, 3, 4]),
    "right to left": ("right-to-left", [4, 3, 2, 1]),
    "a permutation": ([3, 1, 4, 2], [3, 1, 4, 2]),
}


def network_jacobian(layer, x):
    """The sizes of d output_i / d input_j, over all params."""
    rows = []
    for i in range(x.shape[-1]):
        rows.append(np.zeros(x.shape[-1]))
        for k in range(layer.params):
            weights = np.zeros((x.shape[-1], layer.params), "float32")
            weights[i, k] = 1.0
            slopes = gradient(weighted_sum, x, ops.convert_to_tensor(weights), layer=layer)
            rows[-1] += np.abs(numpy(slopes)).sum(axis=0)
    return np.stack(rows)


def weighted_sum(x, weights, *, layer):
    """One entry of the output, chosen by the weights: compiled once for all of them."""
    return ops.sum(weights * layer(x))


@pytest.mark.parametrize(("order", "places"), ORDERS.values(), ids=ORDERS.keys())
@pytest.mark.parametrize("hidden_units", [[], [16], [16, 16]], ids=len)
def test_autoregressive_network_depends_on_earlier_entries_alone(order, places, hidden_units):
    layer = made(hidden_units=hidden_units, input_order=order, params=3, activation="tanh")
    x = ops.convert_to_tensor(np.random.default_rng(0).normal(size=(5, 4)).astype("float32"))
    assert tuple(layer(x).shape) == (5, 4, 3)
    depends = network_jacobian(layer, x) > 0
    places = np.asarray(places)
    np.testing.assert_array_equal(depends, places[:, None] > places)


def test_autoregressive_network_of_one_entry_is_constant():
    layer = made(bias_initializer="ones")
    result = numpy(layer(ops.convert_to_tensor(np.float32([[0.0], [1.0], [-5.0]]))))
    assert result.shape == (3, 1, 2)
    np.testing.assert_array_equal(result, np.broadcast_to(result[:1], (3, 1, 2)))


def test_autoregressive_network_config_round_trip():
    layer = made(event_shape=3, activation="relu", input_order=[2, 1, 3], use_bias=False)
    layer.build((None, 3))
    clone = kdl.layers.MADE.from_config(layer.get_config())
    clone.build((None, 3))
    clone.set_weights(layer.get_weights())
    x = np.ones((2, 3), "float32")
    np.testing.assert_array_equal(numpy(clone(x)), numpy(layer(x)))
    assert clone.get_config() == layer.get_config()
    assert len(layer.weights) == 3


# ---------------------------------------------------------------- AutoregressiveTransform


def transform_model(functional, seed=0):
    keras.utils.set_random_seed(seed)
    layers = [
        keras.layers.Dense(4),
        kdl.layers.MultivariateNormalDiag(2, seed=3),
        kdl.layers.AutoregressiveTransform(made(activation="tanh")),
        kdl.layers.AutoregressiveTransform(made(activation="tanh", input_order="right-to-left")),
    ]
    if not functional:
        return keras.Sequential([keras.Input((1,)), *layers])
    inputs = z = keras.Input((1,))
    for layer in layers:
        z = layer(z)
    return keras.Model(inputs, z)


def conditional_model(functional=False, hidden_units=(32, 32)):
    keras.utils.set_random_seed(0)
    head = kdl.layers.ConditionalFlow(2, hidden_units=hidden_units, seed=3)
    if not functional:
        return keras.Sequential([keras.Input((1,)), head])
    inputs = keras.Input((1,))
    return keras.Model(inputs, head(inputs))


MODELS = {
    "autoregressive, Sequential": lambda: transform_model(functional=False),
    "autoregressive, Functional": lambda: transform_model(functional=True),
    "couplings, Sequential": conditional_model,
    "couplings, Functional": lambda: conditional_model(functional=True),
}
each = pytest.mark.parametrize("make", MODELS.values(), ids=MODELS.keys())


@each
def test_flow_log_prob_is_the_change_of_variables(make):
    """By the distribution of the base and the Jacobian of its draws, taken apart by hand."""
    rv = called(make(), ops.ones((3, 1)))
    assert isinstance(rv, RandomVariable)
    distribution = rv.distribution
    steps, base = [], distribution
    while isinstance(base, kdl.distributions.TransformedDistribution):
        steps.append(base.bijector)
        base = base.distribution
    base = base.expand(distribution.batch_shape)
    x = evaluate(draw, base)
    chain = kdl.bijectors.Chain(steps)
    columns = [
        numpy(gradient(column_sum, x, ops.convert_to_tensor(row), chain))
        for row in np.eye(2, dtype="float32")
    ]
    log_det = np.linalg.slogdet(np.stack(columns, axis=1))[1]
    received, of_base = evaluate(flow_and_base, distribution, base, chain, x)
    np.testing.assert_allclose(numpy(received), numpy(of_base) - log_det, rtol=1e-4, atol=1e-4)


def column_sum(x, row, bijector):
    return ops.sum(row * bijector.forward(x))


def flow_and_base(distribution, base, bijector, x):
    return distribution.log_prob(bijector.forward(x)), base.log_prob(x)


@each
def test_flow_fit_improves_every_weight_and_a_reload_goes_on_from_there(make, tmp_path):
    """In one test: compiling a step takes most of the time."""
    model, x, points = make(), np.ones((256, 1), "float32"), moons(256)
    model.compile(keras.optimizers.Adam(1e-2), kdl.losses.NegativeLogLikelihood())
    before = [numpy(w).copy() for w in model.trainable_weights]
    losses = model.fit(x, points, epochs=5, batch_size=32, verbose=0).history["loss"]
    assert losses[-1] < losses[0] - 0.1
    for weight, old in zip(model.trainable_weights, before, strict=True):
        assert (numpy(weight) != old).any(), weight.path

    model.save(tmp_path / "flow.keras")
    reloaded = keras.models.load_model(tmp_path / "flow.keras")
    rv, again = called(model, x[:4]), called(reloaded, x[:4])
    assert isinstance(again, RandomVariable)
    ours, theirs = (numpy(evaluate(log_prob, d, points[:4])) for d in (rv, again))
    np.testing.assert_array_equal(theirs, ours)
    loss = reloaded.fit(x, points, batch_size=32, verbose=0).history["loss"][0]
    assert loss < losses[-1] + 0.05
    assert reloaded.predict(x[:32], verbose=0).shape == (32, 2)


@each
def test_flow_symbolic_output_has_log_prob(make):
    model = make()
    inputs, targets = keras.Input((1,)), keras.Input((2,))
    z = inputs
    for layer in model.layers:
        z = z if isinstance(layer, keras.layers.InputLayer) else layer(z)
    density = keras.Model([inputs, targets], {"log_prob": z.log_prob(targets), "z": z})
    x, points = np.ones((4, 1), "float32"), moons(4)
    expected = numpy(evaluate(log_prob, called(model, x), points))
    received = numpy(called(density, [x, points])["log_prob"])
    np.testing.assert_allclose(received, expected, rtol=1e-5)


@each
def test_flow_gradients_reach_the_weights_in_a_custom_loop(make):
    """A loss computed by hand, as in a custom training loop."""
    model, x, points = make(), np.ones((4, 1), "float32"), moons(4)
    gradients = {"jax": _jax, "tensorflow": _tf, "torch": _torch}[BACKEND](model, x, points)
    assert len(gradients) == len(model.trainable_weights)
    assert sum(bool((np.asarray(numpy(g)) != 0).any()) for g in gradients) == len(gradients)


def _jax(model, x, points):
    import jax

    rest = [v.value for v in model.non_trainable_variables]

    def objective(trainable):
        rv, _ = model.stateless_call(trainable, rest, x)
        return -ops.mean(rv.log_prob(points))  # after the stateless scope

    return jax.jit(jax.grad(objective))([v.value for v in model.trainable_variables])


def _tf(model, x, points):
    import tensorflow as tf

    with tf.GradientTape() as tape:
        loss = -ops.mean(model(x).log_prob(points))
    return [tf.convert_to_tensor(g) for g in tape.gradient(loss, model.trainable_variables)]


def _torch(model, x, points):
    model.zero_grad()
    (-ops.mean(model(x).log_prob(points))).backward()
    return [v.value.grad for v in model.trainable_variables]


def test_autoregressive_transform_transforms_the_heads_draw():
    head = kdl.layers.MultivariateNormalDiag(2, seed=0)
    layer = kdl.layers.AutoregressiveTransform(made())
    z = head(ops.ones((5, 4)))
    y = layer(z)
    back = y.bijector.inverse(ops.convert_to_tensor(y))
    np.testing.assert_allclose(numpy(back), numpy(z), rtol=1e-4, atol=1e-5)
    assert not np.allclose(numpy(y.sample(3)), numpy(y.sample(3)))  # the head's generator goes on


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_flow_mixed_precision(policy):
    keras.config.set_dtype_policy(policy)
    model = transform_model(functional=True)
    rv = called(model, np.ones((4, 1), "float32"))
    density = testing_backend.eval_shape(log_prob, rv, moons(4))
    assert keras.backend.standardize_dtype(density.dtype) == "float32"
    model.compile("adam", kdl.losses.NegativeLogLikelihood())
    history = model.fit(np.ones((32, 1), "float32"), moons(32), verbose=0).history["loss"]
    assert np.isfinite(history).all()


# ---------------------------------------------------------------- ConditionalFlow


def small_flow():
    """With an initializer without a seed: no two have the same weights."""
    return kdl.layers.ConditionalFlow(
        2, num_couplings=2, hidden_units=(4,), log_scale_limit=2.0
    )  # fmt: skip


def test_conditional_flow_passes_every_check():
    of_formulas = set() if BACKEND == "torch" else {*OF_FORMULAS} - {"gradients"}
    report = kdl.testing.check_layer(small_flow, num_params=3, skip=of_formulas)
    for distribution in (
        "params_size",
        "saving",
        "training",
        "raw_gradients",
        "draw_gradients",
        "config",
    ):
        assert report[distribution] == "holds", (distribution, report[distribution])
    assert "closed form" in report["regularizer"]


def test_conditional_flow_follows_its_input():
    """Points around the input: the flow learns to follow it."""
    keras.utils.set_random_seed(0)
    draws = np.random.default_rng(0)
    x = draws.uniform(-1.0, 1.0, (512, 1)).astype("float32")
    points = (2.0 * x + 0.3 * draws.normal(size=(512, 2))).astype("float32")
    model = conditional_model(hidden_units=(16,))
    model.compile(keras.optimizers.Adam(2e-2), kdl.losses.NegativeLogLikelihood())
    model.fit(x, points, epochs=12, batch_size=64, verbose=0)
    low, high = (
        evaluate(draw, called(model, np.full((500, 1), v, "float32"))) for v in (-0.8, 0.8)
    )
    assert numpy(low).mean() < -1.0 < 1.0 < numpy(high).mean()


@pytest.mark.slow
def test_conditional_flow_beats_the_best_gaussian_on_two_moons():
    """Nats per example on fresh points, against the best Gaussian with full covariance."""
    points, fresh = moons(1024), moons(1024, seed=1)
    gaussian = kdl.distributions.MultivariateNormalTriL(
        points.mean(axis=0), np.linalg.cholesky(np.cov(points.T, bias=True))
    )
    model = conditional_model()
    rate = keras.optimizers.schedules.CosineDecay(1e-2, 480)
    model.compile(keras.optimizers.Adam(rate), kdl.losses.NegativeLogLikelihood())
    model.fit(np.zeros((1024, 1)), points, epochs=60, batch_size=128, verbose=0)
    flow = model.evaluate(np.zeros((1024, 1)), fresh, batch_size=1024, verbose=0)
    assert flow < -float(ops.mean(gaussian.log_prob(fresh))) - 0.5


# ---------------------------------------------------------------- errors

BAD_CALLS = {
    "a plain tensor into the transform": (
        lambda: kdl.layers.AutoregressiveTransform(made(), name="maf")(ops.zeros((3, 2))),
        TypeError,
        r"AutoregressiveTransform 'maf': expected the RandomVariable.*\(3, 2\).*head",
    ),
    "a network that is not one": (
        lambda: kdl.layers.AutoregressiveTransform(keras.layers.Dense(2), name="maf"),
        TypeError,
        r"'maf', argument `made`: expected an AutoregressiveNetwork.*a Dense",
    ),
    "a network of one number": (
        lambda: kdl.layers.AutoregressiveTransform(made(params=1), name="maf"),
        ValueError,
        r"'maf', argument `made`: expected a network with params=2.*params=1",
    ),
    "vectors of another size": (
        lambda: made(event_shape=3, name="net")(ops.zeros((2, 4))),
        ValueError,
        r"AutoregressiveNetwork 'net': expected .*event_shape=\(3,\).*\(2, 4\)",
    ),
    "an unknown order": (
        lambda: made(input_order="random")(ops.zeros((2, 4))),
        ValueError,
        r"argument `input_order`: expected 'left-to-right'.*'random'",
    ),
    "not a permutation": (
        lambda: made(input_order=[0, 1])(ops.zeros((2, 2))),
        ValueError,
        r"argument `input_order`: expected .*ints from 1 to 2.*\[0, 1\]",
    ),
    "hidden units": (
        lambda: made(hidden_units=[0]),
        ValueError,
        r"AutoregressiveNetwork.*`hidden_units`: expected an int or a tuple of ints.*\[0\]",
    ),
    "hidden units of a flow": (
        lambda: kdl.layers.ConditionalFlow(2, hidden_units=(8, -1)),
        ValueError,
        r"ConditionalFlow, argument `hidden_units`.*\(8, -1\)",
    ),
    "no coupling": (
        lambda: kdl.layers.ConditionalFlow(2, num_couplings=0),
        ValueError,
        r"ConditionalFlow, argument `num_couplings`: expected an int.*=0",
    ),
    "no event": (
        lambda: kdl.layers.ConditionalFlow(0),
        ValueError,
        r"ConditionalFlow, argument `event_size`: expected an int.*=0",
    ),
}


@pytest.mark.parametrize(("call", "error", "match"), BAD_CALLS.values(), ids=BAD_CALLS.keys())
def test_flow_bad_call_says_what_is_wrong(call, error, match):
    with pytest.raises(error, match=f"(?s){match}"):
        call()
