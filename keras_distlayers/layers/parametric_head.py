"""The base of the heads that want a certain number of raw parameters on the last axis."""

from typing import Any, Unpack

import keras
from keras import ops

from keras_distlayers._core.errors import message
from keras_distlayers._core.foreign_arguments import refuse_foreign_arguments
from keras_distlayers._core.typing import Shape, Tensor
from keras_distlayers.distributions import Distribution
from keras_distlayers.layers._readers import FunctionReader, ParameterReader
from keras_distlayers.layers._sizes import checked_size
from keras_distlayers.layers.head import ConvertToTensor, Head, HeadOptions


class ParametricHead(Head):
    """The base of a head that wants a certain number of raw parameters on the last axis.

    A subclass passes that number on and writes `make_distribution(inputs)`. A static or class
    method `params_size`, with the arguments that decide on it, tells users how many units the
    layer before the head needs. Where the entries of an event are independent, derive from
    `IndependentHead`, which writes all three.

    Args:
        num_params: The length of the input's last axis. A subclass passes it by position.

    Input shape: `batch_shape + (num_params,)`.

    Raises:
        ValueError: if the input's last axis is not `num_params` long.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> class UnitNormal(kdl.layers.ParametricHead):
        ...     def __init__(self, event_size, **options):
        ...         super().__init__(self.params_size(event_size), **options)
        ...         self.event_size = event_size
        ...     @staticmethod
        ...     def params_size(event_size):
        ...         return event_size
        ...     def make_distribution(self, inputs):
        ...         return kdl.distributions.Independent(kdl.distributions.Normal(inputs, 1.0), 1)
        >>> UnitNormal(3)(keras.ops.zeros((5, 3))).batch_shape
        (5,)
        >>> UnitNormal(3, seed=1).get_config()["event_size"]
        3
    """

    num_params: int

    def __init__(
        self,
        num_params: int,
        /,
        convert_to_tensor_fn: ConvertToTensor = "sample",
        **options: Unpack[HeadOptions],
    ) -> None:
        super().__init__(convert_to_tensor_fn, **options)
        self.num_params = checked_size(type(self).__name__, "num_params", num_params)

    @property
    def reader(self) -> ParameterReader:
        """Makes the head's distributions without the layer, for heads made of other heads."""
        return FunctionReader(self.num_params, self.make_distribution)

    def distribution(self, inputs: Any) -> Distribution:
        self._check_last_axis(tuple(inputs.shape))
        return super().distribution(inputs)

    def compute_output_spec(
        self, inputs: Any, mask: Tensor | None = None, training: bool | None = None
    ) -> Any:
        # Before the shapes are inferred, which would bury the error in one of Keras's.
        self._check_last_axis(tuple(inputs.shape))
        return super().compute_output_spec(inputs, mask, training)

    def _check_last_axis(self, shape: Shape) -> None:
        check_last_axis(f"{type(self).__name__} '{self.name}'", shape, self.num_params)


def check_last_axis(where: str, shape: Shape, num_params: int) -> None:
    """Refuses an input whose last axis has another length."""
    if not shape or shape[-1] not in (None, num_params):
        raise ValueError(
            message(
                where,
                expected=f"an input whose last axis is params_size={num_params}",
                received=f"shape={shape}",
                fix=f"Put a Dense({num_params}) before it.",
            )
        )


class ReaderHead(ParametricHead):
    """The base of a head that leaves its work to a `ParameterReader`.

    Args:
        reader: Makes the distributions. A subclass passes it by position.
    """

    def __init__(
        self,
        reader: ParameterReader,
        /,
        convert_to_tensor_fn: ConvertToTensor = "sample",
        **options: Unpack[HeadOptions],
    ) -> None:
        super().__init__(reader.size, convert_to_tensor_fn, **options)
        self._reader = reader

    def make_distribution(self, inputs: Tensor) -> Distribution:
        return self._reader.to_distribution(inputs)

    @classmethod
    def new(cls, inputs: Tensor, *sizes: Any, **named_sizes: Any) -> Distribution:
        """The distribution for raw parameters without a layer, as in tfp.layers.

        Args:
            inputs: Raw parameters, of shape `batch_shape + (params_size,)`.
            *sizes: The sizes that the constructor takes, in its order.
            **named_sizes: The same, by name.

        Raises:
            TypeError: if the sizes are not those of the constructor.
            ValueError: if the last axis has another length.
            NotImplementedError: for a head that takes more than sizes: make the layer, and use
                its method `distribution`.
        """
        refuse_foreign_arguments(cls, named_sizes)
        reader = cls._reader_of_sizes(*sizes, **named_sizes)
        inputs = _at_least_float32(ops.convert_to_tensor(inputs))
        check_last_axis(f"{cls.__name__}.new", tuple(inputs.shape), reader.size)
        return reader.to_distribution(inputs)

    @classmethod
    def _reader_of_sizes(cls, *sizes: Any, **named_sizes: Any) -> ParameterReader:
        raise NotImplementedError(
            f"{cls.__name__}.new: the distribution takes more than sizes. Make the layer, and "
            f"write `layer.distribution(inputs)`."
        )

    @property
    def reader(self) -> ParameterReader:
        overridden = type(self).make_distribution is not ReaderHead.make_distribution
        return super().reader if overridden else self._reader


def _at_least_float32(x: Tensor) -> Tensor:
    """Raw parameters with the digits that a log probability needs."""
    dtype = keras.backend.standardize_dtype(x.dtype)
    return x if dtype == "float64" else ops.cast(x, "float32")


__all__ = ["ParametricHead", "ReaderHead"]
