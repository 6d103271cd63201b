"""Shapes: static ones, with None where a size is not known yet, and those of a running graph.

A static size is an int or None; a dynamic one is an int or, on TensorFlow, a scalar tensor.
"""

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from keras import ops

from keras_distlayers._core.errors import message
from keras_distlayers._core.typing import DynamicShape, Shape, Tensor


def as_shape(sample_shape: int | Iterable[int]) -> tuple[int, ...]:
    """An int as a shape of one axis; a sequence of ints as a tuple.

    Integers of NumPy, arrays of them and a framework's own shapes too.
    """
    if isinstance(sample_shape, int | np.integer) or _is_scalar_array(sample_shape):
        return (int(sample_shape),)  # type: ignore[arg-type]
    sizes = tuple(sample_shape)  # type: ignore[arg-type]
    return tuple(int(n) if isinstance(n, np.integer) else n for n in sizes)


def _is_scalar_array(x: Any) -> bool:
    return isinstance(x, np.ndarray) and x.ndim == 0


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
    "as_shape",
    "broadcast",
    "check_value",
    "dynamic_shape",
    "event_matches",
    "size",
    "static_shape",
    "static_shape_or_none",
    "sum_last",
    "without_event",
]
