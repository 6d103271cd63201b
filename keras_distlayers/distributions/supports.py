"""Where a law has its mass: the sets that the entries of an event lie in."""

import dataclasses
import math
from typing import Any

import keras
from keras import ops


@dataclasses.dataclass(frozen=True)
class Support:
    """An interval of real numbers, or the integers of one.

    Attributes:
        lower: The lower bound, which may belong to it: a number, or a tensor that broadcasts
            with the batch.
        upper: The upper bound, likewise.
        is_discrete: Whether the integers alone belong to it.
        relaxed: Whether log_prob goes on outside of it, as a cross-entropy with soft labels
            does, in place of minus infinity.

    Examples:
        >>> from keras_distlayers import distributions as kd
        >>> support = kd.Categorical(logits=[0.0, 0.0, 0.0]).support
        >>> support, [bool(x) for x in support.contains([0.0, 2.0, 3.0, 0.5])]
        (the integers from 0 to 2, [True, True, False, False])
    """

    lower: Any = -math.inf
    upper: Any = math.inf
    is_discrete: bool = False
    relaxed: bool = False

    def contains(self, value):
        """Whether each entry of a tensor lies in the set, its bounds included."""
        value = ops.convert_to_tensor(value)
        if not keras.backend.is_float_dtype(value.dtype):
            value = ops.cast(value, "float32")
        inside = ops.logical_and(value >= self.lower, value <= self.upper)
        return ops.logical_and(inside, value == ops.floor(value)) if self.is_discrete else inside

    def __repr__(self) -> str:
        numbers = "the integers" if self.is_discrete else "the real numbers"
        if (self.lower, self.upper) == (-math.inf, math.inf):
            return numbers
        if self.upper == math.inf:
            return f"{numbers} from {self.lower}"
        return f"{numbers} from {self.lower} to {self.upper}"


REAL = Support()


def integers(lower, upper=math.inf, relaxed=False) -> Support:
    """The integers from `lower` to `upper`, both included."""
    return Support(lower, upper, is_discrete=True, relaxed=relaxed)


__all__ = ["REAL", "Support", "integers"]
