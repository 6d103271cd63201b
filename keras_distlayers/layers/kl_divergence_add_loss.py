"""The KL term as a layer of its own, between a head and what follows."""

import keras

from keras_distlayers.layers.kl_tracker import KLTracker
from keras_distlayers.layers.random_variable_layer import RandomVariableLayer
from keras_distlayers.regularizers import KLDivergenceRegularizer
from keras_distlayers.symbolic import SymbolicRandomVariable


@keras.saving.register_keras_serializable("keras_distlayers.layers")
class KLDivergenceAddLoss(RandomVariableLayer):
    """Passes a RandomVariable through and adds its KL divergence to the loss.

    The same term as a head's `activity_regularizer`, for where the head is made elsewhere.

    Args:
        distribution_b: As for `regularizers.KLDivergenceRegularizer`.
        use_exact_kl: Likewise.
        num_samples: Likewise.
        test_points_fn: Likewise.
        weight: Likewise.
        free_nats: Likewise.
        **kwargs: `name` and the like, of `keras.layers.Layer`.

    Input shape: that of a RandomVariable.

    Output shape: the same; the output is the same RandomVariable.

    Raises:
        TypeError: if the input is not a RandomVariable.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> normal = kdl.distributions.Normal(keras.ops.zeros(2), 1.0)
        >>> prior = kdl.distributions.Independent(normal, 1)
        >>> encoder = keras.Sequential([
        ...     keras.Input((3,)),
        ...     keras.layers.Dense(kdl.layers.MultivariateNormalTriL.params_size(2)),
        ...     kdl.layers.MultivariateNormalTriL(2),
        ...     kdl.layers.KLDivergenceAddLoss(prior, weight=0.5),
        ... ])
        >>> rv = encoder(keras.ops.ones((4, 3)))
        >>> type(rv).__name__, len(encoder.losses)
        ('RandomVariable', 1)
    """

    def __init__(
        self,
        distribution_b,
        use_exact_kl=None,
        num_samples=1,
        test_points_fn=None,
        weight=1.0,
        free_nats=0.0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.regularizer = KLDivergenceRegularizer(
            distribution_b, use_exact_kl, num_samples, test_points_fn, weight, free_nats
        )
        self.kl_tracker = KLTracker(self.regularizer, name=f"{self.name}_kl")

    def build(self, input_shape):
        self.kl_tracker.build()
        self.built = True

    def call_random_variable(self, rv, mask=None, training=None):
        # Whether the tensor is a sample is known to the head alone, so draws are made anew.
        self.kl_tracker.add(rv, mask=mask, tensor_is_draw=False, training=training)
        return rv

    def compute_output_spec(self, inputs, boxed=None, mask=None, training=None):
        if isinstance(inputs, SymbolicRandomVariable):
            return inputs.clone()
        return super().compute_output_spec(inputs)

    def get_config(self):
        return {**super().get_config(), **self.kl_tracker.regularizer_with_weight().get_config()}

    @classmethod
    def from_config(cls, config):
        return super().from_config(keras.saving.deserialize_keras_object(config))


__all__ = ["KLDivergenceAddLoss"]
