"""A right distribution, and subclasses of right ones that have something broken."""

import itertools

import keras
import numpy as np
from keras import ops

import keras_distlayers as kdl
from keras_distlayers._backend import backend

register = keras.saving.register_keras_serializable("broken")


def detour(x):
    """Through NumPy and back: the values stay, the gradient is gone."""
    if backend.NAME == "jax":  # it refuses, so the usual way to cut it
        return ops.stop_gradient(x)
    return ops.convert_to_tensor(ops.convert_to_numpy(x))


@register
class Exponential(kdl.distributions.Distribution):
    """The one that is right; those below break it."""

    parameter_ndims = {"rate": 0}
    reparameterized = True

    def __init__(self, rate):
        super().__init__(rate=rate)

    @property
    def support(self):
        return kdl.distributions.Support(lower=0.0)

    def _standard(self, sample_shape, seed):
        shape = (*sample_shape, *self.dynamic_shape())
        return -ops.log1p(-keras.random.uniform(shape, dtype=self.dtype, seed=seed))

    def _sample(self, sample_shape, seed):
        return self._standard(sample_shape, seed) / self.rate

    def _log_prob(self, value):
        inside = ops.log(self.rate) - self.rate * value
        return ops.where(value < 0.0, -np.inf, inside)

    def _mean(self):
        return 1.0 / self.rate

    def _mode(self):
        return ops.zeros_like(self.rate)

    def _variance(self):
        return 1.0 / ops.square(self.rate)

    def _entropy(self):
        return 1.0 - ops.log(self.rate)

    def _cdf(self, value):
        return ops.where(value < 0.0, 0.0, -ops.expm1(-self.rate * ops.maximum(value, 0.0)))

    def _quantile(self, p):
        return -ops.log1p(-p) / self.rate


@kdl.distributions.register_kl(Exponential, Exponential)
def _(a, b):
    ratio = b.rate / a.rate
    return ratio - 1.0 - ops.log(ratio)


def broken(base, **methods):
    """A subclass with some methods replaced, registered with Keras under a new name."""
    return register(type(f"{base.__name__}{next(_numbers)}", (base,), methods))


_numbers = itertools.count(1)


def exponential(**methods):
    return broken(Exponential, **methods)(np.array([0.5, 2.0], "float32"))


def full_normal(**methods):
    tril = np.array([[[1.0, 0.0], [2.0, 0.5]], [[0.5, 0.0], [-1.0, 2.0]]], "float32")
    return broken(kdl.distributions.MultivariateNormalTriL, **methods)(
        np.ones((2, 2), "float32"), tril
    )


def categorical(**methods):
    return broken(kdl.distributions.Categorical, **methods)(
        logits=np.array([[0.0, 1.0, 2.0], [1.0, 0.0, 0.0]])
    )
