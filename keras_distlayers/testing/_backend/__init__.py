"""What the checks ask of the framework, for the one backend that runs.

Every module here has the same names:

- `jit(function)`: the function as the framework compiles, or at least traces, it.
- `jit_call(function, *args, **options)`: the function's result, in one compilation where each
  operation on its own would be compiled (JAX). The arguments are distributions and tensors in any
  structure; shapes may depend on the options. What was compiled is kept until `clear_jit_cache()`.
- `clear_jit_cache()`: forgets it, for a function may be another one by now, under the same name.
- `eval_shape(function, *args, **options)`: a result with the shapes and dtypes of the function's,
  without numbers where they are not needed for that (JAX).
- `value_and_gradient(function, at, *given, **options)`: of a scalar function; the gradient is
  by its first argument, a tensor or a list of them, and zero where none flows.
- `tree_roundtrip(x)`: a distribution or a structure taken apart and put together as jit does it.
- `float64()`: a context in which float64 tensors can be made.
"""

import importlib
from typing import Any

from keras_distlayers._backend import backend

_backend: Any = importlib.import_module(f"keras_distlayers.testing._backend.{backend.NAME}")

clear_jit_cache = _backend.clear_jit_cache
eval_shape = _backend.eval_shape
float64 = _backend.float64
jit = _backend.jit
jit_call = _backend.jit_call
tree_roundtrip = _backend.tree_roundtrip
value_and_gradient = _backend.value_and_gradient

__all__ = [
    "clear_jit_cache",
    "eval_shape",
    "float64",
    "jit",
    "jit_call",
    "tree_roundtrip",
    "value_and_gradient",
]
