"""Temperatures, recalibrated distributions and conformal sets, from fit to file."""

import keras
import numpy as np
import pytest
from digits import digits
from helpers import numpy
from own_head import IndependentHyperbolicSecant, own_data, raw_model

import keras_distlayers as kdl

kd = kdl.distributions
QUIET = {"verbose": 0}


def mean(x):
    return float(numpy(x).mean())


def reloaded(model, tmp_path):
    model.save(tmp_path / "model.keras")
    return keras.models.load_model(tmp_path / "model.keras")


# ---------------------------------------------------------------- one temperature


@pytest.mark.parametrize(
    ("name", "temperature", "nll", "brier", "ece"),
    [
        ("logistic regression", 0.4787, 0.1409, 0.0663, 0.0148),
        ("naive Bayes", 10.7419, 0.4100, 0.1608, 0.0892),
    ],
)
def test_temperature_of_two_classifiers_of_digits(name, temperature, nll, brier, ece):
    """The figures of scikit-learn's classifiers; ECE rises where NLL falls fivefold."""
    y, y_test, logits = digits()
    x, x_test = logits[name]
    model = raw_model(kdl.layers.Categorical(10))
    calibrated = kdl.recalibration.TemperatureScaling().fit(model, x, y, **QUIET)
    assert calibrated.temperature == pytest.approx(temperature, abs=1e-4)
    found = kdl.predict_distribution(calibrated, x_test, **QUIET)
    assert mean(kdl.scores.log_score(found, y_test)) == pytest.approx(nll, abs=1e-4)
    assert mean(kdl.scores.brier(found, y_test)) == pytest.approx(brier, abs=1e-4)
    error = kdl.scores.expected_calibration_error(found, y_test, num_bins=15)
    assert float(error) == pytest.approx(ece, abs=1e-4)


def test_temperature_of_a_normal_is_the_weighted_spread(rng, tmp_path):
    """T^2 is the mean of the squares of the standardized targets, in closed form."""
    raw = rng.normal(size=(100, 4)).astype("float32")
    inputs = keras.Input((4,))
    model = keras.Model(inputs, kdl.layers.IndependentNormal(2, seed=1)(inputs))
    y = 3.0 * rng.normal(size=(100, 2)).astype("float32")
    weights = rng.random(100).astype("float32")
    y[:5], weights[:5] = np.nan, 0.0  # rows of weight 0 do not count at all
    fit = kdl.recalibration.TemperatureScaling().fit
    calibrated = fit(model, raw, y, sample_weight=weights, batch_size=7, **QUIET)
    z = (y - raw[:, :2]) / numpy(model(raw).stddev())
    expected = np.sqrt(np.average(np.square(z[5:]).mean(axis=1), weights=weights[5:]))
    assert calibrated.temperature == pytest.approx(expected, rel=1e-5)

    loaded = reloaded(calibrated, tmp_path)
    calibrated.compile(loss=kdl.losses.NegativeLogLikelihood())
    nll = calibrated.evaluate(raw[5:], y[5:], batch_size=10, **QUIET)
    for again in (calibrated, loaded):
        found = kdl.predict_distribution(again, raw, batch_size=9, **QUIET)
        np.testing.assert_allclose(
            numpy(found.stddev()), expected * numpy(model(raw).stddev()), rtol=1e-5
        )
        assert -mean(found.log_prob(y)[5:]) == pytest.approx(nll, rel=1e-5)


def test_head_of_a_users_own_has_a_temperature(tmp_path):
    raw, y = own_data(2000)
    model = raw_model(IndependentHyperbolicSecant(2))
    calibrated = kdl.recalibration.TemperatureScaling().fit(model, raw, y, **QUIET)
    assert calibrated.temperature == pytest.approx(2.0, rel=0.05)
    assert reloaded(calibrated, tmp_path).temperature == calibrated.temperature
