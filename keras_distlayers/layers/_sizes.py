"""Sizes and shapes among the arguments of layers, checked in one place."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from keras_distlayers._core.shapes import EventShape, checked_shape, checked_size


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


def number_of_entries(shape: Sequence[int]) -> int:
    """The number of entries of an event; 1 for a scalar."""
    return math.prod(shape)


__all__ = ["EventShape", "checked_shape", "checked_size", "checked_sizes", "number_of_entries"]
