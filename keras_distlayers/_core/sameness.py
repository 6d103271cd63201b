"""Whether two objects made of parameters are the same function or distribution."""

from collections.abc import Hashable
from typing import Any

from keras_distlayers._core.copies import flatten
from keras_distlayers._core.parameterized import Parameterized, own_components, own_parameters


def is_same(a: Parameterized, b: Parameterized) -> bool:
    """Whether two objects are known to be equal without a look at their numbers.

    They are one object, or of one class with equal constants, the very same tensors, and
    components of which that is true. Constants that a class keeps without declaring them count
    too. Equal numbers in two tensors do not: so the answer is the same while a graph is traced.
    """
    if a is b:
        return True
    if type(a) is not type(b) or a.foreign_names:
        return False
    tensors_a, tensors_b = own_parameters(a), own_parameters(b)
    parts_a, parts_b = own_components(a), own_components(b)
    return (
        _equal(flatten(a)[1], flatten(b)[1])
        and tensors_a.keys() == tensors_b.keys()
        and all(tensor is tensors_b[name] for name, tensor in tensors_a.items())
        and len(parts_a) == len(parts_b)
        and all(is_same(*parts) for parts in zip(parts_a, parts_b, strict=True))
    )


def _equal(a: Any, b: Any) -> bool:
    if isinstance(a, tuple) and isinstance(b, tuple):
        return len(a) == len(b) and all(map(_equal, a, b))
    return a is b or (isinstance(a, Hashable) and bool(a == b))


__all__ = ["is_same"]
