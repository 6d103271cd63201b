"""The one table of families: how to make laws of each, and where its oracles are.

Raw numbers come in, from a Hypothesis strategy or a random generator; each parameter turns
its own into what it may be. That way every law shrinks to small numbers.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from keras_distlayers import distributions as kd


@dataclasses.dataclass(frozen=True)
class Parameter:
    """What a parameter of a family may be.

    Attributes:
        transform: Raw numbers of shape `(..., *raw_shape)` as valid values of the parameter.
        raw_shape: The shape of the raw numbers of one law, from the shape of its event.

    Examples:
        >>> import numpy as np
        >>> from keras_distlayers import testing
        >>> odd = testing.Parameter(lambda raw: 2.0 * np.round(raw) + 1.0)
        >>> odd.transform(np.array([0.2, 1.1])).tolist()
        [1.0, 3.0]
    """

    transform: Callable[[np.ndarray], np.ndarray]
    raw_shape: Callable[[tuple], tuple] = lambda event_shape: ()


def _tril(raw: np.ndarray) -> np.ndarray:
    """The lower triangle, with 0.5 at least on the diagonal."""
    index = np.arange(raw.shape[-1])
    matrix = np.tril(raw)
    matrix[..., index, index] = np.abs(matrix[..., index, index]) + 0.5
    return matrix


def _softmax(raw: np.ndarray) -> np.ndarray:
    exponentials = np.exp(raw - raw.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def _vector(event_shape: tuple) -> tuple:
    return event_shape


REAL = Parameter(lambda raw: raw)
POSITIVE = Parameter(lambda raw: np.abs(raw) + 0.5)
PROBABILITY = Parameter(lambda raw: 0.5 + raw / 10.0)
REAL_VECTOR = Parameter(REAL.transform, _vector)
POSITIVE_VECTOR = Parameter(POSITIVE.transform, _vector)
TRIANGLE = Parameter(_tril, lambda event_shape: event_shape * 2)
LABEL_LOGITS = Parameter(REAL.transform, lambda event_shape: (3,))
CUTPOINTS = Parameter(lambda raw: np.cumsum(np.abs(raw) + 0.5, axis=-1) - 3.0, lambda event: (3,))
MIXTURE_LOGITS = Parameter(REAL.transform, lambda event_shape: (2,))
COMPONENT_LOGITS = Parameter(REAL.transform, lambda event_shape: (2, *event_shape))
PROBS_VECTOR = Parameter(_softmax, _vector)
LABEL_PROBS = Parameter(_softmax, lambda event_shape: (3,))
LOW = Parameter(lambda raw: -1.0 - np.abs(raw))
HIGH = Parameter(lambda raw: 1.0 + np.abs(raw))
DEGREES = Parameter(lambda raw: np.abs(raw) + 2.5)
# Gamma draws of a small concentration underflow, and their densities have a pole at 0.
CONCENTRATION = Parameter(lambda raw: np.abs(raw) + 1.5)
# A simplex has two entries at least.
CONCENTRATION_VECTOR = Parameter(CONCENTRATION.transform, lambda event: (max(2, *event),))
FACTOR = Parameter(REAL.transform, lambda event_shape: (*event_shape, 2))


@dataclasses.dataclass(frozen=True)
class Family:
    """A row of the table: a family, what its parameters may be, and its oracles.

    Attributes:
        name: What tests of it are called.
        make: The parameters, by name, as a distribution.
        parameters: What each of them may be.
        event_ndims: The rank of an event.
        scipy: The parameters as a frozen distribution of `scipy.stats`.
        tfp: Its name in `tfp.distributions`, where the parameters have the same names; or a
            function of that module that returns a function of the parameters.
        torch: Likewise for `torch.distributions`.

    Examples:
        >>> import numpy as np
        >>> from keras_distlayers import distributions as kd, testing
        >>> from keras_distlayers.testing import families
        >>> row = testing.Family("Normal", kd.Normal, {"loc": families.REAL,
        ...                                            "scale": families.POSITIVE})
        >>> row.example(batch_shape=(3,)).batch_shape
        (3,)
    """

    name: str
    make: Callable[..., kd.Distribution]
    parameters: Mapping[str, Parameter]
    event_ndims: int = 0
    scipy: Callable[..., Any] | None = None
    tfp: Any = None
    torch: Any = None

    def arguments(self, raw: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Raw numbers, by parameter, as the arguments of `make`, in float32."""
        return {k: p.transform(raw[k]).astype("float32") for k, p in self.parameters.items()}

    def raw_shapes(self, batch_shape: tuple, event_shape: tuple) -> dict[str, tuple]:
        """The shape of each parameter's raw numbers."""
        return {
            name: (*batch_shape, *parameter.raw_shape(event_shape))
            for name, parameter in self.parameters.items()
        }

    def example_arguments(
        self, batch_shape=(2,), event_shape=None, seed=0, scale=1.0
    ) -> dict[str, np.ndarray]:
        """Random arguments of `make`."""
        event_shape = (3,) * self.event_ndims if event_shape is None else event_shape
        rng = np.random.default_rng(seed)
        shapes = self.raw_shapes(batch_shape, event_shape)
        return self.arguments({k: rng.normal(scale=scale, size=s) for k, s in shapes.items()})

    def example(self, batch_shape=(2,), event_shape=None, seed=0, scale=1.0) -> kd.Distribution:
        """A law with random parameters, for a test that needs no search."""
        return self.make(**self.example_arguments(batch_shape, event_shape, seed, scale))


def independent(row: Family) -> Family:
    """The row of vectors of independent entries of a scalar family.

    Examples:
        >>> from keras_distlayers import testing
        >>> testing.independent(testing.FAMILIES[0]).example(event_shape=(4,)).event_shape
        (4,)
    """

    def lifted(oracle):
        if oracle is None:
            return None

        def of(module):
            make = getattr(module, oracle) if isinstance(oracle, str) else oracle(module)
            return lambda **p: module.Independent(make(**p), 1)

        return of

    return Family(
        f"Independent-{row.name}",
        lambda **p: kd.Independent(row.make(**p), 1),
        {k: Parameter(p.transform, _vector) for k, p in row.parameters.items()},
        event_ndims=1,
        tfp=lifted(row.tfp),
        torch=lifted(row.torch),
    )


def _scipy_normal(loc, scale):
    from scipy import stats

    return stats.norm(loc, scale)


def _scipy_bernoulli(logits=None, probs=None):
    from scipy import special, stats

    return stats.bernoulli(special.expit(logits) if probs is None else probs)


def _scipy_poisson(rate=None, log_rate=None):
    from scipy import stats

    return stats.poisson(np.exp(log_rate) if rate is None else rate)


def _scipy_negative_binomial(total_count, logits=None, probs=None):
    from scipy import special, stats

    failure = special.expit(-logits) if probs is None else 1.0 - probs
    return stats.nbinom(total_count, failure)


def _zero_inflated_poisson(logits, rate):
    return kd.ZeroInflated(kd.Poisson(rate=rate), logits)


def _zero_inflated_negative_binomial(logits, total_count, count_logits):
    return kd.ZeroInflated(kd.NegativeBinomial(total_count, logits=count_logits), logits)


def _tfp_zero_inflated(tfd, counts, logits):
    """A mixture of a certain zero and the counts."""
    zeros = 0.0 * (logits + counts.mean())
    return tfd.Mixture(
        tfd.Categorical(logits=(logits + zeros)[..., None] * np.array([1.0, 0.0])),
        [tfd.Deterministic(zeros), counts],
    )


def _tfp_zero_inflated_poisson(tfd):
    return lambda logits, rate: _tfp_zero_inflated(tfd, tfd.Poisson(rate + 0.0 * logits), logits)


def _tfp_zero_inflated_negative_binomial(tfd):
    return lambda logits, total_count, count_logits: _tfp_zero_inflated(
        tfd, tfd.NegativeBinomial(total_count + 0.0 * logits, logits=count_logits), logits
    )


def _tfp_mixture_of_one_hot(tfd):
    return lambda mixture_logits, component_logits: tfd.MixtureSameFamily(
        tfd.Categorical(logits=mixture_logits), tfd.OneHotCategorical(logits=component_logits)
    )


NORMAL = Family(
    "Normal", kd.Normal, {"loc": REAL, "scale": POSITIVE},
    scipy=_scipy_normal, tfp="Normal", torch="Normal",
)  # fmt: skip
BERNOULLI = Family(
    "Bernoulli-logits", kd.Bernoulli, {"logits": REAL},
    scipy=_scipy_bernoulli, tfp="Bernoulli", torch="Bernoulli",
)  # fmt: skip
POISSON = Family(
    "Poisson", kd.Poisson, {"rate": POSITIVE},
    scipy=_scipy_poisson, tfp="Poisson", torch="Poisson",
)  # fmt: skip


def _scipy(name: str, *names: str):
    """A law of `scipy.stats` whose positional arguments are the parameters of these names."""

    def make(**parameters):
        from scipy import stats

        return getattr(stats, name)(*(parameters[n] for n in names))

    return make


def _scipy_gamma(concentration, rate):
    from scipy import stats

    return stats.gamma(concentration, scale=1.0 / rate)


def _scipy_log_normal(loc, scale):
    from scipy import stats

    return stats.lognorm(scale, scale=np.exp(loc))


def _scipy_asymmetric_laplace(loc, scale, level):
    from scipy import stats

    kappa = np.sqrt(level / (1.0 - level))
    return stats.laplace_asymmetric(kappa, loc, scale / np.sqrt(level * (1.0 - level)))


def _scipy_truncated(loc, scale, low, high):
    from scipy import stats

    return stats.truncnorm((low - loc) / scale, (high - loc) / scale, loc, scale)


def _scipy_von_mises(loc, concentration):
    from scipy import stats

    return stats.vonmises(concentration, loc)


class _CensoredByScipy:
    """What SciPy's normal says of a censored one."""

    def __init__(self, loc, scale, low, high):
        from scipy import stats

        self.normal, self.low, self.high = stats.norm(loc, scale), low, high

    def logpdf(self, x):
        inside = np.where(x == self.low, self.normal.logcdf(self.low), self.normal.logpdf(x))
        inside = np.where(x == self.high, self.normal.logsf(self.high), inside)
        return np.where((x >= self.low) & (x <= self.high), inside, -np.inf)


def _low_rank(tfd):
    def make(loc, cov_factor, cov_diag):
        diagonal = cov_diag[..., None] * np.eye(cov_diag.shape[-1])
        covariance = cov_factor @ cov_factor.swapaxes(-1, -2) + diagonal
        return tfd.MultivariateNormalFullCovariance(loc, covariance)

    return make


def _mixture(kd_or_tfd, normal):
    def make(logits, loc, scale):
        return kd_or_tfd.MixtureSameFamily(
            kd_or_tfd.Categorical(logits=logits), normal(loc, scale)
        )

    return make


THREE = Parameter(REAL.transform, lambda event_shape: (3,))
THREE_POSITIVE = Parameter(POSITIVE.transform, lambda event_shape: (3,))
THREE_VECTORS = Parameter(REAL.transform, lambda event_shape: (3, *event_shape))
THREE_POSITIVE_VECTORS = Parameter(POSITIVE.transform, lambda event_shape: (3, *event_shape))
LOC_SCALE = {"loc": REAL, "scale": POSITIVE}
GAMMA = Family(
    "Gamma", kd.Gamma, {"concentration": CONCENTRATION, "rate": POSITIVE},
    scipy=_scipy_gamma, tfp="Gamma", torch="Gamma",
)  # fmt: skip

CONTINUOUS = (
    Family(
        "Logistic", kd.Logistic, LOC_SCALE,
        scipy=_scipy("logistic", "loc", "scale"), tfp="Logistic",
    ),
    Family(
        "Laplace", kd.Laplace, LOC_SCALE,
        scipy=_scipy("laplace", "loc", "scale"), tfp="Laplace", torch="Laplace",
    ),
    Family(
        "StudentT", kd.StudentT, {"df": DEGREES, **LOC_SCALE},
        scipy=_scipy("t", "df", "loc", "scale"), tfp="StudentT", torch="StudentT",
    ),
    Family(
        "AsymmetricLaplace", kd.AsymmetricLaplace, {**LOC_SCALE, "level": PROBABILITY},
        scipy=_scipy_asymmetric_laplace,
    ),
    Family(
        "LogNormal", kd.LogNormal, LOC_SCALE,
        scipy=_scipy_log_normal, tfp="LogNormal", torch="LogNormal",
    ),
    GAMMA,
    independent(GAMMA),
    Family(
        "Beta", kd.Beta, {"concentration1": CONCENTRATION, "concentration0": CONCENTRATION},
        scipy=_scipy("beta", "concentration1", "concentration0"), tfp="Beta", torch="Beta",
    ),
    Family(
        "VonMises", kd.VonMises, {"loc": REAL, "concentration": POSITIVE},
        scipy=_scipy_von_mises, torch="VonMises",
    ),
    Family(
        "TruncatedNormal", kd.TruncatedNormal, {**LOC_SCALE, "low": LOW, "high": HIGH},
        scipy=_scipy_truncated, tfp="TruncatedNormal",
    ),
    Family(
        "CensoredNormal", kd.CensoredNormal, {**LOC_SCALE, "low": LOW, "high": HIGH},
        scipy=_CensoredByScipy,
    ),
    Family(
        "Dirichlet", kd.Dirichlet, {"concentration": CONCENTRATION_VECTOR}, event_ndims=1,
        tfp="Dirichlet", torch="Dirichlet",
    ),
    Family(
        "MultivariateNormalLowRank", kd.MultivariateNormalLowRank,
        {"loc": REAL_VECTOR, "cov_factor": FACTOR, "cov_diag": POSITIVE_VECTOR}, event_ndims=1,
        tfp=_low_rank, torch="LowRankMultivariateNormal",
    ),
    Family(
        "MixtureSameFamily-Normal", _mixture(kd, kd.Normal),
        {"logits": THREE, "loc": THREE, "scale": THREE_POSITIVE},
        tfp=lambda tfd: _mixture(tfd, tfd.Normal),
    ),
    Family(
        "MixtureSameFamily-MultivariateNormalDiag", _mixture(kd, kd.MultivariateNormalDiag),
        {"logits": THREE, "loc": THREE_VECTORS, "scale": THREE_POSITIVE_VECTORS}, event_ndims=1,
        tfp=lambda tfd: _mixture(tfd, tfd.MultivariateNormalDiag),
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
        scipy=_scipy_bernoulli, tfp="Bernoulli", torch="Bernoulli",
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
        scipy=_scipy_poisson, tfp="Poisson",
    ),
    Family(
        "NegativeBinomial-logits", kd.NegativeBinomial, {"total_count": POSITIVE, "logits": REAL},
        scipy=_scipy_negative_binomial, tfp="NegativeBinomial", torch="NegativeBinomial",
    ),
    Family(
        "NegativeBinomial-probs", kd.NegativeBinomial,
        {"total_count": POSITIVE, "probs": PROBABILITY},
        scipy=_scipy_negative_binomial, tfp="NegativeBinomial", torch="NegativeBinomial",
    ),
    Family(
        "ZeroInflated-Poisson", _zero_inflated_poisson, {"logits": REAL, "rate": POSITIVE},
        tfp=_tfp_zero_inflated_poisson,
    ),
    Family(
        "ZeroInflated-NegativeBinomial", _zero_inflated_negative_binomial,
        {"logits": REAL, "total_count": POSITIVE, "count_logits": REAL},
        tfp=_tfp_zero_inflated_negative_binomial,
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
        tfp=_tfp_mixture_of_one_hot,
    ),
    Family(
        "OrderedLogistic", kd.OrderedLogistic, {"cutpoints": CUTPOINTS, "loc": REAL},
        tfp="OrderedLogistic",
    ),
)  # fmt: skip
"""Every family of the package, one row each."""

__all__ = ["FAMILIES", "Family", "Parameter", "independent"]
