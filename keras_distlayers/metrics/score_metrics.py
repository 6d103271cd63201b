"""Scores of distributions and of their intervals as metrics."""

from collections.abc import Callable
from typing import Any, ClassVar

import keras

from keras_distlayers import scores
from keras_distlayers._core.typing import Tensor
from keras_distlayers.distributions.intervals import IntervalKind
from keras_distlayers.losses.distribution_loss import LossFunction
from keras_distlayers.losses.score_losses import score_function
from keras_distlayers.metrics.distribution_metric import DistributionMetric
from keras_distlayers.random_variable import RandomVariable


class ScoreMetric(DistributionMetric):
    """A metric whose class knows the function, up to a few options."""

    def __init__(
        self, fn: LossFunction, name: str, dtype: Any, direction: str | None, **options: Any
    ):
        super().__init__(fn, name, dtype, direction)
        self._options = options

    def get_config(self) -> dict[str, Any]:
        # Without the function and its direction, which the class knows.
        return {**super(DistributionMetric, self).get_config(), **self._options}


@keras.saving.register_keras_serializable("keras_distlayers.metrics")
class CRPS(ScoreMetric):
    """The mean CRPS over examples, in the units of the target; less is better.

    It sums over the entries of an example. `scores.crps` says what it is, and of which families
    it is estimated from draws.

    Args:
        name: The name in the logs.
        dtype: As for `keras.metrics.Metric`.
        num_draws: How many draws an estimate takes, at least 2; 100 by default.
        seed: Of these draws, an int. They are the same for each batch.

    Raises:
        TypeError: when it is called on an output that is not a RandomVariable.
        ValueError: if the target's shape is not that of the distribution's batch and event.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> head = kdl.layers.DistributionLambda(lambda t: kdl.distributions.Normal(t, 1.0))
        >>> metric = kdl.metrics.CRPS()
        >>> metric.update_state(keras.ops.zeros((4,)), head(keras.ops.zeros((4,))))
        >>> round(float(metric.result()), 4)
        0.2337
    """

    def __init__(
        self, name: str = "crps", dtype: Any = None, num_draws: int | None = None, seed: int = 0
    ):
        function = score_function(scores.crps, num_draws, seed)
        super().__init__(function, name, dtype, "down", num_draws=num_draws, seed=seed)


@keras.saving.register_keras_serializable("keras_distlayers.metrics")
class EnergyScore(ScoreMetric):
    """The mean energy score over examples, in the units of the target; less is better.

    It is estimated from draws; see `scores.energy_score`.

    Args:
        name: The name in the logs.
        dtype: As for `keras.metrics.Metric`.
        num_draws: How many draws, at least 2; 100 by default.
        seed: Of these draws, an int. They are the same for each batch.

    Raises:
        TypeError: when it is called on an output that is not a RandomVariable.
        ValueError: if the target's shape is not that of the distribution's batch and event.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> rv = kdl.layers.MultivariateNormalTriL(2)(keras.ops.zeros((4, 5)))
        >>> metric = kdl.metrics.EnergyScore()
        >>> metric.update_state(keras.ops.ones((4, 2)), rv)
        >>> 0.0 < float(metric.result()) < 4.0
        True
    """

    def __init__(
        self,
        name: str = "energy_score",
        dtype: Any = None,
        num_draws: int | None = None,
        seed: int = 0,
    ):
        function = score_function(scores.energy_score, num_draws, seed)
        super().__init__(function, name, dtype, "down", num_draws=num_draws, seed=seed)


class IntervalMetric(ScoreMetric):
    """A metric of the intervals that the distribution gives."""

    score: ClassVar[Callable[..., Tensor]]
    default_name: ClassVar[str]
    better: ClassVar[str | None] = "down"

    def __init__(
        self,
        coverage: float = 0.9,
        kind: IntervalKind = "equal_tailed",
        name: str | None = None,
        dtype: Any = None,
    ):
        score, options = type(self).score, {"coverage": coverage, "kind": kind}

        def function(y_true: Tensor, rv: RandomVariable) -> Tensor:
            return score(rv, y_true, **options)

        super().__init__(function, name or self.default_name, dtype, self.better, **options)


@keras.saving.register_keras_serializable("keras_distlayers.metrics")
class IntervalScore(IntervalMetric):
    """The mean interval score over examples, in the units of the target; less is better.

    It sums over the entries of an example; see `scores.interval_score`.

    Args:
        coverage: The share of the mass, between 0 and 1.
        kind: `"equal_tailed"` or `"highest_density"`, as for `distributions.interval`.
        name: The name in the logs.
        dtype: As for `keras.metrics.Metric`.

    Raises:
        TypeError: when it is called on an output that is not a RandomVariable.
        ValueError: when it is called, if `coverage` or `kind` is not one of the above.
        NotImplementedError: when it is called on a distribution without quantiles.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> head = kdl.layers.DistributionLambda(lambda t: kdl.distributions.Normal(t, 1.0))
        >>> metric = kdl.metrics.IntervalScore(0.9)
        >>> metric.update_state(keras.ops.zeros((4,)), head(keras.ops.zeros((4,))))
        >>> round(float(metric.result()), 3)
        3.29
    """

    score = staticmethod(scores.interval_score)
    default_name = "interval_score"


@keras.saving.register_keras_serializable("keras_distlayers.metrics")
class IntervalCoverage(IntervalMetric):
    """The share of targets that the interval holds, which should be near `coverage`.

    The mean is taken over all entries of the batch and of the events, with their `sample_weight`.
    Neither more nor less is better, so callbacks that watch it need a `mode`.

    Args:
        coverage: The share that the interval is asked to hold, between 0 and 1.
        kind: `"equal_tailed"` or `"highest_density"`, as for `distributions.interval`.
        name: The name in the logs.
        dtype: As for `keras.metrics.Metric`.

    Raises:
        TypeError: when it is called on an output that is not a RandomVariable.
        ValueError: when it is called, if `coverage` or `kind` is not one of the above.
        NotImplementedError: when it is called on a distribution without quantiles.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> head = kdl.layers.DistributionLambda(lambda t: kdl.distributions.Normal(t, 1.0))
        >>> metric = kdl.metrics.IntervalCoverage(0.9)
        >>> metric.update_state(keras.ops.ones((4,)), head(keras.ops.zeros((4,))))
        >>> float(metric.result())
        1.0
    """

    averages_entries = True
    score, better = staticmethod(scores.coverage), None
    default_name = "coverage"


@keras.saving.register_keras_serializable("keras_distlayers.metrics")
class IntervalWidth(IntervalMetric):
    """The mean width of the interval, in the units of the target; less is better, if it covers.

    The mean is taken over all entries of the batch and of the events, with their `sample_weight`.

    Args:
        coverage: The share of the mass, between 0 and 1.
        kind: `"equal_tailed"` or `"highest_density"`, as for `distributions.interval`.
        name: The name in the logs.
        dtype: As for `keras.metrics.Metric`.

    Raises:
        TypeError: when it is called on an output that is not a RandomVariable.
        ValueError: when it is called, if `coverage` or `kind` is not one of the above.
        NotImplementedError: when it is called on a distribution without quantiles.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> head = kdl.layers.DistributionLambda(lambda t: kdl.distributions.Normal(t, 2.0))
        >>> metric = kdl.metrics.IntervalWidth(0.9)
        >>> metric.update_state(keras.ops.zeros((4,)), head(keras.ops.zeros((4,))))
        >>> round(float(metric.result()), 3)
        6.579
    """

    averages_entries = True
    score = staticmethod(scores.width)
    default_name = "width"


@keras.saving.register_keras_serializable("keras_distlayers.metrics")
class Pinball(ScoreMetric):
    """The mean quantile score over examples, in the units of the target; less is better.

    It sums over the entries of an example; see `scores.pinball`.

    Args:
        level: The probability of the quantile, between 0 and 1.
        name: The name in the logs.
        dtype: As for `keras.metrics.Metric`.

    Raises:
        TypeError: when it is called on an output that is not a RandomVariable.
        ValueError: when it is called, if `level` is not between 0 and 1.
        NotImplementedError: when it is called on a distribution without quantiles.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> head = kdl.layers.DistributionLambda(lambda t: kdl.distributions.Normal(t, 1.0))
        >>> metric = kdl.metrics.Pinball(0.5)
        >>> metric.update_state(keras.ops.ones((4,)), head(keras.ops.zeros((4,))))
        >>> float(metric.result())
        0.5
    """

    def __init__(self, level: float = 0.5, name: str = "pinball", dtype: Any = None):
        super().__init__(
            lambda y, rv: scores.pinball(rv, y, level), name, dtype, "down", level=level
        )


__all__ = [
    "CRPS",
    "EnergyScore",
    "IntervalCoverage",
    "IntervalMetric",
    "IntervalScore",
    "IntervalWidth",
    "Pinball",
    "ScoreMetric",
]
