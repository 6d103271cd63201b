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


def reloaded(layer, inputs, folder):
    """The layer in a model that was saved and loaded; the outputs of both at the mean."""
    model = keras.Sequential([keras.Input(inputs.shape[1:]), layer])
    model.save(folder / "model.keras")
    copy = keras.saving.load_model(folder / "model.keras").layers[0]
    assert type(copy) is type(layer)
    assert copy.get_config().keys() == layer.get_config().keys()
    np.testing.assert_array_equal(
        numpy(copy(inputs, deterministic=True)), numpy(layer(inputs, deterministic=True))
    )
    for statistic in ("mean", "variance"):
        ours, theirs = (getattr(x.weight_distribution(), statistic)() for x in (copy, layer))
        np.testing.assert_array_equal(numpy(ours), numpy(theirs))
    return copy


@pytest.mark.parametrize("cls", DENSE, ids=lambda cls: cls.__name__)
def test_dense_layers_are_variational_layers(cls, tmp_path):
    prior = kdl.distributions.Normal(0.0, 2.0)
    layer = cls(2, "relu", kernel_prior_fn=prior, dataset_size=50, seed=1)
    assert tuple(layer(X).shape) == (6, 2)
    assert numpy(layer(X)).min() == 0.0
    posterior = layer.weight_distribution()
    truth = ops.sum(posterior.distribution.kl_divergence(prior)) / 50
    np.testing.assert_allclose(numpy(sum(layer.losses)), numpy(truth), rtol=1e-5)
    copy = reloaded(layer, X, tmp_path)
    assert (copy.estimator, copy.dataset_size, copy.seed) == (layer.estimator, 50, 1)


@pytest.mark.parametrize("cls", CONVOLUTIONS, ids=lambda cls: cls.__name__)
def test_convolutions_are_variational_layers(cls, tmp_path):
    ndims = int(cls.__name__[len("Convolution")])
    x = VOLUMES[(slice(None), *[slice(None)] * ndims, *[0] * (3 - ndims))]
    layer = cls(4, 2, padding="same", activation="relu", dataset_size=50)
    assert tuple(layer(x).shape) == (*x.shape[:-1], 4)
    expected = "flipout" if "Flipout" in cls.__name__ else "reparameterization"
    assert layer.estimator == expected
    assert type(layer.layer).__name__ == f"Conv{ndims}D"
    assert reloaded(layer, x, tmp_path).estimator == expected


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
def test_dense_variational_as_in_the_tutorial(make_prior, tmp_path):
    layer = kdl.layers.DenseVariational(2, posterior, make_prior, kl_weight=1 / len(X))
    # Without an Input, as there: Keras builds the layer on symbols.
    model = keras.Sequential([layer, kdl.layers.IndependentNormal(1)])
    model.compile(keras.optimizers.Adam(0.01), kdl.losses.NegativeLogLikelihood())
    model.fit(X, X[:, :1], verbose=0)
    assert len(model.trainable_variables) == 1 + (make_prior is posterior)
    q = layer.weight_distribution()
    p = layer.kl_tracker.regularizer.prior()
    layer(X)
    truth = float(numpy(q.kl_divergence(p))) / len(X)
    assert float(numpy(sum(layer.losses))) == pytest.approx(truth, rel=1e-5)
    reloaded(layer, X, tmp_path)


# ---------------------------------------------------------------- tfp.layers' defaults


def test_default_posterior_begins_as_in_tfp_and_shares_nothing():
    posterior = kdl.layers.default_mean_field_normal_fn()
    first, second = (
        kdl.layers.DenseFlipout(40, kernel_posterior_fn=posterior, dataset_size=50)
        for _ in range(2)
    )
    values = []
    for layer in (first, second):
        layer.build((None, 50))
        values.append([numpy(layer.layer.kernel).ravel(), numpy(layer.posterior_layer.raw_scale)])
    for value, loc in zip(values[0], (0.0, -3.0), strict=True):
        # 2000 draws: five standard errors of the mean, and of the standard deviation.
        assert value.mean() == pytest.approx(loc, abs=5 * 0.1 / np.sqrt(2000))
        assert value.std() == pytest.approx(0.1, rel=5 / np.sqrt(2 * 2000))
    for ours, theirs in zip(*values, strict=True):
        assert np.abs(ours - theirs).max() > 0.1
    scale = np.log1p(np.exp(values[0][1].astype("float64"))) + 1e-5
    np.testing.assert_allclose(numpy(first.weight_distribution().stddev()), scale, rtol=1e-5)


@keras.saving.register_keras_serializable("tests")
class AtMost(keras.constraints.Constraint):
    def __init__(self, largest):
        self.largest = largest

    def __call__(self, w):
        return ops.minimum(w, self.largest)

    def get_config(self):
        return {"largest": self.largest}


@pytest.mark.parametrize("cls", [*DENSE, CONVOLUTIONS[0]], ids=lambda cls: cls.__name__)
def test_arguments_of_the_default_posterior_reach_the_parameters(cls, tmp_path):
    arguments = {
        "loc_initializer": "ones",
        "untransformed_scale_initializer": keras.initializers.Constant(-2.0),
        "loc_regularizer": keras.regularizers.L1(0.5),
        "untransformed_scale_regularizer": keras.regularizers.L1(0.25),
        "loc_constraint": AtMost(0.75),
        "untransformed_scale_constraint": AtMost(-2.5),
    }
    posterior = kdl.layers.default_mean_field_normal_fn(**arguments)
    prior = kdl.layers.default_multivariate_normal_fn
    sizes, x = ((2, 1), X[:, None]) if cls is CONVOLUTIONS[0] else ((2,), X)
    layer = cls(*sizes, kernel_posterior_fn=posterior, kernel_prior_fn=prior, dataset_size=50)
    model = keras.Sequential([keras.Input(x.shape[1:]), layer])
    distribution = layer.weight_distribution()
    np.testing.assert_array_equal(numpy(distribution.mean()), np.ones(6, "float32"))
    np.testing.assert_allclose(numpy(distribution.stddev()), np.log1p(np.exp(-2.0)), rtol=1e-3)
    model(x)
    kl = float(numpy(distribution.kl_divergence(prior(6)))) / 50
    losses = sorted(float(numpy(loss)) for loss in model.losses)
    assert losses == pytest.approx(sorted([kl, 0.5 * 6 * 1.0, 0.25 * 6 * 2.0]), rel=1e-5)
    model.compile(keras.optimizers.SGD(0.0), "mse")
    model.fit(x, np.zeros((*x.shape[:-1], 2), "float32"), verbose=0)  # projects
    copy = reloaded(layer, x, tmp_path)
    for trained in (layer, copy):
        np.testing.assert_array_equal(numpy(trained.layer.kernel).ravel(), 6 * [0.75])
        np.testing.assert_array_equal(numpy(trained.posterior_layer.raw_scale), 6 * [-2.5])
        assert trained.layer.kernel.constraint.largest == 0.75
        assert trained.posterior_layer.raw_scale.regularizer.l1 == 0.25
        assert trained.prior is prior


def test_defaults_of_tfp_are_for_every_layer_with_uncertain_weights(tmp_path):
    posterior, prior = (
        kdl.layers.default_mean_field_normal_fn(),
        kdl.layers.default_multivariate_normal_fn,
    )
    dense = keras.layers.Dense(2, kernel_initializer="ones")
    wrapped = kdl.layers.Variational(dense, 50, posterior=posterior, prior=prior)
    named = kdl.layers.DenseVariational(2, posterior, prior, kl_weight=1 / 50)
    for layer, size in ((wrapped, 6), (named, 8)):
        layer(X)
        q = layer.weight_distribution()
        truth = float(numpy(q.kl_divergence(prior(size)))) / 50
        assert float(numpy(sum(layer.losses))) == pytest.approx(truth, rel=1e-5)
        reloaded(layer, X, tmp_path)
    np.testing.assert_array_equal(numpy(wrapped.weight_distribution().mean()), 6 * [1.0])


def test_default_posterior_refuses_what_it_could_not_do():
    make = kdl.layers.default_mean_field_normal_fn
    with pytest.raises(ValueError, match="the layer of Keras itself"):
        make(is_singular=True)
    layer = kdl.layers.Variational(keras.layers.Dense(2), 50, posterior=make(False, "zeros"))
    with pytest.raises(ValueError, match="kernel_initializer"):
        layer.build((None, 3))


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
