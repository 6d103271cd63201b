"""The models of `mnist_ladder.py`: posterior, bound and prior of each rung."""

import dataclasses

import keras
from digit_images import IMAGE_SHAPE
from keras import layers, ops
from ladder_networks import decoder, dense, encoder_body

import keras_distlayers as kdl


def make_model(rung, preset, evidence_samples):
    """A model of one input, the images, whose output's log_prob is the bound."""
    body = encoder_body(preset, highest=255.0 if rung.grey else 1.0)
    weight = kdl.schedules.LinearWarmup(2000) if rung.warm_up else 1.0
    bound = kdl.layers.VariationalBound(
        decoder(rung, preset),
        PRIORS[rung.prior](preset, body),
        num_samples=rung.num_samples,
        test_num_samples=evidence_samples,
        estimator=rung.estimator,
        weight=weight,
        free_nats=rung.free_nats,
        chunk_size=preset.chunk_size,
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


def normal_prior(preset, body=None):
    normal = kdl.distributions.Normal(ops.zeros(preset.latent_size), 1.0)
    return kdl.distributions.Independent(normal, 1)


def mixture_prior(preset, body):
    head = kdl.layers.MixtureNormal(preset.components, preset.latent_size)
    start = keras.initializers.RandomNormal(stddev=1.0)
    return keras.Sequential([kdl.layers.VariableLayer(head.num_params, initializer=start), head])


def flow_prior(preset, body):
    size = preset.latent_size
    flow = kdl.layers.ConditionalFlow(size, num_couplings=6, hidden_units=(8 * size, 8 * size))
    return keras.Sequential([kdl.layers.VariableLayer(1), flow])


def two_layer_prior(preset, body):
    """p(z1) with latents z2 of its own: a variational autoencoder of latents."""
    size = preset.latent_size // 2
    hidden = preset.widths[-1]

    def normal(event_size):
        head = kdl.layers.IndependentNormal(event_size)
        return [dense(hidden), layers.Dense(head.num_params), head]

    inner = dataclasses.replace(preset, latent_size=size)
    z1 = keras.Input((preset.latent_size,))
    inner_decoder = keras.Sequential([keras.Input((size,)), *normal(preset.latent_size)])
    z2 = keras.Sequential([keras.Input(z1.shape[1:]), *normal(size)])
    bound = kdl.layers.VariationalBound(inner_decoder, normal_prior(inner), use_exact_kl=False)
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
