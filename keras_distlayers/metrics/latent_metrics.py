"""Metrics of the posterior of a model's latents."""

from typing import Any, Self

import keras
from keras import ops

from keras_distlayers._backend import backend
from keras_distlayers._core import reductions
from keras_distlayers._core.errors import message
from keras_distlayers._core.ops import maximum
from keras_distlayers._core.shapes import EventShape, checked_shape
from keras_distlayers._core.typing import Tensor
from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.losses.distribution_loss import check_is_random_variable
from keras_distlayers.random_variable import RandomVariable
from keras_distlayers.scores.arguments import checked_distribution
from keras_distlayers.scores.latents import (
    count_active,
    kl_per_dimension,
    mean_of_entries,
    moments,
)


class _Moments(keras.metrics.Metric):
    """Keeps the mean and the spread of a number for each entry of an event."""

    def __init__(self, event_shape: EventShape, name: str, dtype: Any):
        super().__init__(name=name, dtype=dtype)
        self.event_shape = checked_shape(f"metric '{name}'", "event_shape", event_shape)
        self.count = self.add_variable((), "zeros", name="count")
        self.loc = self.add_variable(self.event_shape, "zeros", name="loc")
        self.squares = self.add_variable(self.event_shape, "zeros", name="squares")

    def _entries(self, rv: RandomVariable) -> Tensor:
        """Numbers of shape `(examples,) + event_shape`."""
        raise NotImplementedError

    def update_state(
        self, y_true: Tensor, y_pred: RandomVariable, sample_weight: Tensor | None = None
    ) -> None:
        if backend.is_meta(y_pred):
            return
        check_is_random_variable(y_pred, f"metric '{self.name}'")
        rows = ops.cast(self._entries(y_pred), self.dtype)
        batch = ops.zeros(y_pred.distribution.dynamic_batch_shape(), self.dtype)
        mask = getattr(y_pred, "_keras_mask", None)
        weights = reductions.entry_weights(
            batch, mask, sample_weight, where=f"metric '{self.name}'"
        )
        # The means and squares of two parts together (Chan, Golub and LeVeque, 1983).
        n, loc, squares = moments(rows, ops.reshape(weights, (-1,)))
        count, distance = self.count + n, loc - self.loc
        share = n / maximum(count, 1e-30)
        self.squares.assign(self.squares + squares + distance**2 * self.count * share)
        self.loc.assign(self.loc + distance * share)
        self.count.assign(count)

    def get_config(self) -> dict[str, Any]:
        return {"event_shape": self.event_shape, **super().get_config()}


@keras.saving.register_keras_serializable("keras_distlayers.metrics")
class ActiveUnits(_Moments):
    """The number of latents whose posterior mean varies over the data.

    It looks at the output, and not at the target. `scores.active_units` says what is active.

    Args:
        event_shape: The shape of the latents: an int, or a tuple.
        threshold: What the variance of an active latent's mean exceeds.
        name: The name in the logs.
        dtype: As for `keras.metrics.Metric`.

    Raises:
        TypeError: when it is called on an output that is not a RandomVariable.
        NotImplementedError: when it is called on a distribution without a mean in closed form.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> metric = kdl.metrics.ActiveUnits(2)
        >>> head = kdl.layers.IndependentNormal(2)
        >>> for x in ([[1.0, 0.0, 0.0, 0.0]], [[-1.0, 0.0, 0.0, 0.0]]):
        ...     metric.update_state(None, head(keras.ops.convert_to_tensor(x)))
        >>> int(metric.result())
        1

    Source: Burda, Grosse and Salakhutdinov (2016), arXiv 1509.00519, section 5.2.
    """

    def __init__(
        self,
        event_shape: EventShape,
        threshold: float = 0.01,
        name: str = "active_units",
        dtype: Any = None,
    ):
        super().__init__(event_shape, name, dtype)
        self.threshold = threshold
        self._direction = "up"

    def _entries(self, rv: RandomVariable) -> Tensor:
        return mean_of_entries("ActiveUnits", rv)

    def result(self) -> Tensor:
        return count_active(self.count, self.squares, self.threshold)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "threshold": self.threshold}


@keras.saving.register_keras_serializable("keras_distlayers.metrics")
class KLPerDimension(_Moments):
    """The mean over examples of the KL divergence of each latent from its prior, in nats.

    The logs have one number for each latent, as `<name>_0`, `<name>_1` and so on, in the order of
    the flattened event. It looks at the output, and not at the target.
    `scores.kl_per_dimension` says what the numbers add up to.

    Args:
        prior: A fixed `Distribution` over the latents, without a batch.
        name: The name in the logs, before the number of the latent.
        dtype: As for `keras.metrics.Metric`.

    Raises:
        TypeError: if the prior is not a distribution; when it is called on an output that is not
            a RandomVariable.
        ValueError: if the prior has a batch; when it is called, if it is over events of another
            shape.
        NotImplementedError: when it is called, if there are no marginals, or no closed form for
            their KL.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> normal = kdl.distributions.Normal(keras.ops.zeros(2), 1.0)
        >>> metric = kdl.metrics.KLPerDimension(kdl.distributions.Independent(normal, 1))
        >>> rv = kdl.layers.IndependentNormal(2)(keras.ops.ones((3, 4)))
        >>> metric.update_state(None, rv)
        >>> sorted(metric.result())
        ['kl_0', 'kl_1']
    """

    def __init__(self, prior: Any, name: str = "kl", dtype: Any = None):
        super().__init__(_checked_prior(prior).event_shape, name, dtype)
        self.prior = prior
        self._direction = "down"

    def _entries(self, rv: RandomVariable) -> Tensor:
        kl = kl_per_dimension(rv, self.prior)
        return ops.reshape(kl, (-1, *self.event_shape))

    def result(self) -> dict[str, Tensor]:
        kl = ops.reshape(ops.convert_to_tensor(self.loc), (-1,))
        return {f"{self.name}_{i}": kl[i] for i in range(kl.shape[0])}

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["event_shape"]
        return {**config, "prior": keras.saving.serialize_keras_object(self.prior)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        return cls(**keras.saving.deserialize_keras_object(config))


def _checked_prior(prior: Any) -> Distribution:
    distribution = checked_distribution("KLPerDimension", prior)
    if not distribution.batch_shape:
        return distribution
    raise ValueError(
        message(
            "KLPerDimension, argument `prior`",
            expected="one distribution over the latents, batch_shape=()",
            received=f"batch_shape={distribution.batch_shape}",
            fix="Make the axes of the latents part of the event, as Independent does.",
        )
    )


__all__ = ["ActiveUnits", "KLPerDimension"]
