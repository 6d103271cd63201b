"""The example's VAE as the blog post has it, on tfp.layers and tf_keras."""

import itertools
import math

import tensorflow as tf
import tensorflow_probability as tfp
import tf_keras
from alternating import Comparison
from tf_keras import layers

tfd, tfpl = tfp.distributions, tfp.layers

LATENT_SIZE = 16
IMAGE_SHAPE = (28, 28, 1)


def comparisons(make_vae, network, weights, batches):
    """train_on_batch, both in a graph without XLA, with either KL that TFP has; ours is exact."""

    def row(name, exact_kl):
        theirs = tfp_vae(network, exact_kl)
        theirs.set_weights(weights)
        ours = make_vae(jit_compile=False)
        return Comparison(name, trainer(ours, batches), trainer(theirs, batches))

    rows = [row("TFP: KL of one draw", exact_kl=False), row("TFP: exact KL", exact_kl=True)]
    return rows, tfp_vae(network, exact_kl=False).count_params()


def trainer(model, batches):
    images = itertools.cycle(batches)

    def train():
        x = next(images)
        return model.train_on_batch(x, x)

    return train


def tfp_vae(network, exact_kl):
    encoder_body, decoder_body = {"conv": conv_bodies, "dense": dense_bodies}[network]()
    regularizer = tfpl.KLDivergenceRegularizer(make_prior(exact_kl), exact_kl, weight=1.0)
    encoder = tf_keras.Sequential(
        [
            layers.InputLayer(IMAGE_SHAPE),
            layers.Rescaling(1.0, offset=-0.5),
            *encoder_body,
            layers.Flatten(),
            layers.Dense(tfpl.MultivariateNormalTriL.params_size(LATENT_SIZE)),
            tfpl.MultivariateNormalTriL(LATENT_SIZE, activity_regularizer=regularizer),
        ]
    )
    decoder = tf_keras.Sequential(
        [
            layers.InputLayer((LATENT_SIZE,)),
            *decoder_body,
            layers.Flatten(),
            tfpl.IndependentBernoulli(IMAGE_SHAPE, tfd.Bernoulli.logits),
        ]
    )
    vae = tf_keras.Model(encoder.inputs, decoder(encoder.outputs[0]))
    vae.compile(tf_keras.optimizers.Adam(1e-3), loss=lambda x, rv_x: -rv_x.log_prob(x))
    return vae


def make_prior(exact_kl):
    """The blog post's prior; TFP has no closed form for that one, but for its equal."""
    if exact_kl:
        return tfd.MultivariateNormalDiag(loc=[0.0] * LATENT_SIZE)
    return tfd.Independent(tfd.Normal([0.0] * LATENT_SIZE, 1.0), reinterpreted_batch_ndims=1)


def conv_bodies():
    def conv(filters, kernel, strides, padding="same"):
        return layers.Conv2D(filters, kernel, strides, padding, activation=leaky_relu)

    def transposed(filters, kernel, strides, padding="same"):
        return layers.Conv2DTranspose(filters, kernel, strides, padding, activation=leaky_relu)

    encoder = [
        conv(32, 5, 1), conv(32, 5, 2), conv(64, 5, 1), conv(64, 5, 2), conv(64, 7, 1, "valid"),
    ]  # fmt: skip
    decoder = [
        layers.Reshape((1, 1, LATENT_SIZE)), transposed(64, 7, 1, "valid"), transposed(64, 5, 1),
        transposed(64, 5, 2), transposed(32, 5, 1), transposed(32, 5, 2), transposed(32, 5, 1),
        layers.Conv2D(1, 5, padding="same"),
    ]  # fmt: skip
    return encoder, decoder


def dense_bodies():
    def dense(units):
        return layers.Dense(units, activation=leaky_relu)

    encoder = [layers.Flatten(), dense(512), dense(256)]
    decoder = [dense(256), dense(512), layers.Dense(math.prod(IMAGE_SHAPE))]
    return encoder, decoder


def leaky_relu(x):
    return tf.nn.leaky_relu(x, alpha=0.2)  # Keras 3's slope
