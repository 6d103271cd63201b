"""Metrics that see the model's output as the distribution that it is."""

from keras_distlayers.metrics.distribution_metric import (
    DistributionMetric,
    ModeAccuracy,
    NegativeLogLikelihood,
)
from keras_distlayers.metrics.label_metrics import BrierScore, ExpectedCalibrationError
from keras_distlayers.metrics.latent_metrics import ActiveUnits, KLPerDimension
from keras_distlayers.metrics.score_metrics import (
    CRPS,
    EnergyScore,
    IntervalCoverage,
    IntervalScore,
    IntervalWidth,
    Pinball,
)

__all__ = [
    "CRPS",
    "ActiveUnits",
    "BrierScore",
    "DistributionMetric",
    "EnergyScore",
    "ExpectedCalibrationError",
    "IntervalCoverage",
    "IntervalScore",
    "IntervalWidth",
    "KLPerDimension",
    "ModeAccuracy",
    "NegativeLogLikelihood",
    "Pinball",
]
