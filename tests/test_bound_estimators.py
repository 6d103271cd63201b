"""The gradients of `VariationalBound`: unbiased, and how loud they are beside their noise."""

import functools

import keras
import numpy as np
import pytest
from bounds import (
    bound_and_gradients,
    evidence,
    gaussian_layer,
    gradient_by_loc,
    posterior,
)
from helpers import numpy

import keras_distlayers as kdl

SIZE, ROWS = 20, 250
SCALE = float(np.sqrt(2.0 / 3.0))
PORTIONS = {1: 4, 10: 4, 100: 4, 1000: 1}
"""For each number of draws how many times 250 repeats there are: a thousand, or fewer."""
COUNTS = tuple(PORTIONS)


def one_example():
    """x, the mean of p(z), and the mean of q(z | x), a disturbed optimum."""
    rng = np.random.default_rng(0)
    mu = rng.normal(size=SIZE)
    x = rng.normal(mu, np.sqrt(2.0))
    matrix = np.eye(SIZE) / 2.0 + rng.normal(0.0, 0.01, (SIZE, SIZE))
    loc = matrix @ x + mu / 2.0 + rng.normal(0.0, 0.01, SIZE)
    return tuple(a.astype("float32") for a in (x, mu, loc))


@functools.cache
def gradients_of(estimator, num_samples, alpha=0.0):
    """The gradient by the mean of q, q = N(A x + b, 2/3 I), for each repeat: (repeats, 20).

    That by b is the same, and that by A its outer product with x, with equal signal to noise.
    The repeats are rows with the same x, and with draws of their own.
    """
    x, mu, loc = one_example()
    layer = gaussian_layer(
        SIZE, mu, num_samples=num_samples, alpha=alpha, estimator=estimator, use_exact_kl=False
    )
    rows = [np.broadcast_to(a, (ROWS, SIZE)) for a in (loc, x)]
    layer(posterior(rows[0][:1], SCALE))  # is built
    # Draws of one seed for all estimators, so that the difference of two of them is seen.
    parts = [
        gradient_by_loc(layer, *rows, scale=SCALE, seed=i) for i in range(PORTIONS[num_samples])
    ]
    return np.concatenate(parts).astype("float64")


def slope(ratios):
    """Of logarithms against those of K, for K from 10: one draw is not normalized by others."""
    return np.polyfit(np.log(COUNTS[1:]), np.log(ratios[1:]), 1)[0]


def test_estimators_signal_to_noise_falls_with_more_draws_and_rises_for_dreg():
    """Rainforth et al. (2018), Tucker et al. (2019): as K^(-1/2), and as K^(1/2).

    Both have the same expectation, as the next test finds. The mean of the plain
    estimator's repeats has more noise than signal: the signal of both is the mean of dreg's.
    """
    ratios = {"reparameterization": [], "dreg": []}
    for count in COUNTS:
        signal = np.abs(gradients_of("dreg", count).mean(axis=0))
        for estimator, found in ratios.items():
            found.append((signal / gradients_of(estimator, count).std(axis=0)).mean())
    assert slope(ratios["reparameterization"]) == pytest.approx(-0.5, abs=0.1)
    assert slope(ratios["dreg"]) == pytest.approx(0.5, abs=0.1)
    assert np.all(np.diff(ratios["reparameterization"]) < 0.0)
    assert np.all(np.diff(ratios["dreg"]) > 0.0)


def squared_deviation(estimator, num_samples, alpha):
    """Of the mean difference from the plain estimator, in its standard errors, over 20 entries.

    Where both have the same expectation, about chi-squared with 20 degrees of freedom.
    """
    plain = gradients_of("reparameterization", num_samples, alpha)
    differences = gradients_of(estimator, num_samples, alpha) - plain
    errors = differences.std(axis=0, ddof=1) / np.sqrt(len(differences))
    return ((differences.mean(axis=0) / errors) ** 2).sum()


LARGEST = 66.0  # more in one of 1e6 cases


UNBIASED = [("dreg", 1, 0.0), ("dreg", 10, 0.0), ("dreg", 100, 0.0), ("dreg", 10, 0.5)]
UNBIASED += [("dreg", 10, 1.0), ("stl", 1, 0.0), ("stl", 10, 1.0)]


@pytest.mark.parametrize(("estimator", "num_samples", "alpha"), UNBIASED)
def test_estimator_has_the_expectation_of_the_plain_one(estimator, num_samples, alpha):
    assert squared_deviation(estimator, num_samples, alpha) < LARGEST


def test_stl_has_a_bias_with_several_draws():
    """As its docstring says; alpha between 0 and 1 likewise."""
    assert squared_deviation("stl", 10, 0.0) > 2 * LARGEST
    assert squared_deviation("stl", 10, 0.5) > 2 * LARGEST


@pytest.mark.parametrize("alpha", [0.0, 0.5])
@pytest.mark.parametrize("estimator", ["dreg", "stl"])
def test_estimator_gives_decoder_and_prior_the_plain_gradient(estimator, alpha, rng):
    """For the same draws, to float32's digits; and the same bound."""
    x, loc = rng.normal(size=(2, 5, 3)).astype("float32")
    found = {}
    for name in ("reparameterization", estimator):
        layer = gaussian_layer(3, num_samples=6, alpha=alpha, estimator=name)
        layer(posterior(loc, 0.8))
        found[name] = bound_and_gradients(layer, loc, x, scale=0.8)
    (plain, by_plain), (ours, by_ours) = found.values()
    np.testing.assert_allclose(ours, plain, rtol=1e-5)
    assert len(by_ours) == 3  # the posterior's mean, the decoder's gain, the prior's parameters
    for mine, theirs in zip(by_ours[1:], by_plain[1:], strict=True):
        assert np.abs(theirs).min() > 1e-3
        np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-5)
    assert not np.allclose(by_ours[0], by_plain[0], rtol=0.1)


@pytest.mark.parametrize("estimator", ["dreg", "stl"])
def test_estimator_has_no_noise_at_the_exact_posterior(estimator, rng):
    """Where all weights are equal whatever the draws, the encoder has its optimum."""
    x = rng.normal(size=(5, 3)).astype("float32")
    layer = gaussian_layer(3, num_samples=4, estimator=estimator)
    layer(posterior(x, 1.0))
    bounds, by = bound_and_gradients(layer, x / 2.0, x, scale=float(np.sqrt(0.5)))
    np.testing.assert_allclose(bounds, evidence(x), rtol=1e-5)
    np.testing.assert_allclose(by[0], 0.0, atol=1e-5)
    assert np.abs(by[1]).min() > 1e-2


# ---------------------------------------------------------------- the two passes of dreg


def noisy_layer(estimator):
    """A decoder with dropout and batch normalization."""
    decoder = keras.Sequential(
        [
            keras.Input((2,)),
            keras.layers.Dense(8, "tanh"),
            keras.layers.BatchNormalization(momentum=0.5),
            keras.layers.Dropout(0.5, seed=3),
            keras.layers.Dense(4),
            kdl.layers.IndependentBernoulli(4),
        ]
    )
    prior = kdl.distributions.MultivariateNormalDiag(np.zeros(2, "float32"), np.ones(2, "float32"))
    return kdl.layers.VariationalBound(
        decoder, prior, num_samples=5, estimator=estimator, seed=4, use_exact_kl=False
    )


def test_dreg_has_one_pass_with_the_masks_and_statistics_of_the_other(rng):
    """The two passes see the same, so that their log weights agree; statistics move once."""
    loc = rng.normal(size=(6, 2)).astype("float32")
    x = (rng.random((6, 4)) < 0.5).astype("float32")
    found = {}
    for estimator in ("reparameterization", "dreg"):
        keras.utils.set_random_seed(0)
        layer = noisy_layer(estimator)
        rv = layer(posterior(loc, 0.8), training=True)
        if estimator == "dreg":
            second = rv.distribution.through_draws.log_weights(x)
            np.testing.assert_allclose(numpy(rv.log_weights(x)), numpy(second), rtol=1e-5)
        state = [numpy(v.value) for v in layer.decoder.non_trainable_variables]
        found[estimator] = [numpy(rv.log_prob(x)), *state]
    assert len(found["dreg"]) > 3
    for ours, plain in zip(found["dreg"], found["reparameterization"], strict=True):
        np.testing.assert_allclose(ours, plain, rtol=1e-5, atol=1e-6)
    # The moving mean, which begins at 0 and has a momentum of a half.
    moving = layer.decoder.layers[1].moving_mean
    hidden = keras.Sequential(layer.decoder.layers[:1])
    assert np.abs(numpy(moving)).max() > 0.01
    batch_mean = numpy(hidden(_rows_of(layer, loc))).mean(axis=0)
    np.testing.assert_allclose(numpy(moving), batch_mean / 2.0, rtol=1e-4, atol=1e-6)


def _rows_of(layer, loc):
    """The latents that the decoder saw: those of the same seed."""
    again = keras.random.SeedGenerator(layer.seed)
    draws = posterior(loc, 0.8).distribution.sample(layer.num_samples, again)
    return numpy(draws).reshape(-1, loc.shape[-1])
