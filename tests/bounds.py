"""Small models that end in a `VariationalBound`: their evidence, and their gradients."""

import keras
import numpy as np
from helpers import numpy, standard_normal
from keras import ops

import keras_distlayers as kdl
from keras_distlayers.testing._evaluation import evaluate, gradient

LATENTS = 2


def diagonal(loc, scale):
    """Independent normal distributions of the entries of a vector."""
    return kdl.distributions.Independent(kdl.distributions.Normal(loc, scale), 1)


@keras.saving.register_keras_serializable("tests")
class UnitNormalAround(keras.layers.Layer):
    """A decoder, x | z ~ N(gain z, I) with one trained gain for each entry."""

    def __init__(self, size, **kwargs):
        super().__init__(**kwargs)
        self.size = size
        self.head = kdl.layers.DistributionLambda(unit_normal_around)

    def build(self, input_shape):
        self.gain = self.add_weight((self.size,), "ones", name="gain")

    def call(self, z):
        return self.head(z * self.gain)

    def get_config(self):
        return {**super().get_config(), "size": self.size}


@keras.saving.register_keras_serializable("tests")
def unit_normal_around(z):
    return diagonal(z, ops.ones_like(z))


@keras.saving.register_keras_serializable("tests")
class ConditionalDecoder(keras.layers.Layer):
    """Of `[z, condition]`, pixels."""

    def __init__(self, pixels, **kwargs):
        super().__init__(**kwargs)
        self.pixels = pixels
        self.dense = keras.layers.Dense(pixels)
        self.head = kdl.layers.IndependentBernoulli(pixels)

    def build(self, input_shape):
        (_, z), (_, condition) = input_shape
        self.dense.build((None, z + condition))
        self.head.build((None, self.pixels))

    def call(self, inputs):
        return self.head(self.dense(ops.concatenate(inputs, axis=-1)))

    def get_config(self):
        return {**super().get_config(), "pixels": self.pixels}


def trained_normal(size, loc=0.0):
    """A prior, N(loc, I) with parameters that are trained."""
    loc = keras.initializers.Constant(np.broadcast_to(np.float32(loc), (size,)))
    scale = keras.initializers.Constant(float(np.log(np.expm1(1.0 - 1e-5))))
    start = kdl.layers.BlockwiseInitializer([loc, scale], [size, size])
    return keras.Sequential(
        [kdl.layers.VariableLayer(2 * size, initializer=start), kdl.layers.IndependentNormal(size)]
    )


def gaussian_layer(size=LATENTS, prior_loc=0.0, **kwargs):
    """z ~ N(loc, I), x | z ~ N(z, I), so that x ~ N(loc, 2 I), z | x ~ N((x + loc) / 2, I / 2)."""
    return kdl.layers.VariationalBound(
        UnitNormalAround(size), trained_normal(size, prior_loc), **kwargs
    )


def evidence(x, prior_loc=0.0):
    """log p(x) of `gaussian_layer`, in float64."""
    squares = (np.asarray(x, "float64") - prior_loc) ** 2 / 2.0 + np.log(4.0 * np.pi)
    return -0.5 * squares.sum(axis=-1)


def posterior(loc, scale):
    """What an encoder would hand over."""
    loc = ops.convert_to_tensor(loc)
    return kdl.RandomVariable(diagonal(loc, scale), loc)


def bound(parameters, x, state, layer, scale, training=True):
    """log_prob of the layer's output, for the posterior N(loc, scale^2) and a state of its seed.

    Args:
        parameters: loc, and values of the layer's weights.
    """
    loc, *weights = parameters
    values = [(layer.seed_generator.state, state)]
    values += zip(layer.trainable_variables, weights, strict=True)
    with keras.StatelessScope(values):
        return layer(posterior(loc, scale), training=training).log_prob(x)


def _sum_of_bounds(parameters, x, state, **options):
    return ops.sum(bound(parameters, x, state, **options))


def seed_state(seed):
    return ops.convert_to_tensor(np.array([seed, 1], "uint32"))


def bound_and_gradients(layer, loc, x, *, scale, seed=0):
    """The bound of each row, and the gradients of their sum by loc and by the weights."""
    parameters = [ops.convert_to_tensor(loc), *(w.value for w in layer.trainable_variables)]
    parameters = [ops.convert_to_tensor(p) for p in parameters]
    given = ops.convert_to_tensor(x), seed_state(seed)
    options = {"layer": layer, "scale": scale}
    by = gradient(_sum_of_bounds, parameters, *given, **options)
    return numpy(evaluate(bound, parameters, *given, **options)), [numpy(g) for g in by]


def gradient_by_loc(layer, loc, x, *, scale, seed=0):
    """The gradient of each row's bound by the mean of its posterior."""
    parameters = [ops.convert_to_tensor(loc)]
    parameters += [ops.convert_to_tensor(w.value) for w in layer.trainable_variables]
    given = ops.convert_to_tensor(x), seed_state(seed)
    return numpy(gradient(_sum_of_bounds, parameters, *given, layer=layer, scale=scale)[0])


def standard_layer(decoder, size=LATENTS, **kwargs):
    return kdl.layers.VariationalBound(decoder, standard_normal(size), **kwargs)


def vectors(rows, size=2, seed=0):
    return np.random.default_rng(seed).normal(size=(rows, size)).astype("float32")


def bernoulli_decoder(pixels=6):
    return keras.Sequential([keras.layers.Dense(pixels), kdl.layers.IndependentBernoulli(pixels)])


def small_model(pixels=6, decoder=None, prior=None, **kwargs):
    """A compiled model of an encoder and a `VariationalBound`."""
    layer = kdl.layers.VariationalBound(
        decoder or bernoulli_decoder(pixels), prior or standard_normal(2), **{"seed": 1, **kwargs}
    )
    encoder = [keras.Input((pixels,)), keras.layers.Dense(4), kdl.layers.IndependentNormal(2)]
    model = keras.Sequential([*encoder, layer])
    model.compile("adam", kdl.losses.NegativeLogLikelihood())
    return model


def bound_of_known_evidence():
    """A model at the exact posterior of its own: each log weight is log p(x), for any draws."""
    scale = float(np.log(np.expm1(np.sqrt(0.5) - 1e-5)))
    encoder = keras.layers.Dense(2 * LATENTS)
    layer = gaussian_layer(num_samples=3, estimator="dreg", test_num_samples=8, chunk_size=3)
    head = kdl.layers.IndependentNormal(LATENTS)
    model = keras.Sequential([keras.Input((LATENTS,)), encoder, head, layer])
    kernel = 0.5 * np.eye(LATENTS, 2 * LATENTS)
    encoder.set_weights([kernel, np.repeat([0.0, scale], LATENTS)])
    return model


def bound_figures(model):
    """The bound of five rows, which does not depend on the draws."""
    x = vectors(5)
    return numpy(model(x).log_prob(x)).tolist()
