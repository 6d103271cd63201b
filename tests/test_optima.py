"""Heads trained by `fit` end within 0.05 nats of the optimum.

The data come from known distributions. Their own negative log-likelihood on a sample is the
optimum, except for what a fit to that sample gains by chance. The figures are in
docs/benchmarks.md; `pytest -s` prints them.
"""

import keras
import numpy as np
import pytest
from helpers import BACKEND, numpy
from keras import ops
from sklearn.mixture import GaussianMixture

import keras_distlayers as kdl

NATS = 0.05
pytestmark = pytest.mark.slow


def fitted(head, start, points, *, steps, rate):
    """Trains constant raw parameters for the distribution of the points, from `start`."""
    dense = keras.layers.Dense(
        len(start), kernel_initializer="zeros",
        bias_initializer=lambda shape, dtype=None: ops.convert_to_tensor(start, dtype),
    )  # fmt: skip
    model = keras.Sequential([keras.Input((1,)), dense, head])
    return trained(model, points, steps=steps, rate=rate, batch=len(points))


def trained(model, points, *, steps, rate, batch):
    epochs = steps * batch // len(points)
    schedule = keras.optimizers.schedules.CosineDecay(rate, steps)
    model.compile(keras.optimizers.Adam(schedule), kdl.losses.NegativeLogLikelihood())
    model.fit(np.zeros((len(points), 1)), points, batch_size=batch, epochs=epochs, verbose=0)
    return model


def nll(model, points):
    """Nats per point, of one distribution, since the input is the same everywhere."""
    return -numpy(model(np.zeros((1, 1), "float32")).log_prob(points)).mean(dtype="float64")


def require_optimum(what, reached, *optima):
    print(f"\n{what} on {BACKEND}: {reached:.4f} nats, optimum {min(optima):.4f}")
    assert reached <= min(optima) + NATS


# ---------------------------------------------------------------- five full normals


def five_normals():
    """Ellipses on a half circle, each along it."""
    angles = np.linspace(0.0, np.pi, 5)
    turn = np.stack([np.cos(angles), -np.sin(angles), np.sin(angles), np.cos(angles)], axis=-1)
    scales = turn.reshape(5, 2, 2) * [0.25, 0.7]
    return kdl.distributions.MixtureSameFamily(
        kdl.distributions.Categorical(probs=np.float32([0.1, 0.15, 0.2, 0.25, 0.3])),
        kdl.distributions.MultivariateNormalTriL(
            np.float32(3.0 * np.stack([np.cos(angles), np.sin(angles)], axis=-1)),
            np.float32(np.linalg.cholesky(scales @ scales.swapaxes(-1, -2))),
        ),
    )


def centers(points, count):
    """The centers of k-means, started far apart: components that start equal stay equal."""
    chosen = points[:1]
    while len(chosen) < count:
        distances = np.square(points[:, None] - chosen).sum(axis=-1).min(axis=1)
        chosen = np.concatenate([chosen, points[distances.argmax()][None]])
    for _ in range(20):
        nearest = np.square(points[:, None] - chosen).sum(axis=-1).argmin(axis=1)
        chosen = np.stack([points[nearest == k].mean(axis=0) for k in range(count)])
    return chosen


def test_optimum_of_a_mixture_of_five_full_normals():
    distribution, rng = five_normals(), np.random.default_rng(0)
    labels = rng.choice(5, 2000, p=[0.1, 0.15, 0.2, 0.25, 0.3])
    normals = distribution.components_distribution
    noise = np.einsum("nij,nj->ni", numpy(normals.scale_tril)[labels], rng.normal(size=(2000, 2)))
    points = np.float32(numpy(normals.loc)[labels] + noise)
    head = kdl.layers.MixtureSameFamily(5, kdl.layers.MultivariateNormalTriL(2))
    components = np.concatenate([centers(points, 5), np.zeros((5, 3))], axis=1)
    start = np.concatenate([np.zeros(5), components.ravel()])
    model = fitted(head, start, points, steps=150, rate=5e-2)
    em = GaussianMixture(5, n_init=5, random_state=0).fit(points)
    own = -numpy(distribution.log_prob(points)).mean()
    require_optimum("five full normals", nll(model, points), own, -em.score(points))


# ---------------------------------------------------------------- a flow on two moons

WIDTH = 0.2
CENTRE, UNITS = np.float32([0.5, 0.25]), np.float32([0.85, 0.5])


def moons(n, seed):
    """Uniform on two half circles, with normal noise, about standardized."""
    rng = np.random.default_rng(seed)
    angles, lower = rng.uniform(0.0, np.pi, n), rng.integers(0, 2, n)
    points = on_the_moons(angles, lower) + WIDTH * rng.normal(size=(n, 2))
    return np.float32((points - CENTRE) / UNITS)


def on_the_moons(angles, lower):
    x, y = np.cos(angles), np.sin(angles)
    return np.stack([np.where(lower, 1.0 - x, x), np.where(lower, 0.5 - y, y)], axis=-1)


def log_density_of_moons(points, nodes=500):
    """The mean of normal densities around the half circles, by the midpoint rule."""
    angles = np.pi * (np.arange(nodes) + 0.5) / nodes
    path = np.concatenate([on_the_moons(angles, lower) for lower in (0, 1)])
    distances = (CENTRE + UNITS * points.astype("float64"))[:, None] - path
    densities = np.exp(-0.5 * np.square(distances / WIDTH).sum(axis=-1)).mean(axis=1)
    return np.log(densities / (2.0 * np.pi * WIDTH**2) * UNITS.prod())


def test_optimum_of_a_flow_on_two_moons():
    points, fresh = moons(8192, seed=0), moons(2048, seed=1)
    head = kdl.layers.ConditionalFlow(2, num_couplings=4, hidden_units=(32, 32), seed=0)
    model = keras.Sequential([keras.Input((1,)), head])
    trained(model, points, steps=320, rate=2e-2, batch=1024)
    require_optimum("two moons", nll(model, fresh), -log_density_of_moons(fresh).mean())


# ---------------------------------------------------------------- PixelCNN++'s mixture


def test_optimum_of_a_mixture_of_quantized_logistics():
    rng = np.random.default_rng(0)
    weights, loc, scale = np.float32([0.5, 0.3, 0.2]), [40.0, 150.0, 215.0], [6.0, 15.0, 3.0]
    distribution = kdl.distributions.MixtureSameFamily(
        kdl.distributions.Categorical(probs=weights),
        kdl.distributions.QuantizedLogistic(np.float32(loc), np.float32(scale)),
    )
    labels = rng.choice(3, 4000, p=[0.5, 0.3, 0.2])
    draws = rng.logistic(np.array(loc)[labels], np.array(scale)[labels])
    pixels = np.float32(np.clip(np.round(draws), 0, 255))
    head = kdl.layers.IndependentQuantizedLogisticMixture(3)
    # Centers over the range, and scales of a third of it each.
    start = np.concatenate([np.zeros(3), np.linspace(-0.7, 0.7, 3), np.full(3, -1.5)])
    model = fitted(head, start, pixels, steps=200, rate=5e-2)
    own = -numpy(distribution.log_prob(pixels)).mean()
    require_optimum("quantized logistics", nll(model, pixels), own)


def test_optimum_is_not_reached_without_training():
    """The bound is one that training has to reach."""
    points = moons(2048, seed=1)
    model = keras.Sequential([keras.Input((1,)), kdl.layers.ConditionalFlow(2, seed=0)])
    with pytest.raises(AssertionError):
        require_optimum("untrained", nll(model, points), -log_density_of_moons(points).mean())
