"""`TensorLike` for the backends whose tensor class cannot be subclassed.

Constraint: this module names no framework. It offers each framework's own conversion
protocol (`__jax_array__`, `__tf_tensor__`, `__array__`), and the framework calls it.
"""

from collections.abc import Callable, Iterator
from typing import Any, Self

import numpy as np
from keras import ops

from keras_distlayers._core.typing import Shape, Tensor

_BINARY = {
    "add": ops.add,
    "sub": ops.subtract,
    "mul": ops.multiply,
    "truediv": ops.divide,
    "floordiv": ops.floor_divide,
    "mod": ops.mod,
    "pow": ops.power,
    "matmul": ops.matmul,
    "and": ops.logical_and,
    "or": ops.logical_or,
    "xor": ops.logical_xor,
}
_COMPARISON = {
    "eq": ops.equal,
    "ne": ops.not_equal,
    "lt": ops.less,
    "le": ops.less_equal,
    "gt": ops.greater,
    "ge": ops.greater_equal,
}
_UNARY = {
    "neg": ops.negative,
    "pos": ops.convert_to_tensor,
    "abs": ops.abs,
    "invert": ops.logical_not,
}
_SCALAR = {"bool": bool, "int": int, "float": float, "index": int}


class TensorLike:
    """A plain object that holds a tensor and converts to it wherever one is wanted."""

    _tensor: Tensor

    # NumPy's operators step back, so that `array + rv` is a tensor as `rv + array` is.
    __array_priority__ = 1000

    @classmethod
    def wrap(cls, tensor: Tensor) -> Self:
        """Returns an instance that stands for `tensor`."""
        self = object.__new__(cls)
        self._tensor = tensor
        return self

    @property
    def tensor(self) -> Tensor:
        """The plain tensor of this object."""
        return self._tensor

    @property
    def shape(self) -> Shape:
        return self._tensor.shape

    @property
    def dtype(self) -> Any:
        return self._tensor.dtype

    @property
    def ndim(self) -> int:
        return len(self._tensor.shape)

    def numpy(self) -> np.ndarray:
        """The values as a NumPy array."""
        return ops.convert_to_numpy(self._tensor)

    def __jax_array__(self) -> Tensor:
        return self._tensor

    def __tf_tensor__(self, dtype: Any = None, name: str | None = None) -> Tensor:
        return self._tensor if dtype is None else ops.cast(self._tensor, dtype.name)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        values = ops.convert_to_numpy(self._tensor)
        return values if dtype is None else values.astype(dtype)

    # Identity, as for the tensors of every framework: `==` compares values.
    __hash__ = object.__hash__

    def __len__(self) -> int:
        return len(self._tensor)

    def __iter__(self) -> Iterator[Tensor]:
        return iter(self._tensor)

    def __getitem__(self, key: Any) -> Tensor:
        return self._tensor[key]


def _binary(
    operation: Callable[[Tensor, Tensor], Tensor], reflected: bool
) -> Callable[[TensorLike, Tensor], Tensor]:
    def method(self: TensorLike, other: Tensor) -> Tensor:
        return operation(other, self._tensor) if reflected else operation(self._tensor, other)

    return method


def _unary(operation: Callable[[Tensor], Any]) -> Callable[[TensorLike], Any]:
    def method(self: TensorLike) -> Any:
        return operation(self._tensor)

    return method


def _define_operators() -> None:
    for name, operation in _BINARY.items():
        setattr(TensorLike, f"__{name}__", _binary(operation, reflected=False))
        setattr(TensorLike, f"__r{name}__", _binary(operation, reflected=True))
    for name, operation in _COMPARISON.items():
        setattr(TensorLike, f"__{name}__", _binary(operation, reflected=False))
    for name, operation in {**_UNARY, **_SCALAR}.items():
        setattr(TensorLike, f"__{name}__", _unary(operation))


_define_operators()
