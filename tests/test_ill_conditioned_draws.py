"""The log density of draws of full normals whose scale takes all digits from an inverse."""

import keras
import numpy as np
import pytest
from helpers import numpy, standard_normal
from keras import ops

import keras_distlayers as kdl
from keras_distlayers.distributions.path_log_prob import draw_with_path_log_prob
from keras_distlayers.testing._evaluation import evaluate, gradient

SIZE, ROWS = 40, 400
# The inverse has entries up to 2^38, so that a rounding of a draw, 1e-7, becomes 1e4.
TRIL = (np.eye(SIZE) - np.tril(np.ones((SIZE, SIZE)), -1)).astype("float32")
ENTROPY = 0.5 * SIZE * (1.0 + np.log(2.0 * np.pi))
# Half a chi-squared of 40: five standard errors of the mean of the rows.
NOISE = 5.0 * np.sqrt(0.5 * SIZE / ROWS)


def posterior(rows=ROWS):
    return kdl.distributions.MultivariateNormalTriL(np.zeros((rows, SIZE), "float32"), TRIL)


def test_log_prob_of_a_rounded_draw_is_another():
    """What the others are about: the density at the draw, as it has been rounded."""
    distribution = posterior()
    assert numpy(distribution.log_prob(distribution.sample(seed=0))).mean() < -1e6


def test_draw_with_its_log_prob_keeps_its_digits():
    draws, log_prob = posterior().sample_and_log_prob(seed=0)
    np.testing.assert_array_equal(numpy(draws), numpy(posterior().sample(seed=0)))
    assert numpy(log_prob).mean() == pytest.approx(-ENTROPY, abs=NOISE)
    rv = kdl.RandomVariable.drawn_from(posterior())
    assert numpy(rv.log_prob(rv)).mean() == pytest.approx(-ENTROPY, abs=NOISE)


def mixture_same_family():
    """Two of them, so far from each other that a draw is of one of them alone."""
    locs = np.zeros((ROWS, 2, SIZE), "float32")
    locs[:, 1, 0] = 100.0
    components = kdl.distributions.MultivariateNormalTriL(locs, TRIL)
    return kdl.distributions.MixtureSameFamily(HALVES, components)


def mixture():
    """The same two, of which the second is the first with a shift."""
    shifted = kdl.distributions.TransformedDistribution(
        posterior(), kdl.bijectors.Shift(np.eye(SIZE, dtype="float32")[0] * 100.0)
    )
    return kdl.distributions.Mixture(HALVES, [posterior(), shifted])


HALVES = kdl.distributions.Categorical(logits=[0.0, 0.0])
MIXTURES = [mixture_same_family, mixture]


@pytest.mark.parametrize("make", MIXTURES)
def test_draw_of_a_mixture_with_its_log_prob_keeps_its_digits(make):
    draws, log_prob = make().sample_and_log_prob(seed=0)
    np.testing.assert_array_equal(numpy(draws), numpy(make().sample(seed=0)))
    assert numpy(log_prob).mean() == pytest.approx(-ENTROPY - np.log(2.0), abs=NOISE)
    rv = kdl.RandomVariable.drawn_from(make())
    assert numpy(rv.log_prob(rv)).mean() == pytest.approx(-ENTROPY - np.log(2.0), abs=NOISE)


@pytest.mark.parametrize("num_samples", [1, 3])
@pytest.mark.parametrize("make", MIXTURES)
def test_monte_carlo_kl_of_a_mixture_keeps_its_digits(make, num_samples):
    head = kdl.layers.DistributionLambda(lambda loc: make(), seed=0)
    rv = head(ops.zeros((ROWS, 1)))
    regularizer = kdl.regularizers.KLDivergenceRegularizer(
        standard_normal(SIZE), num_samples=num_samples
    )
    draws = numpy(make().sample(20, seed=1)).astype("float64")
    squares = 0.5 * (draws**2).sum(axis=-1)
    expected = -ENTROPY - np.log(2.0) + squares.mean() + 0.5 * SIZE * np.log(2.0 * np.pi)
    noise = 5.0 * squares.std() * np.sqrt(1.0 / ROWS + 1.0 / squares.size)
    assert float(numpy(regularizer(rv))) == pytest.approx(expected, abs=noise)


def test_monte_carlo_kl_keeps_its_digits():
    """To a mixture of one normal, which has no closed form."""
    one = kdl.distributions.Categorical(logits=[0.0])
    prior = kdl.distributions.MixtureSameFamily(one, standard_normal(SIZE).expand((1,)))
    expected = numpy(posterior().kl_divergence(standard_normal(SIZE)))[0]
    head = kdl.layers.DistributionLambda(lambda loc: posterior(ROWS), seed=0)
    rv = head(ops.zeros((ROWS, 1)))
    regularizer = kdl.regularizers.KLDivergenceRegularizer(prior)
    # |L z|^2 / 2 has a standard deviation of some hundreds.
    squares = numpy(posterior().sample(20, seed=1)) ** 2
    noise = 5.0 * 0.5 * squares.sum(axis=-1).std() / np.sqrt(ROWS)
    assert float(numpy(regularizer(rv))) == pytest.approx(expected, abs=noise)


@pytest.mark.parametrize("estimator", ["reparameterization", "stl", "dreg"])
def test_bound_keeps_its_digits(estimator):
    """With a decoder that does not look at z it is log p(x) less the KL, in the mean."""
    coin = kdl.layers.DistributionLambda(
        lambda z: kdl.distributions.Bernoulli(logits=ops.zeros_like(z[:, 0]))
    )
    prior = standard_normal(SIZE)
    layer = kdl.layers.VariationalBound(
        coin, prior, estimator=estimator, use_exact_kl=False, seed=0
    )
    distribution = posterior()
    rv = layer(kdl.RandomVariable(distribution, distribution.loc), training=True)
    bound = numpy(rv.log_prob(np.ones(ROWS, "float32")))
    expected = -np.log(2.0) - numpy(distribution.kl_divergence(prior))[0]
    noise = 5.0 * bound.std() / np.sqrt(ROWS)
    assert noise < 200.0
    assert bound.mean() == pytest.approx(expected, abs=noise)


def path(loc, tril):
    distribution = kdl.distributions.MultivariateNormalTriL(loc, tril)
    return draw_with_path_log_prob(distribution, (2,), 3)


def total(loc, tril):
    return ops.sum(path(loc, tril)[1])


def test_gradient_through_the_draw_is_that_of_its_standard_normal_numbers():
    """d log q / dx = -L'^-1 z at x = loc + L z, by which loc moves x alone."""
    loc = ops.zeros((3, SIZE))
    found = numpy(gradient(total, loc, ops.convert_to_tensor(TRIL)))
    z = numpy(keras.random.normal((2, 3, SIZE), seed=3)).astype("float64")
    expected = -np.linalg.solve(TRIL.T.astype("float64"), z.sum(axis=0).T).T
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3 * np.abs(expected).max())


def test_path_of_a_well_conditioned_normal_is_that_of_its_log_prob():
    rng = np.random.default_rng(0)
    tril = np.tril(0.3 * rng.normal(size=(3, 4, 4)), -1) + np.eye(4)
    loc = rng.normal(size=(3, 4)).astype("float32")
    tril = tril.astype("float32")
    draws, log_prob = map(numpy, evaluate(path, ops.convert_to_tensor(loc), tril))
    plain = kdl.distributions.MultivariateNormalTriL(loc, tril)
    np.testing.assert_allclose(log_prob, numpy(plain.log_prob(draws)), rtol=1e-5, atol=1e-5)
    slopes = [
        numpy(gradient(f, ops.convert_to_tensor(tril), ops.convert_to_tensor(loc)))
        for f in (_by_tril, _solved_by_tril)
    ]
    np.testing.assert_allclose(*slopes, rtol=1e-4, atol=1e-4)


def _by_tril(tril, loc):
    return total(loc, tril)


def _solved_by_tril(tril, loc):
    distribution = kdl.distributions.MultivariateNormalTriL(loc, tril)
    fixed = distribution.map_tensors(ops.stop_gradient)
    return ops.sum(fixed.log_prob(distribution.sample(2, seed=3)))


def as_mixture_same_family(loc, tril):
    components = kdl.distributions.MultivariateNormalTriL(loc, tril)
    return kdl.distributions.MixtureSameFamily(HALVES, components)


def as_mixture(loc, tril):
    """Of a full normal, a log-normal, a full normal with a shift, and a diagonal normal."""
    full = kdl.distributions.MultivariateNormalTriL(loc[..., :1, :], tril[..., :1, :, :])
    entries = kdl.distributions.LogNormal(loc[..., 1, :], ops.exp(tril[..., 1, 0, :]))
    moved = kdl.distributions.TransformedDistribution(full, kdl.bijectors.Shift(loc[..., :1, :]))
    return kdl.distributions.Mixture(
        kdl.distributions.Categorical(logits=[0.5, 0.0, -0.5, 0.0]),
        [
            kdl.distributions.Independent(full, 0)[..., 0],
            kdl.distributions.Independent(entries, 1),
            moved[..., 0],
            kdl.distributions.MultivariateNormalDiag(loc[..., 1, :], ops.exp(tril[..., 1, 0, :])),
        ],
    )


def own_log_prob(loc, tril, make):
    """The log density that comes with draws."""
    return ops.sum(make(loc, ops.tril(tril)).sample_and_log_prob(2, seed=3)[1])


def log_prob_of_fixed_draw(loc, tril, make):
    mixture = make(loc, ops.tril(tril))
    return ops.sum(mixture.log_prob(ops.stop_gradient(mixture.sample(2, seed=3))))


@pytest.mark.parametrize("by", ["loc", "tril"])
@pytest.mark.parametrize("make", [as_mixture_same_family, as_mixture])
def test_log_prob_of_a_mixtures_draw_has_the_score_as_its_gradient(make, by):
    rng = np.random.default_rng(0)
    tril = np.tril(0.3 * rng.normal(size=(50, 2, 4, 4)), -1) + np.eye(4)
    values = {"loc": rng.normal(size=(50, 2, 4)), "tril": tril}
    values = {name: ops.convert_to_tensor(x.astype("float32")) for name, x in values.items()}
    slopes = [
        numpy(gradient(lambda x, f=f: f(**{**values, by: x}, make=make), values[by]))
        for f in (own_log_prob, log_prob_of_fixed_draw)
    ]
    np.testing.assert_allclose(*slopes, rtol=1e-3, atol=1e-3)


def log_prob_of_saturated_draws(loc):
    """Draws of tanh(x) that have rounded to 1, where the density is 0."""
    components = kdl.distributions.TransformedDistribution(
        kdl.distributions.Normal(loc, 1.0), kdl.bijectors.Tanh()
    )
    mixture = kdl.distributions.MixtureSameFamily(HALVES, components)
    return ops.sum(mixture.sample_and_log_prob(5, seed=0)[1])


def test_score_of_a_draw_that_has_rounded_to_a_bound_is_left_out():
    """The value is finite there. The gradient through the draw, 2 per draw, is not the score."""
    loc = ops.convert_to_tensor(np.float32([20.0, 21.0]))
    assert np.isfinite(numpy(log_prob_of_saturated_draws(loc)))
    np.testing.assert_array_equal(numpy(gradient(log_prob_of_saturated_draws, loc)), [0.0, 0.0])
