"""Scores of the probability, or the density, of what was observed."""

from typing import Any

from keras import ops

from keras_distlayers._core.ops import mean
from keras_distlayers._core.typing import Tensor
from keras_distlayers.scores.arguments import checked_distribution, checked_value
from keras_distlayers.scores.labels import (
    binary_outcome,
    is_binary,
    label_distribution,
    label_probabilities,
    one_hot_value,
)


def log_score(distribution: Any, value: Tensor) -> Tensor:
    """The logarithmic score, -log p(value), in nats per example; less is better.

    Args:
        distribution: A `Distribution` or a `RandomVariable`.
        value: Tensor whose trailing axes are `event_shape`, and whose leading axes broadcast with
            `batch_shape`.

    Returns:
        Tensor of the broadcast shape without the event.

    Raises:
        TypeError: if `distribution` is not a distribution.
        ValueError: if the shape of the value does not fit.

    Examples:
        >>> import keras_distlayers as kdl
        >>> normal = kdl.distributions.Normal(0.0, 1.0)
        >>> round(float(kdl.scores.log_score(normal, 0.0)), 4)
        0.9189

    Source: Good, Journal of the Royal Statistical Society B 14 (1952).
    """
    distribution = checked_distribution("log_score", distribution)
    return -distribution.log_prob(checked_value("log_score", distribution, value))


def brier(distribution: Any, value: Tensor) -> Tensor:
    """Brier's score of a distribution over labels: a squared error of probabilities.

    For several labels it is the sum of (p_k - 1{value = k})^2 over the labels k, from 0 to 2. For
    `Bernoulli` it is (p - value)^2, from 0 to 1, which is half of that sum. Both are those of
    scikit-learn from 1.7 on. Of an event with several labels it is the mean of theirs.

    Args:
        distribution: A `Distribution` or a `RandomVariable` over labels or one-hot vectors.
        value: The labels, in the shape of a draw.

    Returns:
        Tensor of the broadcast shape without the event.

    Raises:
        TypeError: if `distribution` is not a distribution.
        ValueError: if it is not one over labels, or if the shape of the value does not fit.

    Examples:
        >>> import keras_distlayers as kdl
        >>> categorical = kdl.distributions.Categorical(probs=[0.5, 0.25, 0.25])
        >>> [float(score) for score in kdl.scores.brier(categorical, [0, 1])]
        [0.375, 0.875]
        >>> float(kdl.scores.brier(kdl.distributions.Bernoulli(probs=0.25), 1.0))
        0.5625

    Source: Brier, Monthly Weather Review 78 (1950).
    """
    distribution = checked_distribution("brier", distribution)
    value = checked_value("brier", distribution, value)
    labels = label_distribution("brier", distribution)
    probs = label_probabilities(labels)
    if is_binary(labels):
        score = ops.square(probs[..., 1] - binary_outcome(value))
    else:
        score = ops.sum(ops.square(probs - one_hot_value(labels, value)), axis=-1)
    axes = tuple(range(len(labels.event_shape) - len(distribution.event_shape), 0))
    return mean(score, axis=axes) if axes else score


__all__ = ["brier", "log_score"]
