"""Sizes and shapes among the arguments of layers, checked in one place."""

import math
import operator
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from keras_distlayers._core.errors import message

EventShape: TypeAlias = int | Sequence[int]
"""What an argument `event_shape` may be."""


def checked_size(owner: str, argument: str, value: Any, minimum: int = 1) -> int:
    """An int of at least `minimum`, from any integer that is not a bool.

    Args:
        owner: The name of the layer, for the error.
        argument: The name of its argument, for the error.
        value: What was given: an int, an integer of NumPy or of the backend.
        minimum: The smallest size that makes sense.

    Raises:
        ValueError: if `value` is not an integer, or is smaller.
    """
    size = _as_int(value)
    if size is None or size < minimum:
        raise ValueError(
            message(
                f"{owner}, argument `{argument}`",
                expected=f"an int of at least {minimum}",
                received=f"{argument}={value!r}",
            )
        )
    return size


def checked_shape(owner: str, argument: str, value: Any) -> tuple[int, ...]:
    """A tuple of ints of at least 1, from an integer or from a sequence of them.

    A sequence may be a NumPy array or a framework's own shape. Raises as `checked_size` does.
    """
    size = _as_int(value)
    sizes = [_as_int(n) for n in _items(value)] if size is None else [size]
    valid = [n for n in sizes if n is not None and n >= 1]
    if len(valid) < len(sizes):
        raise ValueError(
            message(
                f"{owner}, argument `{argument}`",
                expected="an int or a tuple of ints, each at least 1",
                received=f"{argument}={value!r}",
            )
        )
    return tuple(valid)


def checked_sizes(
    owner: str, sizes: Mapping[str, Any], minimum: Mapping[str, int]
) -> dict[str, Any]:
    """Each argument checked: `event_shape` as a shape, the others as sizes."""
    return {
        name: checked_shape(owner, name, value)
        if name == "event_shape"
        else checked_size(owner, name, value, minimum.get(name, 1))
        for name, value in sizes.items()
    }


def _as_int(value: Any) -> int | None:
    """The int that a value stands for; None if it is not an integer."""
    if isinstance(value, bool | np.bool_):
        return None
    try:
        return operator.index(value)
    except TypeError:
        return None


def _items(value: Any) -> list[Any]:
    return list(value) if isinstance(value, Iterable) else [None]


def number_of_entries(shape: Sequence[int]) -> int:
    """The number of entries of an event; 1 for a scalar."""
    return math.prod(shape)


__all__ = ["EventShape", "checked_shape", "checked_size", "checked_sizes", "number_of_entries"]
