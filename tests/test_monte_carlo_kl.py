"""The Monte Carlo KL: its mean and the mean of its gradient are those of the divergence."""

import keras
import numpy as np
import pytest
from helpers import numpy
from keras import ops

import keras_distlayers as kdl
from keras_distlayers import bijectors as kb
from keras_distlayers import distributions as kd
from keras_distlayers.distributions.monte_carlo_kl import kl_at_draws, monte_carlo_kl
from keras_distlayers.testing._backend import backend
from keras_distlayers.testing._evaluation import evaluate, gradient

COPIES = 4_000
NORMAL = kd.Normal(0.3, 1.2)


def mixture(logits, loc, log_scale):
    components = kd.Normal(loc, ops.exp(log_scale))
    return kd.MixtureSameFamily(kd.Categorical(logits=logits), components)


MIXTURE = {"logits": [0.5, -0.5], "loc": [-1.0, 1.5], "log_scale": [-0.5, 0.2]}
LINE, SPACING = np.linspace(-12.0, 12.0, 2_001, retstep=True)

# For each distribution whose draws have no gradient: how it is made, its parameters, the prior,
# and the points and weights of a sum that is the divergence.
CASES = {
    "mixture of normals": (mixture, MIXTURE, NORMAL, LINE, SPACING),
    "categorical": (
        kd.Categorical,
        {"logits": [0.3, -0.2, 1.0]},
        kd.Categorical(logits=[0.0, 1.0, -1.0]),
        np.arange(3),
        1.0,
    ),
    "poisson": (kd.Poisson, {"rate": 2.0}, kd.Poisson(3.5), np.arange(40.0), 1.0),
    "von Mises": (
        kd.VonMises,
        {"loc": 0.5, "concentration": 2.0},
        kd.VonMises(0.0, 0.5),
        np.linspace(-np.pi, np.pi, 2_001)[:-1],
        np.pi / 1_000,
    ),
    "censored normal": (
        lambda loc, scale: kd.CensoredNormal(loc, scale, -1.0, 1.0),
        {"loc": 0.8, "scale": 0.7},
        kd.CensoredNormal(0.0, 1.0, -1.0, 1.0),
        np.concatenate([[-1.0], np.linspace(-1.0, 1.0, 4_001)[:-1] + 2.5e-4, [1.0]]),
        np.concatenate([[1.0], np.full(4_000, 5e-4), [1.0]]),
    ),
}


def tanh(distribution):
    """Of three times the draw: one in ten rounds to 1."""
    return kd.TransformedDistribution(distribution, kb.Chain([kb.Tanh(), kb.Scale(3.0)]))


def log_slope(x):
    return np.log(3.0) + 2.0 * (np.log(2.0) - 3.0 * x - ops.softplus(-6.0 * x))


SHARED = tanh(NORMAL)
WIDE = kd.Normal([0.2], 0.5)
# How a draw is transformed, the prior of the result, and the prior's log density at a draw before
# the transform.
TRANSFORMED = {
    "the prior's bijector": (
        lambda a: kd.TransformedDistribution(a, SHARED.bijector), SHARED, NORMAL.log_prob,
    ),
    "a bijector, independent": (
        lambda a: kd.Independent(tanh(a[..., None]), 1),
        kd.Independent(WIDE, 1),
        lambda x: WIDE[0].log_prob(ops.tanh(3.0 * x)) + log_slope(x),
    ),
}  # fmt: skip


def estimates(make, log_prior, parameters, points, weights, transform, prior):
    """The divergence, and estimates for copies, each with its gradients."""

    def divergence(tensors):
        a = make(**tensors)
        log_a = a.log_prob(points)
        return ops.sum(ops.multiply(weights, ops.exp(log_a) * (log_a - log_prior(points))))

    def several_draws(a):
        return monte_carlo_kl(a.seeded_by(1), prior, num_samples=3)

    def own_draw(a):
        rv = kdl.RandomVariable.drawn_from(a.seeded_by(2))
        return monte_carlo_kl(rv, prior, num_samples=1, tensor_is_draw=True)

    def given_draws(a):
        return kl_at_draws(a, prior, a.sample((2, 2), seed=4))

    # Given draws differ from new ones in where they come from: one case is enough.
    ways = [several_draws, own_draw, *([given_draws] if make is kd.Categorical else [])]

    copies = {n: ops.repeat(x[None], COPIES, axis=0) for n, x in parameters.items()}
    value, exact = backend.value_and_gradient(divergence, parameters)
    gradients = {}
    for estimate in ways:

        def total(tensors, estimate=estimate):
            return ops.sum(estimate(transform(make(**tensors))))

        gradients[estimate.__name__] = backend.value_and_gradient(total, copies)[1]
    return value, several_draws(transform(make(**copies))), exact, gradients


def unchanged(a):
    return a


def check_estimates(case, transform=unchanged, prior=None, log_prior=None):
    """Means within 5 standard errors: a false alarm in 10^6 numbers."""
    make, parameters, own_prior, points, weights = CASES[case]
    parameters = {n: ops.convert_to_tensor(np.float32(x)) for n, x in parameters.items()}
    points = ops.convert_to_tensor(points, "int32" if case == "categorical" else "float32")
    weights = np.asarray(weights, "float32")
    prior, log_prior = prior or own_prior, log_prior or own_prior.log_prob
    value, values, exact, gradients = evaluate(
        lambda p: estimates(make, log_prior, p, points, weights, transform, prior), parameters
    )
    assert_mean(values, value, "value")
    for estimator, slopes in gradients.items():
        for parameter, slope in slopes.items():
            errors = assert_mean(slope, exact[parameter], f"{estimator}, {parameter}")
            # Enough draws to tell the gradient from none at all. A single draw, whose score has
            # no baseline, has not enough where the log ratio is large.
            if transform is unchanged or estimator == "several_draws":
                assert (np.abs(numpy(exact[parameter])) > 5.0 * errors).any(), parameter


@pytest.mark.parametrize("case", CASES)
def test_estimate_and_its_gradient_have_the_right_means(case):
    check_estimates(case)


@pytest.mark.parametrize("how", TRANSFORMED)
def test_estimate_of_a_transformed_mixture(how):
    check_estimates("mixture of normals", *TRANSFORMED[how])


def assert_mean(draws, expected, where):
    draws, expected = numpy(draws).astype("float64"), numpy(expected)
    errors = draws.std(axis=0) / len(draws) ** 0.5
    distance = np.abs(draws.mean(axis=0) - expected)
    assert (distance < 5.0 * errors + 1e-5).all(), (where, draws.mean(axis=0), expected, errors)
    return errors


# ---------------------------------------------------------------- the reported program


def nats_by_quadrature(a, b):
    x = np.linspace(-20.0, 20.0, 8_001).astype("float32")
    log_a, log_b = (numpy(d.log_prob(x)).astype("float64") for d in (a, b))
    return float((np.exp(log_a) * (log_a - log_b)).sum() * (x[1] - x[0]))


@pytest.mark.parametrize("where", ["head", "layer"])
def test_mixture_trained_on_its_kl_alone_becomes_the_prior(where):
    """The reported one went from 3.82 nats to 6.29, because a mixture's draw has no gradient."""
    prior = kd.Normal(0.0, 1.0)
    kl = kdl.regularizers.KLDivergenceRegularizer(prior, num_samples=64)
    raw = np.float32([0.5, -0.3, 3.0, 0.0, -2.5, 0.5])
    head = kdl.layers.MixtureNormal(
        2, activity_regularizer=kl if where == "head" else None, seed=0
    )
    layers = [kdl.layers.VariableLayer(6, initializer=keras.initializers.Constant(raw)), head]
    if where == "layer":
        layers.append(kdl.layers.KLDivergenceAddLoss(prior, num_samples=64))
    model = keras.Sequential([keras.Input((1,)), *layers])
    model.compile(keras.optimizers.Adam(0.1))
    assert nats_by_quadrature(head.distribution(raw), prior) > 3.0
    model.fit(np.zeros((100, 1)), batch_size=1, verbose=0)
    (trained,) = (ops.convert_to_tensor(numpy(w)) for w in model.trainable_weights)
    assert nats_by_quadrature(head.distribution(trained), prior) < 0.02


def test_an_infinite_divergence_is_infinite_and_has_a_finite_gradient():
    prior = kd.Categorical(probs=[0.5, 0.5, 0.0])

    def estimate(logits):
        return ops.sum(kl_at_draws(kd.Categorical(logits=logits), prior, np.array([0, 2])))

    value, slope = evaluate(lambda x: backend.value_and_gradient(estimate, x), ops.zeros(3))
    assert float(numpy(value)) == np.inf
    assert np.isfinite(numpy(slope)).all()


class Power(kb.Elementwise):
    """A bijector of a user's, whose exponent is a constant that it does not declare."""

    def __init__(self, exponent):
        super().__init__()
        self.exponent = exponent

    def _forward(self, x):
        return x**self.exponent

    def _inverse(self, y):
        return y ** (1.0 / self.exponent)

    def _log_slope(self, x):
        return np.log(self.exponent) + (self.exponent - 1.0) * ops.log(x)


def test_bijectors_that_differ_in_a_constant_are_not_the_same():
    base, other = kd.LogNormal(0.0, 1.0), kd.LogNormal(1.0, 1.0)
    transformed = kd.TransformedDistribution(base, Power(3.0))
    same = kd.TransformedDistribution(other, Power(3.0))
    np.testing.assert_allclose(numpy(transformed.kl_divergence(same)), 0.5, rtol=1e-6)
    with pytest.raises(NotImplementedError, match="no closed form"):
        transformed.kl_divergence(kd.TransformedDistribution(other, Power(2.0)))


def far_out():
    return monte_carlo_kl(kd.LogNormal(-80.0, 1.0).seeded_by(3), kd.Gamma(2.0, 2.0), 99)


def test_estimate_of_a_log_normal_far_out_stays_positive():
    """Its draws are kept above exp(-50), which the prior's density is taken at; its own is not."""
    estimate = evaluate(far_out)
    entropy = 0.5 * np.log(2.0 * np.pi * np.e) - 80.0
    expected = -entropy - (2.0 * np.log(2.0) - 50.0)
    np.testing.assert_allclose(numpy(estimate), expected, atol=0.5)


def bounded_kl(loc, *, own_draw):
    a = kd.TransformedDistribution(kd.Normal(loc, 3.0), kb.Sigmoid())
    b = kd.Beta(2.0, 2.0)
    if own_draw:
        return ops.mean(monte_carlo_kl(kdl.RandomVariable.drawn_from(a.seeded_by(3)), b, 1, True))
    return ops.mean(monte_carlo_kl(a.seeded_by(3), b, 2))


@pytest.mark.parametrize("own_draw", [True, False])
def test_draws_that_round_to_a_bound_meet_a_prior_of_another_family(own_draw):
    """The density of Beta(2, 2) is 0 at 1, where one draw in seventy of this posterior rounds to.

    By quadrature over the draw before the sigmoid, its value there not above the last float below
    1: 15.676 nats with the slope 1.966 by loc. Without floats it is 15.702 with the slope 1.990.
    """
    loc = ops.full((20_000,), 10.0)
    value = numpy(evaluate(bounded_kl, loc, own_draw=own_draw))
    slope = numpy(gradient(bounded_kl, loc, own_draw=own_draw)).sum()
    np.testing.assert_allclose(value, 15.676, atol=0.2)
    np.testing.assert_allclose(slope, 1.966, atol=0.2)
