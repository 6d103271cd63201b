"""Draws follow their distributions over the whole ranges of their parameters.

All draws of a family come from one call. By the Dvoretzky-Kiefer-Wolfowitz inequality and by the
exact binomial distribution of the number of draws in each tail: a false alarm in less than one of
10^8 families.
"""

import keras
import numpy as np
import pytest
from helpers import numpy
from scipy import special, stats

import keras_distlayers as kdl
from keras_distlayers.distributions import _random
from keras_distlayers.testing import _statistics
from keras_distlayers.testing._evaluation import draw, evaluate

kd = kdl.distributions

DRAWS = 10_000
TAIL = 4e-3

UNIT = (1.2e-38, 1.0 - 2.0**-24)
ENDS = {"Gamma": (1.2e-30, np.inf), "Beta": UNIT, "Dirichlet": UNIT}
"""Where draws end, since floats do."""

SIZES = np.float32([1e-6, 1e-3, 0.02, 0.5, 1.0, 2.0, 1e3, 1e6])
PAIRS = np.stack([[*SIZES, *SIZES[1:7]], [*SIZES, *np.full(6, 0.3, "float32")]])
DEGREES = np.float32([0.1, 0.3, 1.0, 2.0, 10.0, 1e3, 1e6])
ANGULAR = np.float32([1e-3, 0.1, 1.0, 10.0, 1e3, 1e4, 1e6])
LEVELS = np.float32([0.01, 0.5, 0.9])

# loc, scale, low, high
BOUNDS = np.array([
    [1.1, 0.005, -1.0, 1.0],  # 20 scales beyond a bound
    [0.0, 1.0, 15.0, np.inf],
    [0.0, 1.0, -np.inf, -15.0],
    [0.0, 1.0, -8.0, 8.0],
    [0.0, 1.0, -np.inf, 0.5],
    [0.0, 1e4, -1.0, 1.0],  # nearly uniform
    [-10.0, 0.1, 0.0, np.inf],  # 100 scales beyond a bound
    [0.0, 1.0, -40.0, -39.9],
    [3.0, 0.5, -1.0, 1.0],
    [0.0, 1.0, -np.inf, np.inf],
], "float32").T  # fmt: skip


def truncated_tails(z, bounds):
    """The masses below and above z, for scalars each."""
    loc, scale, low, high = bounds
    a, b, z = (low - loc) / scale, (high - loc) / scale, (z - loc) / scale
    lower = np.nan_to_num(a, neginf=-1e9) + np.nan_to_num(b, posinf=1e9) <= 0.0
    left, right, at = (a, b, z) if lower else (-b, -a, -z)
    whole = special.log_ndtr(right)
    at, left = np.exp(special.log_ndtr(at) - whole), np.exp(special.log_ndtr(left) - whole)
    near, far = (1.0 - at) / (1.0 - left), (at - left) / (1.0 - left)
    return np.where(lower, far, near), np.where(lower, near, far)


class Truncated:
    def __init__(self, *bounds):
        self.bounds = bounds

    def cdf(self, x):
        return np.stack([truncated_tails(c, b)[0] for c, b in self._columns(x)], axis=1)

    def sf(self, x):
        return np.stack([truncated_tails(c, b)[1] for c, b in self._columns(x)], axis=1)

    def _columns(self, x):
        return zip(x.T, np.transpose(self.bounds), strict=True)


class Columns:
    """A distribution of SciPy for each entry, since its own batches of these are slow or wrong."""

    def __init__(self, make, parameters):
        self.columns = [make(p) for p in parameters]

    def cdf(self, x):
        return np.stack([d.cdf(c) for d, c in zip(self.columns, x.T, strict=True)], axis=1)

    def sf(self, x):
        return np.stack([d.sf(c) for d, c in zip(self.columns, x.T, strict=True)], axis=1)


def exact(x):
    return np.asarray(x, "float32").astype("float64")


FAMILIES = {
    "Normal": (kd.Normal([0.0, 3.0], [1.0, 1e-3]), stats.norm([0.0, 3.0], exact([1.0, 1e-3]))),
    "Logistic": (kd.Logistic([0.0], 2.0), stats.logistic(0.0, 2.0)),
    "Laplace": (kd.Laplace([0.0], 2.0), stats.laplace(0.0, 2.0)),
    "Gumbel": (kd.Gumbel([0.0], 2.0), stats.gumbel_r(0.0, 2.0)),
    "AsymmetricLaplace": (
        kd.AsymmetricLaplace(0.0, 1.0, LEVELS),
        kdl.testing._oracles.scipy_asymmetric_laplace(0.0, 1.0, exact(LEVELS)),
    ),
    "Exponential": (kd.Exponential([1e-3, 1.0, 1e3]), stats.expon(scale=[1e3, 1.0, 1e-3])),
    "LogNormal": (kd.LogNormal([0.0], [2.0]), stats.lognorm(2.0)),
    "StudentT": (kd.StudentT(DEGREES, 0.0, 1.0), stats.t(exact(DEGREES))),
    "Gamma": (kd.Gamma(SIZES, 1.0), stats.gamma(exact(SIZES))),
    "Beta": (kd.Beta(*PAIRS), stats.beta(*exact(PAIRS))),
    "Dirichlet": (
        kd.Dirichlet(SIZES[1::2, None] * np.ones(3, "float32")),
        stats.beta(exact(SIZES[1::2]), 2.0 * exact(SIZES[1::2])),
    ),
    "VonMises": (kd.VonMises(0.0, ANGULAR), Columns(stats.vonmises, exact(ANGULAR))),
    "TruncatedNormal": (kd.TruncatedNormal(*BOUNDS), Truncated(*exact(BOUNDS))),
}


@pytest.mark.parametrize("name", FAMILIES)
def test_draws_follow_the_cdf_and_its_tails(name):
    distribution, truth = FAMILIES[name]
    draws = numpy(evaluate(draw, distribution, shape=(DRAWS,))).astype("float64")
    if distribution.event_shape:
        draws = draws[..., 0]
    ends = ENDS.get(name, (-np.inf, np.inf))
    draws = np.clip(np.sort(draws, axis=0), *ends)
    with np.errstate(over="ignore"):  # of the branch that SciPy does not take
        below, above = truth.cdf(draws), truth.sf(draws)
    require_cdf(draws, below, ends)
    require_tail(below, draws == draws[0])
    require_tail(above, draws == draws[-1])


def require_cdf(draws, cdf, ends):
    bound = _statistics.largest_gap(cdf.shape[1], DRAWS)
    # At the ends of what floats hold, a draw stands for all numbers beyond it.
    before = np.where(draws <= ends[0], 0.0, cdf)
    up_to = np.where(draws >= ends[1], 1.0, cdf)
    for side, expected in (("left", before), ("right", up_to)):
        ranks = [np.searchsorted(column, column, side) for column in draws.T]
        gap = np.abs(np.transpose(ranks) / DRAWS - expected).max(axis=0)
        assert (gap <= bound).all(), (gap, bound)


def require_tail(probability, is_extreme):
    """The number of draws with less than `TAIL` beyond them, where no mass is at the extreme."""
    counts = (probability <= TAIL).sum(axis=0)
    is_spread = (is_extreme.mean(axis=0) < 0.5 * TAIL) & (probability.max(axis=0) > 2.0 * TAIL)
    low, high = (stats.binom.ppf(p, DRAWS, TAIL) for p in (1e-10, 1.0 - 1e-10))
    assert ((counts >= low) & (counts <= high))[is_spread].all(), (counts, low, high)


def test_a_uniform_draw_of_0_is_not_the_smallest_float(monkeypatch):
    uniform = np.float32([0.0, 0.5, 1.0 - 2.0**-24])
    monkeypatch.setattr(
        keras.random, "uniform", lambda shape, **kwargs: keras.ops.convert_to_tensor(uniform)
    )
    u = numpy(_random.open_uniform((3,), "float32", None))
    np.testing.assert_array_equal(u[[0, 2]], np.float32([2.0**-24, 1.0 - 2.0**-24]))
    logistic = numpy(kd.Logistic([0.0] * 3, 1.0).sample())
    assert logistic[0] == pytest.approx(-logistic[2], rel=1e-6)


def test_dirichlet_head_at_small_concentrations_draws_corners():
    raw = np.full((2000, 3), -7.0, "float32")
    rv = kdl.layers.Dirichlet(3, seed=0)(raw)
    draws, concentration = numpy(rv), float(numpy(rv.concentration)[0, 0])
    inside = stats.beta(concentration, 2.0 * concentration)
    share = inside.cdf(0.9) - inside.cdf(0.1)
    received = ((draws[:, 0] > 0.1) & (draws[:, 0] < 0.9)).sum()
    assert received <= stats.binom.isf(1e-9, len(raw), share)


def test_gradients_through_draws_of_small_concentrations_are_those_of_expectations():
    distribution = kd.Beta([0.05, 0.3, 3.0], [0.1, 0.2, 2.0])
    assert kdl.testing.check_reparameterization(distribution) is None
