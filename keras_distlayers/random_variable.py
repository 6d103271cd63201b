"""RandomVariable: one object that is a distribution and a tensor, one draw of it."""

import copy
from collections.abc import Iterable
from typing import Any, Self

import keras
from keras import ops

from keras_distlayers._backend import backend
from keras_distlayers._core.errors import message
from keras_distlayers._core.typing import Shape, Tensor
from keras_distlayers.distribution_methods import DistributionMethods
from keras_distlayers.distributions import Distribution

# A name of its own: type checkers accept no attribute of an object as a base class.
_TensorLike: Any = backend.TensorLike


_ADVICE = {"tensor_distribution": ". `rv.distribution` is the distribution."}
"""What to write for attributes of the random variables of tfp.layers."""


class RandomVariable(DistributionMethods, _TensorLike):
    """A distribution and one draw from it, in one object.

    Wherever Keras, or the active backend, wants a tensor, it gets the draw: layers,
    `keras.ops`, arithmetic, comparison, indexing. The distribution's methods are its own:
    `rv.mean()` is the mean of the distribution, on every backend; `ops.mean(rv)` is the mean of
    the draw. The draw was made once, when the layer was called, so that everything downstream
    sees the same one. `rv.sample(n)` draws again, from the layer's own seed generator.

    For Keras it is a leaf, as a tensor is. On JAX and TensorFlow it is a plain object that
    converts to its draw, on Torch a `torch.Tensor`. Functions below Keras that insist on
    their own class (`jax.lax`) want `ops.convert_to_tensor(rv)`.

    A head makes it; you rarely do. `RandomVariable(distribution, draw)` is how.

    Args:
        distribution: A `Distribution`.
        draw: A tensor that stands for it, such as `distribution.sample()`.
        log_prob: The distribution's log_prob at `draw`, where it is known: what
            `distribution.sample_and_log_prob()` gives with the draw. `rv.log_prob(rv)` returns it.

    Raises:
        TypeError: if `distribution` is not a distribution.

    Attributes:
        distribution: The distribution proper.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> rv = kdl.layers.IndependentNormal((2,), seed=0)(keras.ops.zeros((3, 4)))
        >>> rv
        <RandomVariable Independent(Normal), batch_shape=(3,), event_shape=(2,), draw of shape (3, 2), float32>
        >>> [tuple(x.shape) for x in (rv + 1.0, rv.mean(), rv.log_prob(rv), rv.sample(5), rv[0])]
        [(3, 2), (3, 2), (3,), (5, 3, 2), (2,)]
    """  # noqa: E501 - the repr is one line

    distribution: Distribution

    # The head that made it and the raw parameters, where only the head can make it again for
    # other rows: a distribution of another library. Not kept by jit.
    source: tuple[Any, Any] | None = None

    # The log_prob of the draw, where it was known as the draw was made, and the state of the draw.
    _log_prob_as_drawn: Tensor | None
    _changes: int

    def __new__(
        cls, distribution: Distribution, draw: Tensor, log_prob: Tensor | None = None
    ) -> Self:
        """Wraps the draw, which on Torch has to happen before there is an object."""
        if not isinstance(distribution, Distribution):
            raise TypeError(
                message(
                    "RandomVariable, argument `distribution`",
                    expected="a distribution of keras_distlayers",
                    received=f"a {type(distribution).__name__}",
                )
            )
        self = cls.wrap(ops.convert_to_tensor(draw))
        self.distribution = distribution.unwrapped()
        _keep(self, log_prob)
        return self

    def __init__(self, distribution: Distribution, draw: Tensor, log_prob: Tensor | None = None):
        """Does nothing; it is here so that no base class reads the arguments."""

    @property
    def _log_prob_of_draw(self) -> Tensor | None:
        """The log_prob that is kept, unless the draw was changed in place since."""
        log_prob = self._log_prob_as_drawn
        return log_prob if log_prob is None or backend.changes(self) == self._changes else None

    @classmethod
    def drawn_from(cls, distribution: Distribution) -> Self:
        """A distribution with a new draw, whose log_prob is kept if the draw is a bijector's."""
        if distribution.keeps_preimage:
            return cls(distribution, *distribution.sample_and_log_prob())
        return cls(distribution, distribution.sample())

    @property
    def batch_shape(self) -> Shape:
        """The shape of the distribution's batch."""
        return self.distribution.batch_shape

    @property
    def event_shape(self) -> Shape:
        """The shape of one event of the distribution."""
        return self.distribution.event_shape

    def call_distribution_method(self, name: str, *args: Any, **kwargs: Any) -> Any:
        return getattr(self.distribution, name)(*args, **kwargs)

    def log_prob(self, value: Tensor) -> Tensor:
        """The log density, or log mass, at `value`, in nats, of shape `batch_shape`.

        The trailing axes of `value` are exactly `event_shape`; its leading axes broadcast with
        `batch_shape`. At the variable's own draw, `rv.log_prob(rv)`, a transformed distribution
        needs no inverse, and the result is exact where the draw has rounded to a bound.
        """
        known = self._log_prob_of_draw
        if known is not None and (value is self or value is self.tensor):
            return known
        return self.distribution.log_prob(value)

    def prob(self, value: Tensor) -> Tensor:
        """The density, or mass, at `value`: `exp(log_prob(value))`."""
        return ops.exp(self.log_prob(value))

    def unwrapped(self) -> Distribution:
        """The distribution, without the draw."""
        return self.distribution

    def __getattr__(self, name: str) -> Any:
        """Parameters and shapes of the distribution (`rv.loc`), then the tensor's own."""
        if name.startswith("_") or name in ("distribution", "tensor"):
            raise AttributeError(f"RandomVariable has no attribute {name!r}")
        for part in (self.distribution, self.tensor):
            if hasattr(part, name):
                return getattr(part, name)
        raise AttributeError(
            f"RandomVariable has no attribute {name!r}: neither its distribution, "
            f"{self.distribution!r}, nor its draw has one{_ADVICE.get(name, '')}"
        )

    def __repr__(self) -> str:
        distribution = self.distribution
        return (
            f"<RandomVariable {distribution.family_name}, batch_shape={self.batch_shape}, "
            f"event_shape={self.event_shape}, draw of shape {tuple(self.shape)}, "
            f"{keras.backend.standardize_dtype(self.dtype)}>"
        )

    def __str__(self) -> str:
        """What `repr` gives; without values also what Keras's error for its lack leaves out."""
        if backend.has_values(self.tensor):
            return repr(self)
        return (
            f"{self!r}, without values. Where Keras expects a tensor in its place, as it builds "
            "a Functional model with your layer or model around a head, give yours a method "
            "`compute_output_shape(input_shape)`"
        )

    def __format__(self, spec: str) -> str:
        """The draw in a format for numbers; without one, what `str` gives."""
        return format(self.tensor, spec) if spec else str(self)

    def __reduce_ex__(self, protocol: Any) -> Any:
        """For pickle and `copy.copy`: taken apart as for jit."""
        children, _ = _flatten(self)
        return _unflatten, (None, children)

    def __deepcopy__(self, memo: dict) -> "RandomVariable":
        children, _ = _flatten(self)
        for tensor in (self.tensor, self._log_prob_of_draw):
            if tensor is not None:  # as for the parameters of a distribution
                memo.setdefault(id(tensor), ops.copy(tensor))
        return _unflatten(None, copy.deepcopy(children, memo))


def _keep(rv: Any, log_prob: Tensor | None) -> None:
    """Keeps the log_prob of the draw as it is now."""
    rv._log_prob_as_drawn = log_prob
    rv._changes = 0 if log_prob is None else backend.changes(rv)


def _flatten(rv: RandomVariable) -> tuple[tuple[Any, ...], None]:
    # The mask that Keras hangs on a tensor goes along, or a metric outside the gradient's
    # function would not see it.
    mask = getattr(rv, "_keras_mask", None)
    return (rv.distribution, rv.tensor, mask, rv._log_prob_of_draw), None


def _unflatten(_: None, children: Iterable[Any]) -> RandomVariable:
    """Without `__new__`: a transformation may hand in leaves that are not tensors."""
    distribution, tensor, mask, log_prob = children
    rv = RandomVariable.wrap(tensor)
    rv.distribution = distribution
    _keep(rv, log_prob)
    if mask is not None:
        rv._keras_mask = mask
    return rv


backend.register_pytree(RandomVariable, _flatten, _unflatten)
# A RandomVariable is a Distribution for isinstance, without its implementation: on Torch
# the two could not share a metaclass.
Distribution.register(RandomVariable)

__all__ = ["RandomVariable"]
