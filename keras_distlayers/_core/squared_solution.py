"""|x|^2 for the solution x of a triangular system, with derivatives that never overflow.

Automatic differentiation of a solve gives NaN where the solve, or its gradient, overflows. To keep
it from that, two more solves have to find these places beforehand. So the function brings rules
for its derivatives, where the backend takes such rules. For w = L^-1 c and u = L'^-1 w:

    |w|^2 has the differential 2 u' (dc - dL w),

and L w = c and L' u = w give dw = L^-1 (dc - dL w) and du = L'^-1 (dw - dL' u), from which come
the derivatives of higher order.
"""

from collections.abc import Callable, Sequence

from keras import ops

from keras_distlayers._backend import backend
from keras_distlayers._core.ops import einsum, largest
from keras_distlayers._core.typing import Tensor

# Where a solve, or the gradient of its square, would exceed this, float32 is about to
# overflow. float64 takes the same bound: the answer carries no information there either.
LARGEST = 1e15


def squared_solution(tril: Tensor, columns: Tensor) -> Tensor:
    """|x|^2 for the solution x of `tril @ x = c`, for each of the columns c.

    An ill-conditioned triangle (a diagonal of 1e-5 under entries of 1e4) can take x past the
    largest float. Where an entry would exceed 1e15, the square saturates: it stays finite. Its
    derivatives are zero there, and where they would exceed about 1e30 themselves. A NaN that
    comes in goes out, so that nothing is hidden. A column never depends on another one.

    Args:
        tril: Lower triangles, shape `(..., d, d)`. What is above the diagonal is not used.
        columns: Shape `(..., d, k)`, of the same batch.

    Returns:
        Tensor of shape `(..., k)`.
    """
    if backend.TAKES_DERIVATIVES:
        return _squared_solution(tril, columns)[0]
    return _by_automatic_differentiation(tril, columns)


def is_finite(tril: Tensor, columns: Tensor) -> Tensor:
    """Whether all of a triangle and of a column are finite numbers, `(..., 1, k)`."""
    entry = largest(ops.abs(tril), axis=(-2, -1), keepdims=True)
    return ops.isfinite(entry + _largest(columns))


def solutions(tril: Tensor, columns: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Solves for w = L^-1 c and u = L'^-1 w; do w and the derivatives of |w|^2 stay in bounds?

    The answer is 1.0 or 0.0 for each column, shape `(..., 1, k)`; 0.0 where w or u is not finite.
    """
    w = backend.solve_lower(tril, columns)
    u = backend.solve_lower(tril, w, transposed=True)
    size = _largest(w)
    is_bounded = ops.logical_and(size < LARGEST, size * (1.0 + _largest(u)) < LARGEST**2)
    return w, u, ops.cast(is_bounded, tril.dtype)


def solve_in_bounds(
    tril: Tensor, columns: Tensor, is_bounded: Tensor, *, transposed: bool = False
) -> Tensor:
    """Solves the columns that stay in bounds. The others are 0, and so are their derivatives.

    Args:
        tril: L.
        columns: c.
        is_bounded: 1.0 or 0.0 for each column, shape `(..., 1, k)`.
        transposed: Whether to solve with the transpose of L.
    """
    return _solvers[transposed](tril, columns, is_bounded)[0]


def _by_automatic_differentiation(tril: Tensor, columns: Tensor) -> Tensor:
    fixed = ops.stop_gradient(tril), ops.stop_gradient(columns)
    w, _, is_bounded = solutions(*fixed)
    x = solve_in_bounds(tril, columns, is_bounded)
    squares = ops.sum(ops.square(x), axis=-2)
    return ops.where(is_bounded[..., 0, :] > 0, squares, _saturated_squares(w, *fixed))


def _saturated_squares(w: Tensor, tril: Tensor, columns: Tensor) -> Tensor:
    is_bounded = _largest(w) < LARGEST  # not a NaN
    squares = ops.sum(ops.square(ops.where(is_bounded, w, 0.0)), axis=-2)
    rest = ops.where(is_finite(tril, columns), tril.shape[-1] * LARGEST**2, float("nan"))
    rest = ops.cast(rest, tril.dtype)
    return ops.where(is_bounded[..., 0, :], squares, rest[..., 0, :])


# ------------------------------------------------------------------------------- rules


def _squares(tril: Tensor, columns: Tensor) -> tuple[Tensor]:
    return (_saturated_squares(backend.solve_lower(tril, columns), tril, columns),)


def _squares_tangents(inputs: Sequence[Tensor], d_inputs: Sequence[Tensor]) -> tuple[Tensor]:
    w, u, _ = _bounded_solutions(*inputs)
    d_tril, d_columns = d_inputs
    return (2.0 * ops.sum(u * (d_columns - _product(ops.tril(d_tril), w)), axis=-2),)


def _squares_cotangents(
    inputs: Sequence[Tensor], d_outputs: Sequence[Tensor]
) -> tuple[Tensor, Tensor]:
    w, u, _ = _bounded_solutions(*inputs)
    of_columns = 2.0 * d_outputs[0][..., None, :] * u
    return -ops.tril(_product(of_columns, _transposed(w))), of_columns


def _solutions(tril: Tensor, columns: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """`solutions`, with zeros for the columns out of bounds."""
    w, u, is_bounded = solutions(tril, columns)
    return ops.where(is_bounded > 0, w, 0.0), ops.where(is_bounded > 0, u, 0.0), is_bounded


def _solutions_tangents(
    inputs: Sequence[Tensor], d_inputs: Sequence[Tensor]
) -> tuple[Tensor, Tensor, Tensor]:
    tril, _ = inputs
    w, u, is_bounded = _bounded_solutions(*inputs)
    d_tril, d_columns = ops.tril(d_inputs[0]), d_inputs[1]
    dw = solve_in_bounds(tril, d_columns - _product(d_tril, w), is_bounded)
    du = dw - _product(_transposed(d_tril), u)
    du = solve_in_bounds(tril, du, is_bounded, transposed=True)
    return dw, du, ops.zeros_like(is_bounded)


def _solutions_cotangents(
    inputs: Sequence[Tensor], d_outputs: Sequence[Tensor]
) -> tuple[Tensor, Tensor]:
    tril, _ = inputs
    w, u, is_bounded = _bounded_solutions(*inputs)
    of_w, of_u, _ = d_outputs
    of_du = solve_in_bounds(tril, of_u, is_bounded)
    of_dw = solve_in_bounds(tril, of_w + of_du, is_bounded, transposed=True)
    outer = _product(of_dw, _transposed(w)) + _product(u, _transposed(of_du))
    return -ops.tril(outer), of_dw


_squared_solution = backend.with_derivatives(
    _squares, tangents=_squares_tangents, cotangents=_squares_cotangents
)
_bounded_solutions = backend.with_derivatives(
    _solutions, tangents=_solutions_tangents, cotangents=_solutions_cotangents
)


def _solver(transposed: bool) -> Callable[..., tuple[Tensor, ...]]:
    """A function of L, c and `is_bounded`, see `solve_in_bounds`.

    The zeros are put in again after a solve: XLA inverts blocks of the triangle, and where these
    overflow it makes NaN of zeros.
    """

    def function(tril: Tensor, columns: Tensor, is_bounded: Tensor) -> tuple[Tensor]:
        kept = ops.where(is_bounded > 0, columns, 0.0)
        solution = backend.solve_lower(tril, kept, transposed=transposed)
        return (ops.where(is_bounded > 0, solution, 0.0),)

    def tangents(inputs: Sequence[Tensor], d_inputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
        tril, _, is_bounded = inputs
        d_tril, d_columns, _ = d_inputs
        d_tril = _transposed(ops.tril(d_tril)) if transposed else ops.tril(d_tril)
        return result(tril, d_columns - _product(d_tril, result(*inputs)[0]), is_bounded)

    def cotangents(inputs: Sequence[Tensor], d_outputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
        tril, _, is_bounded = inputs
        x = result(*inputs)[0]
        of_columns = _solvers[not transposed](tril, d_outputs[0], is_bounded)[0]
        left, right = (x, of_columns) if transposed else (of_columns, x)
        of_tril = -ops.tril(_product(left, _transposed(right)))
        return of_tril, of_columns, ops.zeros_like(is_bounded)

    result = backend.with_derivatives(function, tangents=tangents, cotangents=cotangents)
    return result


_solvers = {transposed: _solver(transposed) for transposed in (False, True)}


def _product(a: Tensor, b: Tensor) -> Tensor:
    return einsum("...ij,...jk->...ik", a, b)


def _transposed(matrix: Tensor) -> Tensor:
    return ops.swapaxes(matrix, -1, -2)


def _largest(columns: Tensor) -> Tensor:
    return largest(ops.abs(columns), axis=-2, keepdims=True)
