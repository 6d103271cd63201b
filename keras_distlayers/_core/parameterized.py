"""What is made of parameters: distributions, bijectors, and the functions inside them.

The names of the constructor's arguments say it all: which are tensors, which are made of
parameters themselves, and which are neither. Copies, pytrees, slices of the batch and configs
follow from that.
"""

import copy
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import keras
from keras import ops

from keras_distlayers import _backend
from keras_distlayers._core import shapes
from keras_distlayers._core.errors import message


class Parameterized:
    """An immutable object made of tensors, of objects like it, and of constants.

    Attributes:
        parameter_ndims: For each parameter that is a tensor, how many of its last axes
            belong to one event; the others are the batch.
        component_names: The arguments of the constructor that are Parameterized, or tuples of
            such.
        static_names: The other arguments of the constructor; they must be hashable.
        foreign_names: Attributes that are another library's own objects with tensors inside.
        dtype: The dtype of the parameters: float32, or float64 where one of them is that.
    """

    parameter_ndims: ClassVar[Mapping[str, int]] = {}
    component_names: ClassVar[tuple[str, ...]] = ()
    static_names: ClassVar[tuple[str, ...]] = ()
    foreign_names: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        _backend.register_pytree(cls, flatten, lambda aux, leaves: unflatten(cls, aux, leaves))

    def __init__(self, **arguments: Any) -> None:
        tensors = {name: arguments[name] for name in self.parameter_ndims}
        self.dtype = parameter_dtype(tensors.values())
        for name, value in arguments.items():
            is_tensor = name in tensors and value is not None
            setattr(self, name, ops.convert_to_tensor(value, self.dtype) if is_tensor else value)
        self._check_parameters()

    def _check_parameters(self) -> None:
        for name, tensor in self._tensors().items():
            if len(tensor.shape) < self.parameter_ndims[name]:
                raise ValueError(
                    message(
                        f"{type(self).__name__}, argument `{name}`",
                        expected=f"at least {self.parameter_ndims[name]} axes",
                        received=f"shape={tuple(tensor.shape)}",
                    )
                )
        try:
            self.batch_shape  # noqa: B018 - computing it is the check
        except ValueError as error:
            received = {name: tuple(tensor.shape) for name, tensor in self._tensors().items()}
            raise ValueError(
                message(
                    type(self).__name__,
                    expected="parameters whose batch axes broadcast",
                    received=f"shapes={received}",
                )
            ) from error

    def _tensors(self) -> dict[str, Any]:
        """The parameters that were given."""
        values = {name: getattr(self, name) for name in self.parameter_ndims}
        return {name: value for name, value in values.items() if value is not None}

    def _components(self):
        """Each component, those in tuples one by one, and its number of extra batch axes."""
        for name in self.component_names:
            component, extra = getattr(self, name), self._extra_batch_ndims(name)
            if isinstance(component, tuple):
                yield from zip(component, extra, strict=True)  # type: ignore[call-overload]
            else:
                yield component, extra

    @property
    def batch_shape(self) -> tuple:
        """The shape of the batch; None where a size is not known yet."""
        return self._broadcast_batches(shapes.static_shape, lambda c: c.batch_shape)

    def dynamic_shape(self) -> tuple:
        """The shape of the batch as the graph runs: ints, or scalar tensors."""
        return self._broadcast_batches(
            lambda tensor: tuple(ops.shape(tensor)), dynamic_batch_shape
        )

    def _broadcast_batches(self, shape, component_batch) -> tuple:
        return shapes.broadcast(
            *(
                shapes.without_event(shape(tensor), self.parameter_ndims[name])
                for name, tensor in self._tensors().items()
            ),
            *(
                shapes.without_event(component_batch(component), extra)
                for component, extra in self._components()
            ),
        )

    def _extra_batch_ndims(self, component: str) -> int | tuple[int, ...]:
        """How many batch axes a component has behind those of the whole.

        For a tuple of components, a tuple.
        """
        value = getattr(self, component)
        return (0,) * len(value) if isinstance(value, tuple) else 0

    def __copy__(self) -> Self:
        """All of it, also what `__getstate__` leaves out of a pickle."""
        clone = object.__new__(type(self))
        vars(clone).update(vars(self))
        return clone

    def map_tensors(self, function) -> Self:
        """A copy with `function` applied to each parameter, those of components included."""
        clone = copy.copy(self)
        for name, tensor in self._tensors().items():
            setattr(clone, name, function(tensor))
        for name in self.component_names:
            part = getattr(self, name)
            setattr(clone, name, map_each(lambda c: c.map_tensors(function), part))
        return clone

    def expand(self, batch_shape) -> Self:
        """A copy whose batch is broadcast to `batch_shape`."""
        return map_batch(self, tuple(batch_shape), lambda tensor: tensor)

    def __getitem__(self, key) -> Self:
        """The part at an index of the batch: `distribution[0]`, `distribution[..., :2]`, `distribution[:, None]`."""
        key = full_key(key, len(self.batch_shape))
        return map_batch(self, dynamic_batch_shape(self), lambda tensor: tensor[key])

    # `distribution[i]` past the end is no IndexError on every backend, so the loop would not stop.
    __iter__ = None

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, tensors as NumPy arrays, for Keras's serialization."""
        config = {name: ops.convert_to_numpy(x) for name, x in self._tensors().items()}
        for name in self.component_names:
            config[name] = keras.saving.serialize_keras_object(getattr(self, name))
        return {**config, **{name: getattr(self, name) for name in self.static_names}}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """What `get_config` described."""
        return cls(**keras.saving.deserialize_keras_object(config))


def parameter_dtype(values) -> str:
    """float32 at least, since half precision would lose the digits of a log probability.

    float64 where a tensor is that already. NumPy arrays and Python numbers are constants
    without a say: NumPy makes them float64 unasked.
    """
    dtypes = {keras.backend.standardize_dtype(v.dtype) for v in values if ops.is_tensor(v)}
    return "float64" if "float64" in {*dtypes, keras.config.floatx()} else "float32"


# ---------------------------------------------------------------- a tree of tensors


def map_batch(distribution, batch_shape: tuple, function):
    """A copy with each tensor broadcast to `batch_shape` + its event's axes, then mapped."""
    clone = copy.copy(distribution)
    for name, tensor in distribution._tensors().items():
        event = _last(ops.shape(tensor), distribution.parameter_ndims[name])
        setattr(clone, name, function(ops.broadcast_to(tensor, (*batch_shape, *event))))

    def part(component, extra):
        return map_batch(
            component, (*batch_shape, *_last(dynamic_batch_shape(component), extra)), function
        )

    for name in distribution.component_names:
        setattr(
            clone,
            name,
            map_each(part, getattr(distribution, name), distribution._extra_batch_ndims(name)),
        )
    return clone


def map_each(function, *parts):
    """The function of a component, or of each in a tuple of them."""
    if isinstance(parts[0], tuple):
        return tuple(function(*items) for items in zip(*parts, strict=True))
    return function(*parts)


def dynamic_batch_shape(distribution) -> tuple:
    """The shape of the batch as the graph runs."""
    return distribution.dynamic_shape()[: len(distribution.batch_shape)]


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


def flatten(distribution):
    """The leaves, and the rest, which jit compares when it looks for its trace."""
    names = _leaf_names(type(distribution))
    static = tuple((n, v) for n, v in vars(distribution).items() if n not in names)
    return tuple(getattr(distribution, name) for name in names), static


def unflatten(cls, static, leaves):
    """Without the constructor: a transformation may hand in leaves that are no tensors."""
    distribution = object.__new__(cls)
    vars(distribution).update(zip(_leaf_names(cls), leaves, strict=True))
    vars(distribution).update(static)
    return distribution


def _leaf_names(cls) -> tuple[str, ...]:
    return (*cls.parameter_ndims, *cls.component_names, *cls.foreign_names)


__all__ = ["Parameterized", "dynamic_batch_shape", "map_each", "parameter_dtype"]
