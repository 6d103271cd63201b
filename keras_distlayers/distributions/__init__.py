"""Probability distributions, written once in `keras.ops`, for every backend."""

from keras_distlayers.distributions.bounded import Beta, VonMises
from keras_distlayers.distributions.combinators import Independent
from keras_distlayers.distributions.conversion import as_distribution
from keras_distlayers.distributions.counts import NegativeBinomial, Poisson
from keras_distlayers.distributions.discrete import Bernoulli, Categorical
from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.distributions.kl import kl_divergence, register_kl
from keras_distlayers.distributions.labels import (
    CategoricalMixtureOfOneHotCategorical,
    OneHotCategorical,
    OrderedLogistic,
)
from keras_distlayers.distributions.laplace import AsymmetricLaplace, Laplace
from keras_distlayers.distributions.location_scale import Gumbel, Logistic, Normal
from keras_distlayers.distributions.mixture import MixtureSameFamily
from keras_distlayers.distributions.multivariate import (
    MultivariateNormalDiag,
    MultivariateNormalLowRank,
    MultivariateNormalTriL,
)
from keras_distlayers.distributions.positive import Gamma, LogNormal
from keras_distlayers.distributions.quantized import QuantizedLogistic
from keras_distlayers.distributions.simplex import Dirichlet
from keras_distlayers.distributions.student_t import StudentT
from keras_distlayers.distributions.supports import Support
from keras_distlayers.distributions.transformed import TransformedDistribution
from keras_distlayers.distributions.truncated import CensoredNormal, TruncatedNormal
from keras_distlayers.distributions.zero_inflated import ZeroInflated

__all__ = [
    "AsymmetricLaplace",
    "Bernoulli",
    "Beta",
    "Categorical",
    "CategoricalMixtureOfOneHotCategorical",
    "CensoredNormal",
    "Dirichlet",
    "Distribution",
    "Gamma",
    "Gumbel",
    "Independent",
    "Laplace",
    "LogNormal",
    "Logistic",
    "MixtureSameFamily",
    "MultivariateNormalDiag",
    "MultivariateNormalLowRank",
    "MultivariateNormalTriL",
    "NegativeBinomial",
    "Normal",
    "OneHotCategorical",
    "OrderedLogistic",
    "Poisson",
    "QuantizedLogistic",
    "StudentT",
    "Support",
    "TransformedDistribution",
    "TruncatedNormal",
    "VonMises",
    "ZeroInflated",
    "as_distribution",
    "kl_divergence",
    "register_kl",
]
