"""The functions of `keras.ops` that lose digits on a backend, or that a supported Keras lacks.

Keras counts 64-bit floats as 32-bit ones on JAX and Torch wherever it works out the dtype of a
result by its own rules. The comment at each function names the backends that it is for, as seen
in Keras 3.10 to 3.15. Every other function comes from `keras.ops`, which keeps float64.
"""

from keras import ops

from keras_distlayers._backend import backend
from keras_distlayers._core import shapes
from keras_distlayers._core.typing import Tensor

arctan = backend.arctan  # JAX
arcsinh = backend.arcsinh  # JAX
cos = backend.cos  # JAX
floor = backend.floor  # JAX and Torch
sin = backend.sin  # JAX
tanh = backend.tanh  # JAX

# Missing before Keras 3.15.
erfc = backend.erfc

# Each takes a tensor and `axis`.
largest = backend.largest  # TensorFlow and Torch, which refuse an empty batch
cumsum = backend.cumsum  # Torch
mean = backend.mean  # JAX and Torch, which give a float64 with the digits of a float32
prod = backend.prod  # Torch


# Torch.
def maximum(x1: Tensor, x2: float | Tensor) -> Tensor:
    """The larger of two; where they are equal, the gradient is that of the first.

    A branch that is not taken keeps finite values, and gradients, in this way.
    """
    return ops.where(x1 < x2, x2, x1)


# Torch.
def minimum(x1: Tensor, x2: float | Tensor) -> Tensor:
    """The smaller of two; see `maximum`."""
    return ops.where(x1 > x2, x2, x1)


# TensorFlow, which does not broadcast a tensor with fewer axes than the bounds.
def clip(x: Tensor, low: float | Tensor, high: float | Tensor) -> Tensor:
    """The number between two bounds that is nearest to x."""
    return minimum(maximum(x, low), high)


# JAX and Torch.
def logaddexp(x1: Tensor, x2: Tensor) -> Tensor:
    """log(exp(x1) + exp(x2)), also where one of them is -infinity."""
    return ops.logsumexp(ops.stack(broadcast_tensors(x1, x2), axis=-1), axis=-1)


# JAX multiplies float32 in TF32 on NVIDIA cards, which has 10 bits, unless it is asked not to.
# Its Cholesky and triangular solve ask by themselves.
def einsum(subscripts: str, *operands: Tensor) -> Tensor:
    """`ops.einsum` with all digits of the dtype, for sums over a scale or a covariance."""
    with backend.highest_precision():
        return ops.einsum(subscripts, *operands)


# Not in Keras.
def broadcast_tensors(*tensors: Tensor) -> list[Tensor]:
    """The tensors in their broadcast shape."""
    shape = shapes.broadcast(*(tuple(ops.shape(tensor)) for tensor in tensors))
    return [ops.broadcast_to(tensor, shape) for tensor in tensors]


__all__ = [
    "arcsinh",
    "arctan",
    "broadcast_tensors",
    "clip",
    "cos",
    "cumsum",
    "einsum",
    "erfc",
    "floor",
    "largest",
    "logaddexp",
    "maximum",
    "mean",
    "minimum",
    "prod",
    "sin",
    "tanh",
]
