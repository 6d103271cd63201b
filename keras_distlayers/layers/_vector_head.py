"""The base of the heads over vectors with one joint distribution."""

from typing import Unpack

from keras_distlayers.layers._declared_head import DeclaredHead
from keras_distlayers.layers.head import ConvertToTensor, HeadOptions


class VectorHead(DeclaredHead):
    """The base of a head over vectors; each parameter is a vector of the same length.

    Args:
        event_size: d, the length of the vector.

    Input shape: `batch_shape + (params_size(event_size),)`.

    Output shape: `batch_shape + (event_size,)`.

    Raises:
        ValueError: if `event_size` is not a positive integer.
    """

    event_size: int

    def __init__(
        self,
        event_size: int,
        convert_to_tensor_fn: ConvertToTensor = "sample",
        **options: Unpack[HeadOptions],
    ) -> None:
        super().__init__({"event_size": event_size}, convert_to_tensor_fn, **options)

    @classmethod
    def params_size(cls, event_size: int) -> int:
        """The number of raw parameters: one of each kind per entry."""
        return cls.reader_for(event_size=event_size).size

    @classmethod
    def raw_shapes(cls, event_size: int) -> dict[str, tuple[int, ...]]:
        return dict.fromkeys(cls.parameters, (event_size,))


__all__ = ["VectorHead"]
