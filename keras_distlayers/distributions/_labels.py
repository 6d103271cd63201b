"""Numbers as labels."""

import keras
from keras import ops

from keras_distlayers._core.ops import clip, floor
from keras_distlayers._core.typing import Tensor

_TOO_LARGE = 2**30
"""Stands for every larger label; float32 has it exactly."""


def as_event_number(value: Tensor, event_dtype: str, *, has_mass: bool) -> Tensor:
    """A value in the dtype of events.

    A cast would make a number between two labels the one that is nearer to 0. In place of that it
    is none of them where a mass is asked for, and else the one below it.
    """
    if not event_dtype.startswith("int"):
        return ops.convert_to_tensor(value, event_dtype)
    value = ops.convert_to_tensor(value)
    dtype = keras.backend.standardize_dtype(value.dtype)
    if keras.backend.is_float_dtype(dtype):
        label = floor(value)
        if has_mass:
            label = ops.where(label == value, label, -1.0)
        label = ops.where(ops.isnan(label), -1.0, label)
    elif dtype == "int64":
        label = value
    else:
        return ops.cast(value, event_dtype)
    # A cast of a number that is too large is any number.
    return ops.cast(clip(label, -1, _TOO_LARGE), event_dtype)


__all__ = ["as_event_number"]
