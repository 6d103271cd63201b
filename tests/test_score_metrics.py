"""Scores as metrics and as losses: batches, weights, masks, saving, training."""

import keras
import numpy as np
import pytest
from helpers import numpy
from keras import ops
from scipy import stats
from test_metrics import sequences, weighted_mean

import keras_distlayers as kdl
from keras_distlayers import metrics, scores
from keras_distlayers.testing._evaluation import evaluate

ROWS, STEPS = 22, 3


def point(t):
    return kdl.distributions.Deterministic(t[..., 0])


def masked_model():
    """Three distributions for each step of padded sequences."""
    inputs = keras.Input((STEPS, 2))
    x = keras.layers.Masking()(inputs)
    heads = {
        "real": kdl.layers.IndependentNormal(()),
        "label": kdl.layers.Categorical(2),
        "point": kdl.layers.DistributionLambda(point),
    }
    model = keras.Model(inputs, {name: head(x) for name, head in heads.items()})
    model.compile(
        loss=dict.fromkeys(heads, kdl.losses.DistributionLoss(zero)),
        weighted_metrics={
            "real": [
                metrics.CRPS(),
                metrics.IntervalScore(0.8),
                metrics.IntervalCoverage(0.8),
                metrics.IntervalWidth(0.8),
                metrics.Pinball(0.3),
            ],
            "label": [metrics.BrierScore(), metrics.ExpectedCalibrationError(5)],
            "point": [metrics.EnergyScore(num_draws=2)],
        },
    )
    return model


def zero(y_true, rv):
    return 0.0 * rv.log_prob(rv)


def expected_scores(rv, y, label, weights):
    """From the functions of the whole data, with the definition of weights."""
    real = {
        "crps": scores.crps(rv["real"], y),
        "interval_score": scores.interval_score(rv["real"], y, 0.8),
        "pinball": scores.pinball(rv["real"], y, 0.3),
    }
    entries = {
        "coverage": scores.coverage(rv["real"], y, 0.8),
        "width": scores.width(rv["real"], coverage=0.8),
    }
    found = {f"real_{k}": weighted_mean(numpy(v), weights) for k, v in real.items()}
    for name, value in entries.items():
        found[f"real_{name}"] = np.average(numpy(value), weights=weights)
    brier = numpy(scores.brier(rv["label"], label))
    found["label_brier"] = np.average(brier, weights=weights)
    found["label_ece"] = weighted_calibration_error(numpy(rv["label"].logits), label, weights, 5)
    error = np.abs(y - numpy(rv["point"].mean()))
    found["point_energy_score"] = weighted_mean(error, weights)
    return found


def weighted_calibration_error(logits, label, weights, num_bins):
    probs = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    confidence, is_right = probs.max(axis=-1), probs.argmax(axis=-1) == label
    index = np.ceil(confidence * num_bins) - 1
    gaps = weights * (confidence - is_right)
    return sum(abs(gaps[index == i].sum()) for i in range(num_bins)) / weights.sum()


def test_streaming_is_the_score_of_the_whole_data(rng):
    """With masks and with weights of steps; batches of 1, of 7 and a rest, and all at once."""
    x, _, is_step, weights = sequences(rng, ROWS, STEPS)
    y = rng.normal(size=is_step.shape).astype("float32")
    label = rng.integers(0, 2, size=is_step.shape).astype("int32")
    model = masked_model()
    expected = expected_scores(model(x), y, label, weights * is_step)
    targets = {"real": y, "label": label, "point": y}
    for batch_size in (1, 7, ROWS):
        found = model.evaluate(
            x,
            targets,
            sample_weight=dict.fromkeys(targets, weights),
            batch_size=batch_size,
            verbose=0,
            return_dict=True,
        )
        assert {k: found[k] for k in expected} == pytest.approx(expected, rel=2e-5), batch_size


SAVED = [
    metrics.CRPS(num_draws=7, seed=3),
    metrics.EnergyScore(name="energy", num_draws=7),
    metrics.IntervalScore(0.8, kind="highest_density"),
    metrics.IntervalCoverage(0.8),
    metrics.IntervalWidth(0.8),
    metrics.Pinball(0.3),
    metrics.BrierScore(),
    metrics.ExpectedCalibrationError(num_bins=4),
    kdl.losses.CRPS(num_draws=7),
    kdl.losses.EnergyScore(num_draws=7, seed=5, reduction="sum"),
]


@pytest.mark.parametrize("score", SAVED, ids=lambda score: type(score).__name__)
def test_configuration_makes_an_equal_one(score):
    config = keras.saving.serialize_keras_object(score)
    again = keras.saving.deserialize_keras_object(config)
    assert type(again) is type(score)
    assert again.get_config() == score.get_config()


def test_what_is_not_a_number_or_not_a_label_has_no_score():
    """Nor does it count as wrong: a NaN in the data would look like a miss."""
    nan = np.float32([np.nan, 0.5])
    normal = kdl.distributions.Normal([0.0, 0.0], 1.0)
    for score in ("log_score", "crps", "interval_score", "coverage", "pinball", "pit"):
        found = numpy(getattr(kdl.scores, score)(normal, nan))
        np.testing.assert_array_equal(np.isnan(found), [True, False], score)
    labels = kdl.distributions.Categorical(probs=[[0.5, 0.3, 0.2]] * 3)
    value = np.float32([np.nan, 7.0, 2.0])
    np.testing.assert_array_equal(
        np.isnan(numpy(kdl.scores.brier(labels, value))), [True, True, False]
    )
    assert np.isnan(numpy(kdl.scores.expected_calibration_error(labels, value)))


def test_directions():
    """For callbacks. A coverage is best at a number between."""
    for score in SAVED[:8]:
        expected = None if isinstance(score, metrics.IntervalCoverage) else "down"
        assert getattr(score, "_direction", None) == expected


def test_calibration_error_is_reset_and_starts_at_0(rng):
    metric = metrics.ExpectedCalibrationError()
    assert float(metric.result()) == 0.0
    rv = kdl.layers.Categorical(3)(rng.normal(size=(9, 3)).astype("float32"))
    y = rng.integers(0, 3, size=9)
    metric.update_state(y, rv)
    expected = float(scores.expected_calibration_error(rv, y))
    assert float(metric.result()) == pytest.approx(expected, abs=1e-6)
    metric.reset_state()
    assert float(metric.result()) == 0.0
    with pytest.raises(TypeError, match="the RandomVariable that a head returns"):
        metric.update_state(y, ops.zeros((9, 3)))


# ------------------------------------------------------------------ PIT


def transforms(families, values):
    return [scores.pit(*pair, seed=i) for i, pair in enumerate(zip(families, values, strict=True))]


def test_pit_is_uniform_where_the_model_is_right():
    """2000 draws, by Kolmogorov and Smirnov at the level 1e-4. Others: test_scores.py."""
    zeros = np.zeros(2_000, "float32")
    families = [
        kdl.distributions.Bernoulli(probs=zeros + 0.3),
        kdl.distributions.CensoredNormal(zeros, 1.0, low=-0.5, high=0.8),
    ]
    values = [family.sample(seed=10 + i) for i, family in enumerate(families)]
    for found in evaluate(transforms, families, values):
        assert stats.kstest(numpy(found), "uniform").pvalue > 1e-4


# ------------------------------------------------------------------ losses


def test_crps_of_a_loss_does_not_count_what_is_masked(rng):
    x, y, is_step, _ = sequences(rng)
    model = keras.Sequential(
        [keras.Input((3, 2)), keras.layers.Masking(), kdl.layers.IndependentNormal(())]
    )
    rv = model(x)
    values = np.where(is_step, numpy(scores.crps(rv, np.nan_to_num(y))), 0.0)
    expected = values.sum() / is_step.any(axis=1).sum()
    assert float(kdl.losses.CRPS()(y, rv)) == pytest.approx(expected, rel=1e-5)


def test_training_on_draws(rng):
    """A mixture without a closed form, whose draws have no gradient, in compiled steps."""
    head = kdl.layers.MixtureLogistic(2, event_shape=2)
    model = keras.Sequential(
        [keras.Input((1,)), keras.layers.Dense(head.num_params, kernel_initializer="zeros"), head]
    )
    x = np.ones((64, 1), "float32")
    y = (4.0 + 0.1 * rng.normal(size=(64, 2))).astype("float32")
    loss = kdl.losses.EnergyScore(num_draws=50)
    model.compile(keras.optimizers.Adam(0.1), loss, metrics=[metrics.CRPS(num_draws=50)])
    history = model.fit(x, y, batch_size=16, epochs=20, verbose=0).history
    assert history["crps"][-1] < 0.5 * history["crps"][0]
    # New draws at each step: of weights that stay the same, the loss is another number.
    model.optimizer.learning_rate = 0.0
    history = model.fit(x, y, batch_size=16, epochs=2, shuffle=False, verbose=0).history
    assert len(set(history["loss"])) == 2


@pytest.mark.parametrize("batch_size", [1, 7, 60])
def test_bins_of_equal_mass_are_those_of_the_whole_data(batch_size, rng):
    logits = (4.0 * rng.normal(size=(60, 3))).astype("float32")  # most are nearly sure
    is_sure = logits.max(axis=-1) > np.median(logits.max(axis=-1))
    labels = np.where(is_sure, logits.argmin(axis=-1), logits.argmax(axis=-1))
    model = keras.Sequential([keras.Input((3,)), kdl.layers.Categorical(3)])
    metric = metrics.ExpectedCalibrationError(5, binning="equal_mass")
    model.compile(loss=kdl.losses.NegativeLogLikelihood(), metrics=[metric])
    found = model.evaluate(logits, labels, batch_size=batch_size, verbose=0, return_dict=True)
    expected = scores.expected_calibration_error(model(logits), labels, 5, "equal_mass")
    assert found["ece"] == pytest.approx(float(numpy(expected)), rel=1e-5)
    uniform = scores.expected_calibration_error(model(logits), labels, 5)
    assert abs(found["ece"] - float(numpy(uniform))) > 0.01


def test_bins_of_equal_mass_follow_weights(rng):
    logits, labels = rng.normal(size=(20, 3)).astype("float32"), rng.integers(0, 3, size=20)
    counts = rng.integers(0, 4, size=20)
    weighted, repeated = (metrics.ExpectedCalibrationError(4, "equal_mass") for _ in range(2))
    head = kdl.layers.Categorical(3)
    weighted.update_state(labels, head(ops.convert_to_tensor(logits)), counts.astype("float32"))
    repeated.update_state(
        np.repeat(labels, counts), head(ops.convert_to_tensor(np.repeat(logits, counts, axis=0)))
    )
    assert float(numpy(weighted.result())) == pytest.approx(float(numpy(repeated.result())), 1e-5)
