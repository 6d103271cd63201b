"""Weights of a VAE trained with tfp.layers on tf_keras give the same distribution here."""

import keras
import numpy as np
import pytest
from helpers import binary, numpy, small_vae

import keras_distlayers as kdl

# TFP on tf_keras warns of much, none of it ours.
pytestmark = pytest.mark.filterwarnings("ignore")

LATENT, PIXELS = 3, 6


@pytest.fixture(scope="module")
def trained():
    return train(regularized=True)


def train(regularized):
    """The model of helpers.small_vae in the other Keras, after two steps."""
    import tensorflow_probability as tfp
    import tf_keras

    tfpl, tfd = tfp.layers, tfp.distributions
    prior = tfd.Independent(tfd.Normal(np.zeros(LATENT, "float32"), 1.0), 1)
    dense = tf_keras.layers.Dense
    size = tfpl.MultivariateNormalTriL.params_size(LATENT)
    regularizer = tfpl.KLDivergenceRegularizer(prior) if regularized else None
    encoder = tf_keras.Sequential(
        [
            tf_keras.layers.InputLayer((PIXELS,)),
            dense(8, "tanh"),
            dense(size),
            tfpl.MultivariateNormalTriL(LATENT, activity_regularizer=regularizer),
        ]
    )
    decoder = tf_keras.Sequential(
        [
            tf_keras.layers.InputLayer((LATENT,)),
            dense(8, "tanh"),
            dense(PIXELS),
            tfpl.IndependentBernoulli((PIXELS,)),
        ]
    )
    vae = tf_keras.Model(encoder.inputs, decoder(encoder.outputs[0]))
    vae.compile("sgd", lambda x, rv: -rv.log_prob(x))
    vae.fit(binary((8, PIXELS)), binary((8, PIXELS)), batch_size=4, verbose=0)
    return vae, encoder, decoder


def live(vae, folder):
    return vae


def h5(vae, folder):
    vae.save(folder / "vae.h5")
    return folder / "vae.h5"


def h5_weights(vae, folder):
    vae.save_weights(folder / "weights.h5")
    return str(folder / "weights.h5")


def saved_model(vae, folder):
    vae.save(folder / "vae", save_format="tf")
    return folder / "vae"


@pytest.mark.parametrize("source", [live, h5, h5_weights])
def test_tfp_weights_give_the_same_log_prob(trained, source, tmp_path):
    require_the_same_distribution(trained, source, tmp_path)


def test_tfp_weights_from_a_saved_model_give_the_same_log_prob(tmp_path):
    """Without the regularizer, with which tfp.layers itself cannot make a SavedModel."""
    require_the_same_distribution(train(regularized=False), saved_model, tmp_path)


def require_the_same_distribution(trained, source, folder):
    theirs, their_encoder, their_decoder = trained
    encoder, decoder, vae = small_vae(LATENT, PIXELS)
    kdl.interop.tfp_weights(source(theirs, folder), vae)
    x, z = binary((5, PIXELS), seed=1), np.linspace(-2, 2, 5 * LATENT).reshape(5, LATENT)
    z = z.astype("float32")
    np.testing.assert_allclose(
        numpy(encoder(x).log_prob(z)), their_encoder(x).log_prob(z).numpy(), rtol=1e-5
    )
    np.testing.assert_allclose(
        numpy(decoder(z).log_prob(x)), their_decoder(z).log_prob(x).numpy(), rtol=1e-5
    )


def nested(library, head, inputs, frozen_trains=False):
    """A model in a model, with a frozen layer before others of its shapes, and statistics."""
    layers = library.layers
    frozen = layers.Dense(4, "tanh")
    frozen.trainable = frozen_trains
    inner = library.Sequential(
        [
            inputs, frozen, layers.BatchNormalization(), layers.Dense(4, "tanh"),
            library.Sequential([inputs, layers.BatchNormalization(), layers.Dense(4)]),
        ]
    )  # fmt: skip
    frozen_model = library.Sequential([inputs, layers.Dense(4), layers.BatchNormalization()])
    frozen_model.trainable = frozen_trains
    return library.Sequential([inputs, inner, frozen_model, layers.Dense(4), head])


@pytest.fixture(scope="module")
def nested_of_tfp():
    import tensorflow_probability as tfp
    import tf_keras

    model = nested(tf_keras, tfp.layers.IndependentNormal(2), tf_keras.layers.InputLayer((4,)))
    draws = np.random.default_rng(0)
    model.set_weights([draws.uniform(0.2, 1.0, w.shape) for w in model.get_weights()])
    return model


@pytest.mark.parametrize("source", [live, h5, h5_weights, saved_model])
def test_tfp_weights_of_frozen_and_nested_models(nested_of_tfp, source, tmp_path):
    model = nested(keras, kdl.layers.IndependentNormal(2), keras.Input((4,)))
    kdl.interop.tfp_weights(source(nested_of_tfp, tmp_path), model)
    x = np.random.default_rng(1).normal(size=(5, 4)).astype("float32")
    y = x[:, :2]
    expected = nested_of_tfp(x).log_prob(y).numpy()
    np.testing.assert_allclose(numpy(model(x).log_prob(y)), expected, rtol=1e-4)


def test_tfp_weights_refuses_a_file_with_other_layers_frozen(nested_of_tfp, tmp_path):
    model = nested(keras, kdl.layers.IndependentNormal(2), keras.Input((4,)), frozen_trains=True)
    with pytest.raises(ValueError, match=r"the frozen layers of vae.h5, number \[0, 5, 6\]"):
        kdl.interop.tfp_weights(h5(nested_of_tfp, tmp_path), model)


def test_tfp_weights_refuses_another_layout(trained, tmp_path):
    trained[0].save_weights(tmp_path / "vae.weights.h5")
    with pytest.raises(ValueError, match="expected a file in Keras 2's layout"):
        kdl.interop.tfp_weights(tmp_path / "vae.weights.h5", small_vae(LATENT, PIXELS)[2])


def test_tfp_weights_refuses_another_model(trained):
    other = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    with pytest.raises(ValueError, match="expected weights of the shapes"):
        kdl.interop.tfp_weights(trained[0], other)
