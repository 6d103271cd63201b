"""The composition of bijectors."""

from collections.abc import Callable, Iterable
from typing import Any

import keras
from keras import ops

from keras_distlayers._core import shapes
from keras_distlayers._core.errors import message
from keras_distlayers._core.typing import Tensor
from keras_distlayers.bijectors.bijector import Bijector, checked_bijector


@keras.saving.register_keras_serializable("keras_distlayers.bijectors")
class Chain(Bijector):
    """y = b_1(b_2(... b_n(x))): the last one in the list is applied first, as in a composition.

    The log-determinants add up, each summed over the event of the whole.

    Args:
        bijectors: A sequence of at least one bijector.

    Raises:
        ValueError: if the sequence is empty.
        TypeError: if one of them is not a bijector.

    Examples:
        >>> import keras_distlayers as kdl
        >>> chain = kdl.bijectors.Chain([kdl.bijectors.Shift(1.0), kdl.bijectors.Scale(10.0)])
        >>> float(chain.forward(2.0))
        21.0
    """

    component_names = ("bijectors",)

    bijectors: tuple[Bijector, ...]

    def __init__(self, bijectors: Iterable[Bijector]) -> None:
        where = "Chain, argument `bijectors`"
        parts = tuple(checked_bijector(where, bijector) for bijector in bijectors)
        if not parts:
            raise ValueError(
                message(where, expected="at least one bijector", received="an empty sequence")
            )
        super().__init__(bijectors=parts)

    def _extra_batch_ndims(self, name: str) -> tuple[int, ...]:
        return tuple(self.event_ndims - b.event_ndims for b in self.bijectors)

    @property
    def event_ndims(self) -> int:
        return max(b.event_ndims for b in self.bijectors)

    @property
    def event_size(self) -> int | None:
        return next((b.event_size for b in self.bijectors if b.event_size is not None), None)

    @property
    def domain(self) -> tuple[float, float]:
        return self.bijectors[-1].domain

    @property
    def covers_reals(self) -> bool:
        return all(b.covers_reals for b in self.bijectors)

    @property
    def is_affine(self) -> bool:
        return all(b.is_affine for b in self.bijectors)

    @property
    def is_increasing(self) -> Any:
        is_increasing: Any = True
        for bijector in self.bijectors:
            is_increasing = _have_same_direction(is_increasing, bijector.is_increasing)
        return is_increasing

    def image(self, lower: float | Tensor, upper: float | Tensor) -> tuple[Any, Any]:
        for bijector in reversed(self.bijectors):
            lower, upper = bijector.image(lower, upper)
        return lower, upper

    def _forward_and_log_det(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self._compose(x, reversed(self.bijectors), lambda b: b.forward_and_log_det)

    def _inverse_and_log_det(self, y: Tensor) -> tuple[Tensor, Tensor]:
        return self._compose(y, self.bijectors, lambda b: b.inverse_and_log_det)

    def _compose(
        self,
        value: Tensor,
        bijectors: Iterable[Bijector],
        step_of: Callable[[Bijector], Callable[[Tensor], tuple[Tensor, Tensor]]],
    ) -> tuple[Tensor, Tensor]:
        """The value after all steps, and the sum of their log-determinants."""
        total = 0.0
        for bijector in bijectors:
            value, log_det = step_of(bijector)(value)
            total = total + shapes.sum_last(log_det, self.event_ndims - bijector.event_ndims)
        return value, total


def _have_same_direction(a: Any, b: Any) -> Any:
    """Whether two directions agree: None where one of them is unknown."""
    if a is None or b is None:
        return None
    if isinstance(a, bool) and isinstance(b, bool):
        return a == b
    if isinstance(a, bool):
        return b if a else ops.logical_not(b)
    if isinstance(b, bool):
        return a if b else ops.logical_not(a)
    return ops.equal(a, b)


__all__ = ["Chain"]
