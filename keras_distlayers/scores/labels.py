"""The probabilities of all labels, whatever distribution over labels there is."""

import math
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_distlayers._core.errors import message
from keras_distlayers._core.typing import Tensor
from keras_distlayers.distributions.distribution import Distribution


def label_distribution(where: str, distribution: Distribution) -> Distribution:
    """The distribution of single labels, or of one-hot vectors, or an error."""
    if distribution.support.is_one_hot and len(distribution.event_shape) == 1:
        return distribution
    if _has_labels(distribution):
        return distribution.marginals()
    raise ValueError(
        message(
            f"{where}, argument `distribution`",
            expected="a distribution over labels or one-hot vectors",
            received=f"{distribution!r}, whose support is {distribution.support}",
        )
    )


def _has_labels(distribution: Distribution) -> bool:
    support = distribution.support
    bounds = (support.lower, support.upper)
    is_finite = all(isinstance(bound, int) for bound in bounds)
    return support.is_discrete and not support.is_one_hot and is_finite


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
    ndims = len(labels.batch_shape)
    if labels.support.is_one_hot:
        size = labels.event_shape[0]
        values = ops.reshape(ops.eye(size, dtype=labels.dtype), (size, *(1,) * ndims, size))
    else:
        numbers = np.arange(labels.support.lower, labels.support.upper + 1)
        values = ops.reshape(ops.convert_to_tensor(numbers, "int32"), (-1, *(1,) * ndims))
    return ops.moveaxis(ops.exp(labels.log_prob(values)), 0, -1)


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
