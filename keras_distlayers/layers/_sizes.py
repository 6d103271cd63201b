"""Sizes and shapes among the arguments of layers, checked in one place."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from keras_distlayers._core.errors import message
from keras_distlayers._core.shapes import as_int, checked_size

EventShape: TypeAlias = int | Sequence[int]
"""What an argument `event_shape` may be."""


def checked_shape(owner: str, argument: str, value: Any) -> tuple[int, ...]:
    """A tuple of ints of at least 1, from an integer or from a sequence of them.

    A sequence may be a NumPy array or a framework's own shape. Raises as `checked_size` does.
    """
    size = as_int(value)
    sizes = [as_int(n) for n in _items(value)] if size is None else [size]
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


def _items(value: Any) -> list[Any]:
    return list(value) if isinstance(value, Iterable) else [None]


def number_of_entries(shape: Sequence[int]) -> int:
    """The number of entries of an event; 1 for a scalar."""
    return math.prod(shape)


__all__ = ["EventShape", "checked_shape", "checked_size", "checked_sizes", "number_of_entries"]
