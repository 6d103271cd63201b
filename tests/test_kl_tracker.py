"""The KL term of a model: nats per example, weights, schedules, callbacks."""

import keras
import numpy as np
import pytest
from helpers import binary, numpy, small_vae, standard_normal, tracker_of
from keras import ops

import keras_distlayers as kdl


def normal_kl(raw, event_size):
    """The textbook's KL of IndependentNormal to the standard normal, in float64."""
    loc, scale = np.split(raw.astype("f8"), 2, axis=-1)
    scale = np.logaddexp(scale, 0.0) + 1e-5
    return 0.5 * (scale**2 + loc**2 - 1.0 - 2.0 * np.log(scale)).sum(axis=-1)


def head(prior, convert_to_tensor_fn="sample", **kwargs):
    regularizer = kdl.regularizers.KLDivergenceRegularizer(prior, **kwargs)
    return kdl.layers.IndependentNormal(
        2, convert_to_tensor_fn, activity_regularizer=regularizer, seed=0
    )


TEN_DRAWS = {
    "one draw": ("sample", 1),
    "ten draws": ("sample", 10),
    "the head draws ten": (lambda d: d.sample(10), 10),
    "the tensor is the mean": ("mean", 1),
}


# Every estimator with all kinds of draws, and with each of these; so has each kind of draws three.
BATCHES = [(1, ()), (32, (3, 2)), (1, (3, 2)), (32, ())]
ESTIMATES = [
    pytest.param(*BATCHES[(i + j) % 4], exact, draws, id=f"{draws}-{exact}")
    for i, exact in enumerate((None, True, False))
    for j, draws in enumerate(TEN_DRAWS)
]


@pytest.mark.parametrize(("batch", "inner", "exact", "draws"), ESTIMATES)
def test_kl_tracker_adds_the_true_mean_kl_in_nats_per_example(batch, inner, exact, draws):
    """Exact: to 1e-5. Monte Carlo: over 60 calls, within 5.5 standard errors (4e-8)."""
    convert, num_samples = TEN_DRAWS[draws]
    raw = np.random.default_rng(0).normal(size=(batch, *inner, 4)).astype("float32")
    truth = normal_kl(raw, 2).reshape(batch, -1).sum(axis=1).mean()
    layer = head(standard_normal(2), convert, use_exact_kl=exact, num_samples=num_samples)
    estimates = []
    for _ in range(1 if exact is not False else 60):
        layer(raw)
        loss = layer.losses[-1]
        assert tuple(loss.shape) == ()
        estimates.append(float(loss))
    error = 1e-5 * truth
    if exact is False:
        error = 5.5 * np.std(estimates) / np.sqrt(len(estimates))
    assert abs(np.mean(estimates) - truth) <= error


def test_kl_tracker_estimates_from_the_layers_own_draw():
    layer = head(standard_normal(2), use_exact_kl=False)
    rv = layer(np.random.default_rng(0).normal(size=(5, 4)).astype("float32"))
    expected = rv.log_prob(rv) - standard_normal(2).log_prob(rv)
    np.testing.assert_allclose(float(layer.losses[0]), numpy(expected).mean(), rtol=1e-5)


def test_kl_tracker_estimates_from_given_points():
    points = np.zeros((3, 1, 2), "float32")
    layer = head(standard_normal(2), use_exact_kl=False, test_points_fn=lambda rv: points)
    rv = layer(np.ones((5, 4), "float32"))
    expected = rv.log_prob(points) - standard_normal(2).log_prob(points)
    np.testing.assert_allclose(float(layer.losses[0]), numpy(expected).mean(), rtol=1e-5)


def test_kl_tracker_estimates_a_pair_without_a_closed_form():
    class Uniform(kdl.distributions.Distribution):
        """On [-50, 50]."""

        parameter_ndims = {"width": 0}

        def __init__(self, width):
            super().__init__(width=width)

        def _sample(self, sample_shape, seed):
            shape = (*sample_shape, *self.dynamic_shape())
            return self.width * (keras.random.uniform(shape, seed=seed) - 0.5)

        def _log_prob(self, value):
            return ops.zeros_like(value) - ops.log(self.width)

    prior = kdl.distributions.Independent(Uniform(np.full(2, 100.0, "float32")), 1)
    raw = np.zeros((2000, 4), "float32")
    layer = head(prior)
    rv = layer(raw)
    truth = 2 * np.log(100.0) - numpy(rv.entropy())[0]
    assert float(layer.losses[0]) == pytest.approx(truth, abs=0.15)


def test_kl_tracker_leaves_masked_steps_out():
    raw = np.random.default_rng(0).normal(size=(3, 4, 4)).astype("float32")
    raw[1, 2:], raw[2] = 0.0, 0.0
    layer = head(standard_normal(2))
    keras.Sequential([keras.Input((4, 4)), keras.layers.Masking(), layer])(raw)
    mask = np.any(raw != 0, axis=-1)
    expected = (normal_kl(raw, 2) * mask).sum() / 2
    np.testing.assert_allclose(float(layer.losses[0]), expected, rtol=1e-5)


def test_kl_tracker_applies_weight_and_free_nats():
    raw = np.random.default_rng(0).normal(size=(8, 4)).astype("float32")
    truth = normal_kl(raw, 2).mean()

    def loss(**kwargs):
        layer = head(standard_normal(2), **kwargs)
        layer(raw)
        return float(layer.losses[0]) / truth

    assert loss(weight=0.25) == pytest.approx(0.25, rel=1e-5)
    assert loss(free_nats=0.1) == pytest.approx(1.0, rel=1e-5)
    assert loss(free_nats=100.0, weight=0.5) * truth == pytest.approx(50.0)


def test_head_averages_a_keras_regularizer_over_the_batch():
    raw = np.ones((8, 4), "float32")
    layer = kdl.layers.IndependentNormal(
        2, "mean", activity_regularizer=keras.regularizers.L2(0.5)
    )
    layer(raw)
    assert float(layer.losses[0]) == pytest.approx(0.5 * 2.0)
    layer = kdl.layers.IndependentNormal(2, activity_regularizer=lambda rv: ops.sum(rv.entropy()))
    rv = layer(raw)
    assert float(layer.losses[0]) == pytest.approx(float(rv.entropy()[0]), rel=1e-5)


def test_kl_divergence_add_loss_adds_the_same_term_as_a_head():
    raw = np.random.default_rng(0).normal(size=(8, 4)).astype("float32")
    model = keras.Sequential(
        [
            keras.Input((4,)),
            kdl.layers.IndependentNormal(2, seed=0),
            kdl.layers.KLDivergenceAddLoss(standard_normal(2), weight=0.5),
        ]
    )
    rv = model(raw)
    assert tuple(rv.log_prob(rv).shape) == (8,)
    np.testing.assert_allclose(float(model.losses[0]), 0.5 * normal_kl(raw, 2).mean(), rtol=1e-5)
    clone = keras.models.clone_model(model)
    clone(raw)
    np.testing.assert_allclose(float(clone.losses[0]), float(model.losses[0]), rtol=1e-6)


# ------------------------------------------------------------------ weights over time


@keras.saving.register_keras_serializable("tests")
def staircase(step):
    return ops.floor(ops.cast(step, "float32") / 2.0)


SCHEDULES = {
    "warmup": (kdl.schedules.LinearWarmup(4), [0.0, 0.25, 0.5, 0.75, 1.0, 1.0, 1.0, 1.0]),
    "cyclical": (kdl.schedules.Cyclical(4), [0.0, 0.5, 1.0, 1.0, 0.0, 0.5, 1.0, 1.0]),
    "function": (staircase, [0.0, 0.0, 1.0, 1.0, 2.0, 2.0, 3.0, 3.0]),
    "keras": (
        keras.optimizers.schedules.PiecewiseConstantDecay([3], [0.5, 2.0]),
        [0.5, 0.5, 0.5, 0.5, 2.0, 2.0, 2.0, 2.0],
    ),
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedule_moves_with_the_steps_and_goes_on_after_a_reload(name, tmp_path):
    schedule, expected = SCHEDULES[name]
    _, _, vae = small_vae(weight=schedule)
    x = binary((8, 6))

    def train(model):
        model.fit(x, x, batch_size=8, verbose=0)  # one step
        return tracker_of(model).weight

    assert [train(vae) for _ in range(4)] == pytest.approx(expected[:4])
    vae.evaluate(x, x, verbose=0)  # no step
    vae.save(tmp_path / "vae.keras")
    reloaded = keras.models.load_model(tmp_path / "vae.keras")
    assert [train(reloaded) for _ in range(4)] == pytest.approx(expected[4:])


def test_schedule_weights_the_loss():
    _, _, vae = small_vae(weight=kdl.schedules.LinearWarmup(2))
    x = binary((8, 6))
    nll = kdl.metrics.NegativeLogLikelihood()
    vae.compile("adam", kdl.losses.NegativeLogLikelihood(), metrics=[nll])
    monitor = kdl.callbacks.KLMonitor()
    history = vae.fit(x, x, batch_size=8, epochs=4, verbose=0, callbacks=[monitor]).history
    parts = np.subtract(history["loss"], history["nll"])
    weights = [0.0, 0.5, 1.0, 1.0]
    np.testing.assert_allclose(parts, np.multiply(weights, history["kl_divergence"]), atol=1e-4)
    np.testing.assert_allclose(history["kl_weight"], weights)


@pytest.mark.parametrize("bad", [0, -3])
def test_schedule_refuses_a_period_that_is_not_positive(bad):
    with pytest.raises(ValueError, match="positive"):
        kdl.schedules.LinearWarmup(bad)
    with pytest.raises(ValueError, match="positive"):
        kdl.schedules.Cyclical(bad)


# ------------------------------------------------------------------ callbacks


def test_kl_monitor_fills_history_and_progress_bar(capsys):
    _, _, vae = small_vae(metrics=[kdl.metrics.NegativeLogLikelihood()], weight=0.5)
    x = binary((20, 6))
    history = vae.fit(
        x, x, batch_size=8, epochs=3, validation_data=(x[:7], x[:7]),
        callbacks=[kdl.callbacks.KLMonitor()], verbose=2,
    ).history  # fmt: skip
    assert set(history) == {
        "loss", "nll", "val_loss", "val_nll", "kl_divergence", "val_kl_divergence", "kl_weight",
    }  # fmt: skip
    printed = capsys.readouterr().out
    for name in ("kl_divergence", "val_kl_divergence", "kl_weight", "nll"):
        assert name in printed
    for part in ("", "val_"):
        # loss = NLL + weight KL, of every epoch, unequal batches included.
        total = np.add(history[f"{part}nll"], 0.5 * np.array(history[f"{part}kl_divergence"]))
        np.testing.assert_allclose(history[f"{part}loss"], total, rtol=1e-4)


def test_kl_monitor_shows_the_true_mean_over_the_data():
    encoder, _, vae = small_vae()
    x = binary((20, 6))
    vae.evaluate(x, x, batch_size=8, verbose=0, callbacks=[kdl.callbacks.KLMonitor()])
    mean = tracker_of(vae).kl_divergence
    truth = numpy(encoder(x).kl_divergence(standard_normal(3))).mean()
    np.testing.assert_allclose(mean, truth, rtol=1e-5)


def test_kl_monitor_sums_two_terms_and_shows_them_apart():
    prior = standard_normal(2)
    x = keras.Input((4,))
    regularizer = [kdl.regularizers.KLDivergenceRegularizer(prior, weight=w) for w in (1.0, 0.5)]
    first = kdl.layers.IndependentNormal(2, activity_regularizer=regularizer[0], name="first")(x)
    second = kdl.layers.IndependentNormal(2, activity_regularizer=regularizer[1], name="second")(
        keras.layers.Dense(4)(first)
    )
    model = keras.Model(x, second)
    model.compile("adam", kdl.losses.NegativeLogLikelihood())
    data = np.ones((8, 4), "float32")
    history = model.fit(
        data, data[:, :2], verbose=0, callbacks=[kdl.callbacks.KLMonitor()]
    ).history
    parts = history["first_kl_divergence"][0] + history["second_kl_divergence"][0]
    assert history["kl_divergence"][0] == pytest.approx(parts)
    assert (history["first_kl_weight"][0], history["second_kl_weight"][0]) == (1.0, 0.5)


def test_kl_weight_scheduler_sets_the_weight_of_each_epoch(capsys):
    _, _, vae = small_vae()
    x = binary((8, 6))
    scheduler = kdl.callbacks.KLWeightScheduler(lambda epoch: epoch / 2, verbose=1)
    history = vae.fit(
        x, x, epochs=3, verbose=0, callbacks=[kdl.callbacks.KLMonitor(), scheduler]
    ).history
    assert history["kl_weight"] == pytest.approx([0.0, 0.5, 1.0])
    assert "KL weight to 0.5" in capsys.readouterr().out
    doubling = kdl.callbacks.KLWeightScheduler(lambda epoch, weight: weight * 2)
    vae.fit(x, x, epochs=2, verbose=0, callbacks=[doubling])
    assert tracker_of(vae).weight == 4.0


def test_kl_weight_scheduler_leaves_a_weight_that_is_saved(tmp_path):
    _, _, vae = small_vae()
    x = binary((8, 6))
    vae.fit(x, x, verbose=0, callbacks=[kdl.callbacks.KLWeightScheduler(lambda epoch: 0.125)])
    vae.save(tmp_path / "vae.keras")
    reloaded = keras.models.load_model(tmp_path / "vae.keras")
    assert tracker_of(reloaded).weight == 0.125


# ------------------------------------------------------------------ the ELBO as a whole


def test_elbo_of_a_linear_gaussian_model_is_its_evidence():
    """z ~ N(0, 1), x | z ~ N(w z, s^2): with the true posterior, -ELBO = -log p(x).

    p(x) = N(0, w w' + s^2), in closed form. The NLL part is a Monte Carlo mean over 100,000
    examples with the same x, so the bound is met to within 5.5 standard errors.
    """
    w, s, x = np.array([1.0, -0.5], "float32"), 0.8, np.array([0.7, 0.3], "float32")
    precision = 1.0 + w @ w / s**2
    loc, scale = (w @ x / s**2) / precision, precision**-0.5
    raw_scale = np.log(np.expm1(scale - 1e-5))
    count = 100_000

    prior = standard_normal(1)
    posterior = kdl.layers.IndependentNormal(
        1, activity_regularizer=kdl.regularizers.KLDivergenceRegularizer(prior), seed=0
    )
    likelihood = kdl.layers.DistributionLambda(
        lambda z: kdl.distributions.Independent(
            kdl.distributions.Normal(ops.multiply(z, w), np.full(2, s, "float32")), 1
        )
    )
    model = keras.Sequential([keras.Input((2,)), posterior, likelihood])
    rv = model(np.tile(np.float32([loc, raw_scale]), (count, 1)))
    rows = -numpy(rv.log_prob(x)).astype("f8")
    minus_elbo = float(kdl.losses.NegativeLogLikelihood()(np.tile(x, (count, 1)), rv))
    minus_elbo += float(model.losses[0])
    covariance = np.outer(w, w) + s**2 * np.eye(2)
    evidence = -0.5 * (
        x @ np.linalg.solve(covariance, x) + np.log(np.linalg.det(2 * np.pi * covariance))
    )
    assert abs(minus_elbo + evidence) <= 5.5 * rows.std() / np.sqrt(count) + 1e-4


X = binary((16, 6))


class CallsTheModel(keras.callbacks.Callback):
    """Evaluates and predicts in the middle of an epoch, and before its end."""

    def on_train_batch_end(self, batch, logs=None):
        if batch == 0:
            self.model.evaluate(10.0 * X, X, verbose=0)

    def on_epoch_end(self, epoch, logs=None):
        self.model.predict(10.0 * X, verbose=0)


class StopsTraining(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        raise KeyboardInterrupt


def test_kl_monitor_sees_training_steps_alone_whatever_other_callbacks_do():
    _, _, vae = small_vae()
    vae.compile(keras.optimizers.SGD(0.0), kdl.losses.NegativeLogLikelihood())
    arguments = {"batch_size": 8, "validation_data": (2.0 * X, X), "verbose": 0}
    expected = vae.fit(X, X, callbacks=[kdl.callbacks.KLMonitor()], **arguments).history
    callbacks = [CallsTheModel(), kdl.callbacks.KLMonitor()]
    history = vae.fit(X, X, callbacks=callbacks, **arguments).history
    for name in ("kl_divergence", "val_kl_divergence"):
        np.testing.assert_allclose(history[name], expected[name], rtol=1e-5)
    monitor = kdl.callbacks.KLMonitor()
    with pytest.raises(KeyboardInterrupt):
        vae.fit(X, X, verbose=0, callbacks=[monitor, StopsTraining()])
    vae.evaluate(X, X, verbose=0, callbacks=[monitor])
    np.testing.assert_allclose(
        monitor.results["kl_divergence"], expected["kl_divergence"], rtol=1e-5
    )


def test_weight_zero_leaves_out_an_infinite_kl():
    """As a warm-up begins: the loss was NaN, and so were all weights after the first step."""
    kd = kdl.distributions
    prior = kd.Categorical(probs=[0.0, 1.0])
    posterior = kd.Categorical(probs=[[0.5, 0.5]])
    warmup = kdl.regularizers.KLDivergenceRegularizer(prior, weight=kdl.schedules.LinearWarmup(2))
    assert float(warmup(posterior, step=0)) == 0.0
    assert float(warmup(posterior, step=1)) == np.inf
