"""Losses that see the model's output as the distribution that it is."""

import math
from collections.abc import Callable
from typing import Any, Self, TypeAlias

import keras
from keras import ops

from keras_distlayers._backend import backend
from keras_distlayers._core import reductions, shapes
from keras_distlayers._core.errors import message
from keras_distlayers._core.ops import maximum, mean
from keras_distlayers._core.saving import serialize
from keras_distlayers._core.typing import Shape, Tensor
from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.random_variable import RandomVariable

LossFunction: TypeAlias = Callable[[Tensor, RandomVariable], Tensor]
"""A function of the target and the output, of the shape of the batch."""


@keras.saving.register_keras_serializable("keras_distlayers.losses")
class DistributionLoss(keras.losses.Loss):
    """A loss from a function of the target and the output's RandomVariable.

    `keras.losses.Loss` turns the output into a plain tensor before a loss sees it; this one
    hands it over whole. What the function returns is summed over all axes but the first
    and averaged over examples: nats per example, where the function returns nats.

    It is a loss, not a metric: as with its own losses, Keras would average `metrics=[loss]` over
    batches, the last of which may be smaller. `metrics.DistributionMetric(fn)` counts examples.

    Args:
        fn: A function `(y_true, rv) -> tensor` of the shape of the batch. It gets the target
            in the shape of one draw; a trailing axis of size 1 may be missing or too many, as
            in Keras's own losses.
        name: The name of the loss; by default the function's.
        reduction: As for `keras.losses.Loss`, over examples. Entries that are masked do not
            count, nor does an example whose entries are all masked. With `sample_weight` the
            sum is divided by the number of examples, as Keras does, or by the sum of the weights
            of the rows for `"mean_with_sample_weight"`.
        dtype: As for `keras.losses.Loss`.

    Raises:
        TypeError: when it is called on an output that is not a RandomVariable.
        ValueError: if the target's shape is not that of the distribution's batch and event.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> negloglik = kdl.losses.DistributionLoss(lambda x, rv_x: -rv_x.log_prob(x))
        >>> rv = kdl.layers.IndependentNormal(1)(keras.ops.zeros((4, 2)))
        >>> round(float(negloglik(keras.ops.zeros((4, 1)), rv)), 3)
        0.552
    """

    # Whether a NaN in the target stands for an entry that was not observed.
    nan_is_missing = False

    def __init__(
        self,
        fn: LossFunction,
        name: str | None = None,
        reduction: str | None = "sum_over_batch_size",
        dtype: Any = None,
    ):
        super().__init__(
            name=name or function_name(fn, "distribution_loss"), reduction=reduction, dtype=dtype
        )
        self.fn = fn

    def __call__(
        self, y_true: Tensor, y_pred: RandomVariable, sample_weight: Tensor | None = None
    ) -> Tensor:
        if backend.is_meta(y_pred):
            return super().__call__(y_true, ops.zeros(tuple(y_pred.shape)[:1]))
        values, mask = values_and_mask(
            self.fn, y_true, y_pred, sample_weight, where=self.name, missing=self.nan_is_missing
        )
        if self.reduction == "mean_with_sample_weight":
            rows, counts = reductions.weighted_rows(values, mask, sample_weight, where=self.name)
            rows = rows * counts
        else:
            rows, counts = reductions.nats_per_row(values, mask, sample_weight, where=self.name)
        is_mean = self.reduction in ("sum_over_batch_size", "mean") and mask is not None
        if is_mean or self.reduction == "mean_with_sample_weight":
            # Keras divides by the number of rows; a row that is masked whole is not an example.
            rows = rows / maximum(mean(counts), keras.config.epsilon())
        return super().__call__(rows, rows)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Returns the values as they are: `__call__` has computed them from the distribution."""
        return y_pred

    def get_config(self) -> dict[str, Any]:
        fn = serialize(self.fn, where=f"loss '{self.name}', argument `fn`")
        return {**super().get_config(), "fn": fn}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        return cls(**keras.saving.deserialize_keras_object(config))


def function_name(fn: Callable, default: str) -> str:
    """The name of a function, or `default` for a lambda and the like."""
    name = getattr(fn, "__name__", "")
    return name if name.isidentifier() else default


@keras.saving.register_keras_serializable("keras_distlayers.losses")
class NegativeLogLikelihood(DistributionLoss):
    """-log p(y_true) under the model's output, in nats per example.

    Args:
        name: The name of the loss.
        reduction: As for `DistributionLoss`.
        dtype: As for `DistributionLoss`.
        nan_is_missing: Whether a NaN in the target stands for an entry that was not observed.
            It is then marginalized (see `Distribution.marginal_log_prob`): it has no part in the
            loss or the gradient. A row without an observed entry does not count as an example.

    Raises:
        TypeError: when it is called on an output that is not a RandomVariable.
        ValueError: if the target's shape is not that of the distribution's batch and event.
        NotImplementedError: with `nan_is_missing`, when it is called on a distribution whose
            marginals have no closed form.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> rv = kdl.layers.IndependentBernoulli((28, 28, 1))(keras.ops.zeros((4, 784)))
        >>> round(float(kdl.losses.NegativeLogLikelihood()(keras.ops.ones((4, 28, 28, 1)), rv)), 2)
        543.43
        >>> rv = kdl.layers.IndependentNormal(2)(keras.ops.zeros((1, 4)))
        >>> loss = kdl.losses.NegativeLogLikelihood(nan_is_missing=True)
        >>> round(float(loss([[0.0, float("nan")]], rv)), 3)  # of the first entry alone
        0.552
    """

    def __init__(
        self,
        name: str = "negative_log_likelihood",
        reduction: str | None = "sum_over_batch_size",
        dtype: Any = None,
        nan_is_missing: bool = False,
    ):
        super().__init__(nll_function(nan_is_missing), name, reduction, dtype)
        self.nan_is_missing = nan_is_missing

    def get_config(self) -> dict[str, Any]:
        # Without the function, which the class knows.
        config = super(DistributionLoss, self).get_config()
        return {**config, "nan_is_missing": self.nan_is_missing}


def nll_function(nan_is_missing: bool) -> LossFunction:
    """-log p(y_true), of the shape of the batch, in nats; of the entries that are not NaN."""
    return _nll_of_observed if nan_is_missing else _nll


def _nll(y_true: Tensor, rv: RandomVariable) -> Tensor:
    return -rv.log_prob(y_true)


def _nll_of_observed(y_true: Tensor, rv: RandomVariable) -> Tensor:
    return -rv.marginal_log_prob(y_true, _is_observed(y_true))


def _is_observed(y_true: Tensor) -> Tensor:
    if _is_float(y_true):
        return ops.logical_not(ops.isnan(y_true))
    return ops.ones_like(y_true, dtype="bool")


def _is_float(x: Tensor) -> bool:
    return keras.backend.is_float_dtype(x.dtype)


def check_is_random_variable(rv: Any, where: str) -> None:
    """An error for an output that is another tensor."""
    if not isinstance(rv, RandomVariable):
        shape = f" of shape {tuple(rv.shape)}" if hasattr(rv, "shape") else ""
        raise TypeError(
            message(
                f"{where}, argument `y_pred`",
                expected="the RandomVariable that a head returns",
                received=f"a {type(rv).__name__}{shape}",
                fix="End the model with a head of keras_distlayers.layers: a layer after the "
                "head turns its output into a plain tensor. So does TimeDistributed(head), which "
                "a head does not need: it takes any number of batch axes.",
            )
        )


def values_and_mask(
    fn: LossFunction,
    y_true: Tensor,
    rv: Any,
    sample_weight: Tensor | None,
    *,
    where: str,
    missing: bool = False,
) -> tuple[Tensor, Tensor | None]:
    """What `fn` gives, of the shape of the batch, and which of it counts, None for all.

    Args:
        fn: The function of a loss or metric.
        y_true: The target.
        rv: The output, with its mask.
        sample_weight: As in Keras. What has weight 0 has no part in the values.
        where: The name of the loss or metric, for errors.
        missing: Whether NaN stands for an entry of an event that was not observed.
    """
    check_is_random_variable(rv, where)
    mask = getattr(rv, "_keras_mask", None)
    y_true = match_target(y_true, rv.distribution, where=where)
    event_ndims = len(rv.event_shape)
    if missing:
        y_true = ops.convert_to_tensor(y_true)
        axes = tuple(range(-event_ndims, 0))
        has_entry = ops.any(_is_observed(y_true), axis=axes) if axes else _is_observed(y_true)
        mask = reductions.kept_with_entries(mask, has_entry, where=where)
    is_counted = reductions.counted(y_true, event_ndims, mask, sample_weight, where=where)
    if is_counted is not None:
        # What does not count may be NaN, or outside the support. A finite log_prob is not
        # enough: in the gradient, 0 times infinity is NaN. So the function sees a draw there,
        # or what it takes for not observed.
        can_be_nan = missing and _is_float(y_true)
        draw = None if can_be_nan else ops.stop_gradient(rv.distribution.sample(seed=0))
        harmless = math.nan if draw is None else draw
        y_true = ops.where(is_counted, y_true, harmless)
    return fn(y_true, rv), mask


def match_target(y_true: Tensor, distribution: Distribution, *, where: str) -> Tensor:
    """The target in the shape of one draw: the distribution's batch_shape, then its event_shape.

    As in Keras's own losses, a trailing axis of size 1 may be missing or too many. Anything else
    would broadcast: to n x n values for n examples, without an error.

    Raises:
        ValueError: if the target has another shape. Where a size is not known before a graph
            runs, TensorFlow raises as it runs.
    """
    expected = (*distribution.batch_shape, *distribution.event_shape)
    y_true = y_true if hasattr(y_true, "shape") else ops.convert_to_tensor(y_true)
    received = shapes.static_shape_or_none(y_true)
    if received == expected and None not in expected:
        return y_true  # the usual case, at each step on a backend that runs eagerly
    error = message(
        f"{where}, argument `y_true`",
        expected=f"the shape {expected}: batch_shape, then event_shape of the model's output",
        received=f"shape={received}",
        fix="A trailing axis of size 1 may be missing, or too many.",
    )
    if received is not None and not _equal_but_for_a_trailing_one(received, expected):
        raise ValueError(error)
    y_true = ops.convert_to_tensor(y_true)
    return backend.require_shape(y_true, distribution.dynamic_shape(), error=error)


def _equal_but_for_a_trailing_one(received: Shape, expected: Shape) -> bool:
    """Whether the shapes are equal but for one trailing 1; an unknown size may be any."""
    ndims = max(len(received), len(expected))
    pairs = zip(*((*shape, 1)[:ndims] for shape in (received, expected)), strict=False)
    is_near = abs(len(received) - len(expected)) <= 1
    return is_near and all(a is None or b is None or a == b for a, b in pairs)


__all__ = ["DistributionLoss", "NegativeLogLikelihood"]
