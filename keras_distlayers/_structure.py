"""A law as a tree of tensors: for pytrees, for slices of its batch, for broadcasts of it."""

import copy

from keras import ops


def map_batch(law, batch_shape: tuple, function):
    """A copy with each tensor broadcast to `batch_shape` + its event's axes, then mapped."""
    twin = copy.copy(law)
    for name, tensor in law._tensors().items():
        event = _last(ops.shape(tensor), law.parameter_ndims[name])
        setattr(twin, name, function(ops.broadcast_to(tensor, (*batch_shape, *event))))

    def part(component, extra):
        return map_batch(component, (*batch_shape, *_last(batch(component), extra)), function)

    for name in law.component_names:
        setattr(twin, name, map_each(part, getattr(law, name), law._extra_batch_ndims(name)))
    return twin


def map_each(function, *parts):
    """The function of a component, or of each in a tuple of them."""
    if isinstance(parts[0], tuple):
        return tuple(function(*items) for items in zip(*parts, strict=True))
    return function(*parts)


def batch(law) -> tuple:
    """The shape of the batch as the graph runs."""
    return law.sizes()[: len(law.batch_shape)]


def _last(shape, ndims: int) -> tuple:
    """The last axes, with axes of 1 in front where there are too few."""
    shape = (*(1,) * (ndims - len(shape)), *shape)
    return shape[len(shape) - ndims :]


def full_key(key, ndims: int) -> tuple:
    """An index of `ndims` batch axes without an Ellipsis, so that the event's may follow."""
    key = key if isinstance(key, tuple) else (key,)
    used = sum(item is not None and item is not Ellipsis for item in key)
    if used > ndims:
        raise IndexError(f"an index of {used} axes for a batch of {ndims}: {key}")
    at = next((i for i, item in enumerate(key) if item is Ellipsis), None)
    if at is None:
        return key
    return (*key[:at], *(slice(None),) * (ndims - used), *key[at + 1 :])


def flatten(law):
    """The leaves, and the rest, which jit compares when it looks for its trace."""
    names = _leaf_names(type(law))
    static = tuple((n, v) for n, v in vars(law).items() if n not in names)
    return tuple(getattr(law, name) for name in names), static


def unflatten(cls, static, leaves):
    """Without the constructor: a transformation may hand in leaves that are no tensors."""
    law = object.__new__(cls)
    vars(law).update(zip(_leaf_names(cls), leaves, strict=True))
    vars(law).update(static)
    return law


def _leaf_names(cls) -> tuple[str, ...]:
    return (*cls.parameter_ndims, *cls.component_names, *cls.foreign_names)
