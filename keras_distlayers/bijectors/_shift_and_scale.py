"""The base of bijectors whose shift and scale are functions of the vector itself."""

from keras_distlayers._core.errors import message
from keras_distlayers.bijectors import _functions
from keras_distlayers.bijectors.bijector import Bijector


class ShiftAndScale(Bijector):
    """What a coupling and an autoregressive bijector share: the function and its limit."""

    component_names = ("function",)
    event_ndims = 1

    def __init__(self, function, log_scale_limit, **arguments):
        name = type(self).__name__
        function = _functions.as_function(f"{name}, argument `function`", function)
        if not log_scale_limit > 0.0:
            raise ValueError(
                message(
                    f"{name}, argument `log_scale_limit`",
                    expected="a number above 0",
                    received=f"log_scale_limit={log_scale_limit}",
                )
            )
        super().__init__(function=function, log_scale_limit=float(log_scale_limit), **arguments)

    def _shift_and_log_scale(self, x):
        return _functions.shift_and_log_scale(
            type(self).__name__, self.function, x, self.log_scale_limit
        )


__all__ = ["ShiftAndScale"]
