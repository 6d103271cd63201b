"""The layer whose output's log_prob is a bound of log p: its values and losses."""

import keras
import numpy as np
import pytest
from bounds import (
    UnitNormalAround,
    bernoulli_decoder,
    bound_and_gradients,
    evidence,
    gaussian_layer,
    posterior,
    small_model,
    standard_layer,
    vectors,
)
from helpers import BACKEND, binary, numpy, standard_normal
from keras import ops

import keras_distlayers as kdl
from keras_distlayers.testing._evaluation import double_precision

NLL = kdl.losses.NegativeLogLikelihood


# ---------------------------------------------------------------- known evidence


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0, 2.0])
@pytest.mark.parametrize("num_samples", [1, 7, 60])
def test_bound_is_the_evidence_at_the_exact_posterior(num_samples, alpha):
    """Each log weight is log p(x), whatever was drawn."""
    x = vectors(5, 3)
    layer = gaussian_layer(3, 1.0, num_samples=num_samples, alpha=alpha, use_exact_kl=False)
    rv = layer(posterior((x + 1.0) / 2.0, float(np.sqrt(0.5))))
    expected = evidence(x, 1.0)
    assert tuple(rv.log_weights(x).shape) == (5, num_samples)
    np.testing.assert_allclose(numpy(rv.log_weights(x)), expected[:, None] + 0.0 * numpy(
        rv.log_weights(x)), rtol=2e-6)  # fmt: skip
    np.testing.assert_allclose(numpy(rv.log_prob(x)), expected, rtol=2e-6)
    np.testing.assert_allclose(numpy(rv.effective_sample_size(x)), num_samples, rtol=1e-5)


@pytest.mark.parametrize("estimator", ["reparameterization", "stl", "dreg"])
def test_bound_keeps_float64(estimator):
    """Also that of draws in chunks."""
    with double_precision():
        x = vectors(5, 3).astype("float64")
        layer = standard_layer(
            UnitNormalAround(3), 3, num_samples=4, test_num_samples=25, chunk_size=10,
            estimator=estimator, use_exact_kl=False if estimator == "reparameterization" else None,
        )  # fmt: skip
        for training in (True, False):
            rv = layer(posterior(x / 2.0, float(np.sqrt(0.5))), training=training)
            np.testing.assert_allclose(numpy(rv.log_prob(x)), evidence(x), rtol=1e-13)
            assert numpy(rv.mean()).dtype == "float64"


def test_bound_rises_with_the_number_of_draws_and_meets_the_evidence():
    x = vectors(200, 3)
    means, sizes = [], []
    for count in (1, 10, 100, 5000):
        layer = gaussian_layer(3, test_num_samples=count, chunk_size=500, seed=0)
        rv = layer(posterior(x / 2.0 + 0.4, 1.0))
        means.append(numpy(rv.log_prob(x)).mean())
        sizes.append(numpy(rv.effective_sample_size(x)) / count)
        assert sizes[-1].max() <= 1.0 + 1e-5
        assert (sizes[-1] * count).min() >= 1.0 - 1e-5
    truth = evidence(x).mean()
    assert np.all(np.diff(means) > 0.0)
    assert means[0] < truth - 0.3
    assert means[-1] == pytest.approx(truth, abs=2e-3)


def test_bound_falls_with_alpha():
    x = vectors(50, 3)
    means = []
    for alpha in (0.0, 0.5, 1.0, 3.0):
        layer = gaussian_layer(3, num_samples=20, alpha=alpha, use_exact_kl=False, seed=0)
        means.append(numpy(layer(posterior(x / 2.0 + 0.4, 1.0)).log_prob(x)).mean())
    assert np.all(np.diff(means) < -0.01)


def test_elbo_has_the_kl_in_closed_form():
    """Of the layer's own draw, the first of its seed."""
    x, loc = vectors(5), vectors(5, seed=1)
    layer = standard_layer(bernoulli_decoder(2), seed=3)
    rv = layer(posterior(loc, 0.7))
    q = posterior(loc, 0.7).distribution
    z = q.sample(1, keras.random.SeedGenerator(3))[0]
    pixels = np.float32(x > 0.0)
    likelihood = layer.decoder(z).log_prob(pixels)
    kl = numpy(q.kl_divergence(standard_normal(2)))
    np.testing.assert_allclose(numpy(rv.log_prob(pixels)), numpy(likelihood) - kl, rtol=1e-5)
    log_ratio = standard_normal(2).log_prob(z) - q.log_prob(z)
    weights = numpy(likelihood) + numpy(log_ratio)
    np.testing.assert_allclose(numpy(rv.log_weights(pixels))[:, 0], weights, rtol=1e-5)


def test_elbo_has_the_expectation_of_a_regularizer_and_a_likelihood():
    """Over 4000 equal rows, within 5.5 standard errors."""
    rows = 4000
    x, raw = np.ones((rows, 2), "float32"), np.tile(np.float32([0.5, -1.0, 0.0, 1.0]), (rows, 1))
    decoder = bernoulli_decoder(2)
    regularizer = kdl.regularizers.KLDivergenceRegularizer(standard_normal(2))
    head = kdl.layers.IndependentNormal(2, activity_regularizer=regularizer, seed=0)
    usual = -numpy(decoder(head(raw)).log_prob(x)) + float(head.losses[0])
    for exact in (True, False):
        layer = standard_layer(decoder, use_exact_kl=exact, seed=1)
        ours = -numpy(layer(kdl.layers.IndependentNormal(2)(raw)).log_prob(x))
        error = np.sqrt((usual.var() + ours.var()) / rows)
        assert abs(usual.mean() - ours.mean()) < 5.5 * error


# ---------------------------------------------------------------- training


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_bound_is_float32_under_mixed_precision(policy):
    x = binary((16, 6))
    keras.config.set_dtype_policy(policy)
    for estimator in ("reparameterization", "dreg"):
        model = small_model(num_samples=3, test_num_samples=5, chunk_size=2, estimator=estimator)
        assert np.isfinite(model.fit(x, x, verbose=0).history["loss"]).all()
        rv = model(x)
        for values in (rv.log_prob(x), rv.log_weights(x), model(x, training=True).log_prob(x)):
            assert keras.backend.standardize_dtype(values.dtype) == "float32"
            assert np.isfinite(numpy(values)).all()


def test_bound_is_trained_eagerly():
    x = binary((16, 6))
    model = small_model(num_samples=3, estimator="dreg", test_num_samples=5, chunk_size=2)
    model.compile("adam", NLL(), run_eagerly=True)
    history = model.fit(x, x, verbose=0, validation_data=(x, x)).history
    assert np.isfinite([history["loss"], history["val_loss"]]).all()


# On Torch, Dynamo warns of what it traces, and takes a minute for each further graph.
@pytest.mark.long
@pytest.mark.filterwarnings("ignore" if BACKEND == "torch" else "error")
def test_bound_is_trained_compiled():
    x = binary((16, 6))
    more = {"estimator": "dreg", "test_num_samples": 5, "chunk_size": 2}
    model = small_model(num_samples=3, **({} if BACKEND == "torch" else more))
    model.compile("adam", NLL(), jit_compile=True)
    assert np.isfinite(model.fit(x, x, verbose=0).history["loss"]).all()
    if BACKEND != "torch":
        assert np.isfinite(model.evaluate(x, x, verbose=0))


# ---------------------------------------------------------------- impossible values


def rate_decoder(kind):
    """Values below 0, or above a bound that depends on z, are impossible."""

    def exponential(z):
        return kdl.distributions.Independent(kdl.distributions.Exponential(ops.exp(z)), 1)

    def uniform(z):
        zeros = ops.zeros_like(z)
        uniform = kdl.distributions.Uniform(zeros, zeros + 1.0 + ops.softplus(z))
        return kdl.distributions.Independent(uniform, 1)

    made = kdl.layers.DistributionLambda({"exponential": exponential, "uniform": uniform}[kind])
    return keras.Sequential([keras.layers.Dense(2, kernel_initializer="ones"), made])


ESTIMATORS = [("reparameterization", 0.0), ("reparameterization", 0.5), ("stl", 0.0)]
ESTIMATORS += [("dreg", 0.0), ("dreg", 0.5), ("dreg", 1.0), ("dreg", 2.0)]


@pytest.mark.parametrize(("estimator", "alpha"), ESTIMATORS)
@pytest.mark.parametrize("kind", ["exponential", "uniform"])
def test_bound_of_an_impossible_row_is_minus_infinity_without_a_gradient(kind, estimator, alpha):
    x = np.float32([[0.5, 0.7], [-1.0, 0.3], [0.5, 0.7]])
    layer = standard_layer(
        rate_decoder(kind), num_samples=4, estimator=estimator, alpha=alpha, use_exact_kl=False
    )
    loc = vectors(3)
    layer(posterior(loc, 0.5))
    bounds, by = bound_and_gradients(layer, loc, x, scale=0.5)
    assert np.isfinite(bounds).tolist() == [True, False, True]
    assert bounds[1] == -np.inf
    np.testing.assert_array_equal(by[0][1], 0.0)
    for gradient in by:
        assert np.isfinite(gradient).all()
    assert np.abs(by[0][[0, 2]]).min() > 0.0


@pytest.mark.parametrize(("estimator", "alpha"), [("reparameterization", 0.0), ("dreg", 0.0)])
def test_bound_with_some_impossible_draws_is_that_of_the_others(estimator, alpha):
    x = np.float32([[2.0, 2.0]] * 4)
    layer = standard_layer(
        rate_decoder("uniform"), num_samples=20, estimator=estimator, alpha=alpha, seed=0
    )
    loc = np.zeros((4, 2), "float32")
    rv = layer(posterior(loc, 1.0), training=True)
    weights = numpy(rv.log_weights(x))
    assert 0.1 < np.isneginf(weights).mean() < 0.9
    expected = np.log(np.exp(weights.astype("float64")).mean(axis=1))
    np.testing.assert_allclose(numpy(rv.log_prob(x)), expected, rtol=1e-5)
    bounds, by = bound_and_gradients(layer, loc, x, scale=1.0)
    assert np.isfinite(bounds).all()
    assert all(np.isfinite(gradient).all() for gradient in by)
    assert np.abs(by[0]).min() > 0.0


# ---------------------------------------------------------------- what it returns


def test_output_is_a_draw_given_latents_of_each_row():
    """Its mean is that of the decoder's means at the draws; so is that of predict_distribution."""
    loc = vectors(2000)
    layer = gaussian_layer(num_samples=3, seed=0)
    rv = layer(posterior(loc, 0.5))
    likelihood = rv.distribution.likelihood
    assert likelihood.batch_shape == (2000, 3)
    np.testing.assert_allclose(
        numpy(rv.mean()), numpy(likelihood.mean()).mean(axis=1), rtol=1e-5, atol=1e-6
    )
    # The tensor: noise of variance 1 around a draw of variance 1/4.
    assert (numpy(rv) - loc).var() == pytest.approx(1.25, rel=0.1)
    assert numpy(rv.variance()).mean() == pytest.approx(1.0 + 0.25 * 2.0 / 3.0, rel=0.05)
    assert (numpy(rv.sample(seed=0)) - loc).var() == pytest.approx(1.25, rel=0.1)


def test_predict_distribution_is_the_mixture_over_the_draws():
    x = binary((20, 6))
    for options in ({"num_samples": 4}, {"test_num_samples": 9, "chunk_size": 2}):
        model = small_model(**options)
        assert model.predict(x, batch_size=8, verbose=0).shape == (20, 6)
        mixture = kdl.predict_distribution(model, x, batch_size=8, verbose=0)
        assert (mixture.batch_shape, mixture.event_shape) == ((20,), (6,))
        log_prob = numpy(mixture.log_prob(x))
        assert np.isfinite(log_prob).all()
        assert (numpy(mixture.mean()) > 0.0).all()


def test_covariance_is_that_of_the_mixture_over_the_draws():
    rv = gaussian_layer(num_samples=5)(posterior(vectors(3), 1.0))
    means = numpy(rv.distribution.likelihood.mean())
    spread = means - means.mean(axis=1, keepdims=True)
    expected = np.eye(2) + np.einsum("nki,nkj->nij", spread, spread) / 5
    np.testing.assert_allclose(numpy(rv.covariance()), expected, rtol=1e-5, atol=1e-6)


def test_generate_draws_from_the_prior():
    layer = gaussian_layer(2, 3.0, seed=0)
    layer(posterior(vectors(3), 1.0))
    made = layer.generate(2000, seed=5)
    assert made.batch_shape == (2000,)
    assert numpy(made).mean() == pytest.approx(3.0, abs=0.15)
    assert numpy(made).var() == pytest.approx(2.0, rel=0.1)
    assert numpy(made.mean()).var() == pytest.approx(1.0, rel=0.1)
    np.testing.assert_array_equal(numpy(layer.generate(2000, seed=5)), numpy(made))
    assert np.abs(numpy(layer.generate(2000)) - numpy(layer.generate(2000))).max() > 0.1


def test_shapes_are_known_after_a_nested_encoder():
    """Whose output is a plain tensor of the graph."""
    encoder = keras.Sequential([keras.Input((6,)), kdl.layers.IndependentNormal(3)])
    inputs = keras.Input((6,))
    layer = standard_layer(bernoulli_decoder(8), 3)
    model = keras.Model(inputs, layer(encoder(inputs)))
    assert model.output_shape == (None, 8)
    assert tuple(model(binary((4, 6))).shape) == (4, 8)


def test_symbolic_output_has_the_methods_of_a_distribution():
    x, target = keras.Input((4,)), keras.Input((6,))
    layer = standard_layer(bernoulli_decoder(), num_samples=3)
    rv = layer(kdl.layers.IndependentNormal(2)(x))
    model = keras.Model([x, target], {"bound": rv.log_prob(target), "mean": rv.mean()})
    found = model([vectors(5, 4), binary((5, 6))])
    assert tuple(found["bound"].shape) == (5,)
    assert tuple(found["mean"].shape) == (5, 6)
