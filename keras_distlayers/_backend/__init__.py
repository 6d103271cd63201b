"""The only package that knows a framework by name.

Keras's active backend picks one module of this package, once, at import. `Backend` declares what
each of them has:

    from keras_distlayers._backend import backend

    backend.lgamma(x)
"""

import importlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeVar

import keras
import numpy as np

from keras_distlayers._core.typing import DynamicShape, Seed, Tensor

Point = TypeVar("Point")  # a tensor or a list of them

_BACKENDS = ("jax", "tensorflow", "torch", "numpy")


class Backend(Protocol):
    """The names that the module of each backend has. Tensors are of a float dtype."""

    NAME: str
    """The backend's name, as `keras.config.backend()` gives it."""

    COMPILES_FLOWS: bool
    """Whether the framework compiles a distribution with a network inside (not torch.compile)."""

    TAKES_DERIVATIVES: bool
    """Whether `with_derivatives` does what it says."""

    TensorLike: Any
    """The base class that makes a `RandomVariable` a tensor for the framework.

    It has `wrap(tensor)`, a class method, and the property `tensor`, the plain tensor.
    """

    def register_pytree(
        self, cls: type, flatten: Callable[[Any], Any], unflatten: Callable[[Any, Any], Any], /
    ) -> None:
        """Tells the framework's transformations (jit, grad, vmap) how to take an object apart.

        Args:
            cls: The object's class.
            flatten: A function of an object that returns its children and a hashable constant.
            unflatten: A function of the constant and the children that returns the object.
        """

    def is_meta(self, x: Any, /) -> bool:
        """Whether `x` has a shape and no values: Keras only asks for the shape of a result."""

    def only_shapes(self) -> bool:
        """Whether Keras works out shapes now, without numbers, on Torch's meta device."""

    def has_values(self, x: Any, /) -> bool:
        """Whether the values of `x` are known: it is not of a graph that is being traced."""

    def is_exporting(self) -> bool:
        """Whether a model is traced for a file that has neither subclasses nor draws (Torch)."""

    def changes(self, x: Any, /) -> int:
        """How often the values of `x` were changed in place (Torch)."""

    def require_shape(self, x: Tensor, shape: DynamicShape, /, *, error: str) -> Tensor:
        """`x` in this shape; an error as the graph runs where it differs by more than a last 1.

        For sizes that are not known while a graph is traced. Where all sizes always are, this
        only reshapes.
        """

    def repeat(
        self, function: Callable[..., tuple[Tensor, ...]], times: int, start: tuple[Tensor, ...], /
    ) -> tuple[Tensor, ...]:
        """The function of `start`, of its result, and so on: `times` calls, one after the other.

        Results have the shapes and dtypes of `start`. Where a graph is made, the function is
        traced once, into a loop that has gradients, under XLA as well. Keras's own loops lack
        one or the other on TensorFlow.
        """

    def highest_precision(self) -> AbstractContextManager[Any]:
        """A context in which products of float32 matrices keep all digits."""

    # ------------------------------------------------------------ what keras.ops lacks

    def as_array(self, x: Any, /) -> np.ndarray:
        """The values in NumPy, only to read: they may be in the memory of `x`."""

    def as_tensor(self, array: np.ndarray, /) -> Tensor:
        """A tensor of the array's dtype, which may keep the array's memory."""

    def with_derivatives(
        self,
        function: Callable[..., tuple[Tensor, ...]],
        /,
        *,
        tangents: Callable[[Any, Any], tuple[Tensor, ...]],
        cotangents: Callable[[Any, Any], tuple[Tensor, ...]],
    ) -> Callable[..., tuple[Tensor, ...]]:
        """The function, with these derivatives in place of automatic ones.

        Without `TAKES_DERIVATIVES` it comes back as it is. A rule is differentiated in turn for
        derivatives of higher order, so a rule that needs what the function returns calls the
        result of `with_derivatives`.

        Args:
            function: A function of tensors that returns a tuple of tensors.
            tangents: A function of the tuples of inputs and of their tangents that returns the
                outputs' tangents, linear in the second argument. For the forward mode.
            cotangents: A function of the tuples of inputs and of the outputs' cotangents that
                returns the inputs' cotangents, linear in the second argument. For the reverse
                mode.
        """

    def value_and_gradient(
        self, function: Callable[..., Tensor], at: Point, /, *given: Any, **options: Any
    ) -> tuple[Tensor, Point]:
        """A scalar function, and its gradient by the first argument: zero where none flows.

        An error on NumPy, which has no gradients.
        """

    def solve_lower(self, tril: Tensor, columns: Tensor, /, *, transposed: bool = False) -> Tensor:
        """Solves `tril @ x = columns`, or with its transpose, for float numbers of any size.

        `(..., d, d)` and `(..., d, k)`, of equal batches. What is above the diagonal is not used.
        """

    def ndtri(self, p: Tensor, /) -> Tensor:
        """The quantile function of the standard normal, accurate in the tails."""

    def lgamma(self, x: Tensor, /) -> Tensor:
        """The logarithm of the absolute value of the gamma function."""

    def digamma(self, x: Tensor, /) -> Tensor:
        """The derivative of `lgamma`."""

    def i0e(self, x: Tensor, /) -> Tensor:
        """The modified Bessel function of order 0, times exp(-|x|)."""

    def i1e(self, x: Tensor, /) -> Tensor:
        """The modified Bessel function of order 1, times exp(-|x|)."""

    # ------------------------------------------------------------ what `_core.ops` hands on

    def arctan(self, x: Tensor, /) -> Tensor:
        """The arc tangent."""

    def arcsinh(self, x: Tensor, /) -> Tensor:
        """The inverse of the hyperbolic sine."""

    def cos(self, x: Tensor, /) -> Tensor:
        """The cosine."""

    def cumsum(self, x: Tensor, /, axis: int) -> Tensor:
        """The cumulative sum along an axis."""

    def erfc(self, x: Tensor, /) -> Tensor:
        """The complementary error function."""

    def floor(self, x: Tensor, /) -> Tensor:
        """The largest integer up to x."""

    def largest(self, x: Tensor, /, axis: int | tuple[int, ...], keepdims: bool = False) -> Tensor:
        """The largest entry along one axis or several; -infinity of none."""

    def mean(self, x: Tensor, /, axis: int | tuple[int, ...] | None = None) -> Tensor:
        """The mean over all axes, one axis or several."""

    def prod(self, x: Tensor, /, axis: int | tuple[int, ...]) -> Tensor:
        """The product over one axis or several."""

    def sin(self, x: Tensor, /) -> Tensor:
        """The sine."""

    def tanh(self, x: Tensor, /) -> Tensor:
        """The hyperbolic tangent."""

    # ------------------------------------------------------------ random numbers

    def seeded(self, function: Callable[[Any], Any], seed: Seed, /) -> Any:
        """The function's result for what the framework's own samplers take as a seed.

        That is a key (JAX), a stateless seed (TensorFlow), a generator (NumPy), or None with
        Torch's own generators set for the time of the call.
        """

    def standard_gamma(self, shape: Any, concentration: Tensor, seed: Seed, /) -> Tensor:
        """Draws of rate 1. Their gradient by the concentration is implicit."""

    def poisson(self, shape: Any, rate: Tensor, seed: Seed, /) -> Tensor:
        """Draws, as floats."""


def _load(name: str) -> Any:
    if name not in _BACKENDS:
        raise ImportError(
            f"keras_distlayers: expected one of the Keras backends {_BACKENDS}. Received: "
            f"keras.config.backend()={name!r}. Set the environment variable KERAS_BACKEND to "
            "one of them before keras is imported."
        )
    return importlib.import_module(f"keras_distlayers._backend.{name}")


backend: Backend = _load(keras.config.backend())


__all__ = ["Backend", "backend"]
