"""Losses that see the model's output as the distribution that it is."""

import keras
from keras import ops

from keras_distlayers import _backend
from keras_distlayers._core import reductions
from keras_distlayers._core.errors import message
from keras_distlayers._core.ops import maximum, mean
from keras_distlayers.random_variable import RandomVariable


@keras.saving.register_keras_serializable("keras_distlayers.losses")
class DistributionLoss(keras.losses.Loss):
    """A loss from a function of the target and the output's RandomVariable.

    `keras.losses.Loss` turns the output into a plain tensor before a loss sees it; this one
    hands it over whole. What the function returns is summed over all axes but the first
    and averaged over examples: nats per example, where the function returns nats.

    Use it as a decorator, too. The blog post's loss moves over with one word:

    Examples:
        >>> import keras_distlayers as kdl
        >>> negloglik = kdl.losses.DistributionLoss(lambda x, rv_x: -rv_x.log_prob(x))

    Args:
        fn: A function `(y_true, rv) -> tensor` of the shape of the batch.
        name: The name of the loss; by default the function's.
        reduction: As for `keras.losses.Loss`, over examples. A mask leaves entries out; an
            example that is masked whole does not count. With `sample_weight` the sum is
            divided by the number of examples, as Keras does.
        dtype: As for `keras.losses.Loss`.

    Raises:
        TypeError: when it is called on an output that is no RandomVariable.

    Examples:
        >>> import keras
        >>> rv = kdl.layers.IndependentNormal(1)(keras.ops.zeros((4, 2)))
        >>> round(float(negloglik(keras.ops.zeros((4, 1)), rv)), 3)
        0.552
    """

    def __init__(self, fn, name=None, reduction="sum_over_batch_size", dtype=None):
        super().__init__(name=name or _name(fn), reduction=reduction, dtype=dtype)
        self.fn = fn

    def __call__(self, y_true, y_pred, sample_weight=None):
        if _backend.is_meta(y_pred):
            return super().__call__(y_true, ops.zeros(tuple(y_pred.shape)[:1]))
        rows, counts = per_row(self.fn, y_true, y_pred, sample_weight, where=self.name)
        is_masked = getattr(y_pred, "_keras_mask", None) is not None
        if is_masked and self.reduction in ("sum_over_batch_size", "mean"):
            # Keras divides by the number of rows; one that is masked whole is no example.
            rows = rows / maximum(mean(counts), keras.config.epsilon())
        return super().__call__(rows, rows)

    def call(self, y_true, y_pred):
        """The values as they are: they were computed before, from the distribution."""
        return y_pred

    def get_config(self):
        fn = keras.saving.serialize_keras_object(self.fn)
        return {**super().get_config(), "fn": fn}

    @classmethod
    def from_config(cls, config):
        return cls(**keras.saving.deserialize_keras_object(config))


def _name(fn) -> str:
    """The function's name, or one for a function that has none."""
    name = getattr(fn, "__name__", "")
    return name if name.isidentifier() else "distribution_loss"


@keras.saving.register_keras_serializable("keras_distlayers.losses")
class NegativeLogLikelihood(DistributionLoss):
    """-log p(y_true) under the model's output, in nats per example.

    Args:
        name: The name of the loss.
        reduction: As for `DistributionLoss`.
        dtype: As for `DistributionLoss`.

    Raises:
        TypeError: when it is called on an output that is no RandomVariable.
        ValueError: if the target's shape is not that of the distribution's batch and event.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> rv = kdl.layers.IndependentBernoulli((28, 28, 1))(keras.ops.zeros((4, 784)))
        >>> round(float(kdl.losses.NegativeLogLikelihood()(keras.ops.ones((4, 28, 28, 1)), rv)), 2)
        543.43
    """

    def __init__(
        self, name="negative_log_likelihood", reduction="sum_over_batch_size", dtype=None
    ):
        super().__init__(negative_log_likelihood, name, reduction, dtype)

    def get_config(self):
        config = super().get_config()
        del config["fn"]
        return config


def negative_log_likelihood(y_true, rv):
    """-log p(y_true), of the shape of the batch, in nats."""
    values = -rv.log_prob(y_true)
    if len(values.shape) != len(rv.batch_shape):
        raise ValueError(
            message(
                "negative log likelihood, argument `y_true`",
                expected=f"the shape {(*rv.batch_shape, *rv.event_shape)}: batch_shape, then "
                "event_shape of the model's output",
                received=f"shape={tuple(y_true.shape)}",
            )
        )
    return values


def per_row(fn, y_true, rv, sample_weight, *, where: str):
    """What `fn` returns for each row, and which rows are examples; see `_units`."""
    if not isinstance(rv, RandomVariable):
        raise TypeError(
            message(
                f"{where}, argument `y_pred`",
                expected="the RandomVariable that a head returns",
                received=f"a {type(rv).__name__} of shape {tuple(rv.shape)}",
                fix="End the model with a layer of keras_distlayers.layers: a layer behind "
                "the head turns its output into a plain tensor.",
            )
        )
    mask = getattr(rv, "_keras_mask", None)
    return reductions.nats_per_row(fn(y_true, rv), mask, sample_weight, where=where)


__all__ = ["DistributionLoss", "NegativeLogLikelihood"]
