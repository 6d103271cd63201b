"""What a `KLTracker` counts: the variables, and what one step adds to them."""

from typing import Any

import keras
from keras import ops

from keras_distlayers._core.kl_weight import KLWeight
from keras_distlayers._core.ops import maximum


class State:
    """The variables of a tracker.

    A plain object, in which Keras does not look for weights.
    """

    def __init__(self, owner: keras.layers.Layer, weight: float) -> None:
        self.mean = Mean(owner, "mean", "examples")
        self.mean_in_training = Mean(owner, "training_mean", "training_examples")
        self.step = _variable(owner, "step", 0, dtype="int32", aggregation="only_first_replica")
        self.weight = _variable(owner, "weight", float(weight), aggregation="only_first_replica")

    @property
    def variables(self) -> list[keras.Variable]:
        means = (self.mean, self.mean_in_training)
        return [*(v for m in means for v in (m.value, m.examples)), self.step, self.weight]


class Mean:
    """A running mean and the number of examples in it."""

    def __init__(self, owner: keras.layers.Layer, mean: str, examples: str) -> None:
        self.value, self.examples = _variable(owner, mean, 0.0), _variable(owner, examples, 0.0)

    def copies(self) -> tuple[Any, Any]:
        return ops.copy(self.value), ops.copy(self.examples)

    def assign(self, before: tuple[Any, Any], kl: Any, examples: Any) -> None:
        """Moves the mean: m + (kl - m) n / N, which keeps its digits in float32."""
        mean, total = before[0], before[1] + examples
        moved = mean + (kl - mean) * (examples / maximum(total, 1.0))
        self.value.assign(ops.where(ops.isinf(mean), mean, moved))
        self.examples.assign(total)

    def reset(self) -> None:
        self.value.assign(0.0)
        self.examples.assign(0.0)


def _variable(
    owner: keras.layers.Layer,
    name: str,
    value: float,
    dtype: str = "float32",
    aggregation: str = "mean",
) -> keras.Variable:
    """A scalar that each replica keeps for itself until it is read.

    Replicas each see a part of the batch: the mean of their running means is the running mean
    of the whole. Assigning to a variable that is synchronized as it is written would make them
    wait for each other in the middle of a forward pass, where they mix up their losses. No
    autocast: sums in half precision would stall.
    """
    variable = keras.Variable(
        keras.initializers.Constant(value), shape=(), dtype=dtype, trainable=False,
        autocast=False, aggregation=aggregation, synchronization="on_read", name=name,
    )  # fmt: skip
    variable.kl_tracker = owner  # as Keras hangs regularizers and constraints on variables
    return variable


class Step:
    """One training step, or one of evaluation, as a tracker sees it: the sum of its calls.

    Every value is a copy. On Torch an assignment changes a tensor in place, and the gradient
    may still need it.
    """

    def __init__(self, state: State, regularizer: KLWeight) -> None:
        self._state = state
        self._means = [(mean, mean.copies()) for mean in (state.mean, state.mean_in_training)]
        self._kl, self._examples_of_step = 0.0, 0.0
        self._counted = False
        if regularizer.is_scheduled:
            self.weight = regularizer.weight_at(ops.copy(state.step))
            state.weight.assign(self.weight)
        else:
            self.weight = ops.copy(state.weight)

    def record(self, kl: Any, examples: Any, *, in_training: bool) -> None:
        """Moves the running means.

        Calls add their divergences; they are about the same examples.
        """
        kl, examples = (ops.cast(ops.stop_gradient(x), "float32") for x in (kl, examples))
        self._kl = self._kl + kl
        self._examples_of_step = maximum(self._examples_of_step, examples)
        for mean, before in self._means[: 1 + in_training]:
            mean.assign(before, self._kl, self._examples_of_step)

    def count(self) -> None:
        """Counts the step, once."""
        if not self._counted:
            self._state.step.assign(self._state.step + 1)
        self._counted = True


__all__ = ["State", "Step"]
