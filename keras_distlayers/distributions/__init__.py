"""Probability distributions, written once in `keras.ops`, for every backend."""

from keras_distlayers.distributions.combinators import Independent
from keras_distlayers.distributions.continuous import Normal
from keras_distlayers.distributions.discrete import Bernoulli, Categorical
from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.distributions.kl import kl_divergence, register_kl
from keras_distlayers.distributions.multivariate import (
    MultivariateNormalDiag,
    MultivariateNormalTriL,
)
from keras_distlayers.distributions.supports import Support
from keras_distlayers.distributions.transformed import TransformedDistribution

__all__ = [
    "Bernoulli",
    "Categorical",
    "Distribution",
    "Independent",
    "MultivariateNormalDiag",
    "MultivariateNormalTriL",
    "Normal",
    "Support",
    "TransformedDistribution",
    "kl_divergence",
    "register_kl",
]
