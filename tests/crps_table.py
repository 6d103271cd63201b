"""Families with a CRPS in closed form, at several parameters and values, and the exact scores."""

import dataclasses
from collections.abc import Callable

import numpy as np
from keras import ops
from scipy import special, stats

import keras_distlayers as kdl

kd = kdl.distributions


@dataclasses.dataclass(frozen=True)
class Row:
    """One family: parameters in columns, which broadcast with the values."""

    make: Callable
    parameters: dict
    values: list
    exact: Callable  # a frozen distribution of SciPy, or an object with `cdf` and `sf`
    grid: Callable | None = None  # numbers between which the cdf is smooth

    def arrays(self, dtype="float64"):
        return [np.array(x, dtype)[:, None] for x in self.parameters.values()]

    def values_of_each(self):
        """The values for each of the distributions."""
        return np.tile(self.values, (len(next(iter(self.parameters.values()))), 1))

    def distribution(self, arrays):
        return self.make(**dict(zip(self.parameters, arrays, strict=True)))

    def scores(self):
        """By quadrature, or by sums over the integers."""
        values = np.array(self.values, "float64")
        return np.array(
            [
                [_score(self, dict(zip(self.parameters, row, strict=True)), y) for y in values]
                for row in zip(*self.parameters.values(), strict=True)
            ]
        )


_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(24)
_TAILS = np.concatenate([10.0 ** np.arange(-12.0, -1.0, 0.5), np.arange(0.1, 0.55, 0.05)])


def _score(row, parameters, y):
    exact = row.exact(**parameters)
    if hasattr(exact, "pmf"):
        k = np.arange(0, int(exact.isf(1e-14)) + 50 + int(max(y, 0)))
        return np.sum(np.where(k < y, exact.cdf(k), exact.sf(k)) ** 2)
    if row.grid is None:
        grid = np.concatenate([exact.ppf(_TAILS), exact.isf(_TAILS)])
    else:
        grid = row.grid(**parameters)
    ends = np.unique([*grid, y])
    middle, half = 0.5 * (ends[1:] + ends[:-1]), 0.5 * (ends[1:] - ends[:-1])
    x = middle[:, None] + half[:, None] * _NODES
    tail = np.where(middle[:, None] < y, exact.cdf(x), exact.sf(x))
    return np.sum(half[:, None] * _WEIGHTS * tail**2)


class Censored:
    def __init__(self, loc, scale, low, high):
        self.normal, self.low, self.high = stats.norm(loc, scale), low, high

    def cdf(self, x):
        inside = np.where(x < self.low, 0.0, self.normal.cdf(x))
        return np.where(x >= self.high, 1.0, inside)

    def sf(self, x):
        inside = np.where(x < self.low, 1.0, self.normal.sf(x))
        return np.where(x >= self.high, 0.0, inside)


def _censored_grid(loc, scale, low, high):
    inside = np.linspace(loc - 9.0 * scale, loc + 9.0 * scale, 60)
    bounds = [bound for bound in (low, high) if np.isfinite(bound)]
    return [*np.clip(inside, low, high), *bounds]


class MixtureOfNormals:
    """0.3 of the first, 0.7 of the second one."""

    def __init__(self, loc, gap, scale):
        self.parts = [(0.3, stats.norm(loc, 1.0)), (0.7, stats.norm(loc + gap, scale))]

    def cdf(self, x):
        return sum(w * part.cdf(x) for w, part in self.parts)

    def sf(self, x):
        return sum(w * part.sf(x) for w, part in self.parts)

    def grid(self):
        tails = [f(_TAILS) for _, part in self.parts for f in (part.ppf, part.isf)]
        return np.concatenate(tails)


def mixture_of_normals(loc, gap, scale):
    parts = kd.Normal(
        ops.stack([loc, loc + gap], axis=-1), ops.stack([ops.ones_like(scale), scale], axis=-1)
    )
    return kd.MixtureSameFamily(kd.Categorical(probs=[0.3, 0.7]), parts)


def moved_gumbel(loc, scale):
    """A Gumbel distribution of the smallest: the bijector decreases."""
    base = kd.Gumbel(ops.zeros_like(loc), ops.ones_like(scale))
    affine = kdl.bijectors.Chain([kdl.bijectors.Shift(loc), kdl.bijectors.Scale(-scale)])
    return kd.TransformedDistribution(base, affine)


class Counts:
    """A discrete distribution over integers, from its probabilities."""

    def __init__(self, probs):
        self.probs = np.append(probs, 0.0)

    def pmf(self, k):
        return self.probs[np.minimum(k, len(self.probs) - 1)]

    def cdf(self, k):
        return np.cumsum(self.probs)[np.minimum(k, len(self.probs) - 1)]

    def sf(self, k):
        return 1.0 - self.cdf(k)

    def isf(self, p):
        return len(self.probs)


def _zero_inflated(logits, rate):
    probs = stats.poisson.pmf(np.arange(200), rate) * special.expit(-logits)
    probs[0] += special.expit(logits)
    return Counts(probs)


def _quantized(loc, scale):
    inner = stats.logistic.cdf(np.arange(15) + 0.5, loc, scale)
    return Counts(np.diff(np.concatenate([[0.0], inner, [1.0]])))


def categorical(first, second):
    return kd.Categorical(logits=ops.stack([first, second, 0.0 * first, 0.3 * second], axis=-1))


def ordered(loc, gap):
    cutpoints = ops.stack([0.0 * gap, gap, 3.0 * gap], axis=-1)
    return kd.OrderedLogistic(cutpoints, loc)


REALS = [-40.0, -2.5, 0.0, 0.5, 1.0, 3.0, 30.0]
LOC_SCALE = {"loc": [0.5, 1.0, -3.0], "scale": [1.0, 0.2, 4.0]}
POSITIVE = [-1.0, 1e-3, 0.4, 1.0, 2.5, 40.0]
COUNTS = [0.0, 1.0, 2.0, 7.0, 30.0]
BOUNDS = {**LOC_SCALE, "low": [0.0, -1.0, 5.0], "high": [2.0, 1.1, 9.0]}

ROWS = {
    "Normal": Row(kd.Normal, LOC_SCALE, REALS, stats.norm),
    "Logistic": Row(kd.Logistic, LOC_SCALE, REALS, stats.logistic),
    "Laplace": Row(kd.Laplace, LOC_SCALE, REALS, stats.laplace),
    "Gumbel": Row(kd.Gumbel, LOC_SCALE, REALS, stats.gumbel_r),
    "moved": Row(
        moved_gumbel, LOC_SCALE, REALS, lambda loc, scale: stats.gumbel_l(loc, scale)
    ),
    "AsymmetricLaplace": Row(
        kd.AsymmetricLaplace,
        {**LOC_SCALE, "level": [0.5, 0.1, 0.9]},
        REALS,
        lambda loc, scale, level: stats.laplace_asymmetric(
            np.sqrt(level / (1.0 - level)), loc, scale / np.sqrt(level * (1.0 - level))
        ),
    ),
    "StudentT": Row(
        kd.StudentT,
        {
            "df": [0.8, 1.0, 1.004, 1.5, 4.0, 200.0],
            "loc": [0.5] * 6,
            "scale": [*[1.0] * 4, 3.0, 0.2],
        },
        REALS,
        stats.t,
    ),
    "LogNormal": Row(
        kd.LogNormal,
        {"loc": [0.5, 0.0, -1.0], "scale": [0.05, 1.0, 1.5]},
        POSITIVE,
        lambda loc, scale: stats.lognorm(scale, scale=np.exp(loc)),
    ),
    "Exponential": Row(
        kd.Exponential, {"rate": [0.5, 1.0, 7.0]}, POSITIVE,
        lambda rate: stats.expon(scale=1.0 / rate),
    ),
    "Gamma": Row(
        kd.Gamma,
        {"concentration": [0.3, 1.0, 4.0, 300.0], "rate": [1.0, 2.0, 3.0, 200.0]},
        POSITIVE,
        lambda concentration, rate: stats.gamma(concentration, scale=1.0 / rate),
    ),
    "Beta": Row(
        kd.Beta,
        {"concentration1": [0.4, 1.0, 5.0, 200.0], "concentration0": [0.6, 1.0, 2.0, 300.0]},
        [-0.5, 0.0, 1e-3, 0.4, 0.7, 1.0, 1.5],
        lambda concentration1, concentration0: stats.beta(concentration1, concentration0),
    ),
    "Uniform": Row(
        kd.Uniform, {"low": [0.0, -1.0], "high": [1.0, 4.0]}, REALS,
        lambda low, high: stats.uniform(low, high - low),
    ),
    "TruncatedNormal": Row(
        kd.TruncatedNormal, BOUNDS, [-3.0, 0.0, 0.3, 1.0, 2.0, 5.5, 7.0],
        lambda loc, scale, low, high: stats.truncnorm(
            (low - loc) / scale, (high - loc) / scale, loc, scale
        ),
    ),
    "mixture": Row(
        mixture_of_normals, {"loc": [0.0, -1.0], "gap": [1.0, 5.0], "scale": [1.0, 0.1]}, REALS,
        MixtureOfNormals, lambda **parameters: MixtureOfNormals(**parameters).grid(),
    ),
    "CensoredNormal": Row(
        kd.CensoredNormal, {**BOUNDS, "high": [2.0, np.inf, 9.0]},
        [-3.0, -1.0, 0.0, 0.3, 2.0, 5.5, 9.0], Censored, _censored_grid,
    ),
    "Poisson": Row(
        kd.Poisson, {"rate": [1e-3, 0.5, 4.0, 40.0]}, COUNTS, lambda rate: stats.poisson(rate)
    ),
    "NegativeBinomial": Row(
        kd.NegativeBinomial,
        {
            "total_count": [0.1, 1.0, 5.0, 1000.0, 50.0],
            "probs": [0.9, 0.5, 0.3, 0.01, 0.4],
        },
        COUNTS,
        lambda total_count, probs: stats.nbinom(total_count, 1.0 - probs),
    ),
    "ZeroInflated": Row(
        lambda logits, rate: kd.ZeroInflated(kd.Poisson(rate), logits),
        {"logits": [-1.0, 2.0], "rate": [0.5, 6.0]}, COUNTS, _zero_inflated,
    ),
    "Bernoulli": Row(
        kd.Bernoulli, {"logits": [-20.0, 0.0, 1.5]}, [0.0, 1.0],
        lambda logits: Counts(special.softmax([0.0, logits])),
    ),
    "Categorical": Row(
        categorical, {"first": [0.0, 3.0], "second": [0.0, -2.0]}, [0.0, 1.0, 3.0],
        lambda first, second: Counts(special.softmax([first, second, 0.0, 0.3 * second])),
    ),
    "OrderedLogistic": Row(
        ordered, {"loc": [0.0, 3.0], "gap": [1.0, 0.5]}, [0.0, 1.0, 3.0],
        lambda loc, gap: Counts(
            np.diff([0.0, *special.expit(np.array([0.0, gap, 3.0 * gap]) - loc), 1.0])
        ),
    ),
    "QuantizedLogistic": Row(
        lambda loc, scale: kd.QuantizedLogistic(loc, scale, low=0, high=15),
        {"loc": [3.0, -4.0, 9.4], "scale": [1.0, 3.0, 0.1]}, [0.0, 3.0, 9.0, 15.0], _quantized,
    ),
}  # fmt: skip

CONTINUOUS = tuple(ROWS)[: tuple(ROWS).index("CensoredNormal")]


def points(dtype, names=tuple(ROWS)):
    """The parameters and the values of rows, as tensors."""
    rows = [ROWS[name] for name in names]
    return [
        [ops.convert_to_tensor(x, dtype) for x in (*row.arrays(), row.values_of_each())]
        for row in rows
    ]


def scores(points, names=tuple(ROWS)):
    """Of all these rows, in one function that is compiled once."""
    return [
        kdl.scores.crps(ROWS[name].distribution(arrays), value)
        for name, (*arrays, value) in zip(names, points, strict=True)
    ]


def total(points, names=tuple(ROWS)):
    return sum(ops.sum(score) for score in scores(points, names))


def require_gradients(slopes, names):
    """They are finite, and the one by y is 2 F(y) - 1."""
    for name, found in zip(names, slopes, strict=True):
        row = ROWS[name]
        assert all(np.isfinite(ops.convert_to_numpy(slope)).all() for slope in found), name
        if name in CONTINUOUS:
            columns = zip(*row.parameters.values(), strict=True)
            parts = [row.exact(**dict(zip(row.parameters, x, strict=True))) for x in columns]
            exact = np.stack([2.0 * part.cdf(np.array(row.values)) - 1.0 for part in parts])
            by_value = ops.convert_to_numpy(found[-1])
            np.testing.assert_allclose(by_value, exact, rtol=1e-4, atol=1e-4, err_msg=name)
