"""Plain objects that read distributions off a tensor of raw parameters.

What a head does, without the Keras layer: a head that is made of other heads holds their
readers. Each reads the last axis of a tensor and has a `size`, the length of that axis.
"""

import abc
import math
from collections.abc import Callable, Mapping

from keras import ops

from keras_distlayers._core.typing import Tensor
from keras_distlayers.distributions import Distribution, Independent
from keras_distlayers.layers.parameters import ParameterTransform


class ParameterReader(abc.ABC):
    """Makes distributions from raw parameters.

    Args:
        size: The number of raw parameters of one distribution.
    """

    def __init__(self, size: int) -> None:
        self.size = size

    @abc.abstractmethod
    def to_distribution(self, raw: Tensor) -> Distribution:
        """The distributions for a tensor of shape `batch_shape + (size,)`."""


class FunctionReader(ParameterReader):
    """Reads by a function of the raw parameters.

    Args:
        size: The number of raw parameters of one distribution.
        function: Takes a tensor of shape `batch_shape + (size,)`, returns a distribution.
    """

    def __init__(self, size: int, function: Callable[[Tensor], Distribution]) -> None:
        super().__init__(size)
        self._function = function

    def to_distribution(self, raw: Tensor) -> Distribution:
        return self._function(raw)


class DeclaredReader(ParameterReader):
    """Reads one parameter after the other, each transformed.

    Args:
        transforms: The transform of each parameter, in the order of the last axis.
        raw_shapes: The shape of each raw parameter of one distribution.
        make: Makes the distribution from the parameters, given by name.
    """

    def __init__(
        self,
        transforms: Mapping[str, ParameterTransform],
        raw_shapes: Mapping[str, tuple[int, ...]],
        make: Callable[..., Distribution],
    ) -> None:
        super().__init__(sum(math.prod(raw_shapes[name]) for name in transforms))
        self._transforms, self._raw_shapes, self._make = transforms, raw_shapes, make

    def to_distribution(self, raw: Tensor) -> Distribution:
        return self._make(**self.parameters(raw))

    def parameters(self, raw: Tensor) -> dict[str, Tensor]:
        """The parameters by name, of shape `batch_shape` + their own."""
        result, start = {}, 0
        for name, transform in self._transforms.items():
            shape = self._raw_shapes[name]
            stop = start + math.prod(shape)
            result[name] = transform.forward(in_shape(raw[..., start:stop], shape))
            start = stop
        return result


class IndependentReader(DeclaredReader):
    """Reads the parameters of each entry of an event; the entries are independent.

    Args:
        transforms: As for `DeclaredReader`.
        event_shape: The shape of one event, which is that of each parameter.
        make: Makes the distribution of the entries.
    """

    def __init__(
        self,
        transforms: Mapping[str, ParameterTransform],
        event_shape: tuple[int, ...],
        make: Callable[..., Distribution],
    ) -> None:
        super().__init__(transforms, dict.fromkeys(transforms, event_shape), make)
        self._event_ndims = len(event_shape)

    def to_distribution(self, raw: Tensor) -> Distribution:
        return Independent(super().to_distribution(raw), self._event_ndims)


class EntriesReader(ParameterReader):
    """Reads all parameters of an entry of an event, then those of the next.

    Args:
        entry: Reads the parameters of one entry.
        event_shape: The shape of one event.
    """

    def __init__(self, entry: ParameterReader, event_shape: tuple[int, ...]) -> None:
        super().__init__(math.prod(event_shape) * entry.size)
        self._entry, self._event_shape = entry, event_shape

    def to_distribution(self, raw: Tensor) -> Distribution:
        raw = in_shape(raw, (*self._event_shape, self._entry.size))
        return Independent(self._entry.to_distribution(raw), len(self._event_shape))


def in_shape(x: Tensor, shape: tuple[int, ...]) -> Tensor:
    """The last axis in another shape."""
    if len(shape) == 1 and x.shape[-1] == shape[0]:
        return x
    return ops.reshape(x, (*tuple(ops.shape(x))[:-1], *shape))


__all__ = [
    "DeclaredReader",
    "EntriesReader",
    "FunctionReader",
    "IndependentReader",
    "ParameterReader",
    "in_shape",
]
