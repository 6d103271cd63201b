"""The models of `mnist_ladder.py`: encoders, decoders and priors of each rung."""

import dataclasses
import math

import keras
from digit_images import IMAGE_SHAPE
from keras import layers, ops

import keras_distlayers as kdl


def make_model(rung, preset, evidence_samples):
    """A model of one input, the images, whose output's log_prob is the bound."""
    body = encoder_body(preset, highest=255.0 if rung.decoder == "grey" else 1.0)
    weight = kdl.schedules.LinearWarmup(2000) if rung.warm_up else 1.0
    bound = kdl.layers.VariationalBound(
        DECODERS[rung.decoder](preset),
        PRIORS[rung.prior](preset, body),
        num_samples=rung.num_samples,
        test_num_samples=evidence_samples,
        estimator=rung.estimator,
        weight=weight,
        free_nats=rung.free_nats,
        seed=0,
    )
    size = preset.latent_size
    image = keras.Input(IMAGE_SHAPE)
    features = body(image)
    if rung.posterior == "flow":
        posterior = kdl.layers.ConditionalFlow(size, num_couplings=4, hidden_units=(128,))
        return keras.Model(image, bound(posterior(layers.Dense(64)(features))))
    head = kdl.layers.MultivariateNormalTriL(size)
    return keras.Model(image, bound(head(layers.Dense(head.num_params)(features))))


def dense(units):
    return layers.Dense(units, activation="leaky_relu")


def encoder_body(preset, highest):
    """The encoder without its head, for pixels from 0 to `highest`."""
    hidden = [dense(units) for units in preset.hidden_units]
    to_floats = layers.Rescaling(1.0 / highest, offset=-0.5)
    return keras.Sequential([keras.Input(IMAGE_SHAPE), to_floats, layers.Flatten(), *hidden])


def dense_decoder(preset):
    hidden = [dense(units) for units in reversed(preset.hidden_units)]
    head = kdl.layers.IndependentBernoulli(IMAGE_SHAPE)
    output = layers.Dense(math.prod(IMAGE_SHAPE))
    return keras.Sequential([keras.Input((preset.latent_size,)), *hidden, output, head])


def residual_decoder(preset):
    """Blocks that add to what they are given, and the latents anew at each of them."""
    z = keras.Input((preset.latent_size,))
    h = residual_blocks(z, preset)
    logits = layers.Dense(math.prod(IMAGE_SHAPE))(h)
    return keras.Model(z, kdl.layers.IndependentBernoulli(IMAGE_SHAPE)(logits))


def residual_blocks(z, preset, num_blocks=3):
    units = preset.hidden_units[0]
    h = layers.Dense(units)(z)
    for _ in range(num_blocks):
        inner = layers.Concatenate()([layers.LeakyReLU()(h), z])
        h = layers.Add()([h, layers.Dense(units)(dense(preset.hidden_units[-1])(inner))])
    return layers.LeakyReLU()(h)


def grey_decoder(preset):
    """A mixture of two quantized logistic distributions for each pixel, from 0 to 255."""
    z = keras.Input((preset.latent_size,))
    head = kdl.layers.IndependentQuantizedLogisticMixture(2, IMAGE_SHAPE)
    raw = layers.Dense(head.num_params)(residual_blocks(z, preset))
    return keras.Model(z, head(raw))


DECODERS = {"dense": dense_decoder, "residual": residual_decoder, "grey": grey_decoder}


def normal_prior(preset, body=None):
    normal = kdl.distributions.Normal(ops.zeros(preset.latent_size), 1.0)
    return kdl.distributions.Independent(normal, 1)


def mixture_prior(preset, body):
    head = kdl.layers.MixtureNormal(preset.components, preset.latent_size)
    start = keras.initializers.RandomNormal(stddev=1.0)
    return keras.Sequential([kdl.layers.VariableLayer(head.num_params, initializer=start), head])


def flow_prior(preset, body):
    flow = kdl.layers.ConditionalFlow(preset.latent_size, num_couplings=6, hidden_units=(128, 128))
    return keras.Sequential([kdl.layers.VariableLayer(1), flow])


def two_layer_prior(preset, body):
    """p(z1) with latents z2 of its own: a variational autoencoder of latents."""
    size = preset.latent_size // 2
    hidden = preset.hidden_units[-1]

    def normal(event_size):
        head = kdl.layers.IndependentNormal(event_size)
        return [dense(hidden), layers.Dense(head.num_params), head]

    inner = dataclasses.replace(preset, latent_size=size)
    z1 = keras.Input((preset.latent_size,))
    decoder = keras.Sequential([keras.Input((size,)), *normal(preset.latent_size)])
    z2 = keras.Sequential([keras.Input(z1.shape[1:]), *normal(size)])
    bound = kdl.layers.VariationalBound(decoder, normal_prior(inner), use_exact_kl=False)
    rv = z1
    for layer in z2.layers:
        rv = layer(rv)
    return keras.Model(z1, bound(rv))


@keras.saving.register_keras_serializable("mnist_ladder")
class VampPrior(layers.Layer):
    """The mixture of the encoder's distributions at images that are trained."""

    def __init__(self, body, num_components, latent_size, **kwargs):
        super().__init__(**kwargs)
        self.body, self.num_components, self.latent_size = body, num_components, latent_size
        start = keras.initializers.RandomUniform(0.0, 0.2)
        self.images = kdl.layers.VariableLayer((num_components, *IMAGE_SHAPE), initializer=start)
        self.raw = layers.Dense(2 * latent_size)
        self.head = kdl.layers.IndependentNormal(latent_size)

    def build(self, input_shape):
        self.images.build(input_shape)
        self.raw.build(self.body.output_shape)
        self.head.build((None, 2 * self.latent_size))
        self.built = True

    def call(self, inputs):
        images = ops.clip(self.images(inputs), 0.0, 1.0)
        components = self.head.distribution(self.raw(self.body(images)))
        weights = kdl.distributions.Categorical(logits=ops.zeros(self.num_components))
        return kdl.distributions.MixtureSameFamily(weights, components)

    def get_config(self):
        own = {"num_components": self.num_components, "latent_size": self.latent_size}
        body = keras.saving.serialize_keras_object(self.body)
        return {**super().get_config(), **own, "body": body}

    @classmethod
    def from_config(cls, config):
        body = keras.saving.deserialize_keras_object(config["body"])
        return cls(**{**config, "body": body})


def vamp_prior(preset, body):
    return VampPrior(body, preset.components, preset.latent_size)


PRIORS = {
    "normal": normal_prior,
    "mixture": mixture_prior,
    "vamp": vamp_prior,
    "flow": flow_prior,
    "two layers": two_layer_prior,
}
