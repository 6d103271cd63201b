"""Copies of objects that are made of tensors."""

import copy
from typing import Any, TypeVar

from keras import ops

Whole = TypeVar("Whole", bound=Any)


def deep_copy(whole: Whole, memo: dict[int, Any]) -> Whole:
    """`__deepcopy__` of a `Parameterized`: with copied tensors, which gradients flow through.

    Torch's own copies leaves alone, and a parameter that a layer made is none.
    """
    for tensor in whole._tensors().values():
        memo.setdefault(id(tensor), ops.copy(tensor))
    copied = memo[id(whole)] = object.__new__(type(whole))
    vars(copied).update(copy.deepcopy(whole.__getstate__(), memo))
    return copied


__all__ = ["deep_copy"]
