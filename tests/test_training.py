"""Plain Keras models around the heads: every way to train, evaluate and predict."""

import keras
import numpy as np
import pytest
from helpers import BACKEND, binary, numpy, small_vae, standard_normal, tracker_of
from keras import ops

import keras_distlayers as kdl
from keras_distlayers.random_variable import RandomVariable


@pytest.fixture
def x():
    return binary((40, 6))


def falls(history):
    return history.history["loss"][-1] < history.history["loss"][0]


def compile_options():
    options = {"plain": {}, "eagerly": {"run_eagerly": True}, "no jit": {"jit_compile": False}}
    if BACKEND != "torch":  # Keras allows one step per execution alone on Torch
        options["several steps"] = {"steps_per_execution": 3}
    if BACKEND == "tensorflow":  # on JAX jit is the default
        options["jit"] = {"jit_compile": True}
    return options


@pytest.mark.plain_fit
@pytest.mark.parametrize("options", compile_options().values(), ids=compile_options().keys())
def test_vae_fit_evaluate_and_predict(x, options):
    _, _, vae = small_vae(metrics=[kdl.metrics.NegativeLogLikelihood()], **options)
    assert falls(vae.fit(x, x, epochs=6, batch_size=20, verbose=0))
    loss, nll = vae.evaluate(x, x, batch_size=16, verbose=0)
    assert 0 < nll < loss
    assert vae.predict(x, batch_size=16, verbose=0).shape == (40, 6)


if BACKEND == "torch":
    # Dynamo warns of Keras's code and its own as it traces, of what depends on what it has
    # traced before: no list of them would hold.
    @pytest.mark.filterwarnings("ignore")
    @pytest.mark.long
    def test_vae_with_torch_compile(x):
        _, _, vae = small_vae(jit_compile=True, metrics=[kdl.metrics.NegativeLogLikelihood()])
        assert falls(vae.fit(x, x, epochs=6, batch_size=20, verbose=0))
        assert vae.predict(x, batch_size=20, verbose=0).shape == (40, 6)


def test_predict_joins_batches_of_several_draws(x):
    """Keras joins on the first axis, so the sample axis comes after the batch's."""
    head = kdl.layers.IndependentNormal(
        3, convert_to_tensor_fn=lambda d: ops.moveaxis(d.sample(5), 0, 1)
    )
    model = keras.Sequential([keras.Input((6,)), head])
    assert model.predict(x, batch_size=16, verbose=0).shape == (40, 5, 3)


def test_vae_train_on_batch(x):
    _, _, vae = small_vae()
    before = float(np.asarray(vae.test_on_batch(x, x)))
    for _ in range(30):
        vae.train_on_batch(x, x)
    assert float(np.asarray(vae.test_on_batch(x, x))) < before
    assert np.asarray(vae.predict_on_batch(x)).shape == (40, 6)


class Subclassed(keras.Model):
    """An encoder and a decoder in `call`, no graph."""

    def __init__(self):
        super().__init__()
        regularizer = kdl.regularizers.KLDivergenceRegularizer(standard_normal(3))
        self.hidden = keras.layers.Dense(kdl.layers.MultivariateNormalTriL.params_size(3))
        self.latent = kdl.layers.MultivariateNormalTriL(3, activity_regularizer=regularizer)
        self.logits = keras.layers.Dense(6)
        self.pixels = kdl.layers.IndependentBernoulli(6)

    def call(self, inputs):
        z = self.latent(self.hidden(inputs))
        assert isinstance(z, RandomVariable)
        return self.pixels(self.logits(z))


def test_subclassed_model_trains(x):
    model = Subclassed()
    model.compile(
        "adam", kdl.losses.NegativeLogLikelihood(), metrics=[kdl.metrics.NegativeLogLikelihood()]
    )
    assert falls(model.fit(x, x, epochs=8, batch_size=8, verbose=0))
    assert model.predict(x, verbose=0).shape == (40, 6)
    assert isinstance(model(x), RandomVariable)
    assert len(model.losses) == 1


def test_head_within_a_custom_layer_trains(x):
    """In a graph, Keras asks such a layer for its shape: it has compute_output_shape."""

    class Block(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.dense, self.head = keras.layers.Dense(12), kdl.layers.IndependentNormal(6)

        def build(self, input_shape):
            self.dense.build(input_shape)
            self.head.build((*input_shape[:-1], 12))

        def compute_output_shape(self, input_shape):
            return (*input_shape[:-1], 6)

        def call(self, inputs):
            return self.head(self.dense(inputs))

    model = keras.Sequential([keras.Input((6,)), Block()])
    model.compile("adam", kdl.losses.NegativeLogLikelihood())
    assert falls(model.fit(x, x, epochs=5, verbose=0))


def test_vae_clone_trains(x):
    _, _, vae = small_vae()
    clone = keras.models.clone_model(vae)
    clone.compile("adam", kdl.losses.NegativeLogLikelihood())
    assert falls(clone.fit(x, x, epochs=8, batch_size=8, verbose=0))


def test_vae_with_a_lambda_as_loss_trains(x):
    _, _, vae = small_vae()
    vae.compile("adam", kdl.losses.DistributionLoss(lambda x, rv_x: -rv_x.log_prob(x)))
    assert falls(vae.fit(x, x, epochs=8, batch_size=8, verbose=0))


def test_loss_follows_sample_weight_in_evaluate(x):
    """A weight of zero on the second half: it is as if those rows cost nothing."""
    model = keras.Sequential([keras.Input((6,)), kdl.layers.IndependentBernoulli(6)])
    model.compile("sgd", kdl.losses.NegativeLogLikelihood(), weighted_metrics=[])
    weight = np.repeat(np.float32([1.0, 0.0]), 20)
    loss = model.evaluate(x, x, sample_weight=weight, batch_size=40, verbose=0)
    truth = -numpy(model(x).log_prob(x))
    np.testing.assert_allclose(loss, (truth * weight).sum() / 40, rtol=1e-5)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_vae_mixed_precision(x, policy):
    keras.config.set_dtype_policy(policy)
    _, _, vae = small_vae(metrics=[kdl.metrics.NegativeLogLikelihood()])
    history = vae.fit(x, x, epochs=8, batch_size=8, verbose=0, validation_data=(x, x))
    assert falls(history)
    assert np.isfinite(history.history["val_loss"]).all()
    state = [v for v in tracker_of(vae).variables if v.name != "step"]
    assert {keras.backend.standardize_dtype(v.dtype) for v in state} == {"float32"}


def test_decoder_and_monte_carlo_kl_see_the_same_draw():
    """Through the graph: the draw of the output and the one in the loss are one."""
    inputs = keras.Input((4,))
    regularizer = kdl.regularizers.KLDivergenceRegularizer(standard_normal(2), use_exact_kl=False)
    z = kdl.layers.IndependentNormal(2, activity_regularizer=regularizer)(inputs)
    model = keras.Model(inputs, {"z": z, "same": keras.layers.Identity()(z)})
    out = model(np.ones((5, 4), "float32"))
    np.testing.assert_array_equal(np.asarray(out["z"]), numpy(out["same"]))
    rv = out["z"]
    expected = numpy(rv.log_prob(rv) - standard_normal(2).log_prob(rv)).mean()
    np.testing.assert_allclose(float(model.losses[0]), expected, rtol=1e-5)


def test_predict_draws_anew_each_time(x):
    """Under jit the seed generator moves on: no draw is baked in."""
    model = keras.Sequential([keras.Input((6,)), kdl.layers.IndependentBernoulli(6)])
    zeros = np.zeros((64, 6), "float32")
    first, second = (model.predict(zeros, verbose=0) for _ in "ab")
    assert not np.array_equal(first, second)


def test_loss_may_sample_within_a_compiled_step(x):
    """rv.sample() without a seed, in the loss: legal, from the head's own generator."""
    loss = kdl.losses.DistributionLoss(
        lambda y, rv: ops.mean(ops.square(rv.sample(3) - y), axis=(0, 2)) - rv.entropy()
    )
    model = keras.Sequential(
        [keras.Input((6,)), keras.layers.Dense(12), kdl.layers.IndependentNormal(6)]
    )
    model.compile("adam", loss)
    assert falls(model.fit(x, x, epochs=10, batch_size=8, verbose=0))


def test_vae_in_a_custom_training_loop(x):
    _, _, vae = small_vae()
    before, after = {"jax": _jax_loop, "tensorflow": _tf_loop, "torch": _torch_loop}[BACKEND](
        vae, x
    )
    assert after < before


def _objective(model, x):
    rv = model(x)
    return kdl.losses.NegativeLogLikelihood()(x, rv) + sum(model.losses)


def _jax_loop(vae, x):
    import jax

    optimizer = keras.optimizers.Adam(1e-2)
    optimizer.build(vae.trainable_variables)
    nll = kdl.losses.NegativeLogLikelihood()

    def objective(trainable, rest):
        rv, rest, extra = vae.stateless_call(trainable, rest, x, return_losses=True)
        return nll(x, rv) + sum(extra), (rv, rest)

    @jax.jit
    def step(trainable, rest, state):
        (loss, (_, rest)), grads = jax.value_and_grad(objective, has_aux=True)(trainable, rest)
        trainable, state = optimizer.stateless_apply(state, grads, trainable)
        return loss, trainable, rest, state

    state = (
        [v.value for v in vae.trainable_variables],
        [v.value for v in vae.non_trainable_variables],
        [v.value for v in optimizer.variables],
    )
    seen = []
    for _ in range(30):
        loss, *state = step(*state)
        seen.append(float(loss))
    return seen[0], seen[-1]


def _tf_loop(vae, x):
    import tensorflow as tf

    optimizer = keras.optimizers.Adam(1e-2)
    optimizer.build(vae.trainable_variables)

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            loss = _objective(vae, x)
        optimizer.apply(tape.gradient(loss, vae.trainable_variables), vae.trainable_variables)
        return loss

    seen = [float(step()) for _ in range(30)]
    return seen[0], seen[-1]


def _torch_loop(vae, x):
    import torch

    optimizer = torch.optim.Adam(vae.parameters(), 1e-2)
    seen = []
    for _ in range(30):
        optimizer.zero_grad()
        loss = _objective(vae, x)
        loss.backward()
        optimizer.step()
        seen.append(float(loss.detach()))
    return seen[0], seen[-1]
