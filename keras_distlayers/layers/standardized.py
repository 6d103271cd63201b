"""The head around another one whose network works on standardized targets."""

from typing import Any, Unpack

import keras
import numpy as np
from keras import ops

from keras_distlayers import bijectors as kb
from keras_distlayers import distributions as kd
from keras_distlayers._core.errors import message
from keras_distlayers.layers._component import check_has_no_regularizer
from keras_distlayers.layers._sizes import EventShape, checked_shape
from keras_distlayers.layers.head import ConvertToTensor, Head, HeadOptions


@keras.saving.register_keras_serializable("keras_distlayers.layers")
class Standardized(Head):
    """A head for targets in their own units, around a head that works on standardized ones.

    A network whose targets are thousands of dollars, or millionths of a metre, trains badly or not
    at all: its first outputs are near 0, and the scale of a normal near 1. `adapt(y)` notes the
    mean and the standard deviation of each entry of the targets. The inner head then describes
    (y - mean) / stddev, and what comes out is the distribution of y itself: its density,
    quantiles and, where the inner one has them, mean and variance are exact.

    The two are weights that are not trained, so they are saved with the model.

    Args:
        head: The head of the standardized targets. It is never called: what stands for the tensor,
            the regularizer and the seed are those of this head.
        event_shape: The shape of an event; by default that of `head`, where the head says it.
        center: Whether the mean is subtracted. Pass False for a head of positive numbers, which
            would otherwise start below 0.
        convert_to_tensor_fn: As for `Head`.

    Input shape: that of `head`.

    Output shape: that of `head`.

    Raises:
        TypeError: if `head` is not a `Head`.
        ValueError: if `head` has a regularizer, if the event's shape is not known, or, when it is
            called, if the distribution is bounded and `center` is true.

    Examples:
        >>> import keras, numpy as np
        >>> import keras_distlayers as kdl
        >>> prices = np.array([[200_000.0], [300_000.0], [400_000.0]])
        >>> head = kdl.layers.Standardized(kdl.layers.IndependentNormal(1))
        >>> head.adapt(prices)
        >>> rv = head(keras.ops.zeros((5, 2)))
        >>> float(rv.mean()[0, 0])
        300000.0

    Source: the protocol of Hernandez-Lobato and Adams (2015), Probabilistic Backpropagation,
    section 5, in which the networks see standardized targets.
    """

    def __init__(
        self,
        head: Head,
        event_shape: EventShape | None = None,
        center: bool = True,
        convert_to_tensor_fn: ConvertToTensor = "sample",
        **options: Unpack[HeadOptions],
    ) -> None:
        super().__init__(convert_to_tensor_fn, **options)
        self.head = _checked_head(head)
        self.event_shape = _event_shape(head, event_shape)
        self.center = bool(center)
        self.num_params = head.num_params
        # Not in `build`: `adapt` comes before the first call.
        self.loc = self._statistic("loc", "zeros")
        self.scale = self._statistic("scale", "ones")

    def _statistic(self, name: str, initializer: str) -> Any:
        dtype = "float64" if self.compute_dtype == "float64" else "float32"
        return self.add_weight(
            self.event_shape, initializer, dtype=dtype, trainable=False, name=name
        )

    def build(self, input_shape: Any) -> None:
        if not self.head.built:
            self.head.build(input_shape)
        super().build(input_shape)

    def make_distribution(self, inputs: Any) -> kd.TransformedDistribution:
        standardized = self.head.distribution(inputs).unwrapped()
        if self.center and _is_bounded_below(standardized):
            raise ValueError(
                message(
                    f"Standardized '{self.name}', argument `center`",
                    expected="center=False for a distribution of numbers above a bound",
                    received="center=True",
                )
            )
        scale = ops.convert_to_tensor(self.scale)
        if not self.center:
            return kd.TransformedDistribution(standardized, kb.Scale(scale))
        return kd.TransformedDistribution(standardized, kb.Affine(self.loc, scale))

    def adapt(self, data: Any) -> None:
        """Notes the mean and the standard deviation of the targets.

        Args:
            data: Targets of shape `batch_shape + event_shape`, or an iterable of batches of them,
                such as a `tf.data.Dataset`. NaN stands for an entry that was not observed.

        Raises:
            TypeError: if a batch is more than targets, such as a pair of inputs and targets.
            ValueError: if the targets have another shape or are infinite, or if an entry is the
                same in all of them, to the digits of the dtype.
        """
        count, mean, squares = 0.0, 0.0, 0.0
        for batch in [data] if hasattr(data, "shape") else data:
            rows = self._rows(batch)
            # The means and squares of two parts together (Chan, Golub and LeVeque, 1983).
            is_known = ~np.isnan(rows)
            n = is_known.sum(axis=0)
            part = np.where(is_known, rows, 0.0).sum(axis=0) / np.maximum(n, 1)
            distance = part - mean
            total = np.maximum(count + n, 1)
            around_part = np.square(np.where(is_known, rows - part, 0.0)).sum(axis=0)
            squares = squares + around_part + distance**2 * count * n / total
            mean, count = mean + distance * n / total, count + n
        self._set(count, mean, squares)

    def _rows(self, batch: Any) -> np.ndarray:
        self._check_is_targets_alone(batch)
        rows = np.asarray(ops.convert_to_numpy(batch), "float64")
        ndims = len(self.event_shape)
        if rows.ndim < ndims or rows.shape[rows.ndim - ndims :] != self.event_shape:
            raise ValueError(
                message(
                    f"Standardized '{self.name}', method `adapt`",
                    expected=f"targets that end in the event_shape {self.event_shape}",
                    received=f"shape={rows.shape}",
                )
            )
        if np.isinf(rows).any():
            raise ValueError(
                message(
                    f"Standardized '{self.name}', method `adapt`",
                    expected="finite targets, or NaN where there is none",
                    received="infinite ones",
                )
            )
        return rows.reshape((-1, *self.event_shape))

    def _check_is_targets_alone(self, batch: Any) -> None:
        """Inputs and targets of one shape would be taken for one array of both."""
        parts = batch if isinstance(batch, tuple | list) else ()
        if isinstance(batch, dict) or any(len(getattr(part, "shape", ())) for part in parts):
            raise TypeError(
                message(
                    f"Standardized '{self.name}', method `adapt`",
                    expected="targets, or batches of targets alone",
                    received=f"a {type(batch).__name__} of {len(batch)} as a batch",
                    fix="Take the targets out: head.adapt(y for _, y in data).",
                )
            )

    def _set(self, count: Any, mean: Any, squares: Any) -> None:
        stddev = np.sqrt(squares / np.maximum(count, 1))
        # What is left of equal numbers is the rounding of their mean.
        stddev = np.where(stddev > 1e-12 * np.abs(mean), stddev, 0.0)
        info = np.finfo(keras.backend.standardize_dtype(self.scale.dtype))
        if not np.all((stddev >= info.tiny) & (stddev + np.abs(mean) <= info.max)):
            raise ValueError(
                message(
                    f"Standardized '{self.name}', method `adapt`",
                    expected="targets that differ in each entry of an event, by what the dtype "
                    "of the weights has",
                    received=f"standard deviations {np.min(stddev)} to {np.max(stddev)}",
                )
            )
        self.loc.assign(mean)
        self.scale.assign(stddev)


def _checked_head(head: Any) -> Head:
    where = "Standardized, argument `head`"
    if not isinstance(head, Head):
        raise TypeError(
            message(
                where,
                expected="a head, such as IndependentNormal(1)",
                received=f"a {type(head).__name__}",
            )
        )
    check_has_no_regularizer(where, head, "Standardized")
    return head


def _event_shape(head: Any, given: EventShape | None) -> tuple[int, ...]:
    known = given
    for name in ("event_shape", "event_size"):
        known = getattr(head, name, None) if known is None else known
    if known is None:
        raise ValueError(
            message(
                "Standardized, argument `event_shape`",
                expected="the shape of an event",
                received=f"None, and a {type(head).__name__} that does not say it",
            )
        )
    return checked_shape("Standardized", "event_shape", known)


def _is_bounded_below(distribution: kd.Distribution) -> bool:
    lower = distribution.support.lower
    return not isinstance(lower, float) or np.isfinite(lower)


__all__ = ["Standardized"]
