"""What a KL divergence costs: its weight, which may change with the step, and its free nats."""

import numbers
from collections.abc import Callable
from typing import TypeAlias

import keras
from keras import ops

from keras_distlayers._core.captured import captured_state
from keras_distlayers._core.errors import message
from keras_distlayers._core.ops import maximum
from keras_distlayers._core.typing import Tensor

Weight: TypeAlias = float | Callable[[Tensor], Tensor]


class KLWeight:
    """The term of the loss for a KL divergence: `weight * max(kl, free_nats)`.

    Args:
        weight: A number, or a function of the training step written in `keras.ops`.
        free_nats: The number of nats per example that cost nothing.

    Raises:
        TypeError: if `weight` is neither a number nor a function, or reads a variable.
    """

    def __init__(self, weight: Weight = 1.0, free_nats: float = 0.0) -> None:
        self.weight = checked_weight(weight)
        self.free_nats = free_nats

    @property
    def prior_layer(self) -> keras.layers.Layer | None:
        """The layer that makes the prior, for classes that know the prior; else None."""
        return None

    @property
    def is_scheduled(self) -> bool:
        """Whether the weight is a function of the step."""
        return callable(self.weight)

    def weight_at(self, step: Tensor) -> Tensor:
        """The weight at a training step: a scalar tensor."""
        weight = self.weight(step) if callable(self.weight) else self.weight
        return ops.cast(weight, "float32")

    def penalty(self, kl: Tensor, weight: Tensor) -> Tensor:
        """The term of the loss for a mean KL: `weight * max(kl, free_nats)`."""
        # Without free nats the maximum is left out: it would cut the gradient of an
        # estimate that came out below zero.
        floored = maximum(kl, self.free_nats) if self.free_nats else kl
        # An infinite KL times a weight of 0, as a warm-up begins, is 0.
        weight = ops.cast(weight, kl.dtype)
        return weight * ops.where(weight == 0.0, 0.0, floored)


def checked_weight(weight: Weight) -> Weight:
    """A number or a schedule; JAX would freeze a variable at its first value."""
    received = f"weight={weight!r}"
    if isinstance(weight, numbers.Real):
        return weight
    if callable(weight):
        variables = (n for n, x in captured_state(weight) if isinstance(x, keras.Variable))
        if (name := next(variables, None)) is None:
            return weight
        received = f"a function that reads the variable `{name}`"
    raise TypeError(
        message(
            "argument `weight` of a KL divergence",
            expected="a number or a function of the training step",
            received=received,
            fix="For a weight that changes use keras_distlayers.schedules, or set it between "
            "epochs with callbacks.KLWeightScheduler.",
        )
    )


__all__ = ["KLWeight", "Weight", "checked_weight"]
