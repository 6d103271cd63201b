"""The layers with uncertain weights under the names of tfp.layers."""

import keras
import numpy as np
import pytest
from helpers import numpy
from keras import ops

import keras_distlayers as kdl

X = np.random.default_rng(0).normal(size=(6, 3)).astype("float32")
VOLUMES = np.random.default_rng(1).normal(size=(2, 5, 5, 5, 2)).astype("float32")
CONVOLUTIONS = [
    getattr(kdl.layers, f"Convolution{n}D{estimator}")
    for n in (1, 2, 3)
    for estimator in ("Flipout", "Reparameterization")
]
DENSE = [
    kdl.layers.DenseReparameterization,
    kdl.layers.DenseLocalReparameterization,
    kdl.layers.DenseFlipout,
]


def reloaded(layer, inputs):
    """The layer in a model that was saved and loaded; the outputs of both at the mean."""
    layer(inputs)
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    copy(inputs)
    copy.set_weights(layer.get_weights())
    np.testing.assert_array_equal(
        numpy(copy(inputs, deterministic=True)), numpy(layer(inputs, deterministic=True))
    )
    return copy


@pytest.mark.parametrize("cls", DENSE, ids=lambda cls: cls.__name__)
def test_dense_layers_are_variational_layers(cls):
    prior = kdl.distributions.Normal(0.0, 2.0)
    layer = cls(2, "relu", kernel_prior_fn=prior, dataset_size=50, seed=1)
    assert tuple(layer(X).shape) == (6, 2)
    assert numpy(layer(X)).min() == 0.0
    posterior = layer.weight_distribution()
    truth = ops.sum(posterior.distribution.kl_divergence(prior)) / 50
    np.testing.assert_allclose(numpy(sum(layer.losses)), numpy(truth), rtol=1e-5)
    copy = reloaded(layer, X)
    assert type(copy) is kdl.layers.Variational
    assert (copy.estimator, copy.dataset_size, copy.seed) == (layer.estimator, 50, 1)


@pytest.mark.parametrize("cls", CONVOLUTIONS, ids=lambda cls: cls.__name__)
def test_convolutions_are_variational_layers(cls):
    ndims = int(cls.__name__[len("Convolution")])
    x = VOLUMES[(slice(None), *[slice(None)] * ndims, *[0] * (3 - ndims))]
    layer = cls(4, 2, padding="same", activation="relu", dataset_size=50)
    assert tuple(layer(x).shape) == (*x.shape[:-1], 4)
    expected = "flipout" if "Flipout" in cls.__name__ else "reparameterization"
    assert layer.estimator == expected
    assert type(layer.layer).__name__ == f"Conv{ndims}D"


def posterior(kernel_size, bias_size=0, dtype=None):
    """As in TFP's tutorial on regression."""
    n = kernel_size + bias_size
    return keras.Sequential(
        [
            kdl.layers.VariableLayer(2 * n, dtype=dtype),
            kdl.layers.IndependentNormal(n),
        ]
    )


def prior(kernel_size, bias_size=0, dtype=None):
    n = kernel_size + bias_size
    fixed = kdl.distributions.Normal(np.zeros(n, "float32"), 1.0)
    return lambda t: kdl.distributions.Independent(fixed, 1)


@pytest.mark.parametrize("make_prior", [prior, posterior], ids=["fixed", "trained"])
def test_dense_variational_as_in_the_tutorial(make_prior):
    layer = kdl.layers.DenseVariational(2, posterior, make_prior, kl_weight=1 / len(X))
    model = keras.Sequential([keras.Input((3,)), layer, kdl.layers.IndependentNormal(1)])
    model.compile(keras.optimizers.Adam(0.01), kdl.losses.NegativeLogLikelihood())
    model.fit(X, X[:, :1], verbose=0)
    assert len(model.trainable_variables) == 1 + (make_prior is posterior)
    q = layer.weight_distribution()
    p = layer.kl_tracker.regularizer.prior()
    layer(X)
    truth = float(numpy(q.kl_divergence(p))) / len(X)
    assert float(numpy(sum(layer.losses))) == pytest.approx(truth, rel=1e-5)
    reloaded(layer, X)


@pytest.mark.parametrize(
    ("make", "error", "advice"),
    [
        (lambda: kdl.layers.DenseVariational(2, posterior, prior), ValueError, "1 / n"),
        (lambda: kdl.layers.DenseFlipout(2), TypeError, "dataset_size"),
        (
            lambda: kdl.layers.DenseFlipout(2, bias_prior_fn=None, dataset_size=9),
            TypeError, "weights='all'",
        ),
        (
            lambda: kdl.layers.Convolution1DFlipout(2, 2, kernel_divergence_fn=1, dataset_size=9),
            TypeError, "over dataset_size",
        ),
        (
            lambda: kdl.layers.DenseFlipout(2, kernel_posterior_tensor_fn=1, dataset_size=9),
            TypeError, "deterministic=True",
        ),
    ],
)  # fmt: skip
def test_what_differs_says_what_to_write(make, error, advice):
    with pytest.raises(error, match=advice):
        make()
