"""Objects made of parameters: distributions, bijectors, and the functions inside bijectors.

A class declares the arguments of its constructor: which are tensors, which are made of parameters
themselves, and which are constants. Copies, pytrees, slices of the batch and configs follow from
that declaration.
"""

import copy
import functools
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, ClassVar, Self

import keras
import numpy as np
from keras import ops

from keras_distlayers._backend import backend
from keras_distlayers._core import shapes
from keras_distlayers._core.batches import map_batch, map_each, own_parameters
from keras_distlayers._core.copies import deep_copy, flatten, unflatten
from keras_distlayers._core.errors import message
from keras_distlayers._core.foreign_arguments import RefusesForeignArguments
from keras_distlayers._core.typing import DynamicShape, Shape, Tensor


class Parameterized(RefusesForeignArguments):
    """An immutable object made of tensors, of components that are such objects, and of constants.

    Attributes:
        parameter_ndims: For each argument of the constructor that is a tensor, how many of its
            trailing axes belong to one event; the axes before them are the batch. One may be
            None where the constructor has None as its default.
        event_axes: For each parameter whose events have axes, their names, such as "d d" for a
            square matrix. Axes of one name have one size in all parameters; "K-1" is one less.
        component_names: The arguments that are `Parameterized`, or tuples of such objects.
        static_names: The other arguments; their values must be hashable.
        foreign_names: Attributes that are objects of another library, with tensors inside.
        dtype: The dtype of the parameters: float32, or float64 where one of them has it.
    """

    parameter_ndims: ClassVar[Mapping[str, int]] = {}
    event_axes: ClassVar[Mapping[str, str]] = {}
    component_names: ClassVar[tuple[str, ...]] = ()
    static_names: ClassVar[tuple[str, ...]] = ()
    foreign_names: ClassVar[tuple[str, ...]] = ()
    dtype: str
    # The arguments that were trainable variables; only their values are kept.
    variable_names: tuple[str, ...] = ()
    # The arguments of the constructor that are None by default.
    _optional_names: ClassVar[frozenset[str]] = frozenset()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        arguments = inspect.signature(cls.__init__).parameters.values()
        cls._optional_names = frozenset(a.name for a in arguments if a.default is None)
        backend.register_pytree(cls, flatten, lambda aux, leaves: unflatten(cls, aux, leaves))

    def __init__(self, **arguments: Any) -> None:
        self._check_names(arguments)
        self._check_given(arguments)
        for name in self.component_names:
            check = functools.partial(self._as_component, name)
            arguments[name] = map_each(check, arguments[name])
        vars(self).update(arguments)
        self.dtype = self._common_dtype()
        if variable_names := tuple(self._trainable_variable_names()):
            self.variable_names = variable_names
        for name, value in self._tensors().items():
            setattr(self, name, ops.convert_to_tensor(value, self.dtype))
        self._check_parameters()

    def _check_names(self, arguments: Mapping[str, Any]) -> None:
        declared = {*self.parameter_ndims, *self.component_names, *self.static_names}
        if declared != set(arguments):
            raise TypeError(
                message(
                    f"{type(self).__name__}, the arguments of the constructor",
                    expected=f"those that the class declares, {sorted(declared)}",
                    received=f"{sorted(arguments)}",
                    fix="Declare a tensor in `parameter_ndims`, a distribution in "
                    "`component_names`, anything else in `static_names`.",
                )
            )

    def _check_given(self, arguments: Mapping[str, Any]) -> None:
        for name in self.parameter_ndims:
            if arguments[name] is None and name not in self._optional_names:
                raise TypeError(
                    message(
                        f"{type(self).__name__}, argument `{name}`",
                        expected="a tensor, or numbers",
                        received="None",
                    )
                )

    def _as_component(self, name: str, value: Any) -> "Parameterized":
        """The argument, or an error; a RandomVariable stands for its distribution."""
        value = value.unwrapped() if hasattr(value, "unwrapped") else value
        if isinstance(value, Parameterized):
            return value
        raise TypeError(
            message(
                f"{type(self).__name__}, argument `{name}`",
                expected="a distribution, or a bijector, of keras_distlayers",
                received=f"a {type(value).__name__}",
            )
        )

    def _trainable_variable_names(self) -> Iterator[str]:
        for name, value in self._tensors().items():
            if isinstance(value, keras.Variable) and value.trainable:
                yield name
        for component, _ in self._components():
            yield from component.variable_names

    def _common_dtype(self) -> str:
        """The dtype of the components, which parameters beside them are cast to."""
        components = [component.dtype for component, _ in self._components()]
        if components:
            return "float64" if "float64" in components else "float32"
        return parameter_dtype(self._tensors().values())

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
        self._check_event_sizes()
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

    def _check_event_sizes(self) -> None:
        given = {n: tuple(t.shape) for n, t in self._tensors().items() if n in self.event_axes}
        axes = {name: self.event_axes[name].split() for name in given}
        if not shapes.agree([(axes[name], given[name]) for name in given]):
            events = ", ".join(f"{name} ({', '.join(axes[name])})" for name in given)
            expected = f"parameters whose last axes are {events}, each at least 1"
            where = type(self).__name__
            raise ValueError(message(where, expected=expected, received=f"shapes={given}"))

    def _tensors(self) -> dict[str, Tensor]:
        return own_parameters(self)

    def _components(self) -> Iterator[tuple["Parameterized", int]]:
        """Each component, those in tuples one by one, and its number of extra batch axes."""
        for name in self.component_names:
            component, extra = getattr(self, name), self._extra_batch_ndims(name)
            if isinstance(component, tuple):
                yield from zip(component, extra, strict=True)
            else:
                yield component, extra

    def extra_batch_ndims(self, name: str) -> Any:
        """How many trailing batch axes of a component do not belong to the batch of the whole."""
        return self._extra_batch_ndims(name)

    def _extra_batch_ndims(self, name: str) -> Any:
        """How many trailing batch axes of a component do not belong to the batch of the whole.

        An int; a tuple of them for a component that is a tuple.
        """
        component = getattr(self, name)
        return (0,) * len(component) if isinstance(component, tuple) else 0

    @property
    def batch_shape(self) -> Shape:
        """The shape of the batch; None where a size is not known yet."""
        return self._broadcast_batches(shapes.static_shape, lambda part: part.batch_shape)

    def dynamic_batch_shape(self) -> DynamicShape:
        """The shape of the batch while a graph runs: ints, or scalar tensors on TensorFlow."""
        return self._broadcast_batches(
            shapes.dynamic_shape, lambda part: part.dynamic_batch_shape()
        )

    def _broadcast_batches(
        self,
        shape_of: Callable[[Tensor], tuple],
        batch_shape_of: Callable[["Parameterized"], tuple],
    ) -> tuple:
        return shapes.broadcast(
            *(
                shapes.without_event(shape_of(tensor), self.parameter_ndims[name])
                for name, tensor in self._tensors().items()
            ),
            *(
                shapes.without_event(batch_shape_of(component), extra)
                for component, extra in self._components()
            ),
        )

    def __copy__(self) -> Self:
        """All attributes, also those that `__getstate__` leaves out of a pickle."""
        copied = object.__new__(type(self))
        vars(copied).update(vars(self))
        return copied

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return deep_copy(self, self._tensors().values(), memo)

    def map_tensors(self, function: Callable[[Tensor], Tensor]) -> Self:
        """A copy with `function` applied to each parameter, those of components included."""
        copied = copy.copy(self)
        for name, tensor in self._tensors().items():
            setattr(copied, name, function(tensor))
        for name in self.component_names:
            component = map_each(lambda c: c.map_tensors(function), getattr(self, name))
            setattr(copied, name, component)
        return copied

    def expand(self, batch_shape: DynamicShape) -> Self:
        """A copy whose batch is broadcast to `batch_shape`."""
        return map_batch(self, tuple(batch_shape), lambda tensor: tensor)

    def __getitem__(self, key: Any) -> Self:
        """The part at an index of the batch: `x[0]`, `x[..., :2]`, `x[:, None]`."""
        key = shapes.full_key(key, len(self.batch_shape))
        return map_batch(self, self.dynamic_batch_shape(), lambda tensor: tensor[key])

    # `distribution[i]` past the end does not raise IndexError on every backend: a loop that
    # Python makes of __getitem__ would not end.
    __iter__ = None

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, tensors as NumPy arrays, for Keras's serialization."""
        config = {name: ops.convert_to_numpy(x) for name, x in self._tensors().items()}
        for name in self.component_names:
            config[name] = keras.saving.serialize_keras_object(getattr(self, name))
        return {**config, **{name: getattr(self, name) for name in self.static_names}}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """The object that `get_config` described, be it as it is or as Keras serialized it."""
        return cls(**{name: _from_config(value) for name, value in config.items()})


def _from_config(value: Any) -> Any:
    """An argument; an array as a tensor, whose dtype counts where that of an array does not."""
    if not isinstance(value, np.ndarray) and not ops.is_tensor(value):
        value = keras.saving.deserialize_keras_object(value)
    return ops.convert_to_tensor(value) if isinstance(value, np.ndarray) else value


def parameter_dtype(values: Iterable[Any]) -> str:
    """float64 where a tensor has it, or where it is Keras's floatx; else float32.

    Half precision would lose the digits of a log probability. NumPy arrays and Python numbers do
    not count: NumPy makes them float64 without being asked.
    """
    dtypes = {keras.backend.standardize_dtype(v.dtype) for v in values if ops.is_tensor(v)}
    return "float64" if "float64" in {*dtypes, keras.config.floatx()} else "float32"


# ---------------------------------------------------------------- a tree of tensors


def own_components(whole: Parameterized) -> list[Parameterized]:
    """The components, those in tuples one by one."""
    return [component for component, _ in whole._components()]


__all__ = ["Parameterized", "own_components", "own_parameters", "parameter_dtype"]
