"""The composition of bijectors."""

import keras
from keras import ops

from keras_distlayers._core import shapes
from keras_distlayers._core.errors import message
from keras_distlayers.bijectors._checks import checked_bijector
from keras_distlayers.bijectors.bijector import Bijector


@keras.saving.register_keras_serializable("keras_distlayers.bijectors")
class Chain(Bijector):
    """y = b_1(b_2(... b_n(x))): the last one in the list comes first, as in a composition.

    The log-determinants add up, each summed over the event of the whole.

    Args:
        bijectors: A sequence of them, at least one.

    Raises:
        ValueError: if there is none.
        TypeError: if one is not a `Bijector`.

    Examples:
        >>> import keras_distlayers as kdl
        >>> chain = kdl.bijectors.Chain([kdl.bijectors.Shift(1.0), kdl.bijectors.Scale(10.0)])
        >>> float(chain.forward(2.0))
        21.0
    """

    component_names = ("bijectors",)

    def __init__(self, bijectors):
        parts = tuple(checked_bijector("Chain, argument `bijectors`", b) for b in bijectors)
        if not parts:
            raise ValueError(
                message(
                    "Chain, argument `bijectors`", expected="one at least", received="an empty one"
                )
            )
        super().__init__(bijectors=parts)

    def _extra_batch_ndims(self, component):
        return tuple(self.event_ndims - b.event_ndims for b in self.bijectors)

    @property
    def event_ndims(self):
        return max(b.event_ndims for b in self.bijectors)

    @property
    def event_size(self):
        return next((b.event_size for b in self.bijectors if b.event_size is not None), None)

    @property
    def is_affine(self):
        return all(b.is_affine for b in self.bijectors)

    @property
    def is_increasing(self):
        increasing = True
        for bijector in self.bijectors:
            increasing = _same(increasing, bijector.is_increasing)
        return increasing

    @property
    def domain(self):
        return self.bijectors[-1].domain

    @property
    def covers_reals(self):
        return all(b.covers_reals for b in self.bijectors)

    def image(self, lower, upper):
        for bijector in reversed(self.bijectors):
            lower, upper = bijector.image(lower, upper)
        return lower, upper

    def _forward_and_log_det(self, x):
        return self._compose(x, [b.forward_and_log_det for b in reversed(self.bijectors)])

    def _inverse_and_log_det(self, y):
        return self._compose(y, [b.inverse_and_log_det for b in self.bijectors])

    def _compose(self, value, steps):
        total = 0.0
        for step in steps:
            value, log_det = step(value)
            own = step.__self__.event_ndims
            total = total + shapes.sum_last(log_det, self.event_ndims - own)
        return value, total


def _same(a, b):
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
