"""Metrics that see the model's output as the distribution that it is."""

from typing import Any, Self

import keras
from keras import ops

from keras_distlayers._backend import backend
from keras_distlayers._core import reductions
from keras_distlayers._core.typing import Tensor
from keras_distlayers.losses import (
    LossFunction,
    function_name,
    negative_log_likelihood,
    per_row,
)
from keras_distlayers.random_variable import RandomVariable


@keras.saving.register_keras_serializable("keras_distlayers.metrics")
class DistributionMetric(keras.metrics.Mean):
    """The mean over examples of a function of the target and the output's RandomVariable.

    It is to `keras.metrics.Metric` what `losses.DistributionLoss` is to a loss: the function
    sees the distribution, on every backend. What it returns is summed over all axes but the
    first and averaged over examples, whatever the batches. Masked entries do not count;
    `sample_weight` weighs the examples.

    Args:
        fn: A function `(y_true, rv) -> tensor` of the shape of the batch. It gets the target in
            the shape of one draw, as in `losses.DistributionLoss`. To be saved with the
            model it must be registered (`keras.saving.register_keras_serializable`).
        name: The name in the logs; the name of the function by default.
        dtype: As for `keras.metrics.Metric`.

    Raises:
        TypeError: when it is called on an output that is not a RandomVariable.
        ValueError: if the target's shape is not that of the distribution's batch and event.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> spread = kdl.metrics.DistributionMetric(lambda y, rv: rv.stddev(), name="spread")
        >>> rv = kdl.layers.DistributionLambda(lambda t: kdl.distributions.Normal(t, 2.0))(
        ...     keras.ops.zeros((4,)))
        >>> spread.update_state(keras.ops.zeros((4,)), rv)
        >>> float(spread.result())
        2.0
    """

    def __init__(self, fn: LossFunction, name: str | None = None, dtype: Any = None):
        super().__init__(name=name or function_name(fn, "distribution_metric"), dtype=dtype)
        self.fn = fn

    def update_state(
        self, y_true: Tensor, y_pred: RandomVariable, sample_weight: Tensor | None = None
    ) -> None:
        if backend.is_meta(y_pred):
            return super().update_state(ops.zeros(tuple(y_pred.shape)[:1]))
        where = f"metric '{self.name}'"
        rows, counts = per_row(self.fn, y_true, y_pred, sample_weight, where=where, weighted=False)
        return super().update_state(rows, _weights(counts, sample_weight))

    def get_config(self) -> dict[str, Any]:
        fn = keras.saving.serialize_keras_object(self.fn)
        return {**super().get_config(), "fn": fn}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        return cls(**keras.saving.deserialize_keras_object(config))


@keras.saving.register_keras_serializable("keras_distlayers.metrics")
class NegativeLogLikelihood(DistributionMetric):
    """The mean of -log p(y_true) over examples, in nats per example.

    Beside a loss that adds the KL divergence, it shows the reconstruction's part alone.

    Args:
        name: The name in the logs.
        dtype: As for `keras.metrics.Metric`.

    Raises:
        TypeError: when it is called on an output that is not a RandomVariable.
        ValueError: if the target's shape is not that of the distribution's batch and event.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> nll = kdl.metrics.NegativeLogLikelihood()
        >>> rv = kdl.layers.IndependentBernoulli(10)(keras.ops.zeros((4, 10)))
        >>> nll.update_state(keras.ops.ones((4, 10)), rv)
        >>> round(float(nll.result()), 4)
        6.9315
    """

    def __init__(self, name: str = "nll", dtype: Any = None):
        super().__init__(negative_log_likelihood, name, dtype)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["fn"]
        return config


def _weights(counts: Tensor, sample_weight: Tensor | None) -> Tensor:
    """A weight for each row, 0 for one that the mask leaves out."""
    if sample_weight is None:
        return counts
    return reductions.nats_per_row(counts, None, sample_weight, where="sample_weight")[0]


__all__ = ["DistributionMetric", "NegativeLogLikelihood"]
