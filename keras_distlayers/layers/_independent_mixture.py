"""The base of the heads of mixtures whose components are events of independent entries."""

from typing import ClassVar, Unpack

from keras_distlayers.layers._mixture_reader import RAW_PARAMETERS, MixtureReader
from keras_distlayers.layers._sizes import EventShape, checked_shape, checked_size
from keras_distlayers.layers.head import ConvertToTensor, HeadOptions
from keras_distlayers.layers.independent_head import IndependentHead
from keras_distlayers.layers.parametric_head import ReaderHead


class IndependentMixtureHead(ReaderHead):
    """The base of a head of a mixture of the distributions of an `IndependentHead`.

    Args:
        num_components: K, the number of components.
        event_shape: The shape of one event: an int or a sequence of ints; () for a scalar.

    Input shape: `batch_shape + (params_size(num_components, event_shape),)`.

    Output shape: `batch_shape + event_shape`.

    Raises:
        ValueError: if `num_components` or `event_shape` is not made of positive integers.
    """

    component_class: ClassVar[type[IndependentHead]]
    raw_parameters = RAW_PARAMETERS

    def __init__(
        self,
        num_components: int,
        event_shape: EventShape = (),
        convert_to_tensor_fn: ConvertToTensor = "sample",
        **options: Unpack[HeadOptions],
    ) -> None:
        name = type(self).__name__
        self.num_components = checked_size(name, "num_components", num_components)
        self.event_shape = checked_shape(name, "event_shape", event_shape)
        reader = self._reader_of_sizes(self.num_components, self.event_shape)
        super().__init__(reader, convert_to_tensor_fn, **options)

    @classmethod
    def params_size(cls, num_components: int, event_shape: EventShape = ()) -> int:
        """The number of raw parameters: K (1 + that of a component)."""
        return cls._reader_of_sizes(num_components, event_shape).size

    @classmethod
    def _reader_of_sizes(cls, num_components: int, event_shape: EventShape = ()) -> MixtureReader:
        size = checked_size(cls.__name__, "num_components", num_components)
        shape = checked_shape(cls.__name__, "event_shape", event_shape)
        return MixtureReader(size, cls.component_class.reader_for(event_shape=shape))


__all__ = ["IndependentMixtureHead"]
