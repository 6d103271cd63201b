"""Distributions of NumPyro, on JAX.

Constraint: NumPyro is found among the imported modules, never imported here.
"""

import sys
from typing import Any

from keras import ops

from keras_distlayers._core.typing import Tensor
from keras_distlayers.distributions.conversion import register_conversion
from keras_distlayers.interop._torch_style import TorchStyleDistribution


@register_conversion("numpyro")
class NumPyroDistribution(TorchStyleDistribution):
    """A distribution of NumPyro."""

    library = "NumPyro"
    key = "numpyro"

    @staticmethod
    def backend_of(wrapped: Any) -> str:
        return "jax"

    def __init__(self, wrapped: Any) -> None:
        super().__init__(wrapped)
        # Asked now: some have lost their support when they come out of a pytree.
        self._is_discrete = wrapped.is_discrete

    def _tensors_of(self, wrapped: Any) -> list[Tensor]:
        return sys.modules["jax"].tree_util.tree_leaves(wrapped)

    @property
    def event_dtype(self) -> str:
        return "int32" if self._is_discrete else self.dtype

    def _draw(self, sample_shape: tuple[int, ...], seed: Any) -> Tensor:
        return self.wrapped.sample(seed, sample_shape)

    def _statistic(self, name: str, *args: Tensor) -> Tensor:
        if name == "stddev":
            return ops.sqrt(self.wrapped.variance)
        return super()._statistic(name, *args)


__all__ = ["NumPyroDistribution"]
