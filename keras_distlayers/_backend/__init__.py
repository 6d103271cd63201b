"""The only package that knows a framework by name.

Keras's active backend picks one module here, once, at import. Every module has the
same names:

- `NAME`: the backend's name, as `keras.config.backend()` gives it.
- `TensorLike`: the base class that makes `RandomVariable` a tensor for this framework.
  It has `wrap(tensor)`, a class method, and the property `tensor`, a plain tensor.
- `register_pytree(cls, flatten, unflatten)`: tells the framework's transformations
  (jit, grad, vmap) how to take an object apart; nothing where there are none.
- `ndtri(p)`: the quantile function of the standard normal, accurate in the tails.
- `lgamma`, `digamma`, `i0e`, `i1e`: as in `scipy.special`, of a float tensor.
- `arccos`, `arcsinh`, `cos`, `erfc`, `floor`, `sin`, `tanh` of a float tensor; `cumsum`, `mean`,
  `prod` of it and its axis or axes: see `_core/ops.py`.
- `highest_precision()`: a context in which products of float32 matrices keep all digits.
- `seeded(function, seed)`: the function of what the framework's own samplers take as a seed (a
  key, a stateless seed, or None with its generator set), made from any seed that
  `keras.random` takes.
- `standard_gamma(shape, concentration, seed)`, `poisson(shape, rate, seed)`: draws, from any
  seed that `keras.random` takes.
- `value_and_gradient(function, at, *given, **options)`: of a scalar function; the gradient is
  by its first argument, a tensor or a list of them, and zero where none flows.
- `jit(function)`: the function as the framework compiles, or at least traces, it.
- `jit_call(function, *args, **options)`: the function's result, in one compilation where each
  operation on its own would be compiled (JAX). The arguments are distributions and tensors in any
  structure; shapes may depend on the options. What was compiled is kept until `clear_jit_cache()`.
- `eval_shape(function, *args, **options)`: a result with the shapes and dtypes of the function's,
  without numbers where they are not needed for that (JAX).
- `tree_roundtrip(x)`: a distribution or a structure taken apart and put together as jit does it.
- `float64()`: a context in which float64 tensors can be made.
- `is_meta(x)`: whether `x` has a shape and no values, because Keras only asks for the
  shape of a result.
"""

import importlib
from typing import Any

import keras

_BACKENDS = ("jax", "tensorflow", "torch", "numpy")


def _load(name: str) -> Any:
    if name not in _BACKENDS:
        raise ImportError(
            f"keras_distlayers: expected one of the Keras backends {_BACKENDS}. Received: "
            f"keras.config.backend()={name!r}. Set the environment variable KERAS_BACKEND to "
            "one of them before keras is imported."
        )
    return importlib.import_module(f"keras_distlayers._backend.{name}")


_backend = _load(keras.config.backend())

NAME: str = _backend.NAME
TensorLike: Any = _backend.TensorLike
register_pytree = _backend.register_pytree
is_meta = _backend.is_meta
ndtri = _backend.ndtri
value_and_gradient = _backend.value_and_gradient
jit = _backend.jit
clear_jit_cache = _backend.clear_jit_cache
jit_call = _backend.jit_call
eval_shape = _backend.eval_shape
tree_roundtrip = _backend.tree_roundtrip
float64 = _backend.float64
lgamma = _backend.lgamma
digamma = _backend.digamma
i0e = _backend.i0e
i1e = _backend.i1e
seeded = _backend.seeded
standard_gamma = _backend.standard_gamma
arccos = _backend.arccos
arcsinh = _backend.arcsinh
cos = _backend.cos
cumsum = _backend.cumsum
erfc = _backend.erfc
floor = _backend.floor
highest_precision = _backend.highest_precision
mean = _backend.mean
prod = _backend.prod
sin = _backend.sin
tanh = _backend.tanh
poisson = _backend.poisson

__all__ = [
    "NAME",
    "TensorLike",
    "arccos",
    "arcsinh",
    "clear_jit_cache",
    "cos",
    "cumsum",
    "digamma",
    "erfc",
    "eval_shape",
    "float64",
    "floor",
    "highest_precision",
    "i0e",
    "i1e",
    "is_meta",
    "jit",
    "jit_call",
    "lgamma",
    "mean",
    "ndtri",
    "poisson",
    "prod",
    "register_pytree",
    "seeded",
    "sin",
    "standard_gamma",
    "tanh",
    "tree_roundtrip",
    "value_and_gradient",
]
