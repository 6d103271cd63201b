"""The base of bijectors whose shift and scale are functions of the vector itself."""

from collections.abc import Callable
from typing import Any

from keras_distlayers._core import shapes
from keras_distlayers._core.errors import message
from keras_distlayers._core.ops import tanh
from keras_distlayers._core.typing import Tensor
from keras_distlayers.bijectors._function import as_function
from keras_distlayers.bijectors.bijector import Bijector


class ShiftAndScale(Bijector):
    """A bijector of vectors with a function that returns the shift and the raw log-scale.

    Args:
        function: A function of a vector, shape `(..., d)`, that returns `(..., d, 2)`.
        log_scale_limit: The largest log-scale.
        **arguments: The further arguments of a subclass, by name.

    Raises:
        TypeError: if `function` is not callable.
        ValueError: if `log_scale_limit` is not positive.
    """

    component_names = ("function",)
    event_ndims = 1

    function: Callable[[Tensor], Tensor]
    log_scale_limit: float

    def __init__(
        self, function: Callable[[Tensor], Tensor], log_scale_limit: float, **arguments: Any
    ) -> None:
        name = type(self).__name__
        function = as_function(f"{name}, argument `function`", function)
        if not log_scale_limit > 0.0:
            raise ValueError(
                message(
                    f"{name}, argument `log_scale_limit`",
                    expected="a number above 0",
                    received=f"log_scale_limit={log_scale_limit}",
                )
            )
        super().__init__(function=function, log_scale_limit=float(log_scale_limit), **arguments)

    def _shift_and_log_scale(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The result of the function at x, the log-scale between -limit and limit.

        Raises:
            ValueError: if the result does not have the shape of x with a further last axis of 2.
        """
        both = self.function(x)
        event, shape = x.shape[-1], shapes.static_shape(both)
        if len(shape) < 2 or shape[-1] != 2 or shape[-2] not in (None, event):
            raise ValueError(
                message(
                    f"{type(self).__name__}, argument `function`",
                    expected=f"a result whose last axes are ({event}, 2): shift and log-scale",
                    received=f"shape={shape}",
                )
            )
        limit = self.log_scale_limit
        return both[..., 0], limit * tanh(both[..., 1] / limit)


__all__ = ["ShiftAndScale"]
