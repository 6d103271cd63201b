"""Probability distributions, written once in `keras.ops`, for every backend."""

from keras_distlayers.distributions.asymmetric_laplace import AsymmetricLaplace
from keras_distlayers.distributions.bernoulli import Bernoulli
from keras_distlayers.distributions.beta import Beta
from keras_distlayers.distributions.categorical import Categorical
from keras_distlayers.distributions.categorical_mixture_of_one_hot_categorical import (
    CategoricalMixtureOfOneHotCategorical,
)
from keras_distlayers.distributions.censored_normal import CensoredNormal
from keras_distlayers.distributions.conversion import as_distribution
from keras_distlayers.distributions.crps import register_crps
from keras_distlayers.distributions.deterministic import Deterministic
from keras_distlayers.distributions.dirichlet import Dirichlet
from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.distributions.exponential import Exponential
from keras_distlayers.distributions.gamma import Gamma
from keras_distlayers.distributions.gumbel import Gumbel
from keras_distlayers.distributions.independent import Independent
from keras_distlayers.distributions.intervals import interval
from keras_distlayers.distributions.kl import kl_divergence, register_kl
from keras_distlayers.distributions.laplace import Laplace
from keras_distlayers.distributions.location_scale import LocationScale, SymmetricLocationScale
from keras_distlayers.distributions.log_normal import LogNormal
from keras_distlayers.distributions.logistic import Logistic
from keras_distlayers.distributions.mixture import Mixture
from keras_distlayers.distributions.mixture_same_family import MixtureSameFamily
from keras_distlayers.distributions.multivariate_normal_diag import MultivariateNormalDiag
from keras_distlayers.distributions.multivariate_normal_low_rank import MultivariateNormalLowRank
from keras_distlayers.distributions.multivariate_normal_tril import MultivariateNormalTriL
from keras_distlayers.distributions.negative_binomial import NegativeBinomial
from keras_distlayers.distributions.normal import Normal
from keras_distlayers.distributions.one_hot_categorical import OneHotCategorical
from keras_distlayers.distributions.ordered_logistic import OrderedLogistic
from keras_distlayers.distributions.poisson import Poisson
from keras_distlayers.distributions.quantized_logistic import QuantizedLogistic
from keras_distlayers.distributions.student_t import StudentT
from keras_distlayers.distributions.support import Support
from keras_distlayers.distributions.tempered import register_tempered, tempered
from keras_distlayers.distributions.transformed_distribution import TransformedDistribution
from keras_distlayers.distributions.truncated_normal import TruncatedNormal
from keras_distlayers.distributions.uniform import Uniform
from keras_distlayers.distributions.von_mises import VonMises
from keras_distlayers.distributions.zero_inflated import ZeroInflated

__all__ = [
    "AsymmetricLaplace",
    "Bernoulli",
    "Beta",
    "Categorical",
    "CategoricalMixtureOfOneHotCategorical",
    "CensoredNormal",
    "Deterministic",
    "Dirichlet",
    "Distribution",
    "Exponential",
    "Gamma",
    "Gumbel",
    "Independent",
    "Laplace",
    "LocationScale",
    "LogNormal",
    "Logistic",
    "Mixture",
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
    "SymmetricLocationScale",
    "TransformedDistribution",
    "TruncatedNormal",
    "Uniform",
    "VonMises",
    "ZeroInflated",
    "as_distribution",
    "interval",
    "kl_divergence",
    "register_crps",
    "register_kl",
    "register_tempered",
    "tempered",
]
