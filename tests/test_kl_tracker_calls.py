"""A layer with a KL term that is called several times in one training step."""

import keras
import numpy as np
import pytest
from helpers import BACKEND, binary, numpy, small_vae, standard_normal, tracker_of
from keras import ops

import keras_distlayers as kdl

X, Y = binary((8, 6), seed=0), binary((8, 6), seed=1)


def siamese(metrics=True, **kwargs):
    """One encoder for two inputs; returns the encoder and the compiled model."""
    run = {name: kwargs.pop(name) for name in ("run_eagerly",) if name in kwargs}
    encoder, decoder, _ = small_vae(**kwargs)
    inputs = [keras.Input((6,)), keras.Input((6,))]
    model = keras.Model(inputs, decoder(keras.layers.Add()([encoder(x) for x in inputs])))
    nll = [kdl.metrics.NegativeLogLikelihood()] if metrics else None
    model.compile("sgd", kdl.losses.NegativeLogLikelihood(), metrics=nll, **run)
    return encoder, model


def true_kl(encoder, *batches):
    """The mean over rows of each batch, summed over batches."""
    prior = standard_normal(3)
    return sum(numpy(encoder(x).kl_divergence(prior)).mean() for x in batches)


@pytest.mark.parametrize("run_eagerly", [False, True], ids=["graph", "eager"])
def test_kl_tracker_adds_all_calls_of_a_step_in_fit(run_eagerly):
    encoder, model = siamese(weight=0.5, run_eagerly=run_eagerly)
    truth = true_kl(encoder, X, Y)
    monitor = kdl.callbacks.KLMonitor()
    history = model.fit([X, Y], X, batch_size=8, verbose=0, callbacks=[monitor]).history
    assert history["kl_divergence"] == pytest.approx([truth], rel=1e-5)
    assert history["loss"][0] - history["nll"][0] == pytest.approx(0.5 * truth, rel=1e-4)
    assert tracker_of(model).step == 1


def test_kl_tracker_adds_all_calls_of_a_step_in_evaluate_and_train_on_batch():
    encoder, model = siamese()
    truth = true_kl(encoder, X, Y)
    figures = model.evaluate([X, Y], X, batch_size=3, verbose=0, return_dict=True)
    assert figures["loss"] - figures["nll"] == pytest.approx(truth, rel=1e-4)
    assert tracker_of(model).step == 0
    figures = model.train_on_batch([X, Y], X, return_dict=True)
    assert figures["loss"] - figures["nll"] == pytest.approx(truth, rel=1e-4)
    assert tracker_of(model).step == 1


def test_kl_tracker_counts_steps_for_a_schedule_and_not_calls():
    _, model = siamese(weight=kdl.schedules.LinearWarmup(10))
    monitor = kdl.callbacks.KLMonitor()
    history = model.fit([X, Y], X, batch_size=2, epochs=2, verbose=0, callbacks=[monitor]).history
    assert tracker_of(model).step == 8
    assert history["kl_weight"] == pytest.approx([0.3, 0.7])
    _, model = siamese(weight=kdl.schedules.LinearWarmup(10))
    history = model.fit([X, Y], X, batch_size=8, epochs=4, verbose=0, callbacks=[monitor]).history
    assert history["kl_weight"] == pytest.approx([0.0, 0.1, 0.2, 0.3])
    np.testing.assert_allclose(
        np.subtract(history["loss"], history["nll"]),
        np.multiply(history["kl_weight"], history["kl_divergence"]),
        atol=2e-5,
    )


def compiled(function):
    """The function under jit, on the backend that has no other way to train."""
    if BACKEND != "jax":
        return function
    import jax

    return jax.jit(function)


@pytest.mark.parametrize("compile_it", [False, True], ids=["as it is", "compiled"])
def test_kl_tracker_adds_all_calls_in_a_stateless_call(compile_it):
    encoder, model = siamese(weight=kdl.schedules.LinearWarmup(10, start=1.0, end=3.0))
    truth = true_kl(encoder, X, Y)

    def step(trainable, others, inputs):
        _, others, losses = model.stateless_call(
            trainable, others, inputs, training=True, return_losses=True
        )
        return others, sum(losses)

    step = compiled(step) if compile_it else step
    trainable = [v.value for v in model.trainable_variables]
    others = [v.value for v in model.non_trainable_variables]
    for weight in (1.0, 1.2, 1.4):
        others, loss = step(trainable, others, [ops.array(X), ops.array(Y)])
        assert float(numpy(loss)) == pytest.approx(weight * truth, rel=1e-5)


def test_kl_tracker_of_a_masked_time_distributed_encoder_averages_each_step_over_its_rows():
    encoder = keras.Sequential(
        [
            keras.Input((3,)),
            keras.layers.Dense(4, kernel_initializer=keras.initializers.RandomNormal(seed=1)),
            kdl.layers.IndependentNormal(
                2,
                activity_regularizer=kdl.regularizers.KLDivergenceRegularizer(standard_normal(2)),
                seed=0,
            ),
        ]
    )
    model = keras.Sequential(
        [
            keras.Input((4, 3)),
            keras.layers.Masking(),
            keras.layers.TimeDistributed(encoder),
            kdl.layers.DistributionLambda(
                lambda z: kdl.distributions.Independent(kdl.distributions.Normal(z, 1.0), 1)
            ),
        ]
    )
    nll = [kdl.metrics.NegativeLogLikelihood()]
    model.compile("sgd", kdl.losses.NegativeLogLikelihood(), metrics=nll)
    x = np.random.default_rng(0).normal(size=(6, 4, 3)).astype("float32")
    lengths = np.array([4, 4, 3, 2, 1, 1])
    mask = np.arange(4) < lengths[:, None]
    x[~mask] = 0.0
    kl = numpy(encoder(x.reshape(-1, 3)).kl_divergence(standard_normal(2))).reshape(6, 4)
    truth = ((kl * mask).sum(axis=0) / mask.sum(axis=0)).sum()
    y = np.zeros((6, 4, 2), "float32")
    monitor = kdl.callbacks.KLMonitor()
    history = model.fit(x, y, batch_size=6, verbose=0, callbacks=[monitor]).history
    assert history["kl_divergence"] == pytest.approx([truth], rel=1e-5)
    assert history["loss"][0] - history["nll"][0] == pytest.approx(truth, rel=1e-4)
    model(x)
    assert len(model.losses) == 4
    assert tracker_of(model).step == 1


def test_kl_divergence_add_loss_adds_all_calls_of_a_step():
    layer = kdl.layers.KLDivergenceAddLoss(standard_normal(2), weight=0.5)
    head = kdl.layers.IndependentNormal(2, "mean", seed=0)
    inputs = [keras.Input((4,)), keras.Input((4,))]
    first, second = (layer(head(x)) for x in inputs)
    model = keras.Model(inputs, keras.layers.Add()([first, second]))
    model.compile("sgd", "mse")
    x, y = (np.random.default_rng(i).normal(size=(5, 4)).astype("float32") for i in (0, 1))
    truth = sum(numpy(head(z).kl_divergence(standard_normal(2))).mean() for z in (x, y))
    loss = model.evaluate([x, y], x[:, :2] + y[:, :2], verbose=0)
    assert loss == pytest.approx(0.5 * truth, rel=1e-5)


def test_head_adds_any_other_regularizer_for_all_calls_of_a_step():
    head = kdl.layers.IndependentNormal(
        2, "mean", activity_regularizer=lambda rv: ops.sum(rv.mean() ** 2), seed=0
    )
    inputs = [keras.Input((4,)), keras.Input((4,)), keras.Input((4,))]
    model = keras.Model(inputs, keras.layers.Add()([head(x) for x in inputs]))
    model.compile("sgd", "mse")
    data = [np.full((5, 4), value, "float32") for value in (1.0, 2.0, 3.0)]
    loss = model.evaluate(data, np.full((5, 2), 6.0, "float32"), verbose=0)
    assert loss == pytest.approx(2 * (1.0 + 4.0 + 9.0), rel=1e-5)


def test_kl_tracker_begins_a_new_step_when_the_model_is_called_again():
    encoder, model = siamese(metrics=False)
    for count in (1, 2, 3):
        model([X, Y], training=True)
        assert tracker_of(model).step == count
        total = float(numpy(sum(model.losses)))
        assert total == pytest.approx(true_kl(encoder, X, Y), rel=1e-5)


if BACKEND == "torch":

    def test_kl_tracker_lets_gradients_of_several_steps_accumulate():
        _, model = siamese(metrics=False, weight=kdl.schedules.LinearWarmup(10, start=1.0))
        losses = []
        for _ in range(3):
            model([X, Y], training=True)
            losses += model.losses
        sum(losses).backward()  # nothing that the gradient needs was changed in place
        assert all(
            v.value.grad is not None for v in model.get_layer("encoder").trainable_variables
        )
