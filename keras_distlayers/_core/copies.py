"""Copies of objects that are made of tensors."""

import copy
from collections.abc import Iterable
from typing import Any, TypeVar

from keras import ops

from keras_distlayers._core.typing import Tensor

Whole = TypeVar("Whole", bound=Any)


def deep_copy(whole: Whole, tensors: Iterable[Tensor], memo: dict[int, Any]) -> Whole:
    """`__deepcopy__` of an object with copied tensors, which gradients flow through.

    Torch's own copies leaves alone, and a parameter that a layer made is none.
    """
    for tensor in tensors:
        memo.setdefault(id(tensor), ops.copy(tensor))
    copied = memo[id(whole)] = object.__new__(type(whole))
    vars(copied).update(copy.deepcopy(whole.__getstate__(), memo))
    return copied


__all__ = ["deep_copy"]
