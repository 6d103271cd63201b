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
    """The broadcast shape; raises ValueError where two sizes do not agree."""
    ndims = max((len(shape) for shape in shapes), default=0)
    padded = [(1,) * (ndims - len(shape)) + tuple(shape) for shape in shapes]
    return tuple(_broadcast_sizes(sizes) for sizes in zip(*padded, strict=True))


def _broadcast_sizes(sizes):
    """One axis: the size that is not 1. A known size above 1 wins over an unknown one."""
    wide = [size for size in sizes if not (isinstance(size, int) and size == 1)]
    known = {size for size in wide if isinstance(size, int)}
    if len(known) > 1:
        raise ValueError(f"sizes {sorted(known)} do not broadcast")
    if known:
        return known.pop()
    return wide[0] if wide else 1


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
