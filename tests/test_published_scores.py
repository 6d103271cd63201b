"""Scores of two models in closed form or of scikit-learn, against figures known beforehand."""

import numpy as np
import pytest
from digits import digits
from helpers import numpy
from predictive_normal import predictive_normal

import keras_distlayers as kdl
from keras_distlayers import scores

kd = kdl.distributions


def mean(score):
    return float(numpy(score).mean())


def test_scores_of_an_exact_predictive_distribution():
    normal, value = predictive_normal()
    assert value.shape == (111,)
    assert mean(scores.log_score(normal, value)) == pytest.approx(1.08167, abs=6e-6)
    assert mean(scores.crps(normal, value)) == pytest.approx(0.40182, abs=6e-6)
    assert mean(scores.coverage(normal, value, 0.9)) == pytest.approx(0.9189, abs=6e-5)
    assert mean(scores.interval_score(normal, value, 0.9)) == pytest.approx(2.9965, abs=6e-5)
    assert mean(scores.pit(normal, value)) == pytest.approx(0.4749, abs=6e-5)
    error = numpy(normal.mean()) - value
    assert np.sqrt(np.mean(error**2)) == pytest.approx(0.71359, abs=6e-6)
    low, high = (numpy(x) for x in kd.interval(normal, 0.9))
    assert mean(scores.width(normal, coverage=0.9)) == pytest.approx((high - low).mean())


def test_scores_of_a_mean_field_posterior():
    normal, value = predictive_normal("mean field")
    assert mean(scores.log_score(normal, value)) == pytest.approx(1.08227, abs=6e-6)
    assert mean(scores.crps(normal, value)) == pytest.approx(0.40185, abs=6e-6)
    assert mean(scores.interval_score(normal, value, 0.9)) == pytest.approx(2.9994, abs=6e-5)


def test_scores_of_two_classifiers_of_digits():
    """The published figures, before and after division by the best temperature."""
    _, y, logits_of = digits()
    (_, logits), (_, joint) = logits_of.values()
    for given, temperature, nll, brier, ece in [
        (logits, 1.0, 0.1964, 0.0794, 0.0838),
        (logits, 0.4787, 0.1409, 0.0663, 0.0148),
        (joint, 1.0, 2.0632, 0.1691, 0.0804),
        (joint, 10.7419, 0.4100, 0.1608, 0.0892),
    ]:
        labels = kd.Categorical(logits=(given / temperature).astype("float32"))
        assert mean(scores.log_score(labels, y)) == pytest.approx(nll, abs=1e-4)
        assert mean(scores.brier(labels, y)) == pytest.approx(brier, abs=1e-4)
        found = scores.expected_calibration_error(labels, y, num_bins=15)
        assert float(found) == pytest.approx(ece, abs=1e-4)
