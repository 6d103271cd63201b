"""The names that annotations use for what differs from backend to backend."""

from typing import Any, TypeAlias

# No type covers the tensors of every backend, NumPy arrays, Python numbers and nested lists of
# them, all of which Keras converts. The alias says which `Any` is meant as one of these.
Tensor: TypeAlias = Any

# Not `int | None`: where all sizes are known, nobody should have to rule out None first.
Shape: TypeAlias = tuple[Any, ...]
"""A static shape: ints, or None where a size is not known yet."""

DynamicShape: TypeAlias = tuple[Any, ...]
"""A shape while a graph runs: ints, or scalar tensors on TensorFlow."""

Seed: TypeAlias = Any
"""An int, a `keras.random.SeedGenerator`, or None for Keras's own."""

__all__ = ["DynamicShape", "Seed", "Shape", "Tensor"]
