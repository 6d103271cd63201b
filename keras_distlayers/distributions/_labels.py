"""Numbers as labels."""

import keras
from keras import ops

from keras_distlayers._core.ops import floor
from keras_distlayers._core.typing import Tensor


def as_event_number(value: Tensor, event_dtype: str, *, has_mass: bool) -> Tensor:
    """A value in the dtype of events.

    A cast would make a number between two labels the one that is nearer to 0. In place of that it
    is none of them where a mass is asked for, and else the one below it.
    """
    if not event_dtype.startswith("int"):
        return ops.convert_to_tensor(value, event_dtype)
    value = ops.convert_to_tensor(value)
    if not keras.backend.is_float_dtype(value.dtype):
        return ops.cast(value, event_dtype)
    label = floor(value)
    if has_mass:
        label = ops.where(label == value, label, -1.0)
    return ops.cast(label, event_dtype)


__all__ = ["as_event_number"]
