"""Corrections of a fitted model with data that it was not trained on.

Each recalibrator has `fit(model, x, y)`, which returns a Keras model around the given one. What it
has found is in the weights of that model, and saved with it.
"""

from keras_distlayers.distributions.recalibrated import Recalibrated
from keras_distlayers.recalibration.conformal_model import ConformalModel
from keras_distlayers.recalibration.pit_recalibration import (
    PITRecalibratedModel,
    PITRecalibration,
)
from keras_distlayers.recalibration.split_conformal import SplitConformal
from keras_distlayers.recalibration.temperature_scaling import (
    TemperatureScaledModel,
    TemperatureScaling,
)
from keras_distlayers.recalibration.thresholds import conformal_threshold

__all__ = [
    "ConformalModel",
    "PITRecalibratedModel",
    "PITRecalibration",
    "Recalibrated",
    "SplitConformal",
    "TemperatureScaledModel",
    "TemperatureScaling",
    "conformal_threshold",
]
