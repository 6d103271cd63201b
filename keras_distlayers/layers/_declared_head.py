"""The base of the heads that declare their parameters."""

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Unpack

from keras_distlayers.distributions import Distribution
from keras_distlayers.layers._readers import DeclaredReader, ParameterReader
from keras_distlayers.layers._sizes import checked_sizes
from keras_distlayers.layers.head import ConvertToTensor, HeadOptions
from keras_distlayers.layers.parameters import ParameterTransform
from keras_distlayers.layers.parametric_head import ReaderHead


class DeclaredHead(ReaderHead):
    """The base of a head that says its parameters once; all else follows.

    Args:
        sizes: The arguments that say how large an event is, by name, as they were given. They
            are checked and become attributes. A subclass passes them by position.

    Attributes:
        distribution_class: The family of the distribution.
        parameters: The transform of each raw parameter, in the order of the input's last axis,
            by the name that the distribution gives to the parameter.
        distribution_arguments: The arguments of the head that the distribution takes, too. A
            subclass sets these attributes before it calls the base class's constructor.
        minimum_sizes: The smallest size of an argument, where that is not 1.
    """

    distribution_class: ClassVar[Callable[..., Distribution]]
    parameters: ClassVar[Mapping[str, ParameterTransform]] = {}
    distribution_arguments: ClassVar[tuple[str, ...]] = ()
    minimum_sizes: ClassVar[Mapping[str, int]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        if "parameters" in vars(cls):
            cls.raw_parameters = tuple(_words(*item) for item in cls.parameters.items())
        super().__init_subclass__(**kwargs)

    def __init__(
        self,
        sizes: Mapping[str, Any],
        /,
        convert_to_tensor_fn: ConvertToTensor = "sample",
        **options: Unpack[HeadOptions],
    ) -> None:
        sizes = self._checked(sizes)
        for name, size in sizes.items():
            setattr(self, name, size)
        arguments = {name: getattr(self, name) for name in self.distribution_arguments}
        super().__init__(self._make_reader(sizes, arguments), convert_to_tensor_fn, **options)

    @classmethod
    def reader_for(cls, **sizes: Any) -> ParameterReader:
        """The reader of a head with these sizes, of a class whose distribution takes no more."""
        return cls._make_reader(cls._checked(sizes), {})

    @classmethod
    def _reader_of_sizes(cls, *sizes: Any, **named_sizes: Any) -> ParameterReader:
        if cls.distribution_arguments or not hasattr(cls, "params_size"):
            return super()._reader_of_sizes()
        bound = inspect.signature(cls.params_size).bind(*sizes, **named_sizes)
        bound.apply_defaults()
        return cls.reader_for(**bound.arguments)

    @classmethod
    def _checked(cls, sizes: Mapping[str, Any]) -> dict[str, Any]:
        if not cls.parameters:
            raise NotImplementedError(
                f"{cls.__name__} must declare `distribution_class` and `parameters`"
            )
        return checked_sizes(cls.__name__, sizes, cls.minimum_sizes)

    @classmethod
    def _make_reader(
        cls, sizes: Mapping[str, Any], arguments: Mapping[str, Any]
    ) -> ParameterReader:
        make = functools.partial(cls.from_parameters, **arguments)
        return DeclaredReader(cls.parameters, cls.raw_shapes(**sizes), make)

    @classmethod
    def raw_shapes(cls, *args: Any, **sizes: Any) -> dict[str, tuple[int, ...]]:
        """The shape of each raw parameter of one distribution, for checked sizes."""
        raise NotImplementedError(f"{cls.__name__} must define raw_shapes(...)")

    @classmethod
    def from_parameters(cls, *args: Any, **parameters: Any) -> Distribution:
        """The distribution for its parameters, by name."""
        return cls.distribution_class(**parameters)


def _words(name: str, transform: ParameterTransform) -> str:
    """A raw parameter in words: the parameter itself, or how it follows."""
    return name if transform.formula == "raw" else f"{name} = {transform.formula}"


__all__ = ["DeclaredHead"]
