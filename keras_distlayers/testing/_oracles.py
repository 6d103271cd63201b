"""How a family is made by other libraries, where names and parameters differ from ours.

SciPy is imported as an oracle is asked for; TFP and Torch are handed in.
"""

from collections.abc import Callable
from types import ModuleType
from typing import Any, TypeAlias

import numpy as np

from keras_distlayers import bijectors
from keras_distlayers import distributions as kd
from keras_distlayers._core.typing import Tensor

Frozen: TypeAlias = Any
"""A frozen distribution of `scipy.stats`, whose classes have no types."""


def scipy_bernoulli(logits: Tensor = None, probs: Tensor = None) -> Frozen:
    from scipy import special, stats

    return stats.bernoulli(special.expit(logits) if probs is None else probs)


def scipy_poisson(rate: Tensor = None, log_rate: Tensor = None) -> Frozen:
    from scipy import stats

    return stats.poisson(np.exp(log_rate) if rate is None else rate)


def scipy_negative_binomial(
    total_count: np.ndarray, logits: Tensor = None, probs: Tensor = None
) -> Frozen:
    from scipy import special, stats

    failure = special.expit(-logits) if probs is None else 1.0 - probs
    return stats.nbinom(total_count, failure)


def exponential_of_normal(loc: Tensor, scale: Tensor) -> kd.TransformedDistribution:
    return kd.TransformedDistribution(kd.Normal(loc, scale), bijectors.Exp())


def zero_inflated_poisson(logits: Tensor, rate: Tensor) -> kd.ZeroInflated:
    return kd.ZeroInflated(kd.Poisson(rate=rate), logits)


def zero_inflated_negative_binomial(
    logits: Tensor, total_count: Tensor, count_logits: Tensor
) -> kd.ZeroInflated:
    return kd.ZeroInflated(kd.NegativeBinomial(total_count, logits=count_logits), logits)


def tfp_zero_inflated(tfd: ModuleType, counts: Any, logits: Tensor) -> Any:
    """A mixture of a certain zero and the counts."""
    zeros = 0.0 * (logits + counts.mean())
    return tfd.Mixture(
        tfd.Categorical(logits=(logits + zeros)[..., None] * np.array([1.0, 0.0])),
        [tfd.Deterministic(zeros), counts],
    )


def tfp_zero_inflated_poisson(tfd: ModuleType) -> Callable[..., Any]:
    return lambda logits, rate: tfp_zero_inflated(tfd, tfd.Poisson(rate + 0.0 * logits), logits)


def tfp_zero_inflated_negative_binomial(tfd: ModuleType) -> Callable[..., Any]:
    return lambda logits, total_count, count_logits: tfp_zero_inflated(
        tfd, tfd.NegativeBinomial(total_count + 0.0 * logits, logits=count_logits), logits
    )


def tfp_mixture_of_one_hot(tfd: ModuleType) -> Callable[..., Any]:
    return lambda mixture_logits, component_logits: tfd.MixtureSameFamily(
        tfd.Categorical(logits=mixture_logits), tfd.OneHotCategorical(logits=component_logits)
    )


def scipy(name: str, *names: str, **functions: Callable[..., np.ndarray]) -> Callable[..., Frozen]:
    """A distribution of `scipy.stats` whose arguments are parameters, or functions of them.

    Args:
        name: What SciPy calls it.
        *names: Our names of the parameters that it takes by position.
        **functions: For each further argument, a function of all parameters, by our names.
    """

    def make(**parameters: np.ndarray) -> Frozen:
        from scipy import stats

        by_name = {argument: function(**parameters) for argument, function in functions.items()}
        return getattr(stats, name)(*(parameters[n] for n in names), **by_name)

    return make


def scipy_asymmetric_laplace(loc: np.ndarray, scale: np.ndarray, level: np.ndarray) -> Frozen:
    from scipy import stats

    kappa = np.sqrt(level / (1.0 - level))
    return stats.laplace_asymmetric(kappa, loc, scale / np.sqrt(level * (1.0 - level)))


def scipy_truncated(
    loc: np.ndarray, scale: np.ndarray, low: np.ndarray, high: np.ndarray
) -> Frozen:
    from scipy import stats

    return stats.truncnorm((low - loc) / scale, (high - loc) / scale, loc, scale)


class CensoredByScipy:
    """What SciPy's normal says of a censored one."""

    def __init__(
        self, loc: np.ndarray, scale: np.ndarray, low: np.ndarray, high: np.ndarray
    ) -> None:
        from scipy import stats

        self.normal, self.low, self.high = stats.norm(loc, scale), low, high

    def logpdf(self, x: np.ndarray) -> np.ndarray:
        inside = np.where(x == self.low, self.normal.logcdf(self.low), self.normal.logpdf(x))
        inside = np.where(x == self.high, self.normal.logsf(self.high), inside)
        return np.where((x >= self.low) & (x <= self.high), inside, -np.inf)


def low_rank(tfd: ModuleType) -> Callable[..., Any]:
    def make(loc: Tensor, cov_factor: Tensor, cov_diag: Tensor) -> Any:
        diagonal = cov_diag[..., None] * np.eye(cov_diag.shape[-1])
        covariance = cov_factor @ cov_factor.swapaxes(-1, -2) + diagonal
        return tfd.MultivariateNormalFullCovariance(loc, covariance)

    return make


def mixture_of_normal_and_laplace(
    logits: Tensor, loc: Tensor, scale: Tensor, laplace_loc: Tensor, laplace_scale: Tensor
) -> kd.Mixture:
    return kd.Mixture(
        kd.Categorical(logits=logits),
        [kd.Normal(loc, scale), kd.Laplace(laplace_loc, laplace_scale)],
    )


def tfp_mixture_of_normal_and_laplace(tfd: ModuleType) -> Callable[..., Any]:
    def make(**parameters: np.ndarray) -> Any:
        logits = parameters.pop("logits")
        shape = np.broadcast_shapes(logits.shape[:-1], *(x.shape for x in parameters.values()))
        # TFP does not broadcast the components.
        loc, scale, *of_laplace = (np.broadcast_to(x, shape) for x in parameters.values())
        logits = np.broadcast_to(logits, (*shape, 2))
        components = [tfd.Normal(loc, scale), tfd.Laplace(*of_laplace)]
        return tfd.Mixture(tfd.Categorical(logits=logits), components)

    return make


def mixture(kd_or_tfd: ModuleType, normal: Callable[..., Any]) -> Callable[..., Any]:
    def make(logits: Tensor, loc: Tensor, scale: Tensor) -> Any:
        return kd_or_tfd.MixtureSameFamily(
            kd_or_tfd.Categorical(logits=logits), normal(loc, scale)
        )

    return make
