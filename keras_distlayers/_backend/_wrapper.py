"""`TensorLike` for the backends whose tensor class cannot be subclassed.

Constraint: this module names no framework. It offers each framework's own conversion
protocol (`__jax_array__`, `__tf_tensor__`, `__array__`), and the framework calls it.
"""

from keras import ops

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

    # NumPy's operators step back, so that `array + rv` is a tensor as `rv + array` is.
    __array_priority__ = 1000

    @classmethod
    def wrap(cls, tensor):
        """Returns an instance that stands for `tensor`."""
        self = object.__new__(cls)
        self._tensor = tensor
        return self

    @property
    def tensor(self):
        """The plain tensor of this object."""
        return self._tensor

    @property
    def shape(self):
        return self._tensor.shape

    @property
    def dtype(self):
        return self._tensor.dtype

    @property
    def ndim(self):
        return len(self._tensor.shape)

    def numpy(self):
        """The values as a NumPy array."""
        return ops.convert_to_numpy(self._tensor)

    def __jax_array__(self):
        return self._tensor

    def __tf_tensor__(self, dtype=None, name=None):
        return self._tensor if dtype is None else ops.cast(self._tensor, dtype.name)

    def __array__(self, dtype=None, copy=None):
        values = ops.convert_to_numpy(self._tensor)
        return values if dtype is None else values.astype(dtype)

    # Identity, as for the tensors of every framework: `==` compares values.
    __hash__ = object.__hash__

    def __len__(self):
        return len(self._tensor)

    def __iter__(self):
        return iter(self._tensor)

    def __getitem__(self, key):
        return self._tensor[key]


def _binary(operation, reflected):
    def method(self, other):
        return operation(other, self._tensor) if reflected else operation(self._tensor, other)

    return method


def _unary(operation):
    def method(self):
        return operation(self._tensor)

    return method


def _define_operators():
    for name, operation in _BINARY.items():
        setattr(TensorLike, f"__{name}__", _binary(operation, reflected=False))
        setattr(TensorLike, f"__r{name}__", _binary(operation, reflected=True))
    for name, operation in _COMPARISON.items():
        setattr(TensorLike, f"__{name}__", _binary(operation, reflected=False))
    for name, operation in {**_UNARY, **_SCALAR}.items():
        setattr(TensorLike, f"__{name}__", _unary(operation))


_define_operators()
