"""A family and a head of a user's own, as short as they may be, with a model and data."""

import keras
import numpy as np
from keras import ops

import keras_distlayers as kdl

kd = kdl.distributions


@keras.saving.register_keras_serializable("tests")
class HyperbolicSecant(kd.SymmetricLocationScale):
    def _standard_log_prob(self, z):
        x = 0.5 * np.pi * ops.abs(z)
        return -x - ops.log1p(ops.exp(-2.0 * x))

    def _standard_cdf(self, z):
        return 2.0 / np.pi * ops.arctan(ops.exp(0.5 * np.pi * z))

    def _standard_quantile(self, p):
        return 2.0 / np.pi * ops.log(ops.tan(0.5 * np.pi * p))

    def _standard_variance(self):
        return ops.ones((), self.dtype)


@keras.saving.register_keras_serializable("tests")
class IndependentHyperbolicSecant(kdl.layers.IndependentHead):
    distribution_class = HyperbolicSecant
    parameters = {"loc": kdl.layers.Real(), "scale": kdl.layers.Positive()}


def own_data(rows=400, spread=2.0, seed=0):
    """Raw parameters of that head for events of two entries, and targets that are too wide."""
    rng = np.random.default_rng(seed)
    raw = rng.normal(size=(rows, 4)).astype("float32")
    scale = np.log1p(np.exp(raw[:, 2:])) + 1e-5
    z = 2.0 / np.pi * np.log(np.tan(0.5 * np.pi * rng.random((rows, 2))))
    return raw, (raw[:, :2] + spread * scale * z).astype("float32")


def raw_model(head, size=None):
    """A model of a head alone: its inputs are the raw parameters."""
    return keras.Sequential([keras.Input((size or head.num_params,)), head])
