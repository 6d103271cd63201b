"""The weights of a layer that a distribution is over, as one vector and as the layer has them."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import ops

from keras_distlayers._core.errors import message
from keras_distlayers._core.typing import Tensor

# What a weight that multiplies is called in Keras: `kernel`, `recurrent_kernel`,
# `depthwise_kernel`, `pointwise_kernel`, `embeddings`.
_KERNELS = ("kernel", "embeddings")


def is_kernel(variable: keras.Variable) -> bool:
    """Whether a variable is a kernel or embeddings, by its name."""
    return variable.name.endswith(_KERNELS)


CHOICES: dict[str, Callable[[keras.Variable], bool]] = {
    "kernel": is_kernel,
    "all": lambda variable: True,
}
"""By the argument `weights`: whether a variable is uncertain."""


class UncertainWeights:
    """The uncertain weights of a layer, and calls of the layer with others in their place.

    A plain object, in which Keras does not look for weights: they are the layer's.

    Args:
        layer: The layer, built.
        weights: A key of `CHOICES`.

    Attributes:
        layer: The layer.
        variables: The variables of the layer that are uncertain.
        size: The number of weights in them.
    """

    def __init__(self, layer: keras.layers.Layer, weights: str) -> None:
        self.layer = layer
        self.variables = [v for v in layer.trainable_variables if CHOICES[weights](v)]
        self._shapes = [tuple(v.shape) for v in self.variables]
        self._sizes = [math.prod(shape) for shape in self._shapes]
        self.size = sum(self._sizes)
        if not self.variables:
            raise ValueError(
                message(
                    "Variational, argument `weights`",
                    expected="a layer with trainable weights whose names end in "
                    f"{' or '.join(_KERNELS)}"
                    if weights == "kernel"
                    else "trainable weights",
                    received=f"a {type(layer).__name__} with "
                    f"{[v.name for v in layer.trainable_variables]}",
                    fix="Pass weights='all' for a layer whose weights have other names.",
                )
            )

    def vector(self) -> Tensor:
        """The weights that the layer has now, shape `(size,)`."""
        flat = [ops.reshape(v.value, (-1,)) for v in self.variables]
        return flat[0] if len(flat) == 1 else ops.concatenate(flat)

    def split(self, vector: Tensor) -> list[Tensor]:
        """A vector as tensors of the variables' shapes."""
        if len(self._shapes) == 1:
            return [ops.reshape(vector, self._shapes[0])]
        ends = [sum(self._sizes[: i + 1]) for i in range(len(self._sizes) - 1)]
        parts = ops.split(vector, ends)
        return [ops.reshape(p, shape) for p, shape in zip(parts, self._shapes, strict=True)]

    def assign(self, vector: Tensor) -> None:
        """Gives the layer these weights."""
        for variable, value in zip(self.variables, self.split(vector), strict=True):
            variable.assign(value)

    def call(
        self, vector: Tensor, *args: Any, others: float | None = None, **kwargs: Any
    ) -> tuple[Any, Sequence[Tensor]]:
        """What the layer returns with these weights, and the losses that it adds.

        What the layer assigns to its variables, such as a seed or a moving mean, is assigned.

        Args:
            vector: The uncertain weights, shape `(size,)`.
            *args: The arguments of the layer.
            others: A number in place of each weight that is not uncertain; None for the weights
                as they are.
            **kwargs: The arguments of the layer.
        """
        drawn = set(map(id, self.variables))
        fixed = set() if others is None else set(map(id, self.layer.weights))
        values = [
            (v, ops.full_like(v.value, others) if id(v) in fixed else v.value)
            for v in self.layer.variables
            if id(v) not in drawn
        ]
        values += zip(self.variables, self.split(vector), strict=True)
        with keras.StatelessScope(values, collect_losses=True) as scope:
            given = [scope.get_current_value(v) for v, _ in values]
            outputs = self.layer(*args, **kwargs)
        for (variable, _), before in zip(values, given, strict=True):
            after = scope.get_current_value(variable)
            if after is not before:
                variable.assign(after)
        return outputs, scope.losses


__all__ = ["CHOICES", "UncertainWeights", "is_kernel"]
