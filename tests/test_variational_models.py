"""Plain models made variational, and back."""

import keras
import numpy as np
import pytest
from helpers import BACKEND, KERAS_VERSION, numpy, standard_normal

import keras_distlayers as kdl

# Keras itself stops there, see docs/how_it_works.md#limits: it compares losses that JAX traces.
CALLS_TWICE = BACKEND != "jax" or KERAS_VERSION >= (3, 14)

X = np.random.default_rng(0).normal(size=(8, 6, 2)).astype("float32")
Y = np.random.default_rng(1).normal(size=(8, 1)).astype("float32")


def plain_model():
    """Convolution, batch normalization, a nested model that is called again, a head."""
    nested = keras.Sequential(
        [keras.Input((4, 3)), keras.layers.LSTM(3, return_sequences=True)], name="nested"
    )
    inputs = keras.Input((6, 2))
    x = keras.layers.Conv1D(3, 3, activation="relu", name="convolution")(inputs)
    x = keras.layers.BatchNormalization()(x)
    again = nested(nested(x)) if CALLS_TWICE else x
    x = keras.layers.Flatten()(keras.layers.Add()([nested(x), again]))
    head = kdl.layers.IndependentNormal(1, "mean")
    return keras.Model(inputs, head(keras.layers.Dense(2, name="last")(x)))


def converted(**options):
    model = plain_model()
    for variable in model.weights:
        variable.assign(variable + 0.1)
    return model, kdl.variational.from_deterministic(model, len(X), **options)


def test_converted_model_trains_is_saved_and_comes_back_as_a_plain_one(tmp_path):
    model, bayesian = converted()
    layers = [bayesian.get_layer("convolution"), bayesian.get_layer("last")]
    layers.append(bayesian.get_layer("nested").layers[-1])
    assert all(isinstance(layer, kdl.layers.Variational) for layer in layers)
    np.testing.assert_allclose(
        numpy(kdl.variational.mean(bayesian)(X)), numpy(model(X)), rtol=1e-5
    )
    bayesian.compile(keras.optimizers.Adam(0.01), kdl.losses.NegativeLogLikelihood())
    bayesian.fit(X, Y, epochs=2, verbose=0)
    bayesian.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    plain, plain_again = (kdl.variational.mean(m) for m in (bayesian, loaded))
    assert [type(layer) for layer in plain.layers] == [type(layer) for layer in model.layers]
    assert len(plain.weights) == len(model.weights)
    np.testing.assert_array_equal(numpy(plain(X)), numpy(plain_again(X)))
    model.set_weights(plain.get_weights())
    np.testing.assert_array_equal(numpy(model(X)), numpy(plain(X)))


def test_layer_that_is_called_twice_after_another_one_counts_its_kl_once():
    layers = [kdl.layers.Variational(keras.layers.Dense(2), len(X)) for _ in range(2)]
    inputs = keras.Input((2,))
    model = keras.Model(inputs, layers[1](layers[1](layers[0](inputs))))
    model.compile(keras.optimizers.SGD(0.0), "mse", metrics=["mse"])
    if not CALLS_TWICE:
        with pytest.raises(Exception, match="Attempted boolean conversion of traced array"):
            model.fit(X[:, 0], X[:, 1], verbose=0)
        keras.utils.clear_session()  # Keras takes the call that failed for one that goes on
        return
    history = model.fit(X[:, 0], X[:, 1], verbose=0).history
    prior = standard_normal(4)
    kl = sum(float(numpy(layer.weight_distribution().kl_divergence(prior))) for layer in layers)
    assert history["loss"][0] - history["mse"][0] == pytest.approx(kl / len(X), rel=1e-4)


def test_draw_is_one_function_of_the_posterior():
    _, bayesian = converted(weights="all")
    first, again, other = (kdl.variational.draw(bayesian, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(numpy(first(X)), numpy(first(X)))
    np.testing.assert_array_equal(numpy(first(X)), numpy(again(X)))
    assert np.abs(numpy(first(X)) - numpy(other(X))).max() > 1e-3


def test_relative_stddev_is_that_of_the_weights():
    model, bayesian = converted(relative_stddev=0.2)
    stddev = numpy(bayesian.get_layer("last").weight_distribution().stddev())
    expected = np.maximum(0.2 * np.abs(numpy(model.get_layer("last").kernel)), 1e-4).ravel()
    np.testing.assert_allclose(stddev, expected, rtol=1e-3)


def test_prior_around_the_weights_stays_there_and_is_saved(tmp_path):
    """The KL before training is that of the scales alone; the closed form, in NumPy."""
    model, bayesian = converted(prior_stddev=0.5)
    kernel = numpy(model.get_layer("last").kernel).ravel()
    bayesian.save(tmp_path / "model.keras")
    for trained in (bayesian, keras.saving.load_model(tmp_path / "model.keras")):
        layer = trained.get_layer("last")
        layer(np.zeros((1, 12), "float32"))
        ratio = 0.05 / 0.5
        expected = len(kernel) * (0.5 * (ratio**2 - 1.0) - np.log(ratio)) / len(X)
        assert numpy(layer.losses[-1]) == pytest.approx(expected, rel=1e-4)
        trained.compile(keras.optimizers.Adam(0.01), kdl.losses.NegativeLogLikelihood())
        trained.fit(X, Y, epochs=2, verbose=0)
        np.testing.assert_array_equal(numpy(layer.prior.loc), kernel)
        assert np.abs(numpy(layer.weight_distribution().mean()) - kernel).max() > 1e-3


def test_predictive_distribution_mixes_over_the_weights():
    """The variance of the mean over passes is that of the weights, in closed form."""
    layer = kdl.layers.Variational(keras.layers.Dense(1), 10, seed=3)
    head = kdl.layers.DistributionLambda(
        lambda t: kdl.distributions.Independent(kdl.distributions.Normal(t, 1.0), 1), "mean"
    )
    model = keras.Sequential([keras.Input((12,)), layer, head])
    x = 10.0 * X.reshape((8, 12))
    mixture = kdl.predict_distribution(model, x, num_samples=10)
    epistemic = numpy(kdl.uncertainty.epistemic_variance(mixture))[:, 0]
    ratio = epistemic / (0.05**2 * x**2).sum(axis=1)
    assert ratio.mean() == pytest.approx(1.0, abs=0.5)
    np.testing.assert_allclose(numpy(mixture.variance())[:, 0], 1.0 + epistemic, rtol=1e-4)


def test_wrong_models_are_refused():
    with pytest.raises(ValueError, match=r"Begin it with keras\.Input"):
        kdl.variational.from_deterministic(keras.Sequential([keras.layers.Dense(2)]), 10)
    with pytest.raises(ValueError, match="mean_field_normal"):
        converted(relative_stddev=0.1, posterior="low_rank_normal")
    with pytest.raises(ValueError, match="whose place it takes"):
        converted(prior_stddev=1.0, prior="standard_normal")
    with pytest.raises(ValueError, match="a positive number"):
        converted(prior_stddev=0.0)


@pytest.mark.parametrize("name", ["posterior", "prior"])
def test_one_layer_for_all_posteriors_or_priors_is_refused(name):
    layer = kdl.layers.VariableLayer(4)
    with pytest.raises(ValueError, match=rf"argument `{name}`.*function of the number of weights"):
        converted(**{name: layer})
