"""Losses that see the model's output as the distribution that it is."""

from keras_distlayers.losses.distribution_loss import DistributionLoss, NegativeLogLikelihood
from keras_distlayers.losses.score_losses import CRPS, EnergyScore

__all__ = ["CRPS", "DistributionLoss", "EnergyScore", "NegativeLogLikelihood"]
