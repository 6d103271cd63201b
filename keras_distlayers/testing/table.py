"""The one table of families; every generic test of a distribution runs over it."""

import numpy as np

from keras_distlayers import distributions as kd
from keras_distlayers.testing import _oracles as oracles
from keras_distlayers.testing.families import (
    COMPONENT_LOGITS,
    CONCENTRATION,
    CONCENTRATION_VECTOR,
    CUTPOINTS,
    DEGREES,
    FACTOR,
    HIGH,
    LABEL_LOGITS,
    LABEL_PROBS,
    LOC_SCALE,
    LOW,
    MIXTURE_LOGITS,
    POSITIVE,
    POSITIVE_VECTOR,
    PROBABILITY,
    PROBS_VECTOR,
    REAL,
    REAL_VECTOR,
    THREE,
    THREE_POSITIVE,
    THREE_POSITIVE_VECTORS,
    THREE_VECTORS,
    TRIANGLE,
    Family,
    independent,
)

NORMAL = Family(
    "Normal", kd.Normal, {"loc": REAL, "scale": POSITIVE},
    scipy=oracles.scipy("norm", "loc", "scale"), tfp="Normal", torch="Normal",
)  # fmt: skip

BERNOULLI = Family(
    "Bernoulli-logits", kd.Bernoulli, {"logits": REAL},
    scipy=oracles.scipy_bernoulli, tfp="Bernoulli", torch="Bernoulli",
)  # fmt: skip

POISSON = Family(
    "Poisson", kd.Poisson, {"rate": POSITIVE},
    scipy=oracles.scipy_poisson, tfp="Poisson", torch="Poisson",
)  # fmt: skip

GAMMA = Family(
    "Gamma", kd.Gamma, {"concentration": CONCENTRATION, "rate": POSITIVE},
    scipy=oracles.scipy("gamma", "concentration", scale=lambda concentration, rate: 1.0 / rate),
    tfp="Gamma", torch="Gamma",
)  # fmt: skip

LOG_NORMAL_OF_SCIPY = oracles.scipy("lognorm", "scale", scale=lambda loc, scale: np.exp(loc))

CONTINUOUS = (
    Family(
        "Logistic", kd.Logistic, LOC_SCALE,
        scipy=oracles.scipy("logistic", "loc", "scale"), tfp="Logistic",
    ),
    Family(
        "Laplace", kd.Laplace, LOC_SCALE,
        scipy=oracles.scipy("laplace", "loc", "scale"), tfp="Laplace", torch="Laplace",
    ),
    Family(
        "Gumbel", kd.Gumbel, LOC_SCALE,
        scipy=oracles.scipy("gumbel_r", "loc", "scale"), tfp="Gumbel",  # Torch's cdf is never 0
    ),
    Family(
        "StudentT", kd.StudentT, {"df": DEGREES, **LOC_SCALE},
        scipy=oracles.scipy("t", "df", "loc", "scale"), tfp="StudentT", torch="StudentT",
    ),
    Family(
        "AsymmetricLaplace", kd.AsymmetricLaplace, {**LOC_SCALE, "level": PROBABILITY},
        scipy=oracles.scipy_asymmetric_laplace,
    ),
    Family(
        "LogNormal", kd.LogNormal, LOC_SCALE,
        scipy=LOG_NORMAL_OF_SCIPY, tfp="LogNormal", torch="LogNormal",
    ),
    Family(
        "Exponential", kd.Exponential, {"rate": POSITIVE},
        scipy=oracles.scipy("expon", scale=lambda rate: 1.0 / rate),
        tfp="Exponential", torch="Exponential",
    ),
    GAMMA,
    independent(GAMMA),
    Family(
        "Beta", kd.Beta, {"concentration1": CONCENTRATION, "concentration0": CONCENTRATION},
        scipy=oracles.scipy("beta", "concentration1", "concentration0"), tfp="Beta", torch="Beta",
    ),
    Family(
        "VonMises", kd.VonMises, {"loc": REAL, "concentration": POSITIVE},
        scipy=oracles.scipy("vonmises", "concentration", "loc"), tfp="VonMises", torch="VonMises",
    ),
    Family(
        "TruncatedNormal", kd.TruncatedNormal, {**LOC_SCALE, "low": LOW, "high": HIGH},
        scipy=oracles.scipy_truncated, tfp="TruncatedNormal",
    ),
    Family(
        "CensoredNormal", kd.CensoredNormal, {**LOC_SCALE, "low": LOW, "high": HIGH},
        scipy=oracles.CensoredByScipy,
    ),
    Family(
        "Uniform", kd.Uniform, {"low": LOW, "high": HIGH},
        scipy=oracles.scipy("uniform", "low", scale=lambda low, high: high - low),
        tfp="Uniform", torch="Uniform",
    ),
    Family(
        "Dirichlet", kd.Dirichlet, {"concentration": CONCENTRATION_VECTOR}, event_ndims=1,
        tfp="Dirichlet", torch="Dirichlet",
    ),
    Family(
        "MultivariateNormalLowRank", kd.MultivariateNormalLowRank,
        {"loc": REAL_VECTOR, "cov_factor": FACTOR, "cov_diag": POSITIVE_VECTOR}, event_ndims=1,
        tfp=oracles.low_rank, torch="LowRankMultivariateNormal",
    ),
    Family(
        "TransformedDistribution", oracles.exponential_of_normal, LOC_SCALE,
        scipy=LOG_NORMAL_OF_SCIPY, tfp="LogNormal", torch="LogNormal",
    ),
    Family("Deterministic", kd.Deterministic, {"loc": REAL}, tfp="Deterministic"),
    Family(
        "MixtureSameFamily-Normal", oracles.mixture(kd, kd.Normal),
        {"logits": THREE, "loc": THREE, "scale": THREE_POSITIVE},
        tfp=lambda tfd: oracles.mixture(tfd, tfd.Normal),
    ),
    Family(
        "MixtureSameFamily-MultivariateNormalDiag", oracles.mixture(kd, kd.MultivariateNormalDiag),
        {"logits": THREE, "loc": THREE_VECTORS, "scale": THREE_POSITIVE_VECTORS}, event_ndims=1,
        tfp=lambda tfd: oracles.mixture(tfd, tfd.MultivariateNormalDiag),
    ),
    Family(
        "Mixture", oracles.mixture_of_normal_and_laplace,
        {"logits": MIXTURE_LOGITS, **LOC_SCALE, "laplace_loc": REAL, "laplace_scale": POSITIVE},
        tfp=oracles.tfp_mixture_of_normal_and_laplace,
    ),
    Family(
        "QuantizedLogistic", lambda **p: kd.QuantizedLogistic(**p, low=-2, high=3), LOC_SCALE,
        # TFP rounds up, this package to the nearest.
        tfp=lambda tfd: lambda loc, scale: tfd.QuantizedDistribution(
            tfd.Logistic(loc - 0.5, scale), low=-2.0, high=3.0
        ),
    ),
)  # fmt: skip

FAMILIES = (
    *CONTINUOUS,
    NORMAL,
    BERNOULLI,
    Family(
        "Bernoulli-probs", kd.Bernoulli, {"probs": PROBABILITY},
        scipy=oracles.scipy_bernoulli, tfp="Bernoulli", torch="Bernoulli",
    ),
    Family(
        "Categorical-logits", kd.Categorical, {"logits": LABEL_LOGITS},
        tfp="Categorical", torch="Categorical",
    ),
    Family(
        "Categorical-probs", kd.Categorical, {"probs": LABEL_PROBS},
        tfp="Categorical", torch="Categorical",
    ),
    Family(
        "MultivariateNormalTriL", kd.MultivariateNormalTriL,
        {"loc": REAL_VECTOR, "scale_tril": TRIANGLE}, event_ndims=1,
        tfp="MultivariateNormalTriL", torch="MultivariateNormal",
    ),
    Family(
        "MultivariateNormalDiag", kd.MultivariateNormalDiag,
        {"loc": REAL_VECTOR, "scale_diag": POSITIVE_VECTOR}, event_ndims=1,
        tfp="MultivariateNormalDiag",
        torch=lambda td: lambda loc, scale_diag: td.Independent(td.Normal(loc, scale_diag), 1),
    ),
    independent(NORMAL),
    independent(BERNOULLI),
    POISSON,
    Family(
        "Poisson-log_rate", kd.Poisson, {"log_rate": REAL},
        scipy=oracles.scipy_poisson, tfp="Poisson",
    ),
    Family(
        "NegativeBinomial-logits", kd.NegativeBinomial, {"total_count": POSITIVE, "logits": REAL},
        scipy=oracles.scipy_negative_binomial, tfp="NegativeBinomial", torch="NegativeBinomial",
    ),
    Family(
        "NegativeBinomial-probs", kd.NegativeBinomial,
        {"total_count": POSITIVE, "probs": PROBABILITY},
        scipy=oracles.scipy_negative_binomial, tfp="NegativeBinomial", torch="NegativeBinomial",
    ),
    Family(
        "ZeroInflated-Poisson", oracles.zero_inflated_poisson, {"logits": REAL, "rate": POSITIVE},
        tfp=oracles.tfp_zero_inflated_poisson,
    ),
    Family(
        "ZeroInflated-NegativeBinomial", oracles.zero_inflated_negative_binomial,
        {"logits": REAL, "total_count": POSITIVE, "count_logits": REAL},
        tfp=oracles.tfp_zero_inflated_negative_binomial,
    ),
    independent(POISSON),
    Family(
        "OneHotCategorical-logits", kd.OneHotCategorical, {"logits": REAL_VECTOR}, event_ndims=1,
        tfp="OneHotCategorical", torch="OneHotCategorical",
    ),
    Family(
        "OneHotCategorical-probs", kd.OneHotCategorical, {"probs": PROBS_VECTOR}, event_ndims=1,
        tfp="OneHotCategorical",  # Torch divides by the sum, which float32 leaves near 1
    ),
    Family(
        "CategoricalMixtureOfOneHotCategorical", kd.CategoricalMixtureOfOneHotCategorical,
        {"mixture_logits": MIXTURE_LOGITS, "component_logits": COMPONENT_LOGITS}, event_ndims=1,
        tfp=oracles.tfp_mixture_of_one_hot,
    ),
    Family(
        "OrderedLogistic", kd.OrderedLogistic, {"cutpoints": CUTPOINTS, "loc": REAL},
        tfp="OrderedLogistic",
    ),
)  # fmt: skip
"""Every family of the package, one row each."""

__all__ = ["FAMILIES"]
