"""Keras layers whose output is a distribution and a tensor at once."""

from keras_distlayers.layers.autoregressive import (
    MADE,
    AutoregressiveNetwork,
    AutoregressiveTransform,
)
from keras_distlayers.layers.distribution_lambda import DistributionLambda
from keras_distlayers.layers.flows import ConditionalFlow
from keras_distlayers.layers.head import Head
from keras_distlayers.layers.independent import IndependentBernoulli, IndependentNormal
from keras_distlayers.layers.kl_divergence_add_loss import KLDivergenceAddLoss
from keras_distlayers.layers.multivariate import MultivariateNormalDiag, MultivariateNormalTriL
from keras_distlayers.layers.parametric import ParametricHead

__all__ = [
    "MADE",
    "AutoregressiveNetwork",
    "AutoregressiveTransform",
    "ConditionalFlow",
    "DistributionLambda",
    "Head",
    "IndependentBernoulli",
    "IndependentNormal",
    "KLDivergenceAddLoss",
    "MultivariateNormalDiag",
    "MultivariateNormalTriL",
    "ParametricHead",
]
