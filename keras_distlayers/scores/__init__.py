"""How good a predicted distribution is, given what was observed: functions of the two.

Proper scores (`log_score`, `crps`, `energy_score`, `interval_score`, `pinball`, `brier`) are
smallest in the mean for the true distribution. The others describe calibration and sharpness.
"""

from keras_distlayers.scores.calibration import expected_calibration_error, pit
from keras_distlayers.scores.distances import crps, energy_score
from keras_distlayers.scores.intervals import coverage, interval_score, pinball, width
from keras_distlayers.scores.latents import active_units, kl_per_dimension
from keras_distlayers.scores.probabilities import brier, log_score

__all__ = [
    "active_units",
    "brier",
    "coverage",
    "crps",
    "energy_score",
    "expected_calibration_error",
    "interval_score",
    "kl_per_dimension",
    "log_score",
    "pinball",
    "pit",
    "width",
]
