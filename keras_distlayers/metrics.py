"""Metrics that see the model's output as the distribution that it is."""

import keras
from keras import ops

from keras_distlayers import _backend
from keras_distlayers._core import reductions
from keras_distlayers.losses import negative_log_likelihood, per_row


@keras.saving.register_keras_serializable("keras_distlayers.metrics")
class NegativeLogLikelihood(keras.metrics.Mean):
    """The mean of -log p(y_true) over examples, in nats per example.

    Beside a loss that adds the KL divergence, it shows the reconstruction's part alone.

    Args:
        name: The name in the logs.
        dtype: As for `keras.metrics.Metric`.

    Raises:
        TypeError: when it is called on an output that is no RandomVariable.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> nll = kdl.metrics.NegativeLogLikelihood()
        >>> rv = kdl.layers.IndependentBernoulli(10)(keras.ops.zeros((4, 10)))
        >>> nll.update_state(keras.ops.ones((4, 10)), rv)
        >>> round(float(nll.result()), 4)
        6.9315
    """

    def __init__(self, name="nll", dtype=None):
        super().__init__(name=name, dtype=dtype)

    def update_state(self, y_true, y_pred, sample_weight=None):
        if _backend.is_meta(y_pred):
            return super().update_state(ops.zeros(tuple(y_pred.shape)[:1]))
        rows, counts = per_row(
            negative_log_likelihood, y_true, y_pred, None, where=f"metric '{self.name}'"
        )
        return super().update_state(rows, _weights(counts, sample_weight))


def _weights(counts, sample_weight):
    """A weight for each row, 0 for one that the mask leaves out."""
    if sample_weight is None:
        return counts
    return reductions.nats_per_row(counts, None, sample_weight, where="sample_weight")[0]


__all__ = ["NegativeLogLikelihood"]
