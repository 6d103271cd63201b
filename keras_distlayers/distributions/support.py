"""Where a distribution has its mass: the sets that the entries of an event lie in."""

import dataclasses
import math
from typing import Any

import keras
from keras import ops

from keras_distlayers._core import shapes
from keras_distlayers._core.typing import Shape, Tensor


@dataclasses.dataclass(frozen=True)
class Support:
    """An interval of real numbers, or the integers of one.

    Args:
        lower: The lower bound, which may belong to the set: a number, or a tensor that broadcasts
            with the batch.
        upper: The upper bound, likewise.
        is_discrete: Whether only the integers belong to the set.
        relaxed: Whether log_prob continues outside the set, as a cross-entropy with soft labels
            does, instead of being minus infinity there.
        is_simplex: Whether the entries of an event sum to 1, so that the last one follows from
            the others.
        has_atoms: Whether the bounds, where they are finite, have a mass instead of a density.
        is_one_hot: Whether an event is a vector with one 1 among zeros.

    Examples:
        >>> import keras_distlayers as kdl
        >>> support = kdl.distributions.Categorical(logits=[0.0, 0.0, 0.0]).support
        >>> support, [bool(x) for x in support.contains([0.0, 2.0, 3.0, 0.5])]
        (the integers from 0 to 2, [True, True, False, False])
    """

    lower: Any = -math.inf
    upper: Any = math.inf
    is_discrete: bool = False
    relaxed: bool = False
    is_simplex: bool = False
    has_atoms: bool = False
    is_one_hot: bool = False

    def contains(self, value: Tensor) -> Tensor:
        """Whether each entry of a tensor lies in the set, its bounds included.

        If the set is that of one-hot vectors, no entry of another vector lies in it.
        """
        value = ops.convert_to_tensor(value)
        if not keras.backend.is_float_dtype(value.dtype):
            value = ops.cast(value, "float32")
        inside = ops.logical_and(value >= self.lower, value <= self.upper)
        if self.is_discrete:
            is_integer = ops.logical_and(value == ops.round(value), ops.isfinite(value))
            inside = ops.logical_and(inside, is_integer)
        if self.is_one_hot:
            inside = ops.logical_and(inside, ops.sum(value, axis=-1, keepdims=True) == 1.0)
            inside = ops.logical_and(inside, ops.all(inside, axis=-1, keepdims=True))
        return inside

    def num_atoms(self, value: Tensor, event_shape: Shape) -> Tensor | int:
        """How many entries of each event are where there is a mass, not a density."""
        if self.is_discrete:
            return num_entries(event_shape)
        if not self.has_atoms:
            return 0
        is_bound = ops.logical_or(value == self.lower, value == self.upper)
        return shapes.sum_last(ops.cast(is_bound, "float32"), len(event_shape))

    def __repr__(self) -> str:
        if self.is_one_hot:
            return "the one-hot vectors"
        if self.is_simplex:
            return "the vectors of probabilities"
        numbers = "the integers" if self.is_discrete else "the real numbers"
        numbers += "" if _is_number(self.lower, -math.inf) else f" from {_text(self.lower)}"
        numbers += "" if _is_number(self.upper, math.inf) else f" to {_text(self.upper)}"
        return f"{numbers}, with a mass at each bound" if self.has_atoms else numbers


def _is_number(bound: Any, number: float) -> bool:
    return isinstance(bound, int | float) and bound == number


def _text(bound: Any) -> str:
    """A number as it is; a tensor is a parameter of the distribution."""
    return str(bound) if isinstance(bound, int | float) else "a bound of its own"


def num_entries(event_shape: Shape) -> int:
    """Of an event; an axis whose size is not known counts as one."""
    return math.prod(1 if size is None else size for size in event_shape)


def integers(lower: int, upper: float = math.inf, relaxed: bool = False) -> Support:
    """The integers from `lower` to `upper`, both included."""
    return Support(lower, upper, is_discrete=True, relaxed=relaxed)


REAL = Support()
POSITIVE = Support(lower=0.0)
UNIT_INTERVAL = Support(0.0, 1.0)
SIMPLEX = Support(0.0, 1.0, is_simplex=True)
ONE_HOT = Support(0, 1, is_discrete=True, is_one_hot=True)

__all__ = [
    "ONE_HOT",
    "POSITIVE",
    "REAL",
    "SIMPLEX",
    "UNIT_INTERVAL",
    "Support",
    "integers",
    "num_entries",
]
