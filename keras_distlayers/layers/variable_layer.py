"""A trainable constant as a layer: what a learnable prior is made of."""

from typing import Any

import keras
from keras import ops

from keras_distlayers._core.typing import Shape, Tensor
from keras_distlayers.layers._arguments import SavedArguments
from keras_distlayers.layers._sizes import EventShape, checked_shape


@keras.saving.register_keras_serializable("keras_distlayers.layers")
class VariableLayer(SavedArguments, keras.layers.Layer):
    """Returns a trainable constant, whatever its input: raw parameters that depend on nothing.

    Followed by a head it is a distribution with trained parameters.

    Args:
        shape: An int or a sequence of ints: the shape of the constant, and of the output.
        activation: A function of the constant, or its name; None leaves the constant as it is.
        initializer: A Keras initializer, such as `BlockwiseInitializer`.
        regularizer: A Keras regularizer of the constant.
        constraint: A Keras constraint of the constant.
        **kwargs: `name`, `dtype`, `trainable`, of `keras.layers.Layer`.

    Input shape: any; the values are ignored.

    Output shape: `shape`, without a batch axis.

    Raises:
        ValueError: if `shape` is not made of positive integers.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> constant = kdl.layers.VariableLayer(6)
        >>> prior = keras.Sequential([constant, kdl.layers.IndependentNormal(3)])
        >>> rv = prior(keras.ops.zeros((1, 1)))
        >>> rv.batch_shape, rv.event_shape, len(prior.trainable_weights)
        ((), (3,), 1)
    """

    def __init__(
        self,
        shape: EventShape,
        activation: Any = None,
        initializer: Any = "zeros",
        regularizer: Any = None,
        constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        # autocast would round the parameters to the policy's half precision.
        super().__init__(autocast=False, **kwargs)
        self.shape = checked_shape("VariableLayer", "shape", shape)
        self.activation = keras.activations.get(activation)
        self.initializer = keras.initializers.get(initializer)
        self.regularizer = keras.regularizers.get(regularizer)
        self.constraint = keras.constraints.get(constraint)

    def build(self, input_shape: Any = None) -> None:
        self.constant = self.add_weight(
            shape=self.shape,
            initializer=self.initializer,
            regularizer=self.regularizer,
            constraint=self.constraint,
            name="constant",
        )
        self.built = True

    def call(self, inputs: Any) -> Tensor:
        return self.activation(ops.convert_to_tensor(self.constant))

    def compute_output_shape(self, input_shape: Any) -> Shape:
        return self.shape

    def compute_output_spec(self, inputs: Any) -> keras.KerasTensor:
        return keras.KerasTensor(self.shape, self.variable_dtype)


__all__ = ["VariableLayer"]
