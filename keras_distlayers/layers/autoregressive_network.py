"""The masked autoregressive network (MADE)."""

import itertools
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from keras_distlayers._core.errors import message
from keras_distlayers.layers._dense_network import DenseNetworkLayer
from keras_distlayers.layers._sizes import EventShape, checked_shape


@keras.saving.register_keras_serializable("keras_distlayers.layers")
class AutoregressiveNetwork(DenseNetworkLayer):
    """A dense network whose i-th outputs depend only on the inputs before the i-th (MADE).

    Each unit has a degree, and sees the units of the layer before whose degree is not larger
    (in the last layer: smaller), by masks on the kernels. The arguments are those of
    `tfp.bijectors.AutoregressiveNetwork`.

    Args:
        params: How many numbers come out for each entry of the event; 2 for shift and
            log-scale.
        event_shape: d, or `(d,)`; None takes it from the input.
        hidden_units: The widths of the hidden layers.
        input_order: `"left-to-right"`, `"right-to-left"`, or a permutation of 1, ..., d: the
            position of each entry in the order.
        activation: Of the hidden layers: a name, a function or None.
        use_bias: Whether there are biases.
        kernel_initializer: Of the kernels.
        bias_initializer: Of the biases.
        **kwargs: `name` and the like, of `keras.layers.Layer`.

    Input shape: `batch_shape + (d,)`.

    Output shape: `batch_shape + (d, params)`.

    Raises:
        ValueError: if a size is not a positive integer, if `event_shape` is not the shape of
            the input's vectors, or if `input_order` is not one of these.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> made = kdl.layers.AutoregressiveNetwork(params=2, hidden_units=[8], activation="relu")
        >>> tuple(made(keras.ops.ones((5, 3))).shape)
        (5, 3, 2)

    Source: Germain, Gregor, Murray and Larochelle, MADE: Masked Autoencoder for Distribution
    Estimation (2015), section 4.
    """

    def __init__(
        self,
        params: int,
        event_shape: EventShape | None = None,
        hidden_units: Sequence[int] | None = None,
        input_order: str | Sequence[int] = "left-to-right",
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        **kwargs: Any,
    ) -> None:
        super().__init__(
            params, hidden_units or (), activation, use_bias,
            kernel_initializer, bias_initializer, **kwargs,
        )  # fmt: skip
        self.event_shape: tuple[int, ...] | None = None
        if event_shape is not None:
            self.event_shape = checked_shape(type(self).__name__, "event_shape", event_shape)
        self.input_order = input_order if isinstance(input_order, str) else list(input_order)

    def build(self, input_shape: Any) -> None:
        event_size = input_shape[-1]
        if self.event_shape not in (None, (event_size,)):
            raise ValueError(
                message(
                    f"AutoregressiveNetwork '{self.name}'",
                    expected=f"vectors of event_shape={self.event_shape}",
                    received=f"shape={tuple(input_shape)}",
                )
            )
        self.masks = self._masks(event_size)
        self.build_weights(event_size, event_size)

    def _masks(self, event_size: int) -> list[np.ndarray]:
        """For each kernel, which entries it keeps."""
        first = _degrees_of_input(self, event_size)
        degrees = [first]
        for units in self.hidden_units:
            degrees.append(_degrees_of_hidden(units, event_size, degrees[-1].min()))
        masks = [a[:, None] <= b for a, b in itertools.pairwise(degrees)]
        last = degrees[-1][:, None] < first
        return [*masks, np.repeat(last, self.params, axis=-1)]


MADE = AutoregressiveNetwork


def _degrees_of_input(layer: AutoregressiveNetwork, event_size: int) -> np.ndarray:
    positions = list(range(1, event_size + 1))
    named = {"left-to-right": positions, "right-to-left": positions[::-1]}
    given = layer.input_order
    order = named.get(given) if isinstance(given, str) else given
    if order is None or sorted(order) != positions:
        raise ValueError(
            message(
                f"AutoregressiveNetwork '{layer.name}', argument `input_order`",
                expected=f"'left-to-right', 'right-to-left' or the ints from 1 to {event_size}",
                received=f"input_order={layer.input_order!r}",
            )
        )
    return np.asarray(order)


def _degrees_of_hidden(units: int, event_size: int, least: int) -> np.ndarray:
    """The inner ones of `units + 2` points spread evenly from 0 to d - 1, rounded up.

    As in TFP, so that the weights of its networks fit. No degree is below the smallest of the
    layer before: such a unit would see nothing.
    """
    inner = np.arange(1, units + 1) * (event_size - 1) / (units + 1)
    return np.maximum(min(least, event_size - 1), np.ceil(inner).astype("int32"))


__all__ = ["MADE", "AutoregressiveNetwork"]
