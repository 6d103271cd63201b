"""Temperatures, recalibrated distributions and conformal sets, from fit to file."""

import keras
import numpy as np
import pytest
from digits import digits
from helpers import numpy
from own_head import IndependentHyperbolicSecant, own_data, raw_model
from scipy import stats

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


# ---------------------------------------------------------------- the map of the PIT


def test_pit_recalibration_of_skewed_targets(rng, tmp_path):
    """Which the model holds for symmetric, in events of two entries, the second too narrow."""
    raw, y = own_data(1500)
    scale = np.log1p(np.exp(raw[:, 2:])) + 1e-5
    skewed = rng.gamma(2.0, size=y.shape) - 2.0
    y = (raw[:, :2] + scale * skewed * [1.0, 3.0]).astype("float32")
    model = raw_model(IndependentHyperbolicSecant(2))
    cal, new = (raw[:500], y[:500]), raw[500:]
    options = {"batch_size": 1000, **QUIET}
    recalibrated = kdl.recalibration.PITRecalibration().fit(model, *cal, **options)
    tempered = kdl.recalibration.TemperatureScaling().fit(model, *cal, **options)
    found, wider = (kdl.predict_distribution(m, new, **options) for m in (recalibrated, tempered))
    assert mean(kdl.scores.log_score(found, y[500:])) < mean(wider.log_prob(y[500:])) * -1.0 - 0.2
    # As far from uniform as two samples of 500 and 1000 rows may be, with one alarm in 10^5.
    limit = 2.5 * np.sqrt(1.0 / 500.0 + 1.0 / 1000.0)
    before, after = (numpy(kdl.scores.pit(d, y[500:])) for d in (wider, found))
    for i in range(2):
        assert stats.kstest(before[:, i], "uniform").statistic > limit
        assert stats.kstest(after[:, i], "uniform").statistic < limit
    # The first and the last of the calibration targets have 1 / 501 beyond them.
    at_targets = numpy(recalibrated(cal[0]).distribution.marginals().cdf(cal[1]))
    np.testing.assert_allclose(at_targets.min(axis=0), 1.0 / 501.0, rtol=1e-4)
    np.testing.assert_allclose(at_targets.max(axis=0), 500.0 / 501.0, rtol=1e-5)
    close = {"rtol": 1e-5, "atol": 1e-5}
    loaded = reloaded(recalibrated, tmp_path)
    rv = loaded(raw[500:])
    np.testing.assert_allclose(
        numpy(rv.log_prob(y[500:])), numpy(found.log_prob(y[500:])), **close
    )
    draws = numpy(rv.distribution.sample(500, seed=0))
    assert draws.shape == (500, 1000, 2)
    errors = (draws.mean(axis=0) - numpy(found.mean())) / numpy(found.stddev())
    assert np.abs(errors).max() < 6.0 / np.sqrt(500)


def small_normal():
    layers = [keras.layers.Dense(2), kdl.layers.IndependentNormal(1)]
    return keras.Sequential([keras.Input((4,)), *layers])


def test_recalibrators_around_an_ensemble_and_around_each_other(rng):
    """And inside a Functional model."""
    x = rng.normal(size=(99, 4)).astype("float32")
    y = rng.normal(size=(99, 1)).astype("float32")
    ensemble = kdl.ensembles.DeepEnsemble(small_normal, num_members=2, seed=0)
    tempered = kdl.recalibration.TemperatureScaling().fit(ensemble, x, y, **QUIET)
    parts = [model(x).distribution.components_distribution for model in (ensemble, tempered)]
    ratio = numpy(parts[1].stddev()) / numpy(parts[0].stddev())
    np.testing.assert_allclose(ratio, tempered.temperature, rtol=1e-5)

    inner = small_normal()
    outer = inner
    for recalibrator in (
        kdl.recalibration.TemperatureScaling(),
        kdl.recalibration.PITRecalibration(),
    ):
        outer = recalibrator.fit(outer, x, y, **QUIET)
    conformal = kdl.recalibration.SplitConformal(0.9).fit(outer, x, y, **QUIET)
    # 90 of 99; the one at the end of its interval may round, and ends that cross are exchanged.
    assert conformal.covers(x, y, **QUIET).sum() >= 89
    inputs = keras.Input((4,))
    nested = keras.Model(inputs, outer(inputs))
    close = {"rtol": 1e-5, "atol": 1e-5}
    np.testing.assert_allclose(numpy(nested(x).log_prob(y)), numpy(outer(x).log_prob(y)), **close)
