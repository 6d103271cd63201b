"""Metrics of probabilities of labels."""

from typing import Any

import keras
from keras import ops

from keras_distlayers import scores
from keras_distlayers._backend import backend
from keras_distlayers._core import reductions
from keras_distlayers._core.shapes import checked_size
from keras_distlayers._core.typing import Tensor
from keras_distlayers.losses.distribution_loss import values_and_mask
from keras_distlayers.metrics.score_metrics import ScoreMetric
from keras_distlayers.random_variable import RandomVariable
from keras_distlayers.scores.calibration import (
    Binning,
    bin_totals,
    calibration_error,
    checked_binning,
    confidence_and_outcome,
    log_odds_edges,
    merged_bins,
    uniform_edges,
)


@keras.saving.register_keras_serializable("keras_distlayers.metrics")
class BrierScore(ScoreMetric):
    """The mean of Brier's score over all labels; less is better.

    It is from 0 to 2 for several labels, from 0 to 1 for `Bernoulli`; see `scores.brier`. The mean
    is taken over all entries of the batch and of the events, with their `sample_weight`.

    Args:
        name: The name in the logs.
        dtype: As for `keras.metrics.Metric`.

    Raises:
        TypeError: when it is called on an output that is not a RandomVariable.
        ValueError: when it is called on a distribution that is not one over labels.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> metric = kdl.metrics.BrierScore()
        >>> rv = kdl.layers.Categorical(4)(keras.ops.zeros((3, 4)))
        >>> metric.update_state(keras.ops.convert_to_tensor([0, 1, 3]), rv)
        >>> float(metric.result())
        0.75
    """

    averages_entries = True

    def __init__(self, name: str = "brier", dtype: Any = None):
        super().__init__(lambda y, rv: scores.brier(rv, y), name, dtype, "down")


@keras.saving.register_keras_serializable("keras_distlayers.metrics")
class ExpectedCalibrationError(keras.metrics.Metric):
    """The expected calibration error over all labels; less is better.

    Its state is the bins, so that it is that of the whole data, whatever the batches. Bins of
    equal mass are put together from 2,000 narrow ones, of 0.02 in the log odds of the confidence.
    `scores.expected_calibration_error` says what it is. Masked entries do not count, and
    `sample_weight` weighs labels.

    Args:
        num_bins: How many bins.
        binning: `"uniform"` for bins of equal width, `"equal_mass"` for bins with about as many
            labels each.
        name: The name in the logs.
        dtype: As for `keras.metrics.Metric`.

    Raises:
        TypeError: when it is called on an output that is not a RandomVariable.
        ValueError: when it is called on a distribution that is not one over labels, or if
            `num_bins` is below 1 or `binning` is another word.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> metric = kdl.metrics.ExpectedCalibrationError()
        >>> rv = kdl.layers.Categorical(4)(keras.ops.zeros((4, 4)))
        >>> metric.update_state(keras.ops.convert_to_tensor([0, 0, 1, 3]), rv)
        >>> float(metric.result())  # a confidence of 1/4, and 2 of 4 right
        0.25
    """

    def __init__(
        self,
        num_bins: int = 15,
        binning: Binning = "uniform",
        name: str = "ece",
        dtype: Any = None,
    ):
        super().__init__(name=name, dtype=dtype)
        self.num_bins = checked_size("ExpectedCalibrationError", "num_bins", num_bins, 1)
        self.binning = checked_binning("ExpectedCalibrationError", binning)
        self._direction = "down"
        size = len(self._edges()) + 1
        self.totals = self.add_variable((3, size), "zeros", name="totals")

    def _edges(self) -> Tensor:
        if self.binning == "uniform":
            return uniform_edges(self.num_bins, self.dtype)
        return log_odds_edges(self.dtype)

    def update_state(
        self, y_true: Tensor, y_pred: RandomVariable, sample_weight: Tensor | None = None
    ) -> None:
        if backend.is_meta(y_pred):
            return
        where = f"metric '{self.name}'"
        pairs, mask = values_and_mask(_pairs, y_true, y_pred, sample_weight, where=where)
        confidence, is_right = pairs[..., 0], pairs[..., 1]
        weights = reductions.entry_weights(confidence, mask, sample_weight, where=where)
        confidence, is_right, weights = (
            ops.cast(ops.reshape(x, (-1,)), self.dtype) for x in (confidence, is_right, weights)
        )
        totals = bin_totals(confidence, is_right, weights, self._edges())
        self.totals.assign(self.totals + totals)

    def result(self) -> Tensor:
        totals = ops.convert_to_tensor(self.totals)
        if self.binning == "equal_mass":
            totals = merged_bins(totals, self.num_bins)
        return calibration_error(totals)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "num_bins": self.num_bins, "binning": self.binning}


def _pairs(y_true: Tensor, rv: RandomVariable) -> Tensor:
    """Confidence and outcome, on a last axis."""
    pair = confidence_and_outcome("ExpectedCalibrationError", rv, y_true)
    return ops.stack(pair, axis=-1)


__all__ = ["BrierScore", "ExpectedCalibrationError"]
