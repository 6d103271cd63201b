"""A bijector of each kind, and laws that are made with them."""

import keras
import numpy as np
from keras import ops

from keras_distlayers import bijectors as kb
from keras_distlayers import distributions as kd
from keras_distlayers.bijectors._functions import DenseNetwork, DenseStep

SIZE = 3


def rng():
    return np.random.default_rng(0)


def network(inputs=SIZE, masks=(None, None)):
    """From `inputs` numbers to a shift and a log-scale for each."""
    draws = rng()
    kernels = [draws.normal(size=(inputs, 4)), draws.normal(size=(4, 2 * inputs))]
    kernels = [k if m is None else k * m for k, m in zip(kernels, masks, strict=True)]
    steps = [
        DenseStep(k, draws.normal(size=k.shape[1]), activation)
        for k, activation in zip(kernels, ("tanh", None), strict=True)
    ]
    return DenseNetwork(steps, 2)


def autoregressive_network():
    degrees = np.array([1, 1, 2, 2])
    places = np.arange(1, SIZE + 1)
    last = np.repeat(degrees[:, None] < places, 2, axis=1)
    return network(masks=(places[:, None] <= degrees, last))


def triangle(size=SIZE):
    return np.tril(rng().normal(size=(size, size)), -1) + np.diag(np.arange(1.0, size + 1.0))


def spline(batch=()):
    return kb.RationalQuadraticSpline.from_raw(rng().normal(size=(*batch, 14)), bound=2.5)


@keras.saving.register_keras_serializable("tests")
def sums_of_others(x):
    shift = ops.sum(x, axis=-1, keepdims=True) * ops.ones_like(x)
    return ops.stack([shift, ops.sin(shift)], axis=-1)


BIJECTORS = {
    "Shift": lambda: kb.Shift([1.0, -2.0, 0.5]),
    "Scale": lambda: kb.Scale([2.0, -0.5, 1.0]),
    "Affine": lambda: kb.Affine(1.0, [2.0, -0.5, 1.0]),
    "Exp": kb.Exp,
    "Softplus": kb.Softplus,
    "Sigmoid": kb.Sigmoid,
    "Tanh": kb.Tanh,
    "Spline": spline,
    "Spline of one bin": lambda: kb.RationalQuadraticSpline([1.0], [1.0], np.zeros(0)),
    "Permute": lambda: kb.Permute([2, 0, 1]),
    "ScaleTriL": lambda: kb.ScaleTriL(triangle()),
    "RealNVP": lambda: kb.RealNVP([True, False, True], network()),
    "RealNVP of a function": lambda: kb.RealNVP([True, False, False], sums_of_others),
    "MaskedAutoregressive": lambda: kb.MaskedAutoregressive(autoregressive_network()),
    "Invert": lambda: kb.Invert(kb.RealNVP([False, False, True], network())),
    "Invert of a scalar's": lambda: kb.Invert(kb.Affine(1.0, 3.0)),
    "Chain": lambda: kb.Chain([kb.Shift(1.0), kb.Softplus(), kb.Scale([2.0, -0.5, 1.0])]),
    "Chain of vectors": lambda: kb.Chain(
        [kb.Exp(), kb.ScaleTriL(triangle()), kb.Permute([1, 2, 0]), spline((SIZE,))]
    ),
}


LOC, SCALE = np.float32([0.5, -1.0]), np.float32([1.0, 0.5])
NORMAL = kd.Normal(LOC, SCALE)
VECTORS = kd.Independent(kd.Normal(np.float32([[0.5, 1.0, -1.0], [0.0, 0.0, 0.0]]), 0.7), 1)

LAWS = {
    "log-normal": lambda: kd.TransformedDistribution(NORMAL, kb.Exp()),
    "affine": lambda: kd.TransformedDistribution(NORMAL, kb.Affine([1.0, 2.0], [-2.0, 1.0])),
    "mirrored": lambda: kd.TransformedDistribution(
        kd.TransformedDistribution(NORMAL, kb.Exp()), kb.Chain([kb.Shift(2.0), kb.Scale(-1.5)])
    ),
    "logit-normal": lambda: kd.TransformedDistribution(NORMAL, kb.Sigmoid()),
    "spline": lambda: kd.TransformedDistribution(NORMAL, spline((2,))),
    "there and back": lambda: kd.TransformedDistribution(
        kd.TransformedDistribution(NORMAL, kb.Exp()), kb.Invert(kb.Exp())
    ),
    "positive vectors": lambda: kd.TransformedDistribution(VECTORS, kb.Softplus()),
    "full normal": lambda: kd.TransformedDistribution(
        VECTORS, kb.Chain([kb.Shift([1.0, 2.0, 3.0]), kb.ScaleTriL(triangle())])
    ),
    "coupling": lambda: kd.TransformedDistribution(
        VECTORS, kb.Chain([kb.Scale([[0.5], [2.0]]), kb.RealNVP([True, False, True], network())])
    ),
    "autoregressive": lambda: kd.TransformedDistribution(
        VECTORS, kb.MaskedAutoregressive(autoregressive_network(), log_scale_limit=1.0)
    ),
}
