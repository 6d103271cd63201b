"""Temperatures, recalibrated distributions and conformal sets, from fit to file."""

import keras
import numpy as np
import pytest
from digits import digits
from helpers import numpy
from keras import ops

import keras_distlayers as kdl

kd = kdl.distributions
QUIET = {"verbose": 0}


def mean(x):
    return float(numpy(x).mean())


def raw_model(head, size=None):
    """A model of a head alone: its inputs are the raw parameters."""
    return keras.Sequential([keras.Input((size or head.num_params,)), head])


def reloaded(model, tmp_path):
    model.save(tmp_path / "model.keras")
    return keras.models.load_model(tmp_path / "model.keras")


# A family and a head of a user's own, as short as they may be.


@keras.saving.register_keras_serializable("tests")
class HyperbolicSecant(kd.SymmetricLocationScale):
    def _standard_log_prob(self, z):
        x = 0.5 * np.pi * ops.abs(z)
        return -x - ops.log1p(ops.exp(-2.0 * x))

    def _standard_cdf(self, z):
        return 2.0 / np.pi * ops.arctan(ops.exp(0.5 * np.pi * z))

    def _standard_quantile(self, p):
        return 2.0 / np.pi * ops.log(ops.tan(0.5 * np.pi * p))

    def _standard_variance(self):
        return ops.ones((), self.dtype)


@keras.saving.register_keras_serializable("tests")
class IndependentHyperbolicSecant(kdl.layers.IndependentHead):
    distribution_class = HyperbolicSecant
    parameters = {"loc": kdl.layers.Real(), "scale": kdl.layers.Positive()}


def own_data(rows=400, spread=2.0, seed=0):
    """Raw parameters of that head for events of two entries, and targets that are too wide."""
    rng = np.random.default_rng(seed)
    raw = rng.normal(size=(rows, 4)).astype("float32")
    scale = np.log1p(np.exp(raw[:, 2:])) + 1e-5
    z = 2.0 / np.pi * np.log(np.tan(0.5 * np.pi * rng.random((rows, 2))))
    return raw, (raw[:, :2] + spread * scale * z).astype("float32")


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


def test_temperature_that_is_not_there_is_an_error(rng):
    fit = kdl.recalibration.TemperatureScaling().fit
    model = raw_model(kdl.layers.Categorical(2))
    logits = rng.normal(size=(20, 2)).astype("float32")
    with pytest.raises(ValueError, match="falls without end"):  # right for all rows
        fit(model, logits, logits.argmax(axis=-1), **QUIET)
    with pytest.raises(ValueError, match="is constant"):
        fit(model, np.zeros((20, 2)), logits.argmax(axis=-1), **QUIET)
    with pytest.raises(ValueError, match="1 of 20 whose log_prob is infinite"):
        fit(model, logits, np.eye(20, dtype=int)[0] * 5, **QUIET)
    with pytest.raises(ValueError, match=r"in the shape of a draw for all rows of x, \(20,\)"):
        fit(model, logits, np.zeros((20, 1)), **QUIET)
    with pytest.raises(ValueError, match="argument `sample_weight`"):
        fit(model, logits, np.zeros(20), sample_weight=np.zeros(20), **QUIET)
    counts = raw_model(kdl.layers.IndependentPoisson(1))
    with pytest.raises(TypeError, match="Take `SplitConformal`"):
        fit(counts, np.zeros((20, 1)), np.zeros((20, 1)), **QUIET)
    with pytest.raises(TypeError, match=r"expected a keras\.Model"):
        kdl.recalibration.TemperatureScaledModel(kdl.layers.Categorical(2))
    two = keras.Model(model.inputs, [model.outputs[0], keras.layers.Dense(1)(model.inputs[0])])
    with pytest.raises(TypeError, match="with one output"):
        fit(two, logits, np.zeros(20), **QUIET)
