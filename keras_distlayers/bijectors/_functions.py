"""The functions inside a coupling: the user's functions, or networks that carry their weights.

The weights of a network are parameters of the bijector. So a distribution with a network inside
keeps them under jit, in gradients and in predict, and does not read them from a layer.
"""

from typing import Any

import keras
from keras import ops

from keras_distlayers._core import shapes
from keras_distlayers._core.errors import message
from keras_distlayers._core.ops import tanh
from keras_distlayers._core.parameterized import Parameterized


@keras.saving.register_keras_serializable("keras_distlayers.bijectors")
class Function(Parameterized):
    """A Python function, or a Keras layer, of a tensor."""

    static_names = ("function",)

    def __init__(self, function):
        super().__init__(function=function)

    def __call__(self, x):
        """The function's value."""
        return self.function(x)


@keras.saving.register_keras_serializable("keras_distlayers.bijectors")
class DenseStep(Parameterized):
    """`activation(x @ kernel + bias)`.

    Args:
        kernel: Shape `(..., inputs, units)`; those that a mask takes away are zero.
        bias: Shape `(..., units)`, or None.
        activation: A name of `keras.activations`, a function, or None.
    """

    parameter_ndims = {"kernel": 2, "bias": 1}
    static_names = ("activation",)

    def __init__(self, kernel, bias=None, activation=None):
        super().__init__(kernel=kernel, bias=bias, activation=activation)

    def __call__(self, x):
        """Shape `(..., units)`."""
        # Not ops.matmul: on Torch, Keras computes that in float32 even for float64.
        batched = len(self.kernel.shape) > 2
        y = ops.einsum("...i,...ij->...j" if batched else "...i,ij->...j", x, self.kernel)
        y = y if self.bias is None else y + self.bias
        is_tanh = self.activation in ("tanh", keras.activations.tanh)
        return tanh(y) if is_tanh else keras.activations.get(self.activation)(y)


@keras.saving.register_keras_serializable("keras_distlayers.bijectors")
class DenseNetwork(Parameterized):
    """Dense steps one after the other; the last axis comes out as `(-1, params)`.

    Args:
        steps: The `DenseStep`s.
        params: How many numbers there are for each entry of an event.
        condition: Shape `(..., c)`, or None: what the network sees beside its input.
    """

    parameter_ndims = {"condition": 1}
    component_names = ("steps",)
    static_names = ("params",)

    def __init__(self, steps, params, condition=None):
        super().__init__(steps=tuple(steps), params=int(params), condition=condition)

    def __call__(self, x):
        """Shape `(..., event_size, params)`."""
        x = x if self.condition is None else _joined(x, self.condition)
        for step in self.steps:
            x = step(x)
        return ops.reshape(x, (*tuple(ops.shape(x))[:-1], -1, self.params))


def _joined(x, condition):
    """Joins the two on the last axis; their batch shapes are broadcast."""
    x_shape, condition_shape = tuple(ops.shape(x)), tuple(ops.shape(condition))
    batch = shapes.broadcast(x_shape[:-1], condition_shape[:-1])
    x = ops.broadcast_to(x, (*batch, x_shape[-1]))
    condition = ops.broadcast_to(condition, (*batch, condition_shape[-1]))
    return ops.concatenate([x, condition], axis=-1)


def as_function(where: str, function) -> Any:
    """Parameterized functions as they are, others in a `Function`."""
    if isinstance(function, Parameterized):
        return function
    if callable(function):
        return Function(function)
    raise TypeError(
        message(where, expected="a function of a tensor", received=f"{type(function).__name__}")
    )


def shift_and_log_scale(where: str, function, x, limit):
    """What the function makes of x, the log-scale between -limit and limit.

    Raises:
        ValueError: if the function's value does not have the shape of x with an additional last
            axis of 2.
    """
    both = function(x)
    event, shape = x.shape[-1], shapes.static_shape(both)
    if len(shape) < 2 or shape[-1] != 2 or shape[-2] not in (None, event):
        raise ValueError(
            message(
                f"{where}, argument `function`",
                expected=f"a result whose last axes are ({event}, 2): shift and log-scale",
                received=f"shape={shape}",
            )
        )
    return both[..., 0], limit * tanh(both[..., 1] / limit)


__all__ = [
    "DenseNetwork",
    "DenseStep",
    "Function",
    "as_function",
    "shift_and_log_scale",
]
