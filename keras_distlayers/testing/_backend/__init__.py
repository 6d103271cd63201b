"""What the checks ask of the framework, for the one backend that runs.

Keras's active backend picks one module of this package, once, at import. `Backend` declares
what each of them has:

    from keras_distlayers.testing._backend import backend

    backend.jit_call(function, distribution)
"""

import importlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeVar

from keras_distlayers._backend import backend as _package_backend
from keras_distlayers._core.typing import Tensor

Function = TypeVar("Function", bound=Callable[..., Any])
Result = TypeVar("Result")
Point = TypeVar("Point")  # a tensor or a list of them


class Backend(Protocol):
    """The names that the module of each backend has."""

    def jit(self, function: Function, /) -> Function:
        """The function as the framework compiles it, or at least traces it."""

    def jit_call(self, function: Callable[..., Result], /, *args: Any, **options: Any) -> Result:
        """The function's result, in one compilation where each operation would be compiled (JAX).

        What was compiled is kept until `clear_jit_cache()`.

        Args:
            function: A function.
            *args: Distributions and tensors in any structure.
            **options: Constants; shapes may depend on them.
        """

    def clear_jit_cache(self) -> None:
        """Forgets what was compiled: a function may be another one by now, under the same name."""

    def eval_shape(self, function: Callable[..., Any], /, *args: Any, **options: Any) -> Any:
        """A result with the right shapes and dtypes; on JAX without numbers, which is faster."""

    def value_and_gradient(
        self, function: Callable[..., Tensor], at: Point, /, *given: Any, **options: Any
    ) -> tuple[Tensor, Point]:
        """A scalar function, and its gradient by the first argument: zero where none flows."""

    def tree_roundtrip(self, x: Result, /) -> Result:
        """A distribution or a structure taken apart and put together as jit does it."""

    def float64(self) -> AbstractContextManager[Any]:
        """A context in which float64 tensors can be made."""

    def full_precision(self) -> AbstractContextManager[Any]:
        """A context without TF32, whose 10 bits a card may use in a user's own layers."""


backend: Backend = importlib.import_module(
    f"keras_distlayers.testing._backend.{_package_backend.NAME}"
)  # type: ignore[assignment]

__all__ = ["Backend", "backend"]
