"""What is made of parameters: distributions, bijectors, and the functions inside of them.

The names of the constructor's arguments say it all: which are tensors, which are made of
parameters themselves, and which are neither. Copies, pytrees, slices of the batch and configs
follow from that.
"""

import copy
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import keras
from keras import ops

from keras_distlayers import _backend, _shapes, _structure
from keras_distlayers._errors import message


class Parametrized:
    """An immutable object made of tensors, of objects like it, and of constants.

    Attributes:
        parameter_ndims: For each parameter that is a tensor, how many of its last axes
            belong to one event; the others are the batch.
        component_names: The arguments of the constructor that are Parametrized, or tuples of
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
        _backend.register_pytree(
            cls, _structure.flatten, lambda aux, leaves: _structure.unflatten(cls, aux, leaves)
        )

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
            shapes = {name: tuple(tensor.shape) for name, tensor in self._tensors().items()}
            raise ValueError(
                message(
                    type(self).__name__,
                    expected="parameters whose batch axes broadcast",
                    received=f"shapes={shapes}",
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
        return self._broadcast_batches(_shapes.static_shape, lambda c: c.batch_shape)

    def sizes(self) -> tuple:
        """The shape of the batch as the graph runs: ints, or scalar tensors."""
        return self._broadcast_batches(lambda tensor: tuple(ops.shape(tensor)), _structure.batch)

    def _broadcast_batches(self, shape, component_batch) -> tuple:
        return _shapes.broadcast(
            *(
                _shapes.without_event(shape(tensor), self.parameter_ndims[name])
                for name, tensor in self._tensors().items()
            ),
            *(
                _shapes.without_event(component_batch(component), extra)
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
        twin = object.__new__(type(self))
        vars(twin).update(vars(self))
        return twin

    def map_tensors(self, function) -> Self:
        """A copy with `function` applied to each parameter, those of components included."""
        twin = copy.copy(self)
        for name, tensor in self._tensors().items():
            setattr(twin, name, function(tensor))
        for name in self.component_names:
            part = getattr(self, name)
            setattr(twin, name, _structure.map_each(lambda c: c.map_tensors(function), part))
        return twin

    def expand(self, batch_shape) -> Self:
        """A copy whose batch is broadcast to `batch_shape`."""
        return _structure.map_batch(self, tuple(batch_shape), lambda tensor: tensor)

    def __getitem__(self, key) -> Self:
        """The part at an index of the batch: `law[0]`, `law[..., :2]`, `law[:, None]`."""
        key = _structure.full_key(key, len(self.batch_shape))
        return _structure.map_batch(self, _structure.batch(self), lambda tensor: tensor[key])

    # `law[i]` past the end is no IndexError on every backend, so the loop would not stop.
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


__all__ = ["Parametrized", "parameter_dtype"]
