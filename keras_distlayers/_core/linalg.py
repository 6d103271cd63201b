"""Lower-triangular algebra over batches, for the multivariate normal families."""

import math
from collections.abc import Callable

import numpy as np
from keras import ops

from keras_distlayers._backend import backend
from keras_distlayers._core import shapes
from keras_distlayers._core import squared_solution as squared
from keras_distlayers._core.ops import einsum
from keras_distlayers._core.typing import Tensor

LARGEST = squared.LARGEST
"""What exceeds this is about to overflow."""


def triangular_size(event_size: int) -> int:
    """The number of entries of a lower triangle: d (d + 1) / 2."""
    return event_size * (event_size + 1) // 2


def triangular_root(size: int) -> int:
    """d, for a lower triangle with `size` entries."""
    return (math.isqrt(8 * size + 1) - 1) // 2


def fill_triangular(vector: Tensor, event_size: int) -> Tensor:
    """Fills a lower triangle in the order of `tfp.math.fill_triangular`.

    The vector without its first d entries, followed by the whole vector in reverse, read
    as a d x d matrix: [1, 2, 3, 4, 5, 6] gives [[4, 0, 0], [6, 5, 0], [3, 2, 1]].

    Args:
        vector: Tensor of shape `(..., d (d + 1) / 2)`.
        event_size: d.

    Returns:
        Tensor of shape `(..., d, d)`, zero above the diagonal.
    """
    square = ops.concatenate([vector[..., event_size:], ops.flip(vector, axis=-1)], axis=-1)
    shape = (*ops.shape(vector)[:-1], event_size, event_size)
    return ops.tril(ops.reshape(square, shape))


def triangular_entries(matrix: Tensor) -> Tensor:
    """The vector that `fill_triangular` would fill the lower triangle of `matrix` with."""
    d = matrix.shape[-1]
    # Entry k of the vector stands at position d * d - 1 - k of the matrix, read row by row,
    # and all but the first d also at k - d: one of the two is on or below the diagonal.
    reverse = d * d - 1 - np.arange(triangular_size(d))
    direct = np.arange(triangular_size(d)) - d
    position = np.where(reverse // d >= reverse % d, reverse, direct)
    flat = ops.reshape(matrix, (*ops.shape(matrix)[:-2], d * d))
    return ops.take(flat, position, axis=-1)


def diagonal(matrix: Tensor) -> Tensor:
    """The diagonal, `(..., d, d)` to `(..., d)`."""
    return ops.diagonal(matrix, axis1=-2, axis2=-1)


def with_diagonal(matrix: Tensor, diagonal: Tensor) -> Tensor:
    """The matrix with the vector in place of its diagonal."""
    return ops.where(_is_diagonal(matrix), diagonal[..., None], matrix)


def sum_of_others(vector: Tensor) -> Tensor:
    """For each entry the sum of the others: 1 - p has no digits left where p is nearly 1."""
    is_other = 1.0 - ops.eye(vector.shape[-1], dtype=vector.dtype)
    return ops.sum(vector[..., None, :] * is_other, axis=-1)


def _is_diagonal(matrix: Tensor) -> Tensor:
    index = ops.arange(matrix.shape[-1], dtype="int32")
    return index[:, None] == index


def matvec(matrix: Tensor, vector: Tensor) -> Tensor:
    """`matrix @ vector` over batches: `(..., d, d)` and `(..., d)` give `(..., d)`."""
    return einsum("...ij,...j->...i", matrix, vector)


def outer_square(matrix: Tensor) -> Tensor:
    """`matrix @ matrix'` over batches."""
    return einsum("...ij,...kj->...ik", matrix, matrix)


def lower_root(matrix: Tensor) -> Tensor:
    """A lower triangle T with `T @ T' = matrix @ matrix'`, `(..., d, n)` to `(..., d, d)`, d <= n.

    Its diagonal is positive. By QR: `matrix @ matrix'` would have the square of the condition
    number, and no Cholesky factor where that is beyond the digits.
    """
    upper = ops.qr(ops.swapaxes(matrix, -1, -2), mode="reduced")[1]
    signs = ops.where(diagonal(upper) < 0.0, -1.0, 1.0)
    return ops.swapaxes(ops.cast(signs, matrix.dtype)[..., None] * upper, -1, -2)


def log_diagonal(tril: Tensor) -> Tensor:
    """The logarithm of the determinant of a triangular matrix, shape `(...)`."""
    return ops.sum(ops.log(diagonal(tril)), axis=-1)


def solve_vectors(tril: Tensor, vectors: Tensor) -> Tensor:
    """Solves `tril @ x = v` for each vector: `(B, d, d)` and `(S, B, d)` give `(S, B, d)`."""
    return _of_vectors(solve_lower, tril, vectors)


def solve_transposed(tril: Tensor, vectors: Tensor) -> Tensor:
    """Solves `tril' @ x = v` for each vector, without bounds for what overflows."""

    def solve(tril: Tensor, columns: Tensor) -> Tensor:
        return backend.solve_lower(*_broadcast_batches(tril, columns), transposed=True)

    return _of_vectors(solve, tril, vectors)


def squared_mahalanobis(tril: Tensor, vectors: Tensor) -> Tensor:
    """`squared_solution` for each vector: `(B, d, d)` and `(S, B, d)` give `(S, B)`."""
    return _of_vectors(squared_solution, tril, vectors)


def _of_vectors(function: Callable[..., Tensor], tril: Tensor, vectors: Tensor) -> Tensor:
    """A function of a triangle and of columns, each of which gives an entry of the last axis.

    The leading axes before the triangle's batch (S, of any rank) become columns of one solve.
    So many draws of one distribution need one factor, not one copy of it per draw.
    """
    sample_ndims = len(vectors.shape) - len(tril.shape) + 1
    if sample_ndims <= 0:
        return ops.squeeze(function(tril, vectors[..., None]), axis=-1)
    samples, rest = ops.shape(vectors)[:sample_ndims], ops.shape(vectors)[sample_ndims:]
    axes = list(range(len(vectors.shape)))
    columns = ops.transpose(vectors, axes[sample_ndims:] + axes[:sample_ndims])
    result = function(tril, ops.reshape(columns, (*rest, shapes.size(samples))))
    result = ops.reshape(result, (*ops.shape(result)[:-1], *samples))
    axes = list(range(len(result.shape)))
    return ops.transpose(result, axes[-sample_ndims:] + axes[:-sample_ndims])


def squared_solution(tril: Tensor, columns: Tensor) -> Tensor:
    """|x|^2 for the solution x of `tril @ x = c`, for each of the columns c; batches broadcast.

    See `_core.squared_solution`.
    """
    return squared.squared_solution(*_broadcast_batches(tril, columns))


def solve_lower(tril: Tensor, columns: Tensor) -> Tensor:
    """Solves `tril @ x = columns` for x: `(..., d, d)` and `(..., d, k)`, batches broadcast.

    An ill-conditioned triangle (a diagonal of 1e-5 under entries of 1e4) can take x, or
    the gradient of x'x, past the largest float. Those columns are replaced by a saturated
    constant, so that what comes out is finite and its gradient zero rather than NaN. A NaN
    that comes in goes out, so that nothing is hidden. A column never depends on another one.
    """
    tril, columns = _broadcast_batches(tril, columns)
    fixed = ops.stop_gradient(tril), ops.stop_gradient(columns)
    is_bounded = squared.solutions(*fixed)[-1]
    solution = squared.solve_in_bounds(tril, columns, is_bounded)
    rest = ops.where(squared.is_finite(*fixed), squared.LARGEST, float("nan"))
    return ops.where(is_bounded > 0, solution, ops.cast(rest, tril.dtype))


def solve_gram(tril: Tensor, columns: Tensor) -> Tensor:
    """Solves `tril @ tril' @ x = columns` for x, batches broadcast."""
    tril, columns = _broadcast_batches(tril, columns)
    return backend.solve_lower(tril, solve_lower(tril, columns), transposed=True)


def _broadcast_batches(tril: Tensor, columns: Tensor) -> tuple[Tensor, Tensor]:
    """Both with the same batch axes, which `solve_triangular` asks for."""
    if tuple(tril.shape[:-2]) == tuple(columns.shape[:-2]):
        return tril, columns
    batch = shapes.broadcast(ops.shape(tril)[:-2], ops.shape(columns)[:-2])
    return (
        ops.broadcast_to(tril, (*batch, *ops.shape(tril)[-2:])),
        ops.broadcast_to(columns, (*batch, *ops.shape(columns)[-2:])),
    )
