"""Keras layers whose output is a distribution and a tensor at once."""

from keras_distlayers.layers.counts import (
    IndependentNegativeBinomial,
    IndependentPoisson,
    ZeroInflated,
)
from keras_distlayers.layers.distribution_lambda import DistributionLambda
from keras_distlayers.layers.head import Head
from keras_distlayers.layers.independent import IndependentBernoulli, IndependentNormal
from keras_distlayers.layers.kl_divergence_add_loss import KLDivergenceAddLoss
from keras_distlayers.layers.labels import (
    Categorical,
    CategoricalMixtureOfOneHotCategorical,
    OneHotCategorical,
    OrderedLogistic,
)
from keras_distlayers.layers.multivariate import MultivariateNormalDiag, MultivariateNormalTriL
from keras_distlayers.layers.parametric import ParametricHead

__all__ = [
    "Categorical",
    "CategoricalMixtureOfOneHotCategorical",
    "DistributionLambda",
    "Head",
    "IndependentBernoulli",
    "IndependentNegativeBinomial",
    "IndependentNormal",
    "IndependentPoisson",
    "KLDivergenceAddLoss",
    "MultivariateNormalDiag",
    "MultivariateNormalTriL",
    "OneHotCategorical",
    "OrderedLogistic",
    "ParametricHead",
    "ZeroInflated",
]
