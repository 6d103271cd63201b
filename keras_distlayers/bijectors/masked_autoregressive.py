"""The masked autoregressive bijector."""

from collections.abc import Callable

import keras
from keras import ops

from keras_distlayers._backend import backend
from keras_distlayers._core.typing import Tensor
from keras_distlayers.bijectors._shift_and_scale import ShiftAndScale


@keras.saving.register_keras_serializable("keras_distlayers.bijectors")
class MaskedAutoregressive(ShiftAndScale):
    """The entries before an entry determine how it moves: y_i = x_i exp(s_i(y)) + t_i(y).

    s_i and t_i depend on y_1 ... y_{i-1} alone (in whatever order the function has), so that
    log |det dy/dx| = sum_i s_i. The inverse, and with it the density of a transformed
    distribution, costs one pass of the function; forward, and with it a draw, costs d of
    them, one after the other.

    The log-scale is `limit * tanh(raw / limit)`: close to raw where that is small, and never
    so large that a step of training overflows.

    Args:
        function: An autoregressive function of the vector, shape `(..., d)`, that returns
            `(..., d, 2)`: shift and raw log-scale of each entry. A
            `layers.AutoregressiveNetwork` is one; `layers.AutoregressiveTransform` is the
            layer around the two.
        log_scale_limit: The largest log-scale.

    Raises:
        ValueError: if the function's result has another shape, or if `log_scale_limit` is not
            positive.
        TypeError: if `function` is not callable.

    Examples:
        >>> from keras import ops
        >>> import keras_distlayers as kdl
        >>> def sums_before(y):
        ...     shift = ops.cumsum(y, axis=-1) - y
        ...     return ops.stack([shift, ops.zeros_like(shift)], axis=-1)
        >>> bijector = kdl.bijectors.MaskedAutoregressive(sums_before)
        >>> [float(y) for y in bijector.forward([1.0, 1.0, 1.0])]
        [1.0, 2.0, 4.0]

    Source: Papamakarios, Pavlakou and Murray, Masked Autoregressive Flow for Density
    Estimation (2017), section 3.
    """

    static_names = ("log_scale_limit",)

    def __init__(self, function: Callable[[Tensor], Tensor], log_scale_limit: float = 5.0) -> None:
        super().__init__(function, log_scale_limit)

    def _forward_and_log_det(self, x: Tensor) -> tuple[Tensor, Tensor]:
        def next_pass(y: Tensor, _: Tensor) -> tuple[Tensor, ...]:
            shift, log_scale = self._shift_and_log_scale(y)
            return x * ops.exp(log_scale) + shift, log_scale

        # After the i-th pass the first i entries are right, in the function's own order. The
        # first pass is before the loop: it settles shapes and dtypes, and there a function may
        # make its variables or fail.
        first = next_pass(ops.zeros_like(x), x)
        y, log_scale = backend.repeat(next_pass, x.shape[-1] - 1, first)
        # The log-scale of the last pass saw all entries but the last, on which none depends.
        return y, ops.sum(log_scale, axis=-1)

    def _inverse_and_log_det(self, y: Tensor) -> tuple[Tensor, Tensor]:
        shift, log_scale = self._shift_and_log_scale(y)
        return (y - shift) * ops.exp(-log_scale), -ops.sum(log_scale, axis=-1)


__all__ = ["MaskedAutoregressive"]
