"""The loss of a bound: the KL's weight, free nats, masks and sample weights."""

import keras
import numpy as np
import pytest
from bounds import bernoulli_decoder, posterior, small_model, standard_layer, vectors
from helpers import binary, numpy, standard_normal
from keras import ops

import keras_distlayers as kdl

NLL = kdl.losses.NegativeLogLikelihood


def constant_decoder():
    """Its likelihood does not depend on the draw: log 2 for each of six pixels."""
    zeros = keras.layers.Dense(6, kernel_initializer="zeros")
    return keras.Sequential([zeros, kdl.layers.IndependentBernoulli(6)])


def kl_of(model, x):
    q = keras.Sequential(model.layers[:-1])(x)
    return float(numpy(q.kl_divergence(standard_normal(2))).mean())


LIKELIHOOD = 6.0 * np.log(2.0)


def untrained(**kwargs):
    """A model that stays as it is while it is trained."""
    model = small_model(decoder=constant_decoder(), **kwargs)
    model.compile(keras.optimizers.SGD(0.0), NLL())
    return model


def test_kl_schedule_weighs_the_kl_of_each_step():
    """The loss is the negative bound plus (weight - 1) KL, and that of evaluate the bound."""
    x = binary((32, 6))
    model = untrained(weight=kdl.schedules.LinearWarmup(8))
    monitor = kdl.callbacks.KLMonitor()
    history = model.fit(
        x, x, batch_size=8, epochs=2, shuffle=False, verbose=0, callbacks=[monitor],
        validation_data=(x, x),
    ).history  # fmt: skip
    kls = np.array([kl_of(model, x[i : i + 8]) for i in range(0, 32, 8)])
    weights = np.arange(8).reshape(2, 4) / 8.0
    np.testing.assert_allclose(history["loss"], LIKELIHOOD + (weights * kls).mean(1), rtol=1e-5)
    np.testing.assert_allclose(history["val_loss"], LIKELIHOOD + kls.mean(), rtol=1e-5)
    np.testing.assert_allclose(history["kl_divergence"], kls.mean(), rtol=1e-5)
    np.testing.assert_allclose(history["val_kl_divergence"], kls.mean(), rtol=1e-5)
    assert model.layers[-1].kl_tracker.step == 8
    assert model.evaluate(x, x, verbose=0) == pytest.approx(LIKELIHOOD + kls.mean(), rel=1e-5)


def test_kl_weight_is_set_between_epochs_and_saved(tmp_path):
    x = binary((16, 6))
    model = untrained(weight=1.0)
    scheduler = kdl.callbacks.KLWeightScheduler(lambda epoch, weight: 0.25 * epoch)
    history = model.fit(x, x, epochs=2, verbose=0, callbacks=[scheduler]).history
    kl = kl_of(model, x)
    np.testing.assert_allclose(history["loss"], [LIKELIHOOD, LIKELIHOOD + 0.25 * kl], rtol=1e-5)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert again.layers[-1].kl_tracker.weight == 0.25
    assert again.evaluate(x, x, verbose=0) == pytest.approx(LIKELIHOOD + kl, rel=1e-5)


@pytest.mark.parametrize("free_nats", [0.0, 1e-3, 100.0])
def test_free_nats_cost_nothing_in_training(free_nats):
    x = binary((16, 6))
    model = untrained(free_nats=free_nats)
    kl = kl_of(model, x)
    assert 1e-2 < kl < 50.0
    (loss,) = model.fit(x, x, verbose=0).history["loss"]
    assert loss == pytest.approx(LIKELIHOOD + max(kl, free_nats), rel=1e-5)
    assert model.evaluate(x, x, verbose=0) == pytest.approx(LIKELIHOOD + kl, rel=1e-5)


@pytest.mark.parametrize("estimator", ["reparameterization", "stl", "dreg"])
def test_weight_changes_the_loss_of_several_draws_by_the_kl(estimator):
    loc = vectors(5)
    layer = standard_layer(
        bernoulli_decoder(), num_samples=4, weight=0.5, estimator=estimator, use_exact_kl=False
    )
    rv = layer(posterior(loc, 0.8), training=True)
    kl = float(numpy(rv.distribution.estimated_kl()).mean())
    (loss,) = layer.losses
    assert float(numpy(loss)) == pytest.approx(-0.5 * kl, rel=1e-5)
    layer(posterior(loc, 0.8), training=False)
    assert not layer.losses


def test_mask_leaves_rows_out_of_the_loss_and_of_the_kl():
    x, loc = binary((4, 6)), vectors(4)
    mask = np.array([True, False, True, False])
    layer = standard_layer(constant_decoder(), weight=3.0)
    q = posterior(loc, 0.8)
    q._keras_mask = ops.convert_to_tensor(mask)
    rv = layer(q, training=True)
    kl = numpy(q.kl_divergence(standard_normal(2)))[mask]
    assert float(numpy(layer.losses[0])) == pytest.approx(2.0 * kl.mean(), rel=1e-5)
    assert float(numpy(NLL()(x, rv))) == pytest.approx(LIKELIHOOD + kl.mean(), rel=1e-5)


def test_sample_weights_weigh_what_the_weight_of_the_kl_changes_too():
    """A row of weight 0 has no part in the loss: its KL would fall below the bound's."""
    x, loc, weights = binary((4, 6)), vectors(4), np.array([1.0, 0.0, 2.0, 1.0], "float32")
    layer = standard_layer(bernoulli_decoder(), weight=0.25)
    rv = layer(posterior(loc, 0.8), training=True, sample_weight=weights)
    kl = numpy(posterior(loc, 0.8).kl_divergence(standard_normal(2)))
    (added,) = layer.losses
    assert float(numpy(added)) == pytest.approx(-0.75 * (weights * kl).sum() / 4, rel=1e-5)
    total = float(numpy(NLL()(x, rv, sample_weight=weights))) + float(numpy(added))
    likelihood = numpy(rv.log_prob(x)) + kl
    expected = (weights * (0.25 * kl - likelihood)).sum() / 4
    assert total == pytest.approx(expected, rel=1e-5)


def test_sample_weights_weigh_the_bounds_of_rows():
    x, weights = binary((12, 6)), np.arange(12.0)
    model = untrained()
    q = keras.Sequential(model.layers[:-1])(x)
    bounds = LIKELIHOOD + numpy(q.kl_divergence(standard_normal(2)))
    loss = model.evaluate(x, x, sample_weight=weights, verbose=0)
    assert loss == pytest.approx((bounds * weights).mean(), rel=1e-5)
