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


# ------------------------------------------------------------------ uncertain weights

SIZE = 50
SHIFT = float(np.log(np.expm1(1.0)))


def uncertain(library, parts, uncertain_dense, names):
    """A model of uncertain layers of either library, each with the arguments of its kind."""
    layers = [parts["input"]]
    for ndims, shape in ((3, (2, 2, 2, 1)), (2, (2, 2, 2)), (1, (4, 2))):
        name, arguments = names[0].format(ndims), parts["arguments"]
        layers.append(library.layers.Reshape(shape))
        layers.append(getattr(parts["layers"], name)(shape[-1], 2, padding="same", **arguments))
    layers.append(library.layers.Flatten())
    layers += [getattr(parts["layers"], name)(3, **parts["arguments"]) for name in names[1:]]
    return library.Sequential([*layers, *uncertain_dense])


def theirs(names, of_both=False):
    import tensorflow as tf
    import tensorflow_probability as tfp
    import tf_keras

    tfpl, tfd = tfp.layers, tfp.distributions

    def constant_then(size, make):
        """A distribution of a constant, whose tensor is its mean."""
        to_tensor = tfd.Distribution.mean
        last = tfpl.DistributionLambda(lambda t: tfd.Independent(make(t), 1), to_tensor)
        return tf_keras.Sequential([tfpl.VariableLayer(size), last])

    def posterior(kernel_size, bias_size=0, dtype=None):
        n = kernel_size + bias_size
        scale = lambda t: 1e-5 + tf.nn.softplus(SHIFT + t[..., n:])  # noqa: E731
        return constant_then(2 * n, lambda t: tfd.Normal(t[..., :n], scale(t)))

    def prior(kernel_size, bias_size=0, dtype=None):
        return constant_then(kernel_size + bias_size, lambda t: tfd.Normal(t, 1.0))

    at_the_mean = {"kernel_posterior_tensor_fn": lambda d: d.mean()}
    last = []
    if of_both:
        both = {
            "bias_posterior_fn": tfpl.default_mean_field_normal_fn(),
            "bias_posterior_tensor_fn": lambda d: d.mean(),
            "bias_prior_fn": tfpl.default_multivariate_normal_fn,
        }
        last.append(tfpl.DenseReparameterization(2, **both, **at_the_mean))
        last.append(tfpl.DenseVariational(2, posterior, prior, kl_use_exact=True))
    parts = {"layers": tfpl, "input": tf_keras.layers.InputLayer((8,)), "arguments": at_the_mean}
    model = uncertain(tf_keras, parts, last, names)
    draws = np.random.default_rng(0)
    model.set_weights([draws.uniform(-1.5, 0.5, w.shape) for w in model.get_weights()])
    return model


def ours(names, of_both=False):
    kd, kdll = kdl.distributions, kdl.layers

    def constant_then(size, make):
        head = kdll.DistributionLambda(lambda t: kd.Independent(make(t), 1))
        return keras.Sequential([kdll.VariableLayer(size), head])

    def posterior(kernel_size, bias_size=0, dtype=None):
        n = kernel_size + bias_size
        scale = lambda t: 1e-5 + keras.ops.softplus(SHIFT + t[..., n:])  # noqa: E731
        return constant_then(2 * n, lambda t: kd.Normal(t[..., :n], scale(t)))

    def prior(kernel_size, bias_size=0, dtype=None):
        return constant_then(kernel_size + bias_size, lambda t: kd.Normal(t, 1.0))

    last = []
    if of_both:
        last.append(kdll.Variational(keras.layers.Dense(2), SIZE, weights="all"))
        last.append(kdll.DenseVariational(2, posterior, prior, kl_weight=1 / SIZE))
    arguments = {"dataset_size": SIZE}
    parts = {"layers": kdll, "input": keras.Input((8,)), "arguments": arguments}
    return uncertain(keras, parts, last, names)


DRAWN = ["Convolution{}DFlipout", "DenseFlipout", "DenseLocalReparameterization"]
AT_THE_MEAN = ["Convolution{}DReparameterization", "DenseReparameterization"]


def posterior_of(layer):
    """The mean and the standard deviations of a layer of tfp.layers, as one vector."""
    found = [layer.kernel_posterior, layer.bias_posterior]
    found = [q.distribution for q in found if q.distribution.stddev().numpy().any()]
    return [
        np.concatenate([np.ravel(x) for x in xs])
        for xs in ([q.mean() for q in found], [q.stddev() for q in found])
    ]


def require_the_same_posteriors(source, names, of_both, folder):
    trained, model = theirs(names, of_both), ours(names, of_both)
    kdl.interop.tfp_weights(source(trained, folder), model)
    x = np.random.default_rng(1).normal(size=(5, 8)).astype("float32")
    expected = trained(x).numpy()
    outputs = x
    for mine, other in zip(model.layers, trained.layers, strict=True):
        is_uncertain = isinstance(mine, kdl.layers.Variational)
        outputs = mine(outputs, deterministic=True) if is_uncertain else mine(outputs)
        if hasattr(other, "kernel_posterior"):
            posterior = mine.weight_distribution()
            for statistic, value in zip(("mean", "stddev"), posterior_of(other), strict=True):
                received = numpy(getattr(posterior, statistic)())
                np.testing.assert_allclose(received, value, rtol=2e-6)
    model(x)
    kl = float(numpy(sum(model.losses))) * SIZE
    np.testing.assert_allclose(kl, float(sum(trained.losses)), rtol=1e-5)
    return numpy(outputs), expected


@pytest.mark.parametrize("source", [live, h5_weights])
def test_tfp_weights_give_the_same_posteriors_and_outputs_at_their_means(source, tmp_path):
    received, expected = require_the_same_posteriors(source, AT_THE_MEAN, True, tmp_path)
    np.testing.assert_allclose(received, expected, rtol=1e-4, atol=1e-5)


def test_tfp_weights_give_the_same_posteriors_of_drawn_outputs(tmp_path):
    require_the_same_posteriors(h5, DRAWN, False, tmp_path)


class OneFlipout:
    """A model of one uncertain dense layer, whose first weight has this raw scale."""

    def __init__(self, raw):
        self.raw_scale = np.float32([[raw, 0.0]])

    def get_weights(self):
        return [np.ones((1, 2), "float32"), self.raw_scale, np.ones(2, "float32")]


def one_flipout():
    return keras.Sequential([keras.Input((1,)), kdl.layers.DenseFlipout(2, dataset_size=9)])


def test_tfp_weights_of_scales_near_the_floor():
    model, source = one_flipout(), OneFlipout(-11.4)
    kdl.interop.tfp_weights(source, model)
    expected = np.logaddexp(0.0, source.raw_scale[0]) + 2.0**-23
    received = numpy(model.layers[0].weight_distribution().stddev())
    np.testing.assert_allclose(received, expected, rtol=2e-6)


def test_tfp_weights_refuses_scales_below_the_floor_and_leaves_the_model():
    model = one_flipout()
    before = [numpy(w).copy() for w in model.weights]
    with pytest.raises(ValueError, match=r"above 1e-05.*one of 6\.26e-06.*-11\.4"):
        kdl.interop.tfp_weights(OneFlipout(-12.0), model)
    for weight, value in zip(model.weights, before, strict=True):
        np.testing.assert_array_equal(numpy(weight), value)


def test_tfp_weights_refuses_a_posterior_of_another_family():
    posterior = "full_covariance_normal"
    layer = kdl.layers.Variational(keras.layers.Dense(2), 9, posterior=posterior)
    model = keras.Sequential([keras.Input((1,)), layer])
    with pytest.raises(ValueError, match=r"\(1, 2\), \(1, 2\), \(2,\).*\(1, 2\), \(2,\), \(3,\)"):
        kdl.interop.tfp_weights(OneFlipout(0.0), model)
