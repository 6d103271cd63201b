"""Torch: a real `torch.Tensor`.

Constraint: Keras's converter sends whatever is not a `torch.Tensor` through NumPy, which
cuts the gradient. So the random variable has to be one here, by subclassing. Torch
functions on it give plain tensors, since `__torch_function__` is disabled.
"""

import contextlib
import copy

import torch

NAME = "torch"

ndtri = torch.special.ndtri


class TensorLike(torch.Tensor):
    """A tensor that shares the storage and the gradient of the one it wraps."""

    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]

    @classmethod
    def wrap(cls, tensor):
        """Returns an instance that stands for `tensor`."""
        return tensor.as_subclass(cls)

    @property
    def tensor(self):
        """The plain tensor of this object."""
        return self.as_subclass(torch.Tensor)


def register_pytree(cls, flatten, unflatten):
    """Has torch.compile take a tensor subclass as an opaque object.

    It follows other Python objects by itself. A subclass as the input of a compiled graph
    it would hand to kernels that refuse it ("all __torch_dispatch__ handlers returned
    NotImplemented"). The set is Dynamo's documented way around that.
    """
    if issubclass(cls, torch.Tensor):
        torch._dynamo.config.nontraceable_tensor_subclasses.add(cls)


def is_probe(x):
    """Whether `x` is on the meta device, where Keras works out shapes before it trains."""
    return isinstance(x, torch.Tensor) and x.is_meta


def jit(function):
    """Traces the function, without the minutes that generating code would take."""
    torch.compiler.reset()
    return torch.compile(function, backend="eager")


def gradients(function, *tensors):
    """The gradients of a scalar function with respect to each of the tensors."""
    leaves = [tensor.detach().requires_grad_() for tensor in tensors]
    result = function(*leaves)
    if not result.requires_grad:
        return [torch.zeros_like(leaf) for leaf in leaves]
    return torch.autograd.grad(result, leaves, allow_unused=True, materialize_grads=True)


rebuild = copy.deepcopy
float64 = contextlib.nullcontext

__all__ = [
    "NAME",
    "TensorLike",
    "float64",
    "gradients",
    "is_probe",
    "jit",
    "ndtri",
    "rebuild",
    "register_pytree",
]
