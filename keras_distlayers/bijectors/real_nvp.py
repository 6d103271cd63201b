"""The affine coupling."""

from collections.abc import Callable, Sequence

import keras
from keras import ops

from keras_distlayers._core.typing import Tensor
from keras_distlayers.bijectors._shift_and_scale import ShiftAndScale


@keras.saving.register_keras_serializable("keras_distlayers.bijectors")
class RealNVP(ShiftAndScale):
    """An affine coupling: entries under the mask stay as they are and determine how others move.

    y_i = x_i under the mask, elsewhere y_i = x_i exp(s_i(m x)) + t_i(m x), where m x is x with
    zeros outside the mask; log |det dy/dx| = sum of s_i outside the mask. Both directions cost
    one pass of the function.

    The log-scale is `limit * tanh(raw / limit)`: close to raw where that is small, and never
    so large that a step of training overflows.

    Args:
        mask: d booleans: True where an entry stays.
        function: A function of the masked vector, shape `(..., d)`, that returns
            `(..., d, 2)`: shift and raw log-scale of each entry. A Keras layer of your own
            has to be built and tracked by a layer; its weights are read when the bijector is
            used.
        log_scale_limit: The largest log-scale.

    Raises:
        ValueError: if the last axis of x is not as long as the mask, if the function's result
            has another shape, or if `log_scale_limit` is not positive.
        TypeError: if `function` is not callable.

    Examples:
        >>> from keras import ops
        >>> import keras_distlayers as kdl
        >>> def function(x):
        ...     shift = ops.flip(x, axis=-1)
        ...     return ops.stack([shift, ops.zeros_like(shift)], axis=-1)
        >>> [float(y) for y in kdl.bijectors.RealNVP([True, False], function).forward([1.0, 5.0])]
        [1.0, 6.0]

    Source: Dinh, Sohl-Dickstein and Bengio, Density estimation using Real NVP (2017), section
    3.2.
    """

    static_names = ("mask", "log_scale_limit")

    mask: tuple[bool, ...]

    def __init__(
        self,
        mask: Sequence[bool],
        function: Callable[[Tensor], Tensor],
        log_scale_limit: float = 5.0,
    ) -> None:
        super().__init__(function, log_scale_limit, mask=tuple(bool(m) for m in mask))

    @property
    def event_size(self) -> int:
        return len(self.mask)

    def _coupling(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Shift and log-scale, zero under the mask."""
        is_moving = ops.convert_to_tensor([0.0 if m else 1.0 for m in self.mask], x.dtype)
        shift, log_scale = self._shift_and_log_scale((1.0 - is_moving) * x)
        return is_moving * shift, is_moving * log_scale

    def _forward_and_log_det(self, x: Tensor) -> tuple[Tensor, Tensor]:
        shift, log_scale = self._coupling(x)
        return x * ops.exp(log_scale) + shift, ops.sum(log_scale, axis=-1)

    def _inverse_and_log_det(self, y: Tensor) -> tuple[Tensor, Tensor]:
        shift, log_scale = self._coupling(y)
        return (y - shift) * ops.exp(-log_scale), -ops.sum(log_scale, axis=-1)


__all__ = ["RealNVP"]
