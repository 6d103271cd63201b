"""Distributions of torch.distributions.

Constraint: Torch is found among the imported modules, never imported here.
"""

import sys
from typing import Any, Self

import keras
from keras import ops

from keras_distlayers._core import shapes
from keras_distlayers._core.typing import Tensor
from keras_distlayers.distributions.conversion import register_conversion
from keras_distlayers.interop._torch_style import TorchStyleDistribution


@register_conversion("torch")
class TorchDistribution(TorchStyleDistribution):
    """A distribution of torch.distributions."""

    library = "torch.distributions"
    key = "torch"

    @staticmethod
    def backend_of(wrapped: Any) -> str:
        return "torch"

    def _tensors_of(self, wrapped: Any) -> list[Tensor]:
        """Its own, and those of the distributions and transforms inside it."""
        tensors, parts, seen = [], [wrapped], set()
        while parts:
            part = parts.pop()
            if id(part) in seen:  # a transform and its inverse hold each other
                continue
            seen.add(id(part))
            for value in keras.tree.flatten(list(vars(part).values())):
                if ops.is_tensor(value):
                    tensors.append(value)
                elif type(value).__module__.startswith("torch.distributions."):
                    parts += [value] if hasattr(value, "__dict__") else []
        return tensors

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        for tensor in self._tensors_of(self.wrapped):
            memo.setdefault(id(tensor), ops.copy(tensor))
        return super().__deepcopy__(memo)

    @property
    def event_dtype(self) -> str:
        # Labels alone are drawn as integers; every log_prob casts for itself.
        categorical = sys.modules["torch"].distributions.Categorical
        return "int64" if isinstance(self.wrapped, categorical) else self.dtype

    def _draw(self, sample_shape: tuple[int, ...], seed: Any) -> Tensor:
        draw = self.wrapped.rsample if self.wrapped.has_rsample else self.wrapped.sample
        return draw(sample_shape)

    @classmethod
    def closed_form_kl(cls, a: Any, b: Any) -> Tensor:
        if a.batch_shape != b.batch_shape:
            # Torch's own for Bernoullis, among others, does not broadcast.
            whole = shapes.broadcast(tuple(a.batch_shape), tuple(b.batch_shape))
            a, b = a.expand(whole), b.expand(whole)
        return super().closed_form_kl(a, b)


__all__ = ["TorchDistribution"]
