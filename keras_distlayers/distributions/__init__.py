"""Probability distributions, written once in `keras.ops`, for every backend."""

from keras_distlayers.distributions.combinators import Independent
from keras_distlayers.distributions.continuous import Normal
from keras_distlayers.distributions.counts import NegativeBinomial, Poisson, ZeroInflated
from keras_distlayers.distributions.discrete import Bernoulli, Categorical
from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.distributions.kl import kl_divergence, register_kl
from keras_distlayers.distributions.labels import (
    CategoricalMixtureOfOneHotCategorical,
    OneHotCategorical,
    OrderedLogistic,
)
from keras_distlayers.distributions.multivariate import (
    MultivariateNormalDiag,
    MultivariateNormalTriL,
)
from keras_distlayers.distributions.supports import Support

__all__ = [
    "Bernoulli",
    "Categorical",
    "CategoricalMixtureOfOneHotCategorical",
    "Distribution",
    "Independent",
    "MultivariateNormalDiag",
    "MultivariateNormalTriL",
    "NegativeBinomial",
    "Normal",
    "OneHotCategorical",
    "OrderedLogistic",
    "Poisson",
    "Support",
    "ZeroInflated",
    "kl_divergence",
    "register_kl",
]
