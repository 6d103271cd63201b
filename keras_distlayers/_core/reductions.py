"""The one unit of every loss term: nats per example.

An example is a row of the batch, the first axis. What belongs to one row is summed; rows
are averaged. So the value depends neither on the batch size nor on how a distribution is split
between its batch and its event.
"""

from keras import ops

from keras_distlayers._core.errors import message
from keras_distlayers._core.ops import maximum


def nats_per_row(values, mask=None, sample_weight=None, *, where: str):
    """Sums values over all axes but the first.

    Args:
        values: Nats, shape `(rows, ...)`; a shape () counts as one row.
        mask: True where a value counts; its axes are the first ones of `values`.
        sample_weight: Factors; their axes are the first ones of `values`.
        where: Who asks, for the error.

    Returns:
        Two tensors of shape `(rows,)`: the weighted sums, and 1.0 for each row that is an
        example, 0.0 for one that the mask leaves out whole.
    """
    rows = ops.reshape(values, (1,)) if len(values.shape) == 0 else values
    counts = ops.ones_like(rows)
    if mask is not None:
        kept = _align(ops.cast(mask, rows.dtype), rows, "mask", where)
        # `where`, not a product: what is masked out may be infinite.
        rows = ops.where(kept > 0, rows, 0.0)
        counts = counts * kept
    if sample_weight is not None:
        rows = rows * _align(ops.cast(sample_weight, rows.dtype), rows, "sample_weight", where)
    axes = tuple(range(1, len(rows.shape)))
    if axes:
        return ops.sum(rows, axis=axes), ops.max(counts, axis=axes)
    return rows, counts


def mean_over_rows(rows, counts):
    """The mean over the rows that are examples: a scalar, in nats per example."""
    return ops.sum(rows) / maximum(ops.sum(counts), 1.0)


def _align(factor, rows, name: str, where: str):
    """Adds trailing axes to `factor`, so that its own axes are the leading ones of `rows`."""
    shape, ndims = tuple(factor.shape), len(rows.shape)
    # A column of weights, (rows, 1), is a common form of data; it is one weight per row.
    if len(shape) == ndims + 1 and shape[-1] == 1:
        factor, shape = ops.squeeze(factor, axis=-1), shape[:-1]
    if len(shape) > ndims or not _leads(shape, tuple(rows.shape)):
        raise ValueError(
            message(
                f"{where}, argument `{name}`",
                expected=f"the first axes of the values' shape {tuple(rows.shape)}",
                received=f"shape={shape}",
            )
        )
    return ops.reshape(factor, (*ops.shape(factor), *(1,) * (ndims - len(shape))))


def _leads(shape: tuple, of: tuple) -> bool:
    return all(
        have is None or want is None or have in (want, 1)
        for have, want in zip(shape, of, strict=False)
    )
