"""The check that families on the positive numbers share."""

import numpy as np
from keras import ops

from keras_distlayers._core.typing import Tensor


def positive_or_one(value: Tensor) -> tuple[Tensor, Tensor]:
    """Whether a value is positive, and the value, or 1 where it is not, or is infinite.

    The formula for positive values must have a finite value and gradient everywhere, since
    `where` multiplies the gradient of the branch that is not taken by 0.
    """
    is_positive = value > 0.0
    is_inside = ops.logical_and(is_positive, value < np.inf)
    return is_positive, ops.where(is_inside, value, 1.0)


__all__ = ["positive_or_one"]
