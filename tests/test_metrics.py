"""Metrics in the ways people use them: weights, batches, masks, callbacks, accuracy."""

import keras
import numpy as np
import pytest
from helpers import binary, numpy, small_vae, standard_normal, tracker_of
from keras import ops

import keras_distlayers as kdl


@keras.saving.register_keras_serializable("tests")
def stddev(y_true, rv):
    return rv.stddev()


def sequences(rng, rows=7, steps=3):
    """Padded sequences, one of them empty, and a weight for each step."""
    x = rng.normal(size=(rows, steps, 2)).astype("float32")
    is_step = np.arange(steps) < rng.integers(1, steps + 1, size=(rows, 1))
    is_step[2] = False
    x[~is_step] = 0.0
    y = np.where(is_step, rng.normal(size=(rows, steps)), np.nan).astype("float32")
    return x, y, is_step, rng.uniform(0.1, 2.0, size=(rows, steps)).astype("float32")


def weighted_mean(values, weights):
    """The definition: each row weighs as much as its largest weight."""
    return (weights * values).sum() / weights.max(axis=1).sum()


@pytest.mark.parametrize("batch_size", [1, 3, 7])
def test_weights_of_steps_with_a_mask_do_not_depend_on_the_batches(batch_size, rng):
    x, y, is_step, weights = sequences(rng)
    model = keras.Sequential(
        [keras.Input((3, 2)), keras.layers.Masking(), kdl.layers.IndependentNormal(())]
    )
    model.compile(
        loss=kdl.losses.NegativeLogLikelihood(),
        metrics=[kdl.metrics.NegativeLogLikelihood()],
        weighted_metrics=[kdl.metrics.NegativeLogLikelihood(name="weighted")],
    )
    nats = np.where(is_step, -numpy(model(x).log_prob(np.nan_to_num(y))), 0.0)
    found = model.evaluate(
        x, y, sample_weight=weights, batch_size=batch_size, verbose=0, return_dict=True
    )
    assert found["nll"] == pytest.approx(weighted_mean(nats, is_step), rel=1e-5)
    assert found["weighted"] == pytest.approx(weighted_mean(nats, weights * is_step), rel=1e-5)


def test_weights_of_zero_and_one_are_a_mask_and_those_of_rows_weigh_rows(rng):
    rv = kdl.layers.IndependentNormal(())(rng.normal(size=(5, 4, 2)).astype("float32"))
    y = rng.normal(size=(5, 4)).astype("float32")
    nats = -numpy(rv.log_prob(y))
    is_kept = np.arange(4) < np.array([[4], [2], [1], [0], [3]])
    row_weights = rng.uniform(size=5).astype("float32")
    for weights, expected in (
        (is_kept.astype("float32"), (nats * is_kept).sum() / 4),
        (row_weights, np.average(nats.sum(axis=1), weights=row_weights)),
        (row_weights[:, None], np.average(nats.sum(axis=1), weights=row_weights)),
    ):
        metric = kdl.metrics.NegativeLogLikelihood()
        metric.update_state(y, rv, sample_weight=weights)
        assert float(metric.result()) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("name", ["nll", "negative_log_likelihood"])
def test_callbacks_find_the_direction_of_the_metric(name, tmp_path, rng):
    """Without `mode`: training that makes the metric worse stops, and keeps the first epoch."""
    model = keras.Sequential(
        [keras.Input((1,)), keras.layers.Dense(2), kdl.layers.IndependentNormal(1)]
    )
    gain = kdl.losses.DistributionLoss(lambda y, rv: rv.log_prob(y))
    metric = kdl.metrics.NegativeLogLikelihood(name=name)
    model.compile(keras.optimizers.SGD(0.05), gain, metrics=[metric])
    x, y = np.ones((4, 1), "float32"), rng.normal(size=(4, 1)).astype("float32")
    monitor = f"val_{name}"
    stop = keras.callbacks.EarlyStopping(monitor=monitor, patience=1)
    path = str(tmp_path / "epoch{epoch}.weights.h5")
    best = keras.callbacks.ModelCheckpoint(
        path, monitor=monitor, save_best_only=True, save_weights_only=True
    )
    history = model.fit(
        x, y, validation_data=(x, y), epochs=6, verbose=0, callbacks=[stop, best]
    ).history[monitor]
    assert len(history) == 2
    assert history[1] > history[0]
    assert [p.name for p in tmp_path.iterdir()] == ["epoch1.weights.h5"]


def test_direction_is_an_argument_and_in_the_config():
    for direction in ("up", "down", None):
        metric = kdl.metrics.DistributionMetric(stddev, direction=direction)
        config = keras.saving.serialize_keras_object(metric)
        assert keras.saving.deserialize_keras_object(config).direction == direction
    with pytest.raises(ValueError, match="'down', 'up' or None"):
        kdl.metrics.DistributionMetric(stddev, direction="min")


def test_distribution_metric_refuses_what_would_average_batches():
    with pytest.raises(TypeError, match=r"the loss 'stddev'.*Pass its function"):
        kdl.metrics.DistributionMetric(kdl.losses.DistributionLoss(stddev))
    rv = kdl.layers.IndependentNormal(1)(ops.zeros((4, 2)))
    for values in (lambda y, rv: ops.mean(rv.log_prob(y)), lambda y, rv: rv.log_prob(y)[:1]):
        with pytest.raises(ValueError, match=r"batch_shape \(4,\).*a value for each row"):
            kdl.metrics.DistributionMetric(values).update_state(ops.zeros((4, 1)), rv)


# ------------------------------------------------------------------ ModeAccuracy


def test_mode_accuracy_is_the_share_of_the_most_probable_labels(rng):
    x = rng.normal(size=(11, 5)).astype("float32")
    y = rng.integers(0, 3, size=11)
    weights = rng.uniform(size=11).astype("float32")
    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(3), kdl.layers.Categorical(3)])
    model.compile(
        loss=kdl.losses.NegativeLogLikelihood(),
        metrics=[kdl.metrics.ModeAccuracy()],
        weighted_metrics=[kdl.metrics.ModeAccuracy(name="weighted")],
    )
    is_right = numpy(model(x).logits).argmax(axis=1) == y
    assert 0.0 < is_right.mean() < 1.0
    found = model.evaluate(x, y, sample_weight=weights, batch_size=4, verbose=0, return_dict=True)
    assert found["accuracy"] == pytest.approx(is_right.mean(), rel=1e-5)
    assert found["weighted"] == pytest.approx(np.average(is_right, weights=weights), rel=1e-5)


def test_mode_accuracy_averages_over_steps_and_takes_events_whole(rng):
    x, _, is_step, weights = sequences(rng)
    y = rng.integers(0, 2, size=is_step.shape).astype("float32")
    rv = keras.Sequential(
        [keras.Input((3, 2)), keras.layers.Masking(), kdl.layers.Categorical(2)]
    )(x)
    metric = kdl.metrics.ModeAccuracy()
    metric.update_state(y, rv, sample_weight=weights)
    is_right = x.argmax(axis=-1) == y
    expected = np.average(is_right, weights=weights * is_step)
    assert float(metric.result()) == pytest.approx(expected, rel=1e-5)

    one_hot = kdl.layers.OneHotCategorical(2)(x[:, 0])
    metric = kdl.metrics.ModeAccuracy()
    metric.update_state(np.eye(2, dtype="float32")[y[:, 0].astype(int)], one_hot)
    assert float(metric.result()) == pytest.approx(is_right[:, 0].mean(), rel=1e-5)
    # A number between two labels is neither of them.
    metric.reset_state()
    metric.update_state(y[:, 0] + 0.5, kdl.layers.Categorical(2)(x[:, 0]))
    assert float(metric.result()) == 0.0


# ------------------------------------------------------------------ the KL, and the whole ELBO


def test_monitor_has_the_kl_of_an_evaluation(capsys):
    _, _, vae = small_vae()
    vae.compile(
        "adam", kdl.losses.NegativeLogLikelihood(), metrics=[kdl.metrics.NegativeLogLikelihood()]
    )
    x, monitor = binary((10, 6)), kdl.callbacks.KLMonitor()
    found = vae.evaluate(x, x, batch_size=4, verbose=0, return_dict=True, callbacks=[monitor])
    kl = monitor.results["kl_divergence"]
    assert kl == tracker_of(vae).kl_divergence > 0.0
    assert found["nll"] + kl == pytest.approx(found["loss"], rel=1e-5)
    capsys.readouterr()
    vae.evaluate(x, x, batch_size=4, verbose=2, callbacks=[monitor])
    assert "kl_divergence" in capsys.readouterr().out  # the progress bar
    stop = keras.callbacks.EarlyStopping(monitor="val_kl_divergence", mode="min")
    history = vae.fit(x, x, validation_data=(x, x), verbose=0, callbacks=[monitor, stop]).history
    assert monitor.results == {name: history[name][-1] for name in monitor.results}
    assert stop.best == history["val_kl_divergence"][-1]


@pytest.mark.parametrize("weight_shape", [(7,), (7, 1)])
def test_add_loss_takes_the_weights_of_examples(weight_shape, rng):
    """Beside `sample_weight` for the loss, the whole ELBO of a row is weighted."""
    x, y = rng.normal(size=(7, 4)).astype("float32"), rng.normal(size=(7, 3)).astype("float32")
    weights = rng.uniform(size=weight_shape).astype("float32")
    inputs, weight_inputs = keras.Input((4,)), keras.Input(weight_shape[1:])
    posterior = kdl.layers.IndependentNormal(2, convert_to_tensor_fn="mean")(inputs)
    add_loss = kdl.layers.KLDivergenceAddLoss(standard_normal(2), weight=0.5)
    z = add_loss(posterior, sample_weight=weight_inputs)
    outputs = kdl.layers.IndependentNormal(3)(keras.layers.Dense(6)(z))
    vae = keras.Model([inputs, weight_inputs], outputs)
    vae.compile(keras.optimizers.SGD(0.1), kdl.losses.NegativeLogLikelihood())
    kl = numpy(keras.Model(inputs, posterior)(x).kl_divergence(standard_normal(2)))
    nll = -numpy(vae([x, weights]).log_prob(y))
    found = vae.evaluate([x, weights], y, sample_weight=weights, batch_size=3, verbose=0)
    elbo = weights.reshape(7) * (nll + 0.5 * kl)
    assert found == pytest.approx(elbo.mean(), rel=1e-5)


def test_add_loss_with_weights_keeps_the_mask(rng):
    x, _, is_step, weights = sequences(rng)
    inputs, weight_inputs = keras.Input((3, 2)), keras.Input((3,))
    posterior = kdl.layers.IndependentNormal(1)(keras.layers.Masking()(inputs))
    add_loss = kdl.layers.KLDivergenceAddLoss(standard_normal(1))
    model = keras.Model([inputs, weight_inputs], add_loss(posterior, sample_weight=weight_inputs))
    kl = numpy(model([x, weights]).kl_divergence(standard_normal(1)))
    expected = (kl * weights * is_step).sum() / is_step.any(axis=1).sum()
    assert float(model.losses[0]) == pytest.approx(expected, rel=1e-5)
