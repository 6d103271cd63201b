"""The probabilities of all labels, whatever distribution over labels there is."""

import math
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_distlayers._core.errors import message
from keras_distlayers._core.typing import Tensor
from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.distributions.labels import (
    is_of_labels,
    is_of_one_hot_vectors,
    label_log_probs,
)


def label_distribution(where: str, distribution: Distribution) -> Distribution:
    """The distribution of single labels, or of one-hot vectors, or an error."""
    if is_of_one_hot_vectors(distribution):
        return distribution
    if is_of_labels(distribution):
        return distribution.marginals()
    raise ValueError(
        message(
            f"{where}, argument `distribution`",
            expected="a distribution over labels or one-hot vectors",
            received=f"{distribution!r}, whose support is {distribution.support}",
        )
    )


def is_binary(labels: Distribution) -> bool:
    """Whether the label is 0 or 1 as a number, that of `Bernoulli`, and not one of several."""
    support = labels.support
    is_number = not labels.event_dtype.startswith("int") and not support.is_one_hot
    return is_number and (support.lower, support.upper) == (0, 1)


def binary_outcome(value: Tensor) -> Tensor:
    """The value of a `Bernoulli`, from 0 to 1; NaN for a label that there is not."""
    is_outcome = ops.logical_and(value >= 0.0, value <= 1.0)
    return ops.where(is_outcome, value, math.nan)


def label_probabilities(labels: Distribution) -> Tensor:
    """Of all labels, on a last axis; `labels` comes from `label_distribution`."""
    return ops.moveaxis(ops.exp(label_log_probs(labels)), 0, -1)


def one_hot_value(labels: Distribution, value: Any) -> Tensor:
    """The value as a one-hot vector on a last axis; NaN for a label that there is not."""
    if labels.support.is_one_hot:
        return value
    numbers = np.arange(labels.support.lower, labels.support.upper + 1)
    numbers = ops.convert_to_tensor(numbers, keras.backend.standardize_dtype(value.dtype))
    is_label = value[..., None] == numbers
    has_label = ops.any(is_label, axis=-1, keepdims=True)
    return ops.where(has_label, ops.cast(is_label, value.dtype), math.nan)


__all__ = [
    "binary_outcome",
    "is_binary",
    "label_distribution",
    "label_probabilities",
    "one_hot_value",
]
