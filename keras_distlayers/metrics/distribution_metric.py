"""Metrics that see the model's output as the distribution that it is."""

from typing import Any, Self

import keras
from keras import ops

from keras_distlayers._backend import backend
from keras_distlayers._core import reductions
from keras_distlayers._core.errors import message
from keras_distlayers._core.saving import serialize
from keras_distlayers._core.typing import Tensor
from keras_distlayers.losses.distribution_loss import (
    DistributionLoss,
    LossFunction,
    function_name,
    nll_function,
    values_and_mask,
)
from keras_distlayers.random_variable import RandomVariable


@keras.saving.register_keras_serializable("keras_distlayers.metrics")
class DistributionMetric(keras.metrics.Mean):
    """The mean over examples of a function of the target and the output's RandomVariable.

    It is to `keras.metrics.Metric` what `losses.DistributionLoss` is to a loss: the function
    sees the distribution, on every backend. (A plain function in `metrics=[fn]` gets a plain
    tensor on Torch.) What it returns is summed over all axes but the first and averaged over
    examples, whatever the batches. Masked entries do not count.

    With `sample_weight` w of the shape of the batch, or of its first axes, the result is
    sum_it(w_it v_it) / sum_i(max_t w_it), over rows i and entries t of a row. Weights of rows
    thus weigh rows, and weights of 0 and 1 within a row leave entries out, as a mask does.

    Args:
        fn: A function `(y_true, rv) -> tensor` of the shape of the batch. It gets the target in
            the shape of one draw, as in `losses.DistributionLoss`. To be saved with the
            model it must be registered (`keras.saving.register_keras_serializable`).
        name: The name in the logs; the name of the function by default.
        dtype: As for `keras.metrics.Metric`.
        direction: `"down"` if less is better, `"up"` if more is. `EarlyStopping` and
            `ModelCheckpoint` then need no `mode`.

    Raises:
        TypeError: if `fn` is a loss; when it is called on an output that is not a RandomVariable.
        ValueError: if `direction` is another word; when it is called, if the target's shape is
            not that of the distribution's batch and event, or if `fn` gives no value per row.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> spread = kdl.metrics.DistributionMetric(lambda y, rv: rv.stddev(), name="spread")
        >>> rv = kdl.layers.DistributionLambda(lambda t: kdl.distributions.Normal(t, 2.0))(
        ...     keras.ops.zeros((4,)))
        >>> spread.update_state(keras.ops.zeros((4,)), rv)
        >>> float(spread.result())
        2.0

        As a decorator, registered so that it is saved with a model:

        >>> @kdl.metrics.DistributionMetric
        ... @keras.saving.register_keras_serializable("my_package")
        ... def squared_error(y, rv):
        ...     return (rv.mean() - y) ** 2
        >>> squared_error.update_state(keras.ops.ones((4,)), rv)
        >>> squared_error.name, float(squared_error.result())
        ('squared_error', 1.0)
    """

    # Whether a NaN in the target stands for an entry that was not observed.
    nan_is_missing = False
    # Whether the mean is taken over all entries of the batch, such as the steps of sequences, in
    # place of the sums over rows.
    averages_entries = False

    def __init__(
        self,
        fn: LossFunction,
        name: str | None = None,
        dtype: Any = None,
        direction: str | None = None,
    ):
        _check_is_function(fn)
        super().__init__(name=name or function_name(fn, "distribution_metric"), dtype=dtype)
        self.fn = fn
        self.direction = _checked_direction(direction)
        if direction is not None:
            # Keras's callbacks look for this attribute, and for nothing else.
            self._direction = direction

    def update_state(
        self, y_true: Tensor, y_pred: RandomVariable, sample_weight: Tensor | None = None
    ) -> None:
        if backend.is_meta(y_pred):
            return super().update_state(ops.zeros(tuple(y_pred.shape)[:1]))
        where = f"metric '{self.name}'"
        values, mask = values_and_mask(
            self.fn, y_true, y_pred, sample_weight, where=where, missing=self.nan_is_missing
        )
        _check_has_rows(values, y_pred, where)
        return super().update_state(*self._weighted(values, mask, sample_weight, where))

    def _weighted(
        self, values: Tensor, mask: Tensor | None, sample_weight: Tensor | None, where: str
    ) -> tuple[Tensor, Tensor]:
        """What is averaged, and the weights."""
        if self.averages_entries:
            return values, reductions.entry_weights(values, mask, sample_weight, where=where)
        return reductions.weighted_rows(values, mask, sample_weight, where=where)

    def get_config(self) -> dict[str, Any]:
        fn = serialize(self.fn, where=f"metric '{self.name}', argument `fn`")
        return {**super().get_config(), "fn": fn, "direction": self.direction}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        return cls(**keras.saving.deserialize_keras_object(config))


@keras.saving.register_keras_serializable("keras_distlayers.metrics")
class NegativeLogLikelihood(DistributionMetric):
    """The mean of -log p(y_true) over examples, in nats per example.

    Beside a loss that adds the KL divergence, it shows the reconstruction's part alone. It takes
    the weights and masks that the loss takes; `DistributionMetric` says what is averaged.
    `EarlyStopping(monitor="val_nll")` knows that less is better.

    Args:
        name: The name in the logs.
        dtype: As for `keras.metrics.Metric`.
        nan_is_missing: As for `losses.NegativeLogLikelihood`.

    Raises:
        TypeError: when it is called on an output that is not a RandomVariable.
        ValueError: if the target's shape is not that of the distribution's batch and event.
        NotImplementedError: with `nan_is_missing`, when it is called on a distribution whose
            marginals have no closed form.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> nll = kdl.metrics.NegativeLogLikelihood()
        >>> rv = kdl.layers.IndependentBernoulli(10)(keras.ops.zeros((4, 10)))
        >>> nll.update_state(keras.ops.ones((4, 10)), rv)
        >>> round(float(nll.result()), 4)
        6.9315
    """

    def __init__(self, name: str = "nll", dtype: Any = None, nan_is_missing: bool = False):
        super().__init__(nll_function(nan_is_missing), name, dtype, direction="down")
        self.nan_is_missing = nan_is_missing

    def get_config(self) -> dict[str, Any]:
        # Without the function and its direction, which the class knows.
        config = super(DistributionMetric, self).get_config()
        return {**config, "nan_is_missing": self.nan_is_missing}


@keras.saving.register_keras_serializable("keras_distlayers.metrics")
class ModeAccuracy(DistributionMetric):
    """The share of events that the distribution's mode hits: the accuracy of a classifier.

    For `Categorical` it is the share of labels that are the most probable one. Write it in place
    of Keras's `"accuracy"`, which wants probabilities: it would take the argmax over the labels of
    the batch, and give 0 or 1. An event of several entries is hit where all of them are.

    The mean is taken over all entries of the batch, such as the steps of all sequences, with
    their `sample_weight`. Masked entries do not count.

    Args:
        name: The name in the logs.
        dtype: As for `keras.metrics.Metric`.

    Raises:
        TypeError: when it is called on an output that is not a RandomVariable.
        ValueError: if the target's shape is not that of the distribution's batch and event.
        NotImplementedError: when it is called on a distribution without a mode in closed form.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> accuracy = kdl.metrics.ModeAccuracy()
        >>> rv = kdl.layers.Categorical(3)(keras.ops.convert_to_tensor([[0.0, 2.0, 1.0]] * 4))
        >>> accuracy.update_state(keras.ops.convert_to_tensor([1, 1, 2, 1]), rv)
        >>> float(accuracy.result())
        0.75
    """

    averages_entries = True

    def __init__(self, name: str = "accuracy", dtype: Any = None):
        super().__init__(_is_mode, name, dtype, direction="up")

    def get_config(self) -> dict[str, Any]:
        return super(DistributionMetric, self).get_config()


def _is_mode(y_true: Tensor, rv: RandomVariable) -> Tensor:
    """1.0 where an event is the mode, else 0.0, of the shape of the batch."""
    # As floats: a target of 0.7 is not the label 0.
    is_equal = ops.equal(ops.cast(y_true, "float32"), ops.cast(rv.mode(), "float32"))
    axes = tuple(range(-len(rv.event_shape), 0))
    return ops.cast(ops.all(is_equal, axis=axes) if axes else is_equal, "float32")


def _check_is_function(fn: Any) -> None:
    if isinstance(fn, DistributionLoss):
        raise TypeError(
            message(
                "DistributionMetric, argument `fn`",
                expected="a function of the target and the RandomVariable",
                received=f"the loss '{fn.name}', whose values are averaged over a batch",
                fix="Pass its function, `loss.fn`, or use metrics.NegativeLogLikelihood.",
            )
        )


def _checked_direction(direction: str | None) -> str | None:
    if direction in ("down", "up", None):
        return direction
    raise ValueError(
        message(
            "DistributionMetric, argument `direction`",
            expected="'down', 'up' or None",
            received=f"direction={direction!r}",
        )
    )


def _check_has_rows(values: Tensor, rv: RandomVariable, where: str) -> None:
    """Refuses a mean over the batch: batches of different sizes would weigh the same."""
    expected, received = rv.batch_shape[:1], tuple(values.shape)
    is_known = None not in (*expected, *received[:1])
    if len(received[:1]) < len(expected) or (is_known and received[:1] != expected):
        raise ValueError(
            message(
                f"{where}, argument `fn`",
                expected=f"a function whose values have the batch_shape {rv.batch_shape}",
                received=f"values of shape {received}",
                fix="Return a value for each row; the metric takes the mean.",
            )
        )


__all__ = ["DistributionMetric", "ModeAccuracy", "NegativeLogLikelihood"]
