"""Concentrations of a million, for which textbook formulas lose all digits."""

import numpy as np
import pytest
from helpers import numpy
from scipy import special, stats

import keras_distlayers as kdl
from keras_distlayers.testing.gradient_checks import require_accuracy

SIZES = np.float32([0.5, 7.9, 8.0, 30.0, 1e3, 1e5, 1e6])
DISTRIBUTIONS = {
    "Gamma": (lambda a: kdl.distributions.Gamma(a, 2.0), lambda a: stats.gamma(a, scale=0.5)),
    "Beta": (lambda a: kdl.distributions.Beta(a, 2.0 * a), lambda a: stats.beta(a, 2.0 * a)),
    "Dirichlet": (
        lambda a: kdl.distributions.Dirichlet(np.stack([a, 3.0 * a], axis=-1)),
        lambda a: stats.beta(a, 3.0 * a),
    ),
    "VonMises": (lambda a: kdl.distributions.VonMises(0.5, a), lambda a: stats.vonmises(a, 0.5)),
}
distributions = pytest.mark.parametrize(
    ("make", "exact"), DISTRIBUTIONS.values(), ids=DISTRIBUTIONS
)


@distributions
def test_entropy_of_large_concentrations_equals_scipys(make, exact):
    truth = exact(SIZES.astype("float64")).entropy()
    np.testing.assert_allclose(numpy(make(SIZES).entropy()), truth, rtol=1e-5, atol=1e-5)


@distributions
def test_log_prob_of_large_concentrations_keeps_its_digits(make, exact):
    """At quantiles, and as much as a rounding of the value would do."""
    p = np.array([[1e-6], [0.1], [0.5], [0.999]])
    value = exact(SIZES.astype("float64")).ppf(p)
    distribution = make(SIZES)
    if distribution.support.is_simplex:
        value = np.stack([value, 1.0 - value], axis=-1)
    require_accuracy(distribution, value.astype("float32"))


def lgamma_excess(b, a):
    return special.gammaln(b) - special.gammaln(a) - (b - a) * special.digamma(a)


@pytest.mark.parametrize("ratio", [0.5, 0.99, 1.0, 1.1, 20.0])
def test_kl_of_large_concentrations_equals_the_float64_formula(ratio):
    """Within 1e-5 nats, or relative, and what a rounding of the concentrations does."""
    p, q = SIZES, np.float32(ratio) * SIZES
    a, b = p.astype("float64"), q.astype("float64")
    expected = {
        "Gamma": lgamma_excess(b, a),
        "Beta": 2.0 * lgamma_excess(b, a) - lgamma_excess(2.0 * b, 2.0 * a),
    }
    received = {
        "Gamma": kdl.distributions.kl_divergence(
            kdl.distributions.Gamma(p, 3.0), kdl.distributions.Gamma(q, 3.0)
        ),
        "Beta": kdl.distributions.kl_divergence(
            kdl.distributions.Beta(p, p), kdl.distributions.Beta(q, q)
        ),
    }
    rounding = np.finfo("float32").eps * b * np.abs(np.log(b / a))
    for name, truth in expected.items():
        wrong = np.abs(numpy(received[name]) - truth)
        assert (wrong <= 1e-5 * np.maximum(truth, 1.0) + rounding).all(), (name, wrong, truth)
