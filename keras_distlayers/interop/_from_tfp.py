"""Distributions of TensorFlow Probability, on JAX and on TensorFlow.

Constraint: TFP is never imported here. Its classes are found by the name of their module.
"""

import inspect
from collections.abc import Mapping
from typing import Any, Self

import keras
from keras import ops

from keras_distlayers._backend import backend
from keras_distlayers._core.errors import message
from keras_distlayers._core.typing import DynamicShape, Tensor
from keras_distlayers.distributions.conversion import register_conversion
from keras_distlayers.interop.wrapped import WrappedDistribution


class _Constant:
    """A constructor's argument without tensors, as a part of a pytree that has no leaves."""

    def __init__(self, value: Any) -> None:
        self.value = value


backend.register_pytree(
    _Constant, lambda constant: ((), constant.value), lambda value, _: _Constant(value)
)


class _Parts:
    """A TFP object as its class and its constructor's arguments.

    TFP's own pytrees leave some of the distributions inside others (those of a hidden
    Markov model, say) among the constants, where jit must not see a tensor. So the object is
    taken apart here, and put together again when it is needed: in between, the leaves may
    be no tensors.
    """

    def __init__(self, cls: type, arguments: Mapping[str, Any], whole: Any = None) -> None:
        self.cls, self.arguments, self._whole = cls, arguments, whole

    @classmethod
    def of(cls, whole: Any) -> Self:
        arguments = _constructor_arguments(whole)
        return cls(type(whole), {k: _taken_apart(v) for k, v in arguments.items()}, whole)

    @property
    def whole(self) -> Any:
        if self._whole is None:
            arguments = {k: _put_together(v) for k, v in self.arguments.items()}
            self._whole = self.cls(**arguments)
        return self._whole


backend.register_pytree(
    _Parts,
    lambda parts: (tuple(parts.arguments.values()), (parts.cls, tuple(parts.arguments))),
    lambda aux, values: _Parts(aux[0], dict(zip(aux[1], values, strict=True))),
)


def _constructor_arguments(whole: Any) -> dict[str, Any]:
    """`parameters`, without what else TFP's `ZeroInflatedNegativeBinomial` has put there."""
    signature = inspect.signature(type(whole).__init__).parameters
    arguments = {k: v for k, v in whole.parameters.items() if k in signature}
    for name, parameter in signature.items():
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            arguments |= arguments.pop(name, {})
    return arguments


def _is_of_tfp(x: Any) -> bool:
    return type(x).__module__.startswith("tensorflow_probability.") and hasattr(x, "parameters")


def _taken_apart(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _taken_apart(item) for key, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(_taken_apart(item) for item in value)
    if _is_of_tfp(value):
        return _Parts.of(value)
    # A NumPy array would be compared as a constant, entry by entry.
    is_leaf = ops.is_tensor(value) or hasattr(value, "__array__")
    return value if is_leaf else _Constant(value)


def _put_together(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _put_together(item) for key, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(_put_together(item) for item in value)
    if isinstance(value, _Parts):
        return value.whole
    return value.value if isinstance(value, _Constant) else value


@register_conversion("tensorflow_probability")
class TfpDistribution(WrappedDistribution):
    """A distribution of TensorFlow Probability."""

    library = "TensorFlow Probability"
    key = "tfp"

    def __init__(self, wrapped: Any) -> None:
        if keras.tree.is_nested(wrapped.dtype):
            raise TypeError(
                message(
                    f"a {type(wrapped).__name__} of {self.library}",
                    expected="a distribution whose events are tensors",
                    received=f"events of dtype={wrapped.dtype}, a structure",
                    fix="Make a head for each part, or join them into one tensor with "
                    "tfp.distributions.Blockwise.",
                )
            )
        super().__init__(wrapped)

    @staticmethod
    def backend_of(wrapped: Any) -> str:
        for base in type(wrapped).__mro__:
            package = base.__module__.split(".")
            if package[:2] == ["tensorflow_probability", "substrates"]:
                return package[2]
        return "tensorflow"

    @classmethod
    def _take_apart(cls, wrapped: Any) -> _Parts:
        return _Parts.of(wrapped)

    @property
    def wrapped(self) -> Any:
        return self._source.whole

    def _tensors_of(self, wrapped: Any) -> list[Tensor]:
        dtype = keras.backend.standardize_dtype(wrapped.dtype)
        return [ops.zeros((), dtype)] if keras.backend.is_float_dtype(dtype) else []

    @property
    def event_dtype(self) -> str:
        return keras.backend.standardize_dtype(self.wrapped.dtype)

    @property
    def reparameterized(self) -> bool:
        return "FULLY_REPARAMETERIZED" in repr(self.wrapped.reparameterization_type)

    def dynamic_batch_shape(self) -> DynamicShape:
        if None not in self.batch_shape:
            return self.batch_shape
        return tuple(ops.shape(self.wrapped.mean()))[: len(self.batch_shape)]

    def dynamic_event_shape(self) -> DynamicShape:
        if None not in self.event_shape:
            return self.event_shape
        return tuple(ops.shape(self.wrapped.mean()))[len(self.batch_shape) :]

    def _draw(self, sample_shape: tuple[int, ...], seed: Any) -> Tensor:
        return self.wrapped.sample(sample_shape, seed=seed)

    def _statistic(self, name: str, *args: Tensor) -> Tensor:
        return getattr(self.wrapped, name)(*args)

    def _survival_function(self, value: Tensor) -> Tensor:
        return self._available("survival_function", value)

    def parameter(self, name: str) -> Any:
        return self.wrapped.parameters.get(name)

    @classmethod
    def closed_form_kl(cls, a: Any, b: Any) -> Tensor:
        return a.kl_divergence(b)


__all__ = ["TfpDistribution"]
