"""The head of counts with extra zeros."""

from typing import Any, Unpack

import keras

from keras_distlayers import distributions
from keras_distlayers._core.errors import message
from keras_distlayers._core.typing import Tensor
from keras_distlayers.layers._component import Component
from keras_distlayers.layers._readers import ParameterReader, in_shape
from keras_distlayers.layers._sizes import (
    EventShape,
    checked_shape,
    checked_size,
    number_of_entries,
)
from keras_distlayers.layers.head import ConvertToTensor, HeadOptions
from keras_distlayers.layers.parametric_head import ParametricHead, ReaderHead


@keras.saving.register_keras_serializable("keras_distlayers.layers")
class ZeroInflated(ReaderHead):
    """A head that adds extra zeros to the counts of another head.

    Draws carry no gradient.

    Args:
        count_head: The head of the counts, with independent entries, such as
            `IndependentPoisson(3)`. It only says how raw parameters are read and is never
            called. What stands for the tensor, the regularizer and the seed are those of this
            head.

    Input shape: `batch_shape + (n + m,)`, where n is the number of entries of an event and m is
    `count_head.num_params`.

    Output shape: `batch_shape + event_shape`, with the event shape of `count_head`.

    Raises:
        TypeError: if `count_head` is not a `ParametricHead` with an `event_shape`.
        ValueError: if `count_head` has a regularizer, or makes a distribution other than that
            of independent counts.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> head = kdl.layers.ZeroInflated(kdl.layers.IndependentNegativeBinomial(3))
        >>> rv = head(keras.ops.zeros((5, 9)))
        >>> head.num_params, tuple(rv.shape), round(float(rv.mean()[0, 0]), 4)
        (9, (5, 3), 0.3466)

    Source: `keras_distlayers.distributions.ZeroInflated`.
    """

    raw_parameters = ("logits of an extra zero, one per entry", "raw parameters of count_head")

    def __init__(
        self,
        count_head: ParametricHead,
        convert_to_tensor_fn: ConvertToTensor = "sample",
        **options: Unpack[HeadOptions],
    ) -> None:
        self._counts = Component(count_head, type(self).__name__, "count_head")
        self.event_shape = _event_shape(count_head)
        reader = _ZeroInflatedReader(self.event_shape, self._counts.reader)
        super().__init__(reader, convert_to_tensor_fn, **options)

    @staticmethod
    def params_size(event_shape: EventShape, count_params_size: int) -> int:
        """The number of raw parameters: one per entry more than the other head has."""
        shape = checked_shape("ZeroInflated", "event_shape", event_shape)
        size = checked_size("ZeroInflated", "count_params_size", count_params_size)
        return number_of_entries(shape) + size

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "count_head": self._counts.get_config()}


class _ZeroInflatedReader(ParameterReader):
    """Reads the logits of an extra zero, then the parameters of the counts."""

    def __init__(self, event_shape: tuple[int, ...], counts: ParameterReader) -> None:
        self._entries = number_of_entries(event_shape)
        super().__init__(self._entries + counts.size)
        self._event_shape, self._counts = event_shape, counts

    def to_distribution(self, raw: Tensor) -> distributions.Distribution:
        n = self._entries
        counts = self._counts.to_distribution(raw[..., n:])
        if isinstance(counts, distributions.Independent):
            counts = counts.distribution  # of the entries
        logits = in_shape(raw[..., :n], self._event_shape)
        zero_inflated = distributions.ZeroInflated(counts, logits)
        return distributions.Independent(zero_inflated, len(self._event_shape))


def _event_shape(count_head: ParametricHead) -> tuple[int, ...]:
    if hasattr(count_head, "event_shape"):
        return count_head.event_shape
    raise TypeError(
        message(
            "ZeroInflated, argument `count_head`",
            expected="a head with an `event_shape`, such as IndependentPoisson(3)",
            received=f"count_head={count_head!r}",
        )
    )


__all__ = ["ZeroInflated"]
