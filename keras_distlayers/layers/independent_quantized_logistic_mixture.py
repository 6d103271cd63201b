"""The head of independent mixtures of quantized logistic distributions."""

import functools
from collections.abc import Mapping
from typing import Any, Unpack

import keras

from keras_distlayers import distributions
from keras_distlayers._core.errors import message
from keras_distlayers._core.typing import Tensor
from keras_distlayers.layers._declared_head import DeclaredHead
from keras_distlayers.layers._readers import DeclaredReader, EntriesReader, ParameterReader
from keras_distlayers.layers._sizes import EventShape
from keras_distlayers.layers.head import ConvertToTensor, HeadOptions
from keras_distlayers.layers.parameters import Positive, Real


@keras.saving.register_keras_serializable("keras_distlayers.layers")
class IndependentQuantizedLogisticMixture(DeclaredHead):
    """A head for an event of integers, each a mixture of quantized logistics: PixelCNN++'s.

    The parameters of an entry come before those of the next; each is a vector of one number
    per component. Centres and scales are in units of half the range: a centre is
    (low + high) / 2 + loc (high - low) / 2, and a scale is multiplied by (high - low) / 2.

    Args:
        num_components: K, the number of components.
        event_shape: The shape of one event: an int or a sequence of ints; () for a scalar.
        low: The smallest integer.
        high: The largest integer.

    Input shape: `batch_shape + (params_size(num_components, event_shape),)`.

    Output shape: `batch_shape + event_shape`.

    Raises:
        ValueError: if `num_components` or `event_shape` is not made of positive integers, or
            if `low` is not below `high`.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> head = kdl.layers.IndependentQuantizedLogisticMixture(5, (8, 8, 3))
        >>> rv = head(keras.ops.zeros((2, head.num_params)))
        >>> head.num_params, tuple(rv.shape), round(float(rv.mean()[0, 0, 0, 0]), 2)
        (2880, (2, 8, 8, 3), 127.5)

    Source: Salimans, Karpathy, Chen and Kingma, PixelCNN++ (2017), section 2.1.
    """

    parameters = {"logits": Real(), "loc": Real(), "scale": Positive()}
    distribution_arguments = ("low", "high")

    def __init__(
        self,
        num_components: int,
        event_shape: EventShape = (),
        low: int = 0,
        high: int = 255,
        convert_to_tensor_fn: ConvertToTensor = "sample",
        **options: Unpack[HeadOptions],
    ) -> None:
        if not low < high:
            raise ValueError(
                message(
                    "IndependentQuantizedLogisticMixture, arguments `low` and `high`",
                    expected="low below high",
                    received=f"low={low}, high={high}",
                )
            )
        self.low, self.high = int(low), int(high)
        sizes = {"num_components": num_components, "event_shape": event_shape}
        super().__init__(sizes, convert_to_tensor_fn, **options)

    @classmethod
    def params_size(cls, num_components: int, event_shape: EventShape = ()) -> int:
        """The number of raw parameters: 3 K per entry."""
        return cls.reader_for(num_components=num_components, event_shape=event_shape).size

    @classmethod
    def _make_reader(
        cls, sizes: Mapping[str, Any], arguments: Mapping[str, Any]
    ) -> ParameterReader:
        shapes = dict.fromkeys(cls.parameters, (sizes["num_components"],))
        make = functools.partial(cls.from_parameters, **arguments)
        return EntriesReader(DeclaredReader(cls.parameters, shapes, make), sizes["event_shape"])

    @classmethod
    def from_parameters(
        cls, logits: Tensor, loc: Tensor, scale: Tensor, low: int, high: int
    ) -> distributions.MixtureSameFamily:
        middle, half = 0.5 * (low + high), 0.5 * (high - low)
        components = distributions.QuantizedLogistic(middle + half * loc, half * scale, low, high)
        return distributions.MixtureSameFamily(
            distributions.Categorical(logits=logits), components
        )


__all__ = ["IndependentQuantizedLogisticMixture"]
