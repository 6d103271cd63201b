"""The base of the heads over normal entries with two bounds."""

from typing import Unpack

from keras_distlayers._core.errors import message
from keras_distlayers.layers._sizes import EventShape
from keras_distlayers.layers.head import ConvertToTensor, HeadOptions
from keras_distlayers.layers.independent_head import IndependentHead
from keras_distlayers.layers.parameters import Positive, Real


class BoundedNormalHead(IndependentHead):
    """The base of a head whose bounds are arguments of the layer, not part of its input.

    Args:
        low: The lower bound of every entry; minus infinity for none.
        high: The upper bound of every entry; infinity for none.

    Raises:
        ValueError: if `low` is not below `high`.
    """

    parameters = {"loc": Real(), "scale": Positive()}
    distribution_arguments = ("low", "high")

    def __init__(
        self,
        event_shape: EventShape = (),
        low: float = 0.0,
        high: float = float("inf"),
        convert_to_tensor_fn: ConvertToTensor = "sample",
        **options: Unpack[HeadOptions],
    ) -> None:
        if not low < high:
            raise ValueError(
                message(
                    f"{type(self).__name__}, arguments `low` and `high`",
                    expected="low below high",
                    received=f"low={low}, high={high}",
                )
            )
        self.low, self.high = float(low), float(high)
        super().__init__(event_shape, convert_to_tensor_fn, **options)


__all__ = ["BoundedNormalHead"]
