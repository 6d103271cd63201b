"""Shapes: static ones with None where a size is unknown, and the sizes as the graph runs.

`static` sizes are ints or None; `dynamic` ones are ints or, on TensorFlow, scalar tensors.
"""

import math

from keras import ops


def as_shape(sample_shape) -> tuple:
    """An int, None-free sequence or () as a tuple."""
    return (sample_shape,) if isinstance(sample_shape, int) else tuple(sample_shape)


def static_shape(x) -> tuple:
    """The shape of a tensor, with None where it is not known yet."""
    return tuple(x.shape)


def without_event(shape: tuple, event_ndims: int) -> tuple:
    """The shape without its last `event_ndims` axes."""
    return tuple(shape[: len(shape) - event_ndims])


def broadcast(*shapes: tuple) -> tuple:
    """The broadcast shape; raises ValueError where two sizes do not agree.

    Plain Python on purpose: torch.compile traces it, and knows no `max(..., default=...)`.
    """
    result: tuple = ()
    for shape in shapes:
        short, long = (result, shape) if len(result) < len(shape) else (shape, result)
        lead = len(long) - len(short)
        shared = tuple(_broadcast_sizes(short[i], long[lead + i]) for i in range(len(short)))
        result = (*long[:lead], *shared)
    return result


def _broadcast_sizes(a, b):
    """The size that is not 1; a known one above 1 wins over an unknown one."""
    if _is_one(a):
        return b
    if _is_one(b) or not isinstance(b, int):
        return a
    if isinstance(a, int) and a != b:
        raise ValueError(f"sizes {a} and {b} do not broadcast")
    return b


def _is_one(size) -> bool:
    return isinstance(size, int) and size == 1


def event_matches(value_shape: tuple, event_shape: tuple) -> bool:
    """Whether the last axes are the event's; an unknown size matches any."""
    if len(value_shape) < len(event_shape):
        return False
    trailing = value_shape[len(value_shape) - len(event_shape) :]
    return all(
        have is None or want is None or have == want
        for have, want in zip(trailing, event_shape, strict=True)
    )


def sum_last(x, ndims: int):
    """Sums the last `ndims` axes."""
    return ops.sum(x, axis=tuple(range(-ndims, 0))) if ndims else x


def size(shape: tuple) -> int:
    """The number of elements."""
    return math.prod(shape)
