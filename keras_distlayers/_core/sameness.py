"""Whether two objects made of parameters are the same function or distribution."""

from collections.abc import Callable, Hashable, Sequence
from typing import Any

from keras_distlayers._core.batches import are_equal
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
    tensors_a, tensors_b = own_parameters(a), own_parameters(b)
    return _are_alike(a, b, is_same) and all(
        tensor is tensors_b[name] for name, tensor in tensors_a.items()
    )


def has_same_structure(a: Parameterized, b: Parameterized) -> bool:
    """Whether two objects differ in the values of their tensors at most."""
    return _are_alike(a, b, has_same_structure)


def _are_alike(
    a: Parameterized, b: Parameterized, of_components: Callable[[Any, Any], bool]
) -> bool:
    """Whether two objects are alike but for their own tensors."""
    if type(a) is not type(b) or a.foreign_names:
        return False
    parts_a, parts_b = own_components(a), own_components(b)
    return (
        _equal(flatten(a)[1], flatten(b)[1])
        and own_parameters(a).keys() == own_parameters(b).keys()
        and len(parts_a) == len(parts_b)
        and all(of_components(*parts) for parts in zip(parts_a, parts_b, strict=True))
    )


def stacks_cheaply(wholes: Sequence[Parameterized]) -> bool:
    """Whether no tensor of several entries that all rows share differs between the objects.

    Such as the weights of a flow: where they are stacked, they are repeated for each row.
    """
    tensors = [own_parameters(whole) for whole in wholes]
    for name, first in tensors[0].items():
        is_shared = len(first.shape) == wholes[0].parameter_ndims[name] > 0
        if is_shared and not are_equal([some[name] for some in tensors]):
            return False
    return all(map(stacks_cheaply, zip(*map(own_components, wholes), strict=True)))


def _equal(a: Any, b: Any) -> bool:
    if isinstance(a, tuple) and isinstance(b, tuple):
        return len(a) == len(b) and all(map(_equal, a, b))
    return a is b or (isinstance(a, Hashable) and bool(a == b))


__all__ = ["has_same_structure", "is_same", "stacks_cheaply"]
