"""Distributions of NumPyro, on JAX.

Constraint: NumPyro is found among the imported modules, never imported here.
"""

import sys

from keras import ops

from keras_distlayers.interop.wrapped import WrappedDistribution, wraps

_METHODS = {"entropy": "entropy", "cdf": "cdf", "quantile": "icdf"}
_PROPERTIES = {"covariance": "covariance_matrix"}


@wraps("numpyro")
class NumPyroDistribution(WrappedDistribution):
    """A distribution of NumPyro."""

    library = "NumPyro"
    key = "numpyro"

    def _tensors_of(self, wrapped):
        return sys.modules["jax"].tree_util.tree_leaves(wrapped)

    @property
    def _event_dtype(self):
        return "int32" if self.wrapped.is_discrete else self.dtype

    @property
    def reparameterized(self):
        return self.wrapped.has_rsample

    def _draw(self, sample_shape, seed):
        return self.wrapped.sample(seed, sample_shape)

    def _statistic(self, name, *args):
        if name == "stddev":
            return ops.sqrt(self.wrapped.variance)
        if name in _METHODS:
            return getattr(self.wrapped, _METHODS[name])(*args)
        return getattr(self.wrapped, _PROPERTIES.get(name, name))

    @classmethod
    def closed_form_kl(cls, a, b):
        return sys.modules["numpyro"].distributions.kl_divergence(a, b)


__all__ = ["NumPyroDistribution"]
