"""A dense network as a component of a bijector, with its weights as parameters.

The weights are tensors as any other: a distribution that has a network inside crosses jit,
gradients and predict whole, and no layer has to be read when it is used.
"""

from collections.abc import Callable, Iterable

import keras
from keras import ops

from keras_distlayers._core import shapes
from keras_distlayers._core.ops import tanh
from keras_distlayers._core.parameterized import Parameterized
from keras_distlayers._core.typing import Tensor


@keras.saving.register_keras_serializable("keras_distlayers.bijectors")
class DenseStep(Parameterized):
    """`activation(x @ kernel + bias)`.

    Args:
        kernel: Shape `(..., inputs, units)`; entries that a mask removes are zero.
        bias: Shape `(..., units)`, or None.
        activation: A name of `keras.activations`, a function, or None.
    """

    parameter_ndims = {"kernel": 2, "bias": 1}
    static_names = ("activation",)

    kernel: Tensor
    bias: Tensor
    activation: str | Callable[[Tensor], Tensor] | None

    def __init__(
        self,
        kernel: Tensor,
        bias: Tensor | None = None,
        activation: str | Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        super().__init__(kernel=kernel, bias=bias, activation=activation)

    def __call__(self, x: Tensor) -> Tensor:
        """Shape `(..., units)`."""
        # Not ops.matmul: on Torch, Keras computes that in float32 even for float64.
        batched = len(self.kernel.shape) > 2
        y = ops.einsum("...i,...ij->...j" if batched else "...i,ij->...j", x, self.kernel)
        y = y if self.bias is None else y + self.bias
        is_tanh = self.activation in ("tanh", keras.activations.tanh)
        return tanh(y) if is_tanh else keras.activations.get(self.activation)(y)


@keras.saving.register_keras_serializable("keras_distlayers.bijectors")
class DenseNetwork(Parameterized):
    """Dense steps one after the other; the last axis of the result is split into two.

    Args:
        steps: The `DenseStep`s.
        params: How many numbers there are for each entry of an event.
        condition: Shape `(..., c)`, or None: what the network sees beside its input.
    """

    parameter_ndims = {"condition": 1}
    component_names = ("steps",)
    static_names = ("params",)

    steps: tuple[DenseStep, ...]
    params: int
    condition: Tensor

    def __init__(
        self, steps: Iterable[DenseStep], params: int, condition: Tensor | None = None
    ) -> None:
        super().__init__(steps=tuple(steps), params=int(params), condition=condition)

    def __call__(self, x: Tensor) -> Tensor:
        """Shape `(..., event_size, params)`."""
        x = x if self.condition is None else _concatenate(x, self.condition)
        for step in self.steps:
            x = step(x)
        shape = (*tuple(ops.shape(x))[:-1], x.shape[-1] // self.params, self.params)
        return ops.reshape(x, shape)


def _concatenate(x: Tensor, condition: Tensor) -> Tensor:
    """The two side by side, their batches broadcast."""
    sizes = [shapes.dynamic_shape(tensor) for tensor in (x, condition)]
    batch = shapes.broadcast(*(size[:-1] for size in sizes))
    parts = zip((x, condition), sizes, strict=True)
    return ops.concatenate([ops.broadcast_to(t, (*batch, s[-1])) for t, s in parts], axis=-1)


__all__ = ["DenseNetwork", "DenseStep"]
