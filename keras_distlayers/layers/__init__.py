"""Keras layers whose output is a distribution and a tensor at once."""

from keras_distlayers.layers.autoregressive_network import MADE, AutoregressiveNetwork
from keras_distlayers.layers.autoregressive_transform import AutoregressiveTransform
from keras_distlayers.layers.blockwise_initializer import BlockwiseInitializer
from keras_distlayers.layers.bounded import IndependentBeta, IndependentVonMises
from keras_distlayers.layers.conditional_flow import ConditionalFlow
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
from keras_distlayers.layers.location_scale import (
    IndependentLaplace,
    IndependentLogistic,
    IndependentQuantile,
    IndependentStudentT,
)
from keras_distlayers.layers.mixture import (
    IndependentQuantizedLogisticMixture,
    MixtureLogistic,
    MixtureNormal,
    MixtureSameFamily,
)
from keras_distlayers.layers.multivariate import (
    Dirichlet,
    MultivariateNormalDiag,
    MultivariateNormalLowRank,
    MultivariateNormalTriL,
)
from keras_distlayers.layers.parametric import ParametricHead
from keras_distlayers.layers.positive import IndependentGamma, IndependentLogNormal
from keras_distlayers.layers.random_variable_layer import RandomVariableLayer
from keras_distlayers.layers.truncated import (
    IndependentCensoredNormal,
    IndependentTruncatedNormal,
)
from keras_distlayers.layers.variable_layer import VariableLayer

__all__ = [
    "MADE",
    "AutoregressiveNetwork",
    "AutoregressiveTransform",
    "BlockwiseInitializer",
    "Categorical",
    "CategoricalMixtureOfOneHotCategorical",
    "ConditionalFlow",
    "Dirichlet",
    "DistributionLambda",
    "Head",
    "IndependentBernoulli",
    "IndependentBeta",
    "IndependentCensoredNormal",
    "IndependentGamma",
    "IndependentLaplace",
    "IndependentLogNormal",
    "IndependentLogistic",
    "IndependentNegativeBinomial",
    "IndependentNormal",
    "IndependentPoisson",
    "IndependentQuantile",
    "IndependentQuantizedLogisticMixture",
    "IndependentStudentT",
    "IndependentTruncatedNormal",
    "IndependentVonMises",
    "KLDivergenceAddLoss",
    "MixtureLogistic",
    "MixtureNormal",
    "MixtureSameFamily",
    "MultivariateNormalDiag",
    "MultivariateNormalLowRank",
    "MultivariateNormalTriL",
    "OneHotCategorical",
    "OrderedLogistic",
    "ParametricHead",
    "RandomVariableLayer",
    "VariableLayer",
    "ZeroInflated",
]
