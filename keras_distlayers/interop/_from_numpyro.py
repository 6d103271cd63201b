"""Distributions of NumPyro, on JAX.

Constraint: NumPyro is found among the imported modules, never imported here.
"""

import sys

from keras import ops

from keras_distlayers.distributions.conversion import register_conversion
from keras_distlayers.interop._torch_style import TorchStyleDistribution


@register_conversion("numpyro")
class NumPyroDistribution(TorchStyleDistribution):
    """A distribution of NumPyro."""

    library = "NumPyro"
    key = "numpyro"

    @staticmethod
    def backend_of(wrapped):
        return "jax"

    def __init__(self, wrapped):
        super().__init__(wrapped)
        # Asked now: some have lost their support when they come out of a pytree.
        self._is_discrete = wrapped.is_discrete

    def _tensors_of(self, wrapped):
        return sys.modules["jax"].tree_util.tree_leaves(wrapped)

    @property
    def event_dtype(self):
        return "int32" if self._is_discrete else self.dtype

    def _draw(self, sample_shape, seed):
        return self.wrapped.sample(seed, sample_shape)

    def _statistic(self, name, *args):
        if name == "stddev":
            return ops.sqrt(self.wrapped.variance)
        return super()._statistic(name, *args)


__all__ = ["NumPyroDistribution"]
