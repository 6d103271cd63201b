"""Distributions over finitely many labels: the log probabilities of all, and the likeliest."""

import numpy as np
from keras import ops

from keras_distlayers._core.typing import Tensor
from keras_distlayers.distributions.distribution import Distribution


def is_of_labels(distribution: Distribution) -> bool:
    """Whether the entries of events are integers between two fixed ones, one-hot vectors apart."""
    support = distribution.support
    is_finite = all(isinstance(bound, int) for bound in (support.lower, support.upper))
    return support.is_discrete and not support.is_one_hot and is_finite


def is_of_one_hot_vectors(distribution: Distribution) -> bool:
    """Whether events are one-hot vectors."""
    return distribution.support.is_one_hot and len(distribution.event_shape) == 1


def label_log_probs(labels: Distribution) -> Tensor:
    """Of all labels, on a first axis; for events that are single labels or one-hot vectors."""
    ones = (1,) * len(labels.batch_shape)
    if labels.support.is_one_hot:
        size = labels.event_shape[0]
        values = ops.reshape(ops.eye(size, dtype=labels.dtype), (size, *ones, size))
    else:
        numbers = np.arange(labels.support.lower, labels.support.upper + 1)
        values = ops.reshape(ops.convert_to_tensor(numbers, "int32"), (-1, *ones))
    return labels.log_prob(values)


def most_likely_label(distribution: Distribution) -> Tensor | None:
    """The mode, the first of several; None where events are not labels or one-hot vectors."""
    is_one_hot = is_of_one_hot_vectors(distribution)
    is_label = is_of_labels(distribution) and not distribution.event_shape
    if not is_one_hot and not is_label:
        return None
    index = ops.argmax(label_log_probs(distribution), axis=0)
    if is_one_hot:
        size = distribution.event_shape[0]
        return ops.one_hot(index, size, dtype=distribution.event_dtype)
    lower = distribution.support.lower
    return ops.cast(index, distribution.event_dtype) + ops.cast(lower, distribution.event_dtype)


__all__ = ["is_of_labels", "is_of_one_hot_vectors", "label_log_probs", "most_likely_label"]
