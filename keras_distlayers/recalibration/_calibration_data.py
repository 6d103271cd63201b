"""Whether calibration data fit what a model says of them."""

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_distlayers._core.batches import map_batch
from keras_distlayers._core.errors import message
from keras_distlayers._core.typing import Tensor
from keras_distlayers.distributions import Distribution


def checked_distribution(where: str, model: keras.Model, predicted: Any) -> Distribution:
    """What `predict_distribution` has returned for a model with one output, or an error."""
    if isinstance(predicted, Distribution):
        return predicted
    raise TypeError(
        message(
            f"{where}, argument `model`",
            expected="a model with one output, a RandomVariable",
            received=f"one with several, the model '{model.name}'",
            fix="Make a model of one of them: keras.Model(model.inputs, output).",
        )
    )


def checked_targets(where: str, distribution: Distribution, y: Any) -> np.ndarray:
    """The targets as an array in the shape of a draw, or an error."""
    targets = ops.convert_to_numpy(y) if ops.is_tensor(y) else np.asarray(y)
    expected = (*distribution.batch_shape, *distribution.event_shape)
    if targets.shape == expected and targets.size:
        return targets
    raise ValueError(
        message(
            f"{where}, argument `y`",
            expected=f"targets in the shape of a draw for all rows of x, {expected}",
            received=f"shape={targets.shape}",
        )
    )


def checked_weights(where: str, sample_weight: Any, rows: int) -> np.ndarray:
    """A weight for each row, 1 by default."""
    if sample_weight is None:
        return np.ones(rows, "float32")
    weights = np.asarray(ops.convert_to_numpy(sample_weight), "float32")
    is_right = weights.shape == (rows,) and np.isfinite(weights).all() and (weights >= 0.0).all()
    if is_right and weights.sum() > 0.0:
        return weights
    raise ValueError(
        message(
            f"{where}, argument `sample_weight`",
            expected=f"a number of 0 or more for each of {rows} rows, not all of them 0",
            received=f"shape={weights.shape}, from {np.min(weights)} to {np.max(weights)}",
        )
    )


def rows_of(distribution: Distribution, rows: np.ndarray) -> Distribution:
    """Some rows of a distribution, by their numbers on the first axis of the batch."""
    return map_batch(
        distribution,
        distribution.dynamic_batch_shape(),
        lambda tensor: ops.take(tensor, rows, axis=0),
        shared=lambda tensor: tensor,
    )


def check_density(where: str, log_prob: Tensor) -> None:
    """An error where a target is one that the model holds for impossible, or is not a number."""
    values = ops.convert_to_numpy(log_prob)
    count = int((~np.isfinite(values)).sum())
    if count:
        raise ValueError(
            message(
                f"{where}, argument `y`",
                expected="targets that the model holds for possible",
                received=f"{count} of {values.size} whose log_prob is infinite or NaN",
                fix="Leave them out, or take a head whose support has them.",
            )
        )


__all__ = [
    "check_density",
    "checked_distribution",
    "checked_targets",
    "checked_weights",
    "rows_of",
]
