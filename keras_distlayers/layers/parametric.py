"""The base of the heads that read a distribution's parameters off the last axis of their input."""

import math

from keras import ops

from keras_distlayers._core.errors import message
from keras_distlayers.layers.head import Head

SCALE_FLOOR = 1e-5
"""Added to softplus(raw), so that no scale is zero, however small the raw parameter."""


class ParametricHead(Head):
    """The base of a head that wants a certain number of raw parameters on the last axis.

    A subclass has a static method `params_size`, passes its result on, and writes
    `make_distribution(inputs)` and `get_config()`.

    Args:
        num_params: How long the last axis of the input has to be.
        *args: As for `Head`.
        **kwargs: As for `Head`.

    Input shape: `batch_shape + (num_params,)`.

    Raises:
        ValueError: if the input's last axis is not `num_params`.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> class UnitNormal(kdl.layers.ParametricHead):
        ...     def __init__(self, event_size, **kwargs):
        ...         super().__init__(self.params_size(event_size), **kwargs)
        ...     @staticmethod
        ...     def params_size(event_size):
        ...         return event_size
        ...     def make_distribution(self, inputs):
        ...         return kdl.distributions.Independent(kdl.distributions.Normal(inputs, 1.0), 1)
        >>> UnitNormal(3)(keras.ops.zeros((5, 3))).batch_shape
        (5,)
    """

    def __init__(self, num_params, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.num_params = num_params

    def distribution(self, inputs):
        self._check_last_axis(tuple(inputs.shape))
        return super().distribution(inputs)

    def compute_output_spec(self, inputs, mask=None, training=None):
        # Before the shapes are inferred, which would bury the error in one of Keras's.
        self._check_last_axis(tuple(inputs.shape))
        return super().compute_output_spec(inputs, mask, training)

    def _check_last_axis(self, shape):
        if not shape or shape[-1] not in (None, self.num_params):
            raise ValueError(
                message(
                    f"{type(self).__name__} '{self.name}'",
                    expected=f"an input whose last axis is params_size={self.num_params}",
                    received=f"shape={shape}",
                    fix=f"Put a Dense({self.num_params}) in front of it.",
                )
            )


def checked_event_size(layer_name: str, size, argument="event_size", least=1) -> int:
    """An int of at least 1, or an error that names the layer and its argument."""
    if isinstance(size, int) and not isinstance(size, bool) and size >= least:
        return size
    raise ValueError(
        message(
            f"{layer_name}, argument `{argument}`",
            expected=f"an int of at least {least}",
            received=f"{argument}={size!r}",
        )
    )


def checked_event_shape(layer_name: str, event_shape) -> tuple[int, ...]:
    """A tuple of ints of at least 1, from an int or a sequence."""
    shape = (event_shape,) if isinstance(event_shape, int) else event_shape
    if isinstance(shape, list | tuple) and all(isinstance(n, int) and n >= 1 for n in shape):
        return tuple(shape)
    raise ValueError(
        message(
            f"{layer_name}, argument `event_shape`",
            expected="an int or a tuple of ints, each at least 1",
            received=f"event_shape={event_shape!r}",
        )
    )


def event_count(event_shape) -> int:
    """The number of entries of an event whose shape is an int or a sequence."""
    return math.prod((event_shape,) if isinstance(event_shape, int) else event_shape)


def as_event(x, event_shape):
    """The last axis in the shape of the event."""
    return ops.reshape(x, (*tuple(ops.shape(x))[:-1], *event_shape))


def positive_scale(raw):
    """softplus(raw) + 1e-5: smooth, positive, and linear for large raw parameters."""
    return ops.softplus(raw) + SCALE_FLOOR


__all__ = ["ParametricHead"]
