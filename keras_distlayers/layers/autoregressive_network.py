"""The masked autoregressive network (MADE)."""

import itertools

import keras
import numpy as np

from keras_distlayers._core.errors import message
from keras_distlayers.layers._dense_network import DenseNetworkLayer
from keras_distlayers.layers.parametric import checked_event_shape


@keras.saving.register_keras_serializable("keras_distlayers.layers")
class AutoregressiveNetwork(DenseNetworkLayer):
    """A dense network whose i-th outputs depend on the inputs before the i-th alone (MADE).

    Each unit has a degree, and sees the units of the layer before whose degree is no larger
    (in the last layer: smaller). Masks on the kernels see to that. The arguments are those of
    `tfp.bijectors.AutoregressiveNetwork`.

    Args:
        params: How many numbers come out for each entry of the event; 2 for shift and
            log-scale.
        event_shape: d, or `(d,)`; None takes it from the input.
        hidden_units: The widths of the hidden layers.
        input_order: `"left-to-right"`, `"right-to-left"`, or a permutation of 1 ... d: the
            place of each entry.
        activation: Of the hidden layers: a name, a function or None.
        use_bias: Whether there are biases.
        kernel_initializer: Of the kernels.
        bias_initializer: Of the biases.
        **kwargs: `name` and the like, of `keras.layers.Layer`.

    Input shape: `batch_shape + (d,)`.

    Output shape: `batch_shape + (d, params)`.

    Raises:
        ValueError: if `event_shape` has another rank than 1, or is not the input's, or
            `input_order` is none.

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
        params,
        event_shape=None,
        hidden_units=None,
        input_order="left-to-right",
        activation=None,
        use_bias=True,
        kernel_initializer="glorot_uniform",
        bias_initializer="zeros",
        **kwargs,
    ):
        super().__init__(
            params, hidden_units or (), activation, use_bias,
            kernel_initializer, bias_initializer, **kwargs,
        )  # fmt: skip
        self.event_shape = None
        if event_shape is not None:
            self.event_shape = checked_event_shape(type(self).__name__, event_shape)
        self.input_order = input_order if isinstance(input_order, str) else list(input_order)

    def build(self, input_shape):
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

    def _masks(self, event_size):
        """For each kernel, which entries stay."""
        first = _degrees_of_input(self, event_size)
        degrees = [first]
        for units in self.hidden_units:
            degrees.append(_degrees_of_hidden(units, event_size, degrees[-1].min()))
        masks = [a[:, None] <= b for a, b in itertools.pairwise(degrees)]
        last = degrees[-1][:, None] < first
        return [*masks, np.repeat(last, self.params, axis=-1)]

    def get_config(self):
        config = {"event_shape": self.event_shape, "input_order": self.input_order}
        return {**super().get_config(), **config}


MADE = AutoregressiveNetwork


def _degrees_of_input(layer, event_size):
    places = list(range(1, event_size + 1))
    orders = {"left-to-right": places, "right-to-left": places[::-1]}
    order = layer.input_order
    order = orders.get(order) if isinstance(order, str) else order
    if order is None or sorted(order) != places:
        raise ValueError(
            message(
                f"AutoregressiveNetwork '{layer.name}', argument `input_order`",
                expected=f"'left-to-right', 'right-to-left' or the ints from 1 to {event_size}",
                received=f"input_order={layer.input_order!r}",
            )
        )
    return np.asarray(order)


def _degrees_of_hidden(units, event_size, least):
    """The inner ones of `units + 2` points spread evenly from 0 to d - 1, rounded up.

    As in TFP, so that the weights of its networks fit. None is less than the least of the
    layer before: such a unit would see nothing.
    """
    inner = np.arange(1, units + 1) * (event_size - 1) / (units + 1)
    return np.maximum(min(least, event_size - 1), np.ceil(inner).astype("int32"))


__all__ = ["MADE", "AutoregressiveNetwork"]
