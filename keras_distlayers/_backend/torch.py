"""Torch: a real `torch.Tensor`.

Constraint: Keras's converter sends whatever is not a `torch.Tensor` through NumPy, which
cuts the gradient. So the random variable has to be one here, by subclassing. Torch
functions on it give plain tensors, since `__torch_function__` is disabled.
"""

import contextlib
import weakref
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Self

import keras
import numpy as np
import torch

from keras_distlayers._core.typing import DynamicShape, Seed

NAME = "torch"
COMPILES_FLOWS = False
TAKES_DERIVATIVES = False

ndtri = torch.special.ndtri
lgamma = torch.lgamma
digamma = torch.digamma
i0e = torch.special.i0e
i1e = torch.special.i1e
erfc = torch.special.erfc
arctan = torch.arctan
arcsinh = torch.arcsinh
cos = torch.cos
cumsum = torch.cumsum
floor = torch.floor
mean = torch.mean
sin = torch.sin
tanh = torch.tanh

# Torch's own default for float32.
highest_precision = contextlib.nullcontext


def largest(x: torch.Tensor, axis: int | tuple[int, ...], keepdims: bool = False) -> torch.Tensor:
    """The largest entry along one axis or several; -infinity of none."""
    if 0 in x.shape:  # of which torch.amax takes those that leave nothing to find
        return torch.sum(x, axis, keepdim=keepdims) - float("inf")
    return torch.amax(x, axis, keepdim=keepdims)


def prod(x: torch.Tensor, axis: int | tuple[int, ...]) -> torch.Tensor:
    """The product over one axis, or over several."""
    axes = (axis,) if isinstance(axis, int) else axis
    for single in sorted((a % x.ndim for a in axes), reverse=True):
        x = torch.prod(x, single)
    return x


class TensorLike(torch.Tensor):
    """A tensor that shares the storage and the gradient of the one it wraps."""

    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]

    @classmethod
    def wrap(cls, tensor: torch.Tensor) -> Self:
        """Returns an instance that stands for `tensor`; while a model is exported, itself."""
        return tensor if is_exporting() else tensor.as_subclass(cls)  # type: ignore[return-value]

    # Of the plain tensor that was handed out last. Weak: it must not outlive its last user.
    _plain: weakref.ReferenceType | None = None

    @property
    def tensor(self) -> torch.Tensor:
        """The plain tensor of this object: the same one for as long as someone has it."""
        plain = self._plain() if self._plain is not None else None
        if plain is None:
            plain = self.as_subclass(torch.Tensor)
            self._plain = weakref.ref(plain)
        return plain

    def numpy(self, *, force: bool = False) -> np.ndarray:
        """The values as a NumPy array, with a gradient or not, as on every backend."""
        return keras.ops.convert_to_numpy(self.tensor)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        values = self.numpy()
        return values if dtype is None else values.astype(dtype)


def register_pytree(
    cls: type, flatten: Callable[[Any], Any], unflatten: Callable[[Any, Any], Any]
) -> None:
    """Has torch.compile take a tensor subclass as an opaque object.

    It follows other Python objects by itself. A subclass as the input of a compiled graph
    it would hand to kernels that refuse it ("all __torch_dispatch__ handlers returned
    NotImplemented"). The set is Dynamo's documented way around that.
    """
    if issubclass(cls, torch.Tensor):
        torch._dynamo.config.nontraceable_tensor_subclasses.add(cls)


def is_meta(x: Any) -> bool:
    """Whether `x` is on the meta device, where Keras works out shapes before it trains."""
    return isinstance(x, torch.Tensor) and x.is_meta


def only_shapes() -> bool:
    """Whether Keras's scope is the meta device; tensors made before stay where they are."""
    return is_meta(keras.ops.zeros(()))


def as_array(x: Any) -> np.ndarray:
    """Without a copy on a CPU, unlike Keras, which finds a type for bfloat16."""
    if not isinstance(x, torch.Tensor) or x.dtype == torch.bfloat16:
        return keras.ops.convert_to_numpy(x)
    return x.detach().cpu().numpy()


def as_tensor(array: np.ndarray) -> torch.Tensor:
    """Without a copy on a CPU, unlike Keras, which casts the types that Torch lacks."""
    is_float = array.dtype.kind == "f"  # bfloat16 is not, for NumPy
    return keras.ops.convert_to_tensor(torch.from_numpy(array) if is_float else array)


def has_values(x: Any) -> bool:
    return not is_meta(x)


# Before Torch 2.7 the class of the tensors is refused, as torch.export traces them.
is_exporting = getattr(torch.compiler, "is_exporting", lambda: False)


def changes(x: Any) -> int:
    """None are counted of tensors that were made without a graph for gradients."""
    return 0 if x.is_inference() else x._version


def require_shape(x: torch.Tensor, shape: DynamicShape, *, error: str) -> torch.Tensor:
    """Reshapes: the caller has compared the shapes already, which are known here."""
    return torch.reshape(x, shape)


def repeat(
    function: Callable[..., tuple[torch.Tensor, ...]], times: int, start: tuple[torch.Tensor, ...]
) -> tuple[torch.Tensor, ...]:
    """Calls the function: there are no graphs, and no numbers on the meta device."""
    if is_meta(start[0]):
        return start
    for _ in range(times):
        start = function(*start)
    return start


def with_derivatives(function: Any, *, tangents: Any, cotangents: Any) -> Any:
    """The function: `torch.compile` follows no `torch.autograd.Function` with a forward mode."""
    return function


def value_and_gradient(
    function: Callable[..., torch.Tensor], at: Any, /, *given: Any, **options: Any
) -> tuple[torch.Tensor, Any]:
    leaves = [tensor.detach().requires_grad_() for tensor in keras.tree.flatten(at)]
    result = function(keras.tree.pack_sequence_as(at, leaves), *given, **options)
    gradients: Sequence[torch.Tensor] = [torch.zeros_like(leaf) for leaf in leaves]
    if result.requires_grad:
        gradients = torch.autograd.grad(result, leaves, allow_unused=True, materialize_grads=True)
    return result, keras.tree.pack_sequence_as(at, gradients)


def solve_lower(
    tril: torch.Tensor, columns: torch.Tensor, *, transposed: bool = False
) -> torch.Tensor:
    """By views: nothing is copied."""
    matrix = tril.mT if transposed else tril
    return torch.linalg.solve_triangular(matrix, columns, upper=transposed)


def _generators() -> tuple[torch.Generator, ...]:
    """Torch's own: the CPU's, and those of the GPUs that are in use.

    `torch.manual_seed` would do, but takes milliseconds where there is no GPU: it notes the
    stack for each kind of device that may still come.
    """
    gpus = torch.cuda.default_generators if torch.cuda.is_initialized() else ()
    return (torch.default_generator, *gpus)


@contextlib.contextmanager
def _seeded(seed: Seed) -> Iterator[None]:
    """Torch's own generators, set from a seed of Keras's, and put back."""
    if isinstance(seed, keras.random.SeedGenerator):
        # What Keras's own functions do; through one of them it takes twice the time.
        number = int(seed.next().sum())
    else:
        number = int(keras.random.randint((), 0, 2**31 - 1, seed=seed))
    states = [(generator, generator.get_state()) for generator in _generators()]
    for generator, _ in states:
        generator.manual_seed(number)
    try:
        yield
    finally:
        for generator, state in states:
            generator.set_state(state)


def seeded(function: Callable[[None], Any], seed: Seed) -> Any:
    """The function of None, with Torch's own generator set for the time of the call.

    On the meta device there are shapes and no numbers, and a generator's state has to stay
    off it.
    """
    if only_shapes():
        return function(None)
    with _seeded(seed):
        return function(None)


def standard_gamma(shape: DynamicShape, concentration: torch.Tensor, seed: Seed) -> torch.Tensor:
    """Draws of rate 1; their gradient by the concentration is implicit."""
    concentration = concentration.expand(shape)
    if concentration.is_meta:
        return torch.empty_like(concentration)
    with _seeded(seed):
        return torch.distributions.Gamma(concentration, 1.0, validate_args=False).rsample()


def poisson(shape: DynamicShape, rate: torch.Tensor, seed: Seed) -> torch.Tensor:
    """Draws as floats."""
    rate = rate.expand(shape)
    if rate.is_meta:
        return torch.empty_like(rate)
    with _seeded(seed):
        return torch.poisson(rate)
