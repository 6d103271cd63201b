"""Bayesian linear regression, whose evidence and posteriors are known in closed form.

All 442 rows of scikit-learn's diabetes data, standardized; weights and bias are N(0, 1) and the
noise has the variance 0.5. The log evidence is -499.9920, 1.13120 nats per row.
"""

import keras
import numpy as np
import pytest
from helpers import numpy
from sklearn.datasets import load_diabetes

import keras_distlayers as kdl

NOISE = 0.5


def standardized(a):
    return (a - a.mean(axis=0)) / a.std(axis=0)


X, Y = (standardized(a) for a in load_diabetes(return_X_y=True))
N = len(X)
DESIGN = np.concatenate([X, np.ones((N, 1))], axis=1)
PRECISION = DESIGN.T @ DESIGN / NOISE + np.eye(11)
MEAN = np.linalg.solve(PRECISION, DESIGN.T @ Y / NOISE)
X, Y = X.astype("float32"), Y[:, None].astype("float32")

# The optimum of each posterior: the negative ELBO per row, and the KL of all rows.
MEAN_FIELD, FULL = (1.13981, 32.1404), (1.13120, 28.4004)
OPTIMA = {
    "reparameterization": ("mean_field_normal", MEAN_FIELD),
    "local_reparameterization": ("mean_field_normal", MEAN_FIELD),
    "flipout": ("mean_field_normal", MEAN_FIELD),
    "full covariance": ("full_covariance_normal", FULL),
}


def regression(name):
    """A compiled model, and its one layer with weights."""
    posterior, _ = OPTIMA[name]
    estimator = name if posterior == "mean_field_normal" else "reparameterization"
    layer = kdl.layers.Variational(
        keras.layers.Dense(1), N, estimator, posterior, weights="all", seed=0
    )
    head = kdl.layers.DistributionLambda(
        lambda t: kdl.distributions.Independent(kdl.distributions.Normal(t, NOISE**0.5), 1), "mean"
    )
    model = keras.Sequential([keras.Input((10,)), layer, head])
    model.compile(keras.optimizers.Adam(0.02), kdl.losses.NegativeLogLikelihood())
    return model, layer


def set_optimum(layer):
    """The best mean and scale of a layer, in closed form."""
    layer.layer.set_weights([MEAN[:10, None], MEAN[10:]])
    transforms = kdl.layers.parameters
    if isinstance(layer.posterior_layer, kdl.layers.MeanFieldNormalPosterior):
        scale, transform = np.diag(PRECISION) ** -0.5, transforms.Positive()
    else:
        scale = np.linalg.cholesky(np.linalg.inv(PRECISION))
        transform = transforms.LowerTriangular()
    (raw,) = layer.posterior_layer.trainable_variables
    raw.assign(numpy(transform.inverse(scale.astype("float32"))))


def evidence(model, name):
    """The negative ELBO per row, over 400 draws: to about 0.0003."""
    copies = 4 if name in ("flipout", "local_reparameterization") else 1  # each row has its draw
    x, y = (np.tile(a, (400 * copies, 1)) for a in (X, Y))
    return model.evaluate(x, y, batch_size=N * copies, verbose=0)


@pytest.mark.parametrize("name", OPTIMA)
def test_evidence_and_kl_at_the_optimum(name):
    _, (elbo, kl) = OPTIMA[name]
    model, layer = regression(name)
    set_optimum(layer)
    received = evidence(model, name)
    assert layer.kl_tracker.kl_divergence * N == pytest.approx(kl, abs=5e-4)
    assert received == pytest.approx(elbo, abs=1e-3)


@pytest.mark.slow  # each backend has the values; that training finds them is shown once
@pytest.mark.parametrize("name", OPTIMA)
def test_training_finds_the_optimum(name):
    _, (elbo, kl) = OPTIMA[name]
    model, layer = regression(name)
    rate, steps = (0.01, 5000) if name == "full covariance" else (0.03, 1500)
    model.optimizer.learning_rate = keras.optimizers.schedules.CosineDecay(rate, steps)
    model.fit(X, Y, batch_size=N, epochs=steps, verbose=0)
    assert evidence(model, name) == pytest.approx(elbo, abs=1e-3)
    assert layer.kl_tracker.kl_divergence * N == pytest.approx(kl, abs=1e-3 * N)
    if name != "full covariance":
        stddev = numpy(layer.weight_distribution().stddev())
        np.testing.assert_allclose(stddev, 0.0336, rtol=0.1)
