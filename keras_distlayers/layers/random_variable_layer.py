"""The base of the layers that take a RandomVariable."""

from typing import Any

import keras

from keras_distlayers._core.errors import message
from keras_distlayers._core.foreign_arguments import refuse_foreign_arguments
from keras_distlayers._core.typing import Tensor
from keras_distlayers.random_variable import RandomVariable
from keras_distlayers.symbolic import SymbolicRandomVariable


class RandomVariableLayer(keras.layers.Layer):
    """The base class of the layers that take a `RandomVariable`: the distribution and its draw.

    Any other Keras layer gets the draw alone. Your own layer writes
    `call_random_variable(rv)`. It may return a RandomVariable or a tensor, add losses, and own
    weights as any Keras layer does. In a Functional model it is called on what a head, or
    another layer of this kind, returns.

    Args:
        **kwargs: `name`, `dtype` and the like, of `keras.layers.Layer`.

    Call arguments:
        inputs: A RandomVariable.
        mask: The mask of the RandomVariable; Keras finds it.
        training: Whether the model is being trained; Keras passes it on.

    Input shape: that of a RandomVariable.

    Output shape: that of what `call_random_variable` returns.

    Raises:
        TypeError: if the input is not a RandomVariable.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> class Standardized(kdl.layers.RandomVariableLayer):
        ...     def call_random_variable(self, rv, mask=None, training=None):
        ...         return (rv - rv.mean()) / rv.stddev()
        >>> x = keras.Input((4,))
        >>> z = kdl.layers.IndependentNormal(2)(x)
        >>> model = keras.Model(x, Standardized()(z))
        >>> tuple(model(keras.ops.ones((3, 4))).shape)
        (3, 2)
    """

    def __init__(self, **kwargs: Any) -> None:
        refuse_foreign_arguments(type(self), kwargs, own=("name", "dtype"))
        # autocast would round the draw to the policy's half precision.
        super().__init__(autocast=False, **kwargs)
        self.supports_masking = True

    def call_random_variable(
        self, rv: RandomVariable, mask: Tensor = None, training: bool | None = None
    ) -> Any:
        """The layer's output for a RandomVariable; a subclass's one duty."""
        raise NotImplementedError(f"{type(self).__name__} must define call_random_variable(rv)")

    def __call__(self, inputs: Any, **kwargs: Any) -> Any:
        # Layer.__call__ would convert the RandomVariable to its draw. It does not change a
        # keyword argument that is not an array, so the variable is wrapped in one.
        if isinstance(inputs, RandomVariable):
            kwargs["wrapped"] = _NotAnArray(inputs)
            # Keras looks for the mask of a layer's only tensor, and on JAX before Keras 3.15 the
            # draw has lost it.
            mask = getattr(inputs, "_keras_mask", None)
            if mask is not None and kwargs.get("mask") is None:
                kwargs["mask"] = mask
        return super().__call__(inputs, **kwargs)

    def call(
        self,
        inputs: Any,
        wrapped: "_NotAnArray | None" = None,
        mask: Tensor = None,
        training: bool | None = None,
    ) -> Any:
        rv = self._unwrapped(inputs, wrapped)
        return self.call_random_variable(rv, mask=mask, training=training)

    def _unwrapped(self, inputs: Any, wrapped: "_NotAnArray | None") -> RandomVariable:
        """The RandomVariable that the layer was called on."""
        if wrapped is not None:
            return wrapped.content
        raise TypeError(
            message(
                f"{type(self).__name__} '{self.name}'",
                expected="the RandomVariable that a head returns",
                received=f"a tensor of shape {tuple(inputs.shape)}",
                fix="Put the layer directly after a head of keras_distlayers.layers.",
            )
        )

    def compute_output_spec(
        self, inputs: Any, wrapped: Any = None, mask: Tensor = None, training: bool | None = None
    ) -> Any:
        if not isinstance(inputs, SymbolicRandomVariable):
            # A nested model's output: whether it is a RandomVariable shows as the graph runs.
            return keras.KerasTensor(inputs.shape, inputs.dtype)
        return inputs.then(self.call_random_variable)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape


class _NotAnArray:
    """Holds an object that Keras would otherwise take for an array."""

    def __init__(self, content: Any) -> None:
        self.content = content


__all__ = ["RandomVariableLayer"]
