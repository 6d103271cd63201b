"""A trainable constant as a layer: what a learnable prior is made of."""

import keras
from keras import ops

from keras_distlayers.layers.parametric import checked_event_shape


@keras.saving.register_keras_serializable("keras_distlayers.layers")
class VariableLayer(keras.layers.Layer):
    """Returns a trainable constant, whatever its input: raw parameters that depend on nothing.

    Followed by a head it is a distribution with trained parameters.

    Args:
        shape: An int or a tuple: the shape of the constant, which is that of the output.
        activation: Applied to the constant; None for none.
        initializer: A Keras initializer, such as `BlockwiseInitializer`.
        regularizer: A Keras regularizer of the constant.
        constraint: A Keras constraint of the constant.
        **kwargs: `name`, `dtype`, `trainable`, of `keras.layers.Layer`.

    Input shape: any; the values are ignored.

    Output shape: `shape`, without a batch axis.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> prior = keras.Sequential([kdl.layers.VariableLayer(6), kdl.layers.IndependentNormal(3)])
        >>> rv = prior(keras.ops.zeros((1, 1)))
        >>> rv.batch_shape, rv.event_shape, len(prior.trainable_weights)
        ((), (3,), 1)
    """

    def __init__(
        self,
        shape,
        activation=None,
        initializer="zeros",
        regularizer=None,
        constraint=None,
        **kwargs,
    ):
        # autocast would round the parameters to the policy's half precision.
        super().__init__(autocast=False, **kwargs)
        self.shape = checked_event_shape("VariableLayer", shape)
        self.activation = keras.activations.get(activation)
        self.initializer = keras.initializers.get(initializer)
        self.regularizer = keras.regularizers.get(regularizer)
        self.constraint = keras.constraints.get(constraint)

    def build(self, input_shape=None):
        self.constant = self.add_weight(
            shape=self.shape,
            initializer=self.initializer,
            regularizer=self.regularizer,
            constraint=self.constraint,
            name="constant",
        )
        self.built = True

    def call(self, inputs):
        return self.activation(ops.convert_to_tensor(self.constant))

    def compute_output_shape(self, input_shape):
        return self.shape

    def compute_output_spec(self, inputs):
        return keras.KerasTensor(self.shape, self.variable_dtype)

    def get_config(self):
        serialize = keras.saving.serialize_keras_object
        return {
            **super().get_config(),
            "shape": self.shape,
            "activation": keras.activations.serialize(self.activation),
            "initializer": serialize(self.initializer),
            "regularizer": None if self.regularizer is None else serialize(self.regularizer),
            "constraint": None if self.constraint is None else serialize(self.constraint),
        }


__all__ = ["VariableLayer"]
