"""The KL term of a layer, as a sublayer: what it adds to the loss, and what it counts."""

import copy
import numbers
from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from keras_distlayers._core import reductions
from keras_distlayers._core.errors import message
from keras_distlayers._core.kl_weight import KLWeight
from keras_distlayers._core.typing import Tensor
from keras_distlayers.layers._forward_pass import ForwardPass, ForwardPasses
from keras_distlayers.layers._kl_state import State, Step
from keras_distlayers.regularizers import KLDivergenceRegularizer

# How the divergences of the rows become one number. Each takes the nats of each row, and 1.0
# for each row that is an example, and returns nats per example and the number of examples.
REDUCTIONS: dict[str, Callable] = {
    "per_example": lambda rows, is_example: (
        reductions.mean_over_rows(rows, is_example),
        ops.sum(is_example),
    ),
}


@keras.saving.register_keras_serializable("keras_distlayers.layers")
class KLTracker(keras.layers.Layer):
    """Adds a KL divergence to the loss, counts training steps, and keeps the running mean.

    A layer with a KL term owns one as an attribute; a head makes its own when it is given a
    `KLDivergenceRegularizer`. Keras then finds a prior that is trained, and
    `callbacks.KLMonitor` and `callbacks.KLWeightScheduler` find the tracker.

    A layer may be called several times in one training step: the divergences of all calls are
    added, and the step counts once. That of a distribution over weights counts once too.

    What the tracker counts is in `variables`, which JAX carries through a compiled step, and
    not in `weights`: a network with a KL term and one without have the same weights. The step
    is saved with them and is set where a file has it. The weight of the term is a setting: it
    is in the config, and loading weights leaves it alone.

    Args:
        regularizer: A `KLDivergenceRegularizer`; or, for a layer that works out the divergence
            itself (see `add_divergence`), a `KLWeight`, its base class without a prior.
        reduction: How the divergences of the rows become one number: `"per_example"`, the mean
            over the rows that are examples.
        dataset_size: For a distribution that all examples share, such as one over weights: the
            number of examples in the data set. Its divergence is divided by this number, and
            counts once however often the layer is called in a step. None for a distribution of
            each example.
        **kwargs: `name` and the like, of `keras.layers.Layer`.

    Attributes:
        prior: The layer that makes the prior, or None where the prior is fixed.

    Raises:
        ValueError: if `reduction` is not one of these names, or `dataset_size` is not positive.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> prior = kdl.distributions.Normal(0.0, 1.0)
        >>> class Encoder(keras.layers.Layer):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.kl = kdl.layers.KLTracker(kdl.regularizers.KLDivergenceRegularizer(prior))
        ...     def build(self, input_shape):
        ...         self.kl.build()
        ...     def call(self, x, training=None):
        ...         posterior = kdl.distributions.Normal(x, 1.0)
        ...         self.kl.add(posterior, training=training)
        ...         return posterior.mean()
        >>> encoder = Encoder()
        >>> _ = encoder(keras.ops.ones((8,)))
        >>> [float(loss) for loss in encoder.losses], encoder.kl.kl_divergence
        ([0.5], 0.5)
    """

    # Until it is built. Keras asks for the variables earlier than that.
    _state: State | None = None

    def __init__(
        self,
        regularizer: KLWeight,
        reduction: str = "per_example",
        dataset_size: float | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.regularizer: Any = regularizer
        self.reduction = _checked_reduction(reduction)
        self.dataset_size = None if dataset_size is None else checked_dataset_size(dataset_size)
        self.prior = regularizer.prior_layer
        self._passes = ForwardPasses(self)

    def build(self, input_shape: Any = None) -> None:
        """Makes the variables; the layer that owns the tracker calls this as it is built."""
        if isinstance(self.regularizer, KLDivergenceRegularizer):
            self.regularizer.prior()  # builds a learned prior; refuses what is not one
        weight = self.regularizer.weight
        self._state = State(self, weight=0.0 if callable(weight) else weight)

    @property
    def variables(self) -> list[keras.Variable]:
        """The weights of a learned prior, and what the tracker counts."""
        return [*super().variables, *(self._state.variables if self._state else [])]

    def add(
        self,
        distribution: Any,
        *,
        mask: Any = None,
        sample_weight: Any = None,
        tensor_is_draw: bool = False,
        training: bool | None = None,
    ) -> None:
        """Adds the divergence of one call to the loss.

        Args:
            distribution: A `Distribution` or a `RandomVariable`.
            mask: True where an entry of the batch counts.
            sample_weight: Factors of the divergences, of the shape of the batch or its first
                axes.
            tensor_is_draw: Whether the RandomVariable's tensor is a sample of its distribution.
            training: Whether the call belongs to a training step.
        """
        forward_pass, is_first = self._begun()
        if self.dataset_size is not None and not is_first:
            forward_pass.keep_losses()
            return
        divergence = self.regularizer.divergence(distribution, tensor_is_draw)
        if self.dataset_size is not None:
            divergence = divergence / self.dataset_size
        kl = self._record(forward_pass, divergence, mask, sample_weight, training)
        forward_pass.add_loss(self.regularizer.penalty(kl, forward_pass.notes.weight))

    def add_divergence(
        self,
        divergence: Tensor,
        *,
        mask: Any = None,
        sample_weight: Any = None,
        training: bool | None = None,
    ) -> None:
        """Counts a divergence that the layer's output costs already, with a factor of 1.

        In a training step, what the weight and the free nats change is added to the loss: the
        penalty less the divergence. Outside training the output alone counts.

        Args:
            divergence: Nats for each entry of the batch.
            mask: True where an entry of the batch counts.
            sample_weight: As for `add`.
            training: Whether the call belongs to a training step.
        """
        forward_pass, _ = self._begun()
        kl = self._record(forward_pass, divergence, mask, sample_weight, training)
        if training:  # a weight of 1 too: callbacks.KLWeightScheduler may change it
            forward_pass.add_loss(self.regularizer.penalty(kl, forward_pass.notes.weight) - kl)

    def _begun(self) -> tuple[ForwardPass, bool]:
        """The forward pass that a call belongs to, and whether it is its first."""
        forward_pass = self._passes.current()
        is_first = forward_pass.notes is None
        if is_first:
            forward_pass.notes = Step(self._built_state, self.regularizer)
        return forward_pass, is_first

    def _record(
        self,
        forward_pass: ForwardPass,
        divergence: Tensor,
        mask: Any,
        sample_weight: Any,
        training: bool | None,
    ) -> Tensor:
        """Counts the divergences of one call; returns their mean, in nats per example."""
        rows, is_example = reductions.nats_per_row(
            divergence, mask, sample_weight, where=self.name
        )
        kl, examples = REDUCTIONS[self.reduction](rows, is_example)
        forward_pass.notes.record(kl, examples, in_training=bool(training))
        if training:
            forward_pass.notes.count()
        return kl

    @property
    def _built_state(self) -> State:
        if self._state is None:
            raise RuntimeError(
                message(
                    f"KLTracker '{self.name}'",
                    expected="a tracker that was built",
                    received="one without variables",
                    fix="Call tracker.build() in the build() of the layer that owns it.",
                )
            )
        return self._state

    @property
    def is_scheduled(self) -> bool:
        """Whether the weight is a function of the step."""
        return self.regularizer.is_scheduled

    @property
    def step(self) -> int:
        """The number of training steps so far."""
        return int(self._built_state.step.numpy())

    @property
    def weight(self) -> float:
        """The weight of the term: of the last step, where it is scheduled."""
        return float(self._built_state.weight.numpy())

    @weight.setter
    def weight(self, value: float) -> None:
        self._built_state.weight.assign(float(value))

    @property
    def kl_divergence(self) -> float:
        """The running mean of the divergence, in nats per example, before its weight."""
        return float(self._built_state.mean.value.numpy())

    @property
    def kl_divergence_in_training(self) -> float:
        """The running mean over training steps alone, whatever else has called the layer.

        That of all calls where the owner does not say which ones are training steps.
        """
        mean = self._built_state.mean_in_training
        return float(mean.value.numpy()) if mean.examples.numpy() > 0 else self.kl_divergence

    def reset(self) -> None:
        """Begins a new running mean."""
        self._built_state.mean.reset()

    def reset_training(self) -> None:
        """Begins a new running mean, and a new one over training steps."""
        self.reset()
        self._built_state.mean_in_training.reset()

    def save_own_variables(self, store: Any) -> None:
        """Saves the step alone: the weight is in the config, the mean is of one epoch."""
        store["step"] = self._built_state.step

    def load_own_variables(self, store: Any) -> None:
        """Sets the step, unless the file is of a network without a KL term."""
        if "step" in store.keys():  # noqa: SIM118 - what Keras hands over is not a dict
            self._built_state.step.assign(store["step"])

    def regularizer_with_weight(self) -> Any:
        """The regularizer for a config: a copy with the weight as it is now."""
        regularizer = copy.copy(self.regularizer)
        if self._state is not None and not self.is_scheduled:
            regularizer.weight = self.weight
        return regularizer

    def get_config(self) -> dict[str, Any]:
        regularizer = keras.saving.serialize_keras_object(self.regularizer_with_weight())
        return {
            **super().get_config(),
            "regularizer": regularizer,
            "reduction": self.reduction,
            "dataset_size": self.dataset_size,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "KLTracker":
        return cls(**keras.saving.deserialize_keras_object(config))


def kl_trackers(model: keras.layers.Layer) -> list[KLTracker]:
    """The trackers of a model, wherever Keras finds their variables: nested, wrapped, in lists."""
    owners = (getattr(variable, "kl_tracker", None) for variable in model.variables)
    return list({id(owner): owner for owner in owners if owner is not None}.values())


def _checked_reduction(name: str) -> str:
    if name in REDUCTIONS:
        return name
    raise ValueError(
        message(
            "KLTracker, argument `reduction`",
            expected=f"one of {sorted(REDUCTIONS)}",
            received=f"reduction={name!r}",
        )
    )


def checked_dataset_size(size: Any) -> float:
    """A number of examples, or an error. A bool is a number for Python."""
    is_number = isinstance(size, numbers.Real) and not isinstance(size, bool)
    if is_number and 0.0 < float(size) < float("inf"):
        return float(size)
    raise ValueError(
        message(
            "argument `dataset_size`",
            expected="the number of examples in the data set, a positive number",
            received=f"dataset_size={size!r}",
        )
    )


__all__ = ["KLTracker", "checked_dataset_size", "kl_trackers"]
