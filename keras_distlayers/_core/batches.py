"""The batch axes of objects that are made of tensors: broadcast, sliced, stacked."""

import copy
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np
from keras import ops

from keras_distlayers._backend import backend
from keras_distlayers._core import shapes
from keras_distlayers._core.typing import DynamicShape, Tensor

Whole = TypeVar("Whole", bound=Any)


def own_parameters(whole: Any) -> dict[str, Tensor]:
    """The parameters of an object that were given, without those of components."""
    values = {name: getattr(whole, name) for name in whole.parameter_ndims}
    return {name: value for name, value in values.items() if value is not None}


def map_batch(
    whole: Whole,
    batch_shape: DynamicShape,
    function: Callable[[Tensor], Tensor],
    shared: Callable[[Tensor], Tensor] | None = None,
) -> Whole:
    """A copy with each tensor broadcast to `batch_shape` and its event's axes, then mapped.

    With `shared`, that function is applied to the tensors that have no batch axes, which are not
    broadcast. The order of the tensors is that of `map_tensors`.
    """
    copied = copy.copy(whole)
    for name, tensor in own_parameters(whole).items():
        ndims = whole.parameter_ndims[name]
        if shared is not None and len(tensor.shape) == ndims:
            setattr(copied, name, shared(tensor))
            continue
        event = shapes.last(ops.shape(tensor), ndims)
        setattr(copied, name, function(ops.broadcast_to(tensor, (*batch_shape, *event))))

    def map_component(component: Any, extra: int) -> Any:
        shape = (*batch_shape, *shapes.last(component.dynamic_batch_shape(), extra))
        return map_batch(component, shape, function, shared)

    for name in whole.component_names:
        component, extra = getattr(whole, name), whole.extra_batch_ndims(name)
        setattr(copied, name, map_each(map_component, component, extra))
    return copied


def stack_batch(wholes: Sequence[Whole], batch_ndims: int, extra: int = 0) -> Whole:
    """One object for several of one structure, which are the entries of a new batch axis.

    Args:
        wholes: Objects whose tensors have all of their batch axes, or none.
        batch_ndims: How many batch axes there are before the new one.
        extra: How many batch axes there are after it.
    """
    first = wholes[0]
    copied = copy.copy(first)
    for name, tensor in own_parameters(first).items():
        tensors = [getattr(whole, name) for whole in wholes]
        is_shared = len(tensor.shape) == first.parameter_ndims[name]
        if is_shared and are_equal(tensors):
            continue
        stacked = ops.stack(tensors, axis=0 if is_shared else batch_ndims)
        if is_shared:
            stacked = ops.reshape(stacked, (len(wholes), *(1,) * extra, *tuple(tensor.shape)))
        setattr(copied, name, stacked)

    def stack(more: int, *components: Any) -> Any:
        return stack_batch(components, batch_ndims, extra + more)

    for name in first.component_names:
        components = [getattr(whole, name) for whole in wholes]
        setattr(copied, name, map_each(stack, first.extra_batch_ndims(name), *components))
    return copied


def are_equal(tensors: Sequence[Tensor]) -> bool:
    """Whether tensors are known to be equal; while a graph is traced, only if they are one."""
    if all(tensor is tensors[0] for tensor in tensors):
        return True
    if not all(map(backend.has_values, tensors)):
        return False
    first, *others = (ops.convert_to_numpy(tensor) for tensor in tensors)
    return all(np.array_equal(first, other) for other in others)


def map_each(function: Callable, *parts: Any) -> Any:
    """The function of a component, or of each in a tuple of them."""
    if isinstance(parts[0], tuple):
        return tuple(function(*items) for items in zip(*parts, strict=True))
    return function(*parts)


__all__ = ["are_equal", "map_batch", "map_each", "own_parameters", "stack_batch"]
