"""Which family here is which in each library, and what its parameters are called there.

One table serves both ways. A name stands for a class with our parameters' names; a tuple
adds those that have other names there. What is made of other distributions has a function below.
"""

import dataclasses
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any, TypeAlias, TypeVar

from keras_distlayers import distributions as kd

Family = TypeVar("Family", bound=kd.Distribution)

Convert: TypeAlias = Callable[[kd.Distribution], Any]
"""What makes a part the library's; see `COMPOSED`."""

LIBRARIES = ("tfp", "torch", "numpyro")


@dataclasses.dataclass(frozen=True)
class Counterpart:
    """A row: a family and its parameters here, and its name in each library that has it."""

    family: type[kd.Distribution]
    parameters: tuple[str, ...]
    tfp: Any = None
    torch: Any = None
    numpyro: Any = None

    def named(self, library: str) -> tuple[str, Mapping[str, str]] | None:
        """The class's name there, and the names of our parameters; None where it has none."""
        entry = getattr(self, library)
        if entry is None:
            return None
        name, renamed = (entry, {}) if isinstance(entry, str) else entry
        return name, {p: renamed.get(p, p) for p in self.parameters}


def _everywhere(
    family: type[kd.Distribution], *parameters: str, name: str | None = None
) -> Counterpart:
    name = name or family.__name__
    return Counterpart(family, parameters, tfp=name, torch=name, numpyro=name)


_LOC_SCALE = ("loc", "scale")
_LOGITS_OR_PROBS = ("logits", "probs")

TABLE = (
    _everywhere(kd.Normal, *_LOC_SCALE),
    _everywhere(kd.Laplace, *_LOC_SCALE),
    _everywhere(kd.LogNormal, *_LOC_SCALE),
    _everywhere(kd.StudentT, "df", *_LOC_SCALE),
    _everywhere(kd.Gumbel, *_LOC_SCALE),
    _everywhere(kd.Exponential, "rate"),
    _everywhere(kd.Gamma, "concentration", "rate"),
    _everywhere(kd.Beta, "concentration1", "concentration0"),
    _everywhere(kd.VonMises, "loc", "concentration"),
    _everywhere(kd.Dirichlet, "concentration"),
    _everywhere(kd.Bernoulli, *_LOGITS_OR_PROBS),
    _everywhere(kd.Categorical, *_LOGITS_OR_PROBS),
    Counterpart(kd.Logistic, _LOC_SCALE, tfp="Logistic", numpyro="Logistic"),
    Counterpart(
        kd.AsymmetricLaplace, (*_LOC_SCALE, "level"),
        numpyro=("AsymmetricLaplaceQuantile", {"level": "quantile"}),
    ),
    Counterpart(
        kd.TruncatedNormal, (*_LOC_SCALE, "low", "high"),
        tfp="TruncatedNormal", numpyro="TruncatedNormal",
    ),
    _everywhere(kd.Uniform, "low", "high"),
    Counterpart(
        kd.Deterministic, ("loc",),
        tfp="Deterministic", numpyro=("Delta", {"loc": "v"}),
    ),
    Counterpart(
        kd.MultivariateNormalTriL, ("loc", "scale_tril"),
        tfp="MultivariateNormalTriL", torch="MultivariateNormal", numpyro="MultivariateNormal",
    ),
    Counterpart(
        kd.MultivariateNormalDiag, ("loc", "scale_diag"), tfp="MultivariateNormalDiag"
    ),
    Counterpart(
        kd.MultivariateNormalLowRank, ("loc", "cov_factor", "cov_diag"),
        tfp=(
            "MultivariateNormalDiagPlusLowRankCovariance",
            {"cov_factor": "cov_perturb_factor", "cov_diag": "cov_diag_factor"},
        ),
        torch="LowRankMultivariateNormal", numpyro="LowRankMultivariateNormal",
    ),
    Counterpart(
        kd.OneHotCategorical, _LOGITS_OR_PROBS,
        tfp="OneHotCategorical", torch="OneHotCategorical",
    ),
    _everywhere(kd.Poisson, "rate", "log_rate"),  # by COMPOSED, where there is no log_rate
    Counterpart(
        kd.NegativeBinomial, ("total_count", *_LOGITS_OR_PROBS),
        tfp="NegativeBinomial", torch="NegativeBinomial", numpyro="NegativeBinomial",
    ),
    Counterpart(
        kd.OrderedLogistic, ("cutpoints", "loc"),
        tfp="OrderedLogistic", numpyro=("OrderedLogistic", {"loc": "predictor"}),
    ),
)  # fmt: skip

# NumPyro's names of these are functions that choose a class.
CHOSEN_BY_NUMPYRO = {
    "BernoulliLogits": "Bernoulli",
    "BernoulliProbs": "Bernoulli",
    "CategoricalLogits": "Categorical",
    "CategoricalProbs": "Categorical",
    "NegativeBinomialLogits": "NegativeBinomial",
    "NegativeBinomialProbs": "NegativeBinomial",
}


# ---------------------------------------------------------------- made of other distributions

# Functions `(the library's module of distributions, distribution, to)`; `to` converts a part.


def _whole(distribution: Family) -> Family:
    """The distribution with its parts broadcast to one batch, as the libraries' mixtures need."""
    return distribution.expand(distribution.dynamic_batch_shape())


def _independent(d: ModuleType, distribution: kd.Independent, to: Convert) -> Any:
    return d.Independent(to(distribution.distribution), distribution.reinterpreted_batch_ndims)


def _mixture(d: ModuleType, distribution: kd.MixtureSameFamily, to: Convert) -> Any:
    distribution = _whole(distribution)
    return d.MixtureSameFamily(
        to(distribution.mixture_distribution), to(distribution.components_distribution)
    )


def _mixture_of_families(name: str) -> Callable[[ModuleType, kd.Mixture, Convert], Any]:
    def convert(d: ModuleType, distribution: kd.Mixture, to: Convert) -> Any:
        distribution = _whole(distribution)
        components = [to(component) for component in distribution.components]
        return getattr(d, name)(to(distribution.mixture_distribution), components)

    return convert


def _diagonal(d: ModuleType, distribution: kd.MultivariateNormalDiag, to: Convert) -> Any:
    return d.Independent(d.Normal(distribution.loc, distribution.scale_diag), 1)


def _poisson(d: ModuleType, distribution: kd.Poisson, to: Convert) -> Any:
    return d.Poisson(distribution.mean())


def _mixture_of_labels(
    d: ModuleType, distribution: kd.CategoricalMixtureOfOneHotCategorical, to: Convert
) -> Any:
    distribution = _whole(distribution)
    labels = d.OneHotCategorical(logits=distribution.component_logits)
    return d.MixtureSameFamily(d.Categorical(logits=distribution.mixture_logits), labels)


def _quantized(d: ModuleType, distribution: kd.QuantizedLogistic, to: Convert) -> Any:
    # TFP rounds up, this package to the nearest.
    logistic = d.Logistic(distribution.loc - 0.5, distribution.scale)
    return d.QuantizedDistribution(
        logistic, low=float(distribution.low), high=float(distribution.high)
    )


def _negative_binomial_of_numpyro(
    d: ModuleType, distribution: kd.NegativeBinomial, to: Convert
) -> Any:
    if distribution.logits is None:
        return d.NegativeBinomialProbs(distribution.total_count, distribution.probs)
    return d.NegativeBinomialLogits(distribution.total_count, distribution.logits)


def _zero_inflated_of_tfp(d: ModuleType, distribution: kd.ZeroInflated, to: Convert) -> Any:
    # What TFP 0.25 calls the log-odds is half of them: it makes the logits (l, -l) of them.
    distribution = _whole(distribution)
    return d.Inflated(to(distribution.distribution), inflated_loc_logits=0.5 * distribution.logits)


def _zero_inflated_of_numpyro(d: ModuleType, distribution: kd.ZeroInflated, to: Convert) -> Any:
    return d.ZeroInflatedDistribution(
        to(distribution.distribution), gate_logits=distribution.logits
    )


COMPOSED: dict[str, dict[type[kd.Distribution], Callable[[ModuleType, Any, Convert], Any]]] = {
    "tfp": {
        kd.Independent: _independent,
        kd.MixtureSameFamily: _mixture,
        kd.Mixture: _mixture_of_families("Mixture"),
        kd.CategoricalMixtureOfOneHotCategorical: _mixture_of_labels,
        kd.QuantizedLogistic: _quantized,
        kd.ZeroInflated: _zero_inflated_of_tfp,
    },
    "torch": {
        kd.Independent: _independent,
        kd.MixtureSameFamily: _mixture,
        kd.MultivariateNormalDiag: _diagonal,
        kd.Poisson: _poisson,
        kd.CategoricalMixtureOfOneHotCategorical: _mixture_of_labels,
    },
    "numpyro": {
        kd.Independent: _independent,
        kd.MixtureSameFamily: _mixture,
        kd.Mixture: _mixture_of_families("MixtureGeneral"),
        kd.MultivariateNormalDiag: _diagonal,
        kd.Poisson: _poisson,
        kd.NegativeBinomial: _negative_binomial_of_numpyro,
        kd.ZeroInflated: _zero_inflated_of_numpyro,
    },
}

__all__ = ["CHOSEN_BY_NUMPYRO", "COMPOSED", "LIBRARIES", "TABLE", "Counterpart"]
