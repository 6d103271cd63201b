"""What the scores do to their arguments."""

from typing import Any

import keras
from keras import ops

from keras_distlayers._core import shapes
from keras_distlayers._core.errors import message
from keras_distlayers._core.typing import Shape, Tensor
from keras_distlayers.distributions.distribution import Distribution


def checked_distribution(where: str, distribution: Any) -> Distribution:
    """The distribution, without the tensor of a RandomVariable, or an error."""
    if hasattr(distribution, "unwrapped"):
        return distribution.unwrapped()
    raise TypeError(
        message(
            f"{where}, argument `distribution`",
            expected="a distribution, or a random variable, of keras_distlayers",
            received=f"a {type(distribution).__name__}",
        )
    )


def checked_value(where: str, distribution: Distribution, value: Any) -> Tensor:
    """The value as floats, labels too, or an error for another shape."""
    value = ops.convert_to_tensor(value)
    if keras.backend.standardize_dtype(value.dtype) != distribution.dtype:
        value = ops.cast(value, distribution.dtype)
    where = f"{where}, argument `value`"
    shape = tuple(value.shape)
    shapes.check_value(where, shape, distribution.batch_shape, distribution.event_shape)
    _check_has_a_match(where, shape, distribution)
    return value


def _check_has_a_match(where: str, shape: Shape, distribution: Distribution) -> None:
    """Refuses m values for n distributions that would broadcast to m x n."""
    batch = distribution.batch_shape
    of_value = shapes.without_event(shape, len(distribution.event_shape))
    of_both = shapes.broadcast(of_value, batch)
    if None in (*of_value, *batch):
        return  # traced; `losses` and `metrics` have compared the shapes
    if shapes.size(of_both) > max(shapes.size(of_value), shapes.size(batch)):
        raise ValueError(
            message(
                where,
                expected=f"values that meet the distributions, of batch_shape={batch}, in pairs",
                received=f"shape={shape}, which broadcasts with them to all pairs, {of_both}",
                fix="A trailing axis of size 1 is missing, or too many: reshape the value. For "
                "all pairs, broadcast it yourself.",
            )
        )


def entries_or_none(distribution: Distribution) -> Distribution | None:
    """The distribution of each entry of an event; None where that is not known."""
    try:
        return distribution.marginals()
    except NotImplementedError:
        return None


def checked_between(where: str, name: str, number: float) -> float:
    """A number between 0 and 1, or an error."""
    if 0.0 < number < 1.0:
        return float(number)
    raise ValueError(
        message(
            f"{where}, argument `{name}`",
            expected="a number between 0 and 1, such as 0.9",
            received=f"{name}={number}",
        )
    )


__all__ = [
    "checked_between",
    "checked_distribution",
    "checked_value",
    "entries_or_none",
]
