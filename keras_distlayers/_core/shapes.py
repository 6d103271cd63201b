"""Shapes: static ones, with None where a size is not known yet, and those of a running graph.

A static size is an int or None; a dynamic one is an int or, on TensorFlow, a scalar tensor.
"""

import math
import operator
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

import numpy as np
from keras import ops

from keras_distlayers._core.errors import message
from keras_distlayers._core.typing import DynamicShape, Shape, Tensor

EventShape: TypeAlias = int | Sequence[int]
"""What an argument `event_shape` may be."""


def as_int(value: Any) -> int | None:
    """The int that a value stands for; None if it is not an integer."""
    # A shape is none; `torch.compile` stops where it sees that only by the error below.
    if isinstance(value, bool | np.bool_ | tuple | list):
        return None
    try:
        return operator.index(value)
    except TypeError:
        return None


def checked_size(owner: str, argument: str, value: Any, minimum: int = 1) -> int:
    """An int of at least `minimum`, from any integer that is not a bool.

    Args:
        owner: What takes the argument, for the error.
        argument: The name of the argument, for the error.
        value: What was given: an int, an integer of NumPy or of the backend.
        minimum: The smallest size that makes sense.

    Raises:
        ValueError: if `value` is not an integer, or is smaller.
    """
    size = as_int(value)
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


def _items(value: Any) -> list[Any]:
    return list(value) if isinstance(value, Iterable) else [None]


def as_sample_shape(owner: str, value: Any) -> tuple[int, ...]:
    """An integer as a shape of one axis; a sequence of them as a tuple.

    A size that is a scalar tensor of a graph stays as it is. Raises ValueError for anything else.
    """
    sizes = value if isinstance(value, Iterable) and as_int(value) is None else [value]
    return tuple(
        n if ops.is_tensor(n) else checked_size(owner, "sample_shape", n, minimum=0) for n in sizes
    )


def static_shape(x: Tensor) -> Shape:
    """The shape of a tensor, with None where a size is not known yet."""
    return tuple(x.shape)


def static_shape_or_none(x: Tensor) -> Shape | None:
    """The static shape; None where not even the number of axes is known, as in TensorFlow."""
    return None if getattr(x.shape, "rank", 0) is None else static_shape(x)


def dynamic_shape(x: Tensor) -> DynamicShape:
    """The shape of a tensor while a graph runs."""
    return tuple(ops.shape(x))


def without_event(shape: tuple, event_ndims: int) -> tuple:
    """The shape without its last `event_ndims` axes."""
    return tuple(shape[: len(shape) - event_ndims])


def broadcast(*shapes: tuple) -> tuple:
    """The broadcast shape.

    Written with loops over indices because torch.compile traces it, and does not know
    `max(..., default=...)`.

    Raises:
        ValueError: if two sizes do not agree.
    """
    result: tuple = ()
    for shape in shapes:
        short, long = (result, shape) if len(result) < len(shape) else (shape, result)
        lead = len(long) - len(short)
        shared = tuple(_broadcast_sizes(short[i], long[lead + i]) for i in range(len(short)))
        result = (*long[:lead], *shared)
    return result


def _broadcast_sizes(a: Any, b: Any) -> Any:
    """The size that is not 1; a known one above 1 wins over an unknown one."""
    if _is_one(a):
        return b
    if _is_one(b) or not isinstance(b, int):
        return a
    if isinstance(a, int) and a != b:
        raise ValueError(f"sizes {a} and {b} do not broadcast")
    return b


def _is_one(size: Any) -> bool:
    return isinstance(size, int) and size == 1


def last(shape: tuple, ndims: int) -> tuple:
    """The last axes; leading axes of 1 make up for those that are missing."""
    shape = (*(1,) * (ndims - len(shape)), *shape)
    return shape[len(shape) - ndims :]


def full_key(key: Any, ndims: int) -> tuple:
    """An index of `ndims` batch axes without an Ellipsis, so that the event's may follow."""
    key = key if isinstance(key, tuple) else (key,)
    used = sum(item is not None and item is not Ellipsis for item in key)
    if used > ndims:
        raise IndexError(f"an index of {used} axes for a batch of {ndims}: {key}")
    at = next((i for i, item in enumerate(key) if item is Ellipsis), None)
    if at is None:
        return key
    return (*key[:at], *(slice(None),) * (ndims - used), *key[at + 1 :])


def agree(named: Iterable[tuple[list[str], Shape]]) -> bool:
    """Whether axes of one name have one size, of at least 1; an unknown size matches any.

    Args:
        named: Pairs of the names of the last axes of a shape, and the shape. A name such as
            "K-1" says that the axis is one shorter than those named "K".
    """
    sizes: dict[str, set[int]] = {}
    for names, shape in named:
        for name, size in zip(names, last(shape, len(names)), strict=True):
            symbol, _, less = name.partition("-")
            if size is not None:
                sizes.setdefault(symbol, set()).add(size + int(less or 0))
    return all(len(found) == 1 and min(found) >= 1 for found in sizes.values())


def event_matches(value_shape: Shape, event_shape: Shape) -> bool:
    """Whether the last axes are those of the event; an unknown size matches any."""
    if len(value_shape) < len(event_shape):
        return False
    trailing = value_shape[len(value_shape) - len(event_shape) :]
    return all(
        received is None or expected is None or received == expected
        for received, expected in zip(trailing, event_shape, strict=True)
    )


def check_value(where: str, shape: Shape, batch_shape: Shape, event_shape: Shape) -> None:
    """Refuses the shape of a value that is not made of whole events for the batch."""
    if not event_matches(shape, event_shape):
        raise ValueError(
            message(
                where,
                expected=f"last axes equal to event_shape={event_shape}",
                received=f"shape={shape}",
                fix="Reshape the value: an event is never broadcast.",
            )
        )
    try:
        broadcast(without_event(shape, len(event_shape)), batch_shape)
    except ValueError as error:
        raise ValueError(
            message(
                where,
                expected=f"leading axes that broadcast with batch_shape={batch_shape}",
                received=f"shape={shape}",
            )
        ) from error


def sum_last(x: Tensor, ndims: int) -> Tensor:
    """The sum over the last `ndims` axes."""
    return ops.sum(x, axis=tuple(range(-ndims, 0))) if ndims else x


def size(shape: Iterable[int]) -> int:
    """The number of elements."""
    return math.prod(shape)


__all__ = [
    "EventShape",
    "agree",
    "as_int",
    "as_sample_shape",
    "broadcast",
    "check_value",
    "checked_shape",
    "checked_size",
    "dynamic_shape",
    "event_matches",
    "full_key",
    "last",
    "size",
    "static_shape",
    "static_shape_or_none",
    "sum_last",
    "without_event",
]
