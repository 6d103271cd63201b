"""Keras layers whose output is a distribution and a tensor at once."""

from keras_distlayers.layers._tfp_names import NOT_HERE
from keras_distlayers.layers.autoregressive_network import MADE, AutoregressiveNetwork
from keras_distlayers.layers.autoregressive_transform import AutoregressiveTransform
from keras_distlayers.layers.blockwise_initializer import BlockwiseInitializer
from keras_distlayers.layers.categorical import Categorical
from keras_distlayers.layers.categorical_mixture_of_one_hot_categorical import (
    CategoricalMixtureOfOneHotCategorical,
)
from keras_distlayers.layers.conditional_flow import ConditionalFlow
from keras_distlayers.layers.convolution_flipout import (
    Convolution1DFlipout,
    Convolution2DFlipout,
    Convolution3DFlipout,
)
from keras_distlayers.layers.convolution_reparameterization import (
    Convolution1DReparameterization,
    Convolution2DReparameterization,
    Convolution3DReparameterization,
)
from keras_distlayers.layers.default_weight_distributions import (
    default_mean_field_normal_fn,
    default_multivariate_normal_fn,
)
from keras_distlayers.layers.dense_variational import (
    DenseFlipout,
    DenseLocalReparameterization,
    DenseReparameterization,
    DenseVariational,
)
from keras_distlayers.layers.dirichlet import Dirichlet
from keras_distlayers.layers.distribution_lambda import DistributionLambda
from keras_distlayers.layers.head import Head
from keras_distlayers.layers.independent_bernoulli import IndependentBernoulli
from keras_distlayers.layers.independent_beta import IndependentBeta
from keras_distlayers.layers.independent_censored_normal import IndependentCensoredNormal
from keras_distlayers.layers.independent_exponential import IndependentExponential
from keras_distlayers.layers.independent_gamma import IndependentGamma
from keras_distlayers.layers.independent_head import IndependentHead
from keras_distlayers.layers.independent_laplace import IndependentLaplace
from keras_distlayers.layers.independent_log_normal import IndependentLogNormal
from keras_distlayers.layers.independent_logistic import IndependentLogistic
from keras_distlayers.layers.independent_negative_binomial import IndependentNegativeBinomial
from keras_distlayers.layers.independent_normal import IndependentNormal
from keras_distlayers.layers.independent_poisson import IndependentPoisson
from keras_distlayers.layers.independent_quantile import IndependentQuantile
from keras_distlayers.layers.independent_quantized_logistic_mixture import (
    IndependentQuantizedLogisticMixture,
)
from keras_distlayers.layers.independent_student_t import IndependentStudentT
from keras_distlayers.layers.independent_truncated_normal import IndependentTruncatedNormal
from keras_distlayers.layers.independent_von_mises import IndependentVonMises
from keras_distlayers.layers.kl_divergence_add_loss import KLDivergenceAddLoss
from keras_distlayers.layers.kl_tracker import KLTracker
from keras_distlayers.layers.mixture_logistic import MixtureLogistic
from keras_distlayers.layers.mixture_normal import MixtureNormal
from keras_distlayers.layers.mixture_same_family import MixtureSameFamily
from keras_distlayers.layers.multivariate_normal_diag import MultivariateNormalDiag
from keras_distlayers.layers.multivariate_normal_low_rank import MultivariateNormalLowRank
from keras_distlayers.layers.multivariate_normal_tril import MultivariateNormalTriL
from keras_distlayers.layers.one_hot_categorical import OneHotCategorical
from keras_distlayers.layers.ordered_logistic import OrderedLogistic
from keras_distlayers.layers.parameters import ParameterTransform, Positive, Real
from keras_distlayers.layers.parametric_head import ParametricHead
from keras_distlayers.layers.random_variable_layer import RandomVariableLayer
from keras_distlayers.layers.standardized import Standardized
from keras_distlayers.layers.variable_layer import VariableLayer
from keras_distlayers.layers.variational import Variational
from keras_distlayers.layers.variational_bound import VariationalBound
from keras_distlayers.layers.weight_posteriors import (
    FullCovarianceNormalPosterior,
    LowRankNormalPosterior,
    MeanFieldNormalPosterior,
)
from keras_distlayers.layers.zero_inflated import ZeroInflated


def __getattr__(name: str) -> object:
    """An error that says what there is in place of what `tfp.layers` has under that name."""
    text = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(f"{text}. {NOT_HERE[name]}." if name in NOT_HERE else text)


__all__ = [
    "MADE",
    "AutoregressiveNetwork",
    "AutoregressiveTransform",
    "BlockwiseInitializer",
    "Categorical",
    "CategoricalMixtureOfOneHotCategorical",
    "ConditionalFlow",
    "Convolution1DFlipout",
    "Convolution1DReparameterization",
    "Convolution2DFlipout",
    "Convolution2DReparameterization",
    "Convolution3DFlipout",
    "Convolution3DReparameterization",
    "DenseFlipout",
    "DenseLocalReparameterization",
    "DenseReparameterization",
    "DenseVariational",
    "Dirichlet",
    "DistributionLambda",
    "FullCovarianceNormalPosterior",
    "Head",
    "IndependentBernoulli",
    "IndependentBeta",
    "IndependentCensoredNormal",
    "IndependentExponential",
    "IndependentGamma",
    "IndependentHead",
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
    "KLTracker",
    "LowRankNormalPosterior",
    "MeanFieldNormalPosterior",
    "MixtureLogistic",
    "MixtureNormal",
    "MixtureSameFamily",
    "MultivariateNormalDiag",
    "MultivariateNormalLowRank",
    "MultivariateNormalTriL",
    "OneHotCategorical",
    "OrderedLogistic",
    "ParameterTransform",
    "ParametricHead",
    "Positive",
    "RandomVariableLayer",
    "Real",
    "Standardized",
    "VariableLayer",
    "Variational",
    "VariationalBound",
    "ZeroInflated",
    "default_mean_field_normal_fn",
    "default_multivariate_normal_fn",
]
