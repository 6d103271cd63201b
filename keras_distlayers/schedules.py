"""Schedules of the KL weight: functions of the training step, evaluated in the graph.

A weight may be a number, one of these, any `keras.optimizers.schedules.LearningRateSchedule`
or any function of the step (an int32 tensor) written in `keras.ops`. The step is the number of
training steps so far, however often a step calls the layer.
"""

import keras
import numpy as np
from keras import ops

from keras_distlayers._core.errors import message
from keras_distlayers._core.ops import minimum
from keras_distlayers._core.typing import Tensor


@keras.saving.register_keras_serializable("keras_distlayers.schedules")
class LinearWarmup(keras.optimizers.schedules.LearningRateSchedule):
    """Rises from `start` to `end` over the first `steps` training steps, then stays.

    Args:
        steps: How many steps the rise takes; at least 1.
        end: The weight after them.
        start: The weight at step 0.

    Examples:
        >>> import keras_distlayers as kdl
        >>> warmup = kdl.schedules.LinearWarmup(steps=100)
        >>> [float(warmup(step)) for step in (0, 50, 100, 1000)]
        [0.0, 0.5, 1.0, 1.0]

    Source: Bowman et al., Generating Sentences from a Continuous Space (2016), section 3.1.
    """

    def __init__(self, steps: float, end: float = 1.0, start: float = 0.0) -> None:
        self.steps, self.end, self.start = _positive("steps", steps), end, start

    def __call__(self, step: Tensor) -> Tensor:
        progress = minimum(ops.cast(step, "float32") / self.steps, 1.0)
        return self.start + (self.end - self.start) * progress

    def get_config(self) -> dict[str, float]:
        return {"steps": self.steps, "end": self.end, "start": self.start}


@keras.saving.register_keras_serializable("keras_distlayers.schedules")
class Cyclical(keras.optimizers.schedules.LearningRateSchedule):
    """Rises linearly from `start` to `end` and holds, again and again.

    Args:
        period: The length of one cycle in steps; at least 1.
        ratio: The part of a cycle that rises, in (0, 1].
        end: The weight that is held.
        start: The weight as a cycle begins.

    Examples:
        >>> import keras_distlayers as kdl
        >>> cycles = kdl.schedules.Cyclical(period=100, ratio=0.5)
        >>> [float(cycles(step)) for step in (0, 25, 50, 99, 100)]
        [0.0, 0.5, 1.0, 1.0, 0.0]

    Source: Fu et al., Cyclical Annealing Schedule (2019), equations 6 and 7.
    """

    def __init__(
        self, period: float, ratio: float = 0.5, end: float = 1.0, start: float = 0.0
    ) -> None:
        self.period, self.ratio = _positive("period", period), _positive("ratio", ratio)
        self.end, self.start = end, start

    def __call__(self, step: Tensor) -> Tensor:
        phase = ops.cast(ops.mod(step, self.period), "float32") / self.period
        progress = minimum(phase / self.ratio, 1.0)
        return self.start + (self.end - self.start) * progress

    def get_config(self) -> dict[str, float]:
        config = {"period": self.period, "ratio": self.ratio}
        return {**config, "end": self.end, "start": self.start}


def _positive(name: str, value: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not value > 0:
        raise ValueError(
            message(
                f"argument `{name}`", expected="a positive number", received=f"{name}={value!r}"
            )
        )
    return value


__all__ = ["Cyclical", "LinearWarmup"]
