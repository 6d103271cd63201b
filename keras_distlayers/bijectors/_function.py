"""A function as a component of a bijector."""

from collections.abc import Callable
from typing import Any

import keras

from keras_distlayers._core.errors import message
from keras_distlayers._core.parameterized import Parameterized
from keras_distlayers._core.typing import Tensor


@keras.saving.register_keras_serializable("keras_distlayers.bijectors")
class Function(Parameterized):
    """A Python function, or a Keras layer, of a tensor.

    Args:
        function: The function.
    """

    static_names = ("function",)

    function: Callable[[Tensor], Tensor]

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__(function=function)

    def __call__(self, x: Tensor) -> Tensor:
        """The function's value."""
        return self.function(x)


def as_function(where: str, function: Any) -> Any:
    """A parameterized function as it is, another one in a `Function`, or an error."""
    if isinstance(function, Parameterized):
        return function
    if callable(function):
        return Function(function)
    raise TypeError(
        message(where, expected="a function of a tensor", received=f"{type(function).__name__}")
    )


__all__ = ["Function", "as_function"]
