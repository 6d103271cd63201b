"""Layers with uncertain weights in half precision, in files and on another backend."""

import json

import keras
import numpy as np
import pytest
from helpers import BACKEND, numpy

import keras_distlayers as kdl
from keras_distlayers import distributions as kd

Variational = kdl.layers.Variational
ESTIMATORS = ("reparameterization", "local_reparameterization", "flipout")

X = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")
SEQUENCES = np.random.default_rng(1).normal(size=(4, 5, 3)).astype("float32")
LABELS = np.random.default_rng(4).integers(0, 7, (4, 5)).astype("int32")


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_half_precision_keeps_the_digits_of_means_and_variances(estimator):
    layer = keras.layers.Dense(2, dtype="mixed_float16")
    keras.config.set_dtype_policy("mixed_float16")
    variational = Variational(layer, 10, estimator)
    # Squares of these inputs are not in float16, and those of the weights' scales are subnormal.
    outputs = variational(300.0 * X)
    assert keras.backend.standardize_dtype(outputs.dtype) == "float16"
    assert np.isfinite(numpy(outputs)).all()
    mean = numpy(variational.weight_distribution().mean())
    np.testing.assert_array_equal(mean, numpy(layer.kernel).ravel())
    scale = variational.kl_tracker.kl_divergence
    terms = np.log(1 / 0.05) + (0.05**2 + mean.astype("float64") ** 2) / 2 - 0.5
    assert scale == pytest.approx(terms.sum() / 10, rel=1e-5)


def whole_model():
    """Each kind of posterior, prior and estimator, in one model."""
    inputs = keras.Input((5,), dtype="int32")
    x = Variational(keras.layers.Embedding(7, 4), 64)(inputs)
    x = Variational(keras.layers.LSTM(3, return_sequences=True, dropout=0.1), 64)(x)
    x = Variational(keras.layers.MultiHeadAttention(2, 2), 64, prior=kd.Normal(0.0, 2.0))(x, x)
    x = keras.layers.BatchNormalization()(x)
    x = Variational(keras.layers.Conv1D(4, 2, activation="relu"), 64, "flipout")(x)
    x = keras.layers.Flatten()(x)
    warmup = kdl.schedules.LinearWarmup(10)
    x = Variational(keras.layers.Dense(3), 64, "local_reparameterization", weight=warmup)(x)
    x = Variational(keras.layers.Dense(3), 64, posterior="full_covariance_normal")(x)
    x = Variational(keras.layers.Dense(2), 64, posterior=posterior_of, prior=prior_of)(x)
    return keras.Model(inputs, kdl.layers.IndependentNormal(1)(x))


@keras.saving.register_keras_serializable("tests")
def posterior_of(size):
    layer = kdl.layers.VariableLayer(kdl.layers.MultivariateNormalTriL.params_size(size))
    return keras.Sequential([layer, kdl.layers.MultivariateNormalTriL(size)])


@keras.saving.register_keras_serializable("tests")
def prior_of(size):
    return keras.Sequential(
        [kdl.layers.VariableLayer(2 * size), kdl.layers.IndependentNormal(size)]
    )


def distributions_of(model):
    layers = [layer for layer in model.layers if isinstance(layer, Variational)]
    return [numpy(layer.weight_distribution().mean()) for layer in layers] + [
        numpy(layer.weight_distribution().variance()) for layer in layers
    ]


def test_model_of_all_parts_trains_and_comes_back(tmp_path):
    model = whole_model()
    before = distributions_of(model)
    model.compile(keras.optimizers.Adam(0.01), kdl.losses.NegativeLogLikelihood())
    model.fit(LABELS, X[:, :1], epochs=2, verbose=0)
    trained = distributions_of(model)
    assert all(np.abs(a - b).max() > 1e-6 for a, b in zip(before, trained, strict=True))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for ours, theirs in zip(trained, distributions_of(loaded), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert len(loaded.trainable_variables) == len(model.trainable_variables)
    assert [layer.get_config().keys() for layer in loaded.layers] == [
        layer.get_config().keys() for layer in model.layers
    ]


LOAD = """
import json
import keras, numpy as np
import keras_distlayers as kdl
model = keras.saving.load_model({path!r})
x = np.random.default_rng(1).normal(size=(4, 5, 3)).astype("float32")
outputs = kdl.variational.mean(model)(x)
variances = [layer.weight_distribution().variance() for layer in model.layers]
print(json.dumps([keras.ops.convert_to_numpy(a).tolist() for a in (outputs, *variances)]))
"""


@pytest.mark.slow
def test_model_loads_on_another_backend(tmp_path, subprocess_python):
    layers = [
        Variational(keras.layers.Conv1D(3, 2, activation="tanh"), 64, "flipout"),
        Variational(keras.layers.LSTM(2), 64, prior="learned_scale_normal"),
        Variational(keras.layers.Dense(2), 64, posterior="low_rank_normal", weights="all"),
    ]
    model = keras.Sequential([keras.Input((5, 3)), *layers])
    path = tmp_path / "model.keras"
    model.save(path)
    other = "jax" if BACKEND == "torch" else "torch"
    received = json.loads(subprocess_python(LOAD.format(path=str(path)), {"KERAS_BACKEND": other}))
    expected = [kdl.variational.mean(model)(SEQUENCES)]
    expected += [layer.weight_distribution().variance() for layer in layers]
    for ours, theirs in zip(expected, received, strict=True):
        np.testing.assert_allclose(numpy(ours), theirs, atol=1e-5)


def test_one_posterior_given_to_two_layers_is_not_shared(tmp_path):
    posterior = kdl.layers.MeanFieldNormalPosterior(initial_stddev=0.2)
    layers = [Variational(keras.layers.Dense(3), 10, posterior=posterior) for _ in range(2)]
    model = keras.Sequential([keras.Input((3,)), *layers])
    first, second = (layer.posterior_layer.raw_scale for layer in layers)
    assert first is not second
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for variance in distributions_of(loaded)[2:]:
        np.testing.assert_allclose(variance, 0.04, rtol=1e-5)
