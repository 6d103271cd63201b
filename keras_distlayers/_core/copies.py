"""Copies of objects that are made of tensors, and how jit takes such objects apart."""

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


def flatten(whole: Any) -> tuple[tuple, tuple]:
    """The leaves, and the rest, which jit compares when it looks for its trace."""
    names = _leaf_names(type(whole))
    static = tuple((n, v) for n, v in vars(whole).items() if n not in names)
    return tuple(getattr(whole, name) for name in names), static


def unflatten(cls: type[Whole], static: tuple, leaves: Iterable[Any]) -> Whole:
    """Without the constructor: a transformation may pass leaves that are not tensors."""
    whole = object.__new__(cls)
    vars(whole).update(zip(_leaf_names(cls), leaves, strict=True))
    vars(whole).update(static)
    return whole


def _leaf_names(cls: Any) -> tuple[str, ...]:
    return (*cls.parameter_ndims, *cls.component_names, *cls.foreign_names)


__all__ = ["deep_copy", "flatten", "unflatten"]
