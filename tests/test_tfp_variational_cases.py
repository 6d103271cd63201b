"""The cases of TFP's own tests of variational layers, in this package's terms.

TFP has 80 of them: 15 of three dense layers, 64 of six convolutions in two data formats, one of
`DenseVariational`; and 2 of `VariableLayer`. Most are one case for each class:

| Case in TFP | Number | Here |
|---|---|---|
| Shapes, dtype, config, training, unknown axes of one layer | 15 | \
`test_output_and_kl_of_known_weights`, `test_dense_layers_with_two_unknown_axes` |
| One KL with an uncertain kernel, of shape () | 15 | `test_output_and_kl_of_known_weights` |
| The same with an uncertain bias | 15 | `test_kl_of_kernel_and_bias_is_one_term`: not two |
| The output and the KL of known weights | 15 | `test_output_and_kl_of_known_weights` |
| Flipout with two seeds | 3 | `test_variational.test_seed_decides_the_draws` |
| A model of several such layers is trained | 13 | `test_models_train_every_variable` |
| Each variable has a gradient | 3 | `test_models_train_every_variable` |
| `DenseVariational` from end to end | 1 | \
`test_variational_names.test_dense_variational_as_in_the_tutorial` |
| `VariableLayer` in Sequential and Functional models | 2 | `test_variable_layer_of_a_dtype` |

What does not apply:

- `kernel_divergence_fn` is called once with the posterior, the prior and the draw (in the 15 cases
  of known weights): there is no such argument. The KL's value is compared instead.
- No KL where the prior is None (in the 15 cases of one layer): None is the standard normal here.
"""

import keras
import numpy as np
import pytest
from helpers import numpy
from keras import ops

import keras_distlayers as kdl
from keras_distlayers._backend import backend

kdll, kd = kdl.layers, kdl.distributions
SIZE = 20
DENSE = [kdll.DenseReparameterization, kdll.DenseLocalReparameterization, kdll.DenseFlipout]
CONVOLUTIONS = [
    getattr(kdll, f"Convolution{ndims}D{estimator}")
    for ndims in (1, 2, 3)
    for estimator in ("Reparameterization", "Flipout")
]
FORMATS = ["channels_last", "channels_first"]
DRAWS = np.random.default_rng(0)


def ndims(cls):
    return CONVOLUTIONS.index(cls) // 2 + 1 if cls in CONVOLUTIONS else 0


def layer_of(cls, units=2, data_format="channels_last", **arguments):
    if cls in DENSE:
        return cls(units, dataset_size=SIZE, **arguments)
    return cls(units, 2, dataset_size=SIZE, data_format=data_format, **arguments)


def inputs_of(cls, rows=3, data_format="channels_last"):
    x = DRAWS.uniform(size=(rows, *[3] * ndims(cls), 2)).astype("float32")
    return np.moveaxis(x, -1, 1) if data_format == "channels_first" else x


CASES = pytest.mark.parametrize(
    ("cls", "data_format"),
    [
        *((cls, "channels_last") for cls in DENSE),
        *((cls, data_format) for cls in CONVOLUTIONS for data_format in FORMATS),
    ],
    ids=lambda x: getattr(x, "__name__", x),
)


def test_dense_layers_with_two_unknown_axes():
    for cls in DENSE:
        inputs = keras.Input((None, 2))
        model = keras.Model(inputs, layer_of(cls)(inputs))
        assert model.output_shape == (None, None, 2)
        assert tuple(model(np.ones((3, 5, 2), "float32")).shape) == (3, 5, 2)


def with_bias(layer):
    """The same with an uncertain bias, for which tfp.layers has arguments."""
    return kdll.Variational(layer.layer, SIZE, layer.estimator, weights="all")


def kl_over_size(layer):
    """The KL of a layer from the standard normal distribution, from its formula."""
    posterior = layer.weight_distribution()
    mean, stddev = (numpy(x).astype("float64") for x in (posterior.mean(), posterior.stddev()))
    return np.sum(0.5 * (mean**2 + stddev**2 - 1) - np.log(stddev)) / SIZE


@pytest.mark.parametrize("cls", [*DENSE, *CONVOLUTIONS], ids=lambda cls: cls.__name__)
def test_kl_of_kernel_and_bias_is_one_term(cls):
    layer = with_bias(layer_of(cls))
    layer(inputs_of(cls))
    (loss,) = layer.losses
    kernel, bias = layer.layer.kernel, layer.layer.bias
    assert layer.weight_distribution().event_shape == (ops.size(kernel) + ops.size(bias),)
    np.testing.assert_allclose(numpy(loss), kl_over_size(layer), rtol=1e-5)


@CASES
def test_output_and_kl_of_known_weights(cls, data_format):
    """With what the layer's seed draws next; on one input channel, where flipout's signs are 1.

    A draw of the weights, the deviations of flipout or the noise of local reparameterization.
    """
    x = inputs_of(cls, rows=1, data_format=data_format)
    x = np.repeat(x[:, :1] if data_format == "channels_first" else x[..., :1], 12, axis=0)
    posterior = kdll.MeanFieldNormalPosterior(0.3)
    layer = layer_of(cls, 1, data_format=data_format, kernel_posterior_fn=posterior, seed=3)
    layer.build(x.shape)
    layer.layer.bias.assign([0.5])
    copy, symbolic = (kdll.Variational.from_config(layer.get_config()) for _ in range(2))
    copy.build(x.shape)
    copy.set_weights(layer.get_weights())
    q, seed = copy.weight_distribution(), copy.seed_generator
    assert layer.losses == []
    outputs = layer(x)
    (loss,) = layer.losses
    assert loss.shape == ()
    np.testing.assert_allclose(numpy(loss), kl_over_size(layer), rtol=1e-5)
    spec = symbolic(keras.Input(x.shape[1:]))
    assert tuple(outputs.shape) == (12, *spec.shape[1:]) == layer.compute_output_shape(x.shape)
    assert keras.backend.standardize_dtype(outputs.dtype) == spec.dtype == "float32"
    outputs = numpy(outputs)
    center = numpy(layer.plain_layer(q.mean())(x))
    deviations = outputs - center
    if cls.estimator_name == "reparameterization":
        drawn = numpy(layer.plain_layer(q.sample())(x))
        np.testing.assert_allclose(outputs, drawn, rtol=1e-5, atol=1e-6)
    elif cls.estimator_name == "flipout":
        noise = keras.random.normal(ops.shape(q.stddev()), seed=seed)
        expected = numpy(layer.plain_layer(q.stddev() * noise)(x)) - 0.5
        np.testing.assert_allclose(np.abs(deviations), np.abs(expected), rtol=1e-4, atol=1e-6)
        signs = np.sign(deviations * np.sign(expected)).reshape(12, -1)
        assert (signs == signs[:, :1]).all()
        assert len(np.unique(signs)) == 2
    else:
        noise = numpy(keras.random.normal(center.shape, seed=seed))
        variance = numpy(layer.plain_layer(q.variance())(x**2)) - 0.5
        np.testing.assert_allclose(deviations, variance**0.5 * noise, rtol=1e-4, atol=1e-6)


def test_models_train_every_variable():
    """By the outputs, beside which the KL counts nothing; every variable has a gradient."""
    layers = [keras.Input((2, 2, 2, 2))]
    for i, shape in enumerate([(8, 2), (2, 4, 2), (2, 2, 2, 2)]):
        layers.append(keras.layers.Reshape(shape))
        for cls in CONVOLUTIONS[2 * i : 2 * i + 2]:
            layers.append(cls(2, 2, padding="same", dataset_size=1e12))
    layers.append(keras.layers.Flatten())
    layers += [cls(4, activation="tanh", dataset_size=1e12) for cls in DENSE]
    model = keras.Sequential(layers)
    before = [numpy(v).copy() for v in model.trainable_variables]
    assert len(before) == 27
    # TensorFlow takes longer to trace this model than to train it.
    model.compile(keras.optimizers.Adam(0.1), "mse", run_eagerly=backend.NAME == "tensorflow")
    x = DRAWS.normal(size=(4, 2, 2, 2, 2)).astype("float32")
    model.fit(x, DRAWS.normal(size=(4, 4)).astype("float32"), batch_size=4, verbose=0)
    for variable, value in zip(model.trainable_variables, before, strict=True):
        assert np.abs(numpy(variable) - value).max() > 0.05, variable.path


# JAX has no float64 unless a user turns it on.
FLOAT = "float32" if backend.NAME == "jax" else "float64"


@pytest.mark.parametrize("is_functional", [False, True])
def test_variable_layer_of_a_dtype(is_functional):
    layers = [
        kdll.VariableLayer((2, 3, 4), dtype=FLOAT, trainable=False, initializer="ones"),
        keras.layers.Dense(5, use_bias=False, dtype=FLOAT, kernel_initializer="ones"),
        kdll.DistributionLambda(lambda t: kd.Independent(kd.Normal(t[0], t[1]), 1), dtype=FLOAT),
    ]
    model = keras.Sequential(layers)
    if is_functional:
        inputs = x = keras.Input(())
        for layer in layers:
            x = layer(x)
        model = keras.Model(inputs, x)
    made = model(np.zeros((1,), "float32"))
    assert [(tuple(w.shape), w.dtype, w.trainable) for w in model.weights] == [
        ((2, 3, 4), FLOAT, False),
        ((4, 5), FLOAT, True),
    ]
    assert isinstance(made.distribution, kd.Independent)
    assert (made.batch_shape, made.event_shape) == ((3,), (5,))
    assert keras.backend.standardize_dtype(made.mean().dtype) == FLOAT
    np.testing.assert_array_equal(numpy(made.mean()), np.full((3, 5), 4.0))
