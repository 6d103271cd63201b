"""The only room that knows a framework by name.

Keras's active backend picks one module here, once, at import. Every module has the
same names:

- `NAME`: the backend's name, as `keras.config.backend()` gives it.
- `TensorLike`: the base class that makes `RandomVariable` a tensor for this framework.
  It has `wrap(tensor)`, a class method, and the property `tensor`, a plain tensor.
- `register_pytree(cls, flatten, unflatten)`: tells the framework's transformations
  (jit, grad, vmap) how to take an object apart; nothing where there are none.
- `ndtri(p)`: the quantile function of the standard normal, accurate in the tails.
- `is_probe(x)`: whether `x` has a shape and no values, because Keras only asks for the
  shape of a result.
"""

import keras

_NAME = keras.config.backend()

if _NAME == "jax":
    from keras_distlayers._backend.jax import NAME, TensorLike, is_probe, ndtri, register_pytree
elif _NAME == "tensorflow":
    from keras_distlayers._backend.tensorflow import (
        NAME,
        TensorLike,
        is_probe,
        ndtri,
        register_pytree,
    )
elif _NAME == "torch":
    from keras_distlayers._backend.torch import NAME, TensorLike, is_probe, ndtri, register_pytree
elif _NAME == "numpy":
    from keras_distlayers._backend.numpy import NAME, TensorLike, is_probe, ndtri, register_pytree
else:
    raise ImportError(
        "keras_distlayers: expected one of the Keras backends 'jax', 'tensorflow', 'torch' or "
        f"'numpy'. Received: keras.config.backend()={_NAME!r}. Set the environment variable "
        "KERAS_BACKEND to one of them before keras is imported."
    )

__all__ = ["NAME", "TensorLike", "is_probe", "ndtri", "register_pytree"]
