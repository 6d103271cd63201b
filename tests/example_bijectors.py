"""A bijector of each kind, and distributions that are made with them."""

import keras
import numpy as np
from keras import ops

import keras_distlayers as kdl
from keras_distlayers.bijectors.dense_network import DenseNetwork, DenseStep

SIZE = 3


def rng():
    return np.random.default_rng(0)


def network(inputs=SIZE, masks=(None, None), units=4):
    """From `inputs` numbers to a shift and a log-scale for each."""
    draws = rng()
    kernels = [draws.normal(size=(inputs, units)), draws.normal(size=(units, 2 * inputs))]
    kernels = [k if m is None else k * m for k, m in zip(kernels, masks, strict=True)]
    steps = [
        DenseStep(k, draws.normal(size=k.shape[1]), activation)
        for k, activation in zip(kernels, ("tanh", None), strict=True)
    ]
    return DenseNetwork(steps, 2)


def autoregressive_network(size=SIZE, degrees=(1, 1, 2, 2)):
    places, degrees = np.arange(1, size + 1), np.asarray(degrees)
    last = np.repeat(degrees[:, None] < places, 2, axis=1)
    return network(size, masks=(places[:, None] <= degrees, last), units=len(degrees))


def triangle(size=SIZE):
    return np.tril(rng().normal(size=(size, size)), -1) + np.diag(np.arange(1.0, size + 1.0))


def spline(batch=()):
    return kdl.bijectors.RationalQuadraticSpline.from_raw(
        rng().normal(size=(*batch, 14)), bound=2.5
    )


@keras.saving.register_keras_serializable("tests")
def sums_of_others(x):
    shift = ops.sum(x, axis=-1, keepdims=True) * ops.ones_like(x)
    return ops.stack([shift, ops.sin(shift)], axis=-1)


BIJECTORS = {
    "Shift": lambda: kdl.bijectors.Shift([1.0, -2.0, 0.5]),
    "Scale": lambda: kdl.bijectors.Scale([2.0, -0.5, 1.0]),
    "Affine": lambda: kdl.bijectors.Affine(1.0, [2.0, -0.5, 1.0]),
    "Exp": kdl.bijectors.Exp,
    "Softplus": kdl.bijectors.Softplus,
    "Sigmoid": kdl.bijectors.Sigmoid,
    "Tanh": kdl.bijectors.Tanh,
    "Spline": spline,
    "Spline of one bin": lambda: kdl.bijectors.RationalQuadraticSpline([1.0], [1.0], np.zeros(0)),
    "Permute": lambda: kdl.bijectors.Permute([2, 0, 1]),
    "ScaleTriL": lambda: kdl.bijectors.ScaleTriL(triangle()),
    "RealNVP": lambda: kdl.bijectors.RealNVP([True, False, True], network()),
    "RealNVP of a function": lambda: kdl.bijectors.RealNVP([True, False, False], sums_of_others),
    "MaskedAutoregressive": lambda: kdl.bijectors.MaskedAutoregressive(autoregressive_network()),
    "Invert": lambda: kdl.bijectors.Invert(kdl.bijectors.RealNVP([False, False, True], network())),
    "Invert of a scalar's": lambda: kdl.bijectors.Invert(kdl.bijectors.Affine(1.0, 3.0)),
    "Chain": lambda: kdl.bijectors.Chain(
        [kdl.bijectors.Shift(1.0), kdl.bijectors.Softplus(), kdl.bijectors.Scale([2.0, -0.5, 1.0])]
    ),
    "Chain of vectors": lambda: kdl.bijectors.Chain(
        [
            kdl.bijectors.Exp(),
            kdl.bijectors.ScaleTriL(triangle()),
            kdl.bijectors.Permute([1, 2, 0]),
            spline((SIZE,)),
        ]
    ),
}


LOC, SCALE = np.float32([0.5, -1.0]), np.float32([1.0, 0.5])
NORMAL = kdl.distributions.Normal(LOC, SCALE)
VECTORS = kdl.distributions.Independent(
    kdl.distributions.Normal(np.float32([[0.5, 1.0, -1.0], [0.0, 0.0, 0.0]]), 0.7), 1
)

DISTRIBUTIONS = {
    "log-normal": lambda: kdl.distributions.TransformedDistribution(NORMAL, kdl.bijectors.Exp()),
    "affine": lambda: kdl.distributions.TransformedDistribution(
        NORMAL, kdl.bijectors.Affine([1.0, 2.0], [-2.0, 1.0])
    ),
    "mirrored": lambda: kdl.distributions.TransformedDistribution(
        kdl.distributions.TransformedDistribution(NORMAL, kdl.bijectors.Exp()),
        kdl.bijectors.Chain([kdl.bijectors.Shift(2.0), kdl.bijectors.Scale(-1.5)]),
    ),
    "logit-normal": lambda: kdl.distributions.TransformedDistribution(
        NORMAL, kdl.bijectors.Sigmoid()
    ),
    "spline": lambda: kdl.distributions.TransformedDistribution(NORMAL, spline((2,))),
    "there and back": lambda: kdl.distributions.TransformedDistribution(
        kdl.distributions.TransformedDistribution(NORMAL, kdl.bijectors.Exp()),
        kdl.bijectors.Invert(kdl.bijectors.Exp()),
    ),
    "positive vectors": lambda: kdl.distributions.TransformedDistribution(
        VECTORS, kdl.bijectors.Softplus()
    ),
    "full normal": lambda: kdl.distributions.TransformedDistribution(
        VECTORS,
        kdl.bijectors.Chain(
            [kdl.bijectors.Shift([1.0, 2.0, 3.0]), kdl.bijectors.ScaleTriL(triangle())]
        ),
    ),
    "coupling": lambda: kdl.distributions.TransformedDistribution(
        VECTORS,
        kdl.bijectors.Chain(
            [
                kdl.bijectors.Scale([[0.5], [2.0]]),
                kdl.bijectors.RealNVP([True, False, True], network()),
            ]
        ),
    ),
    "autoregressive": lambda: kdl.distributions.TransformedDistribution(
        VECTORS, kdl.bijectors.MaskedAutoregressive(autoregressive_network(), log_scale_limit=1.0)
    ),
}
