"""The one unit of every loss term: nats per example.

An example is a row of the batch, an entry of the first axis. What belongs to one row is summed,
and the mean is taken over rows. So the result depends neither on the batch size nor on how a
distribution is split between its batch and its event.
"""

import functools
from typing import Any

import keras
from keras import ops

from keras_distlayers._core.errors import message
from keras_distlayers._core.ops import largest, maximum
from keras_distlayers._core.typing import Shape, Tensor


def nats_per_row(
    values: Tensor,
    mask: Tensor | None = None,
    sample_weight: Tensor | None = None,
    *,
    where: str,
) -> tuple[Tensor, Tensor]:
    """Sums values over all axes but the first.

    Args:
        values: Nats, shape `(rows, ...)`; a shape () counts as one row.
        mask: True where a value counts; its axes are the first ones of `values`.
        sample_weight: Factors; their axes are the first ones of `values`.
        where: The name of the caller, for the error.

    Returns:
        Two tensors of shape `(rows,)`: the weighted sums, and 1.0 for each row that is an
        example, 0.0 for one that the mask leaves out whole.

    Raises:
        ValueError: if the axes of the mask or of the weights are not the first ones of `values`.
    """
    rows = ops.reshape(values, (1,)) if len(values.shape) == 0 else values
    counts = ops.ones_like(rows)
    if mask is not None:
        is_kept = _align(ops.cast(mask, rows.dtype), rows, "mask", where)
        # `where`, not a product: a value under the mask may be infinite.
        rows = ops.where(is_kept > 0, rows, 0.0)
        counts = counts * is_kept
    if sample_weight is not None:
        weights = _align(ops.cast(sample_weight, rows.dtype), rows, "sample_weight", where)
        rows = ops.where(weights == 0.0, 0.0, rows) * weights
    axes = tuple(range(1, len(rows.shape)))
    if axes:
        return ops.sum(rows, axis=axes), largest(counts, axis=axes)
    return rows, counts


def weighted_rows(
    values: Tensor, mask: Tensor | None, sample_weight: Tensor | None, *, where: str
) -> tuple[Tensor, Tensor]:
    """The sum over each row, and the weight of the row, for a mean over rows.

    A row has the largest weight of its entries; the entries have theirs relative to it. So
    weights of rows are weights of rows, and weights of 0 and 1 are a mask.

    Args:
        values: As for `nats_per_row`.
        mask: As for `nats_per_row`.
        sample_weight: As for `nats_per_row`.
        where: The name of the caller, for the error.

    Returns:
        Two tensors of shape `(rows,)`: sums, and weights, 0 for a row that the mask leaves out
        whole.
    """
    if sample_weight is None:
        return nats_per_row(values, mask, where=where)
    weights = entry_weights(values, mask, sample_weight, where=where)
    axes = tuple(range(1, len(weights.shape)))
    row_weights = largest(weights, axis=axes, keepdims=True) if axes else weights
    relative = weights / ops.where(row_weights == 0.0, 1.0, row_weights)
    rows, _ = nats_per_row(values, mask, relative, where=where)
    return rows, ops.reshape(row_weights, (-1,))


def entry_weights(
    values: Tensor, mask: Tensor | None, sample_weight: Tensor | None, *, where: str
) -> Tensor:
    """The weight of each entry of `values`, at least of one axis, 0 under the mask."""
    weights = ops.ones_like(ops.reshape(values, (1,)) if len(values.shape) == 0 else values)
    for name, factor in {"mask": mask, "sample_weight": sample_weight}.items():
        if factor is not None:
            weights = weights * _align(ops.cast(factor, weights.dtype), weights, name, where)
    return weights


def kept_with_entries(mask: Tensor | None, is_kept: Tensor, *, where: str) -> Tensor:
    """The mask of the entries that a mask and booleans for each entry both keep."""
    if mask is None:
        return is_kept
    return ops.logical_and(_align(ops.cast(mask, "bool"), is_kept, "mask", where), is_kept)


def counted(
    events: Tensor,
    event_ndims: int,
    mask: Tensor | None,
    sample_weight: Tensor | None,
    *,
    where: str,
) -> Tensor | None:
    """Which events have a part in the result of `nats_per_row`; None for all of them.

    Args:
        events: Of any dtype, shape `(rows, ...)`: the shape of the nats, then that of an event.
        event_ndims: The number of axes of an event.
        mask: As for `nats_per_row`.
        sample_weight: As for `nats_per_row`.
        where: The name of the caller, for the error.

    Returns:
        Booleans whose shape broadcasts with that of `events`.
    """
    factors = {"mask": mask, "sample_weight": sample_weight}
    like_nats = events[(..., *(0,) * event_ndims)]
    found = [
        _align(ops.cast(factor, "float32"), like_nats, name, where) != 0.0
        for name, factor in factors.items()
        if factor is not None
    ]
    if not found:
        return None
    is_counted = functools.reduce(ops.logical_and, found)
    return ops.reshape(is_counted, (*ops.shape(is_counted), *(1,) * event_ndims))


def mean_over_rows(rows: Tensor, counts: Tensor) -> Tensor:
    """The mean over the rows that are examples: a scalar, in nats per example."""
    return ops.sum(rows) / maximum(ops.sum(counts), 1.0)


def joint_mask(masks: Any, *, where: str) -> Tensor | None:
    """The mask of the entries that every mask keeps; None without one.

    Args:
        masks: A mask, None, or a structure of them, as Keras has for inputs in a structure. They
            have the same axes, of which some may have fewer, the first ones.
        where: The name of the caller, for the error.

    Raises:
        ValueError: if the sizes of an axis differ.
    """
    found = [mask for mask in keras.tree.flatten(masks) if mask is not None]
    if len(found) < 2:
        return found[0] if found else None
    whole = max((tuple(mask.shape) for mask in found), key=len)
    shapes = [tuple(mask.shape) for mask in found]
    if not all(_is_leading(shape, other) for shape in shapes for other in (*shapes, whole)):
        raise ValueError(
            message(
                f"{where}, argument `mask`",
                expected="masks of the inputs with equal axes, for one distribution of them all",
                received=f"masks of shapes {shapes}",
                fix="Take the mask off an input whose steps are not those of the output: put a "
                "layer before the head that does not hand it on, such as a Lambda.",
            )
        )
    full = [ops.expand_dims(m, tuple(range(len(m.shape), len(whole)))) for m in found]
    return functools.reduce(ops.logical_and, full)


def _align(factor: Tensor, rows: Tensor, name: str, where: str) -> Tensor:
    """The factor with trailing axes of 1, so that its own axes are the first ones of `rows`."""
    shape, ndims = tuple(factor.shape), len(rows.shape)
    # Weights often come as a column, (rows, 1): one weight per row.
    if len(shape) == ndims + 1 and shape[-1] == 1:
        factor, shape = ops.squeeze(factor, axis=-1), shape[:-1]
    if len(shape) > ndims or not _is_leading(shape, tuple(rows.shape)):
        raise ValueError(
            message(
                f"{where}, argument `{name}`",
                expected=f"the first axes of the values' shape {tuple(rows.shape)}",
                received=f"shape={shape}",
            )
        )
    return ops.reshape(factor, (*ops.shape(factor), *(1,) * (ndims - len(shape))))


def _is_leading(shape: Shape, whole: Shape) -> bool:
    """Whether the sizes are the first ones of the whole, or 1."""
    return all(
        received is None or expected is None or received in (expected, 1)
        for received, expected in zip(shape, whole, strict=False)
    )


__all__ = [
    "counted",
    "entry_weights",
    "joint_mask",
    "kept_with_entries",
    "mean_over_rows",
    "nats_per_row",
    "weighted_rows",
]
