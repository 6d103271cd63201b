"""The KL term as a separate layer, between a head and what follows."""

from collections.abc import Callable
from typing import Any, Self

import keras

from keras_distlayers._core.typing import Tensor
from keras_distlayers.layers.kl_tracker import KLTracker
from keras_distlayers.layers.random_variable_layer import RandomVariableLayer
from keras_distlayers.random_variable import RandomVariable
from keras_distlayers.regularizers import KLDivergenceRegularizer
from keras_distlayers.symbolic import SymbolicRandomVariable


@keras.saving.register_keras_serializable("keras_distlayers.layers")
class KLDivergenceAddLoss(RandomVariableLayer):
    """Passes a RandomVariable through and adds its KL divergence to the loss.

    The same term as a head's `activity_regularizer`, for where the head is made elsewhere.

    Args:
        distribution_b: The prior: a distribution, a registered function that makes one, or a
            Keras layer that makes one and is trained with the model.
        use_exact_kl: True for the closed form, False for a Monte Carlo estimate, None for the
            closed form where there is one.
        num_samples: The number of draws of the estimate.
        test_points_fn: In place of `num_samples`: a function of the RandomVariable that
            returns the points.
        weight: The factor of the term: a number or a function of the training step.
        free_nats: The number of nats per example that cost nothing.
        **kwargs: `name` and the like, of `keras.layers.Layer`.

    Call arguments:
        inputs: A RandomVariable.
        sample_weight: A factor for the divergence of each row, shape `(rows,)`, or of each entry
            of the batch. With the same numbers as `fit(..., sample_weight=...)`, the whole ELBO
            of a row is weighted; Keras hands that argument to losses and metrics alone. The sum
            is divided by the number of rows, as in the loss.
        mask: The mask of the RandomVariable; Keras finds it.
        training: Whether the model is being trained; Keras passes it on.

    Input shape: that of a RandomVariable.

    Output shape: the same; the output is the same RandomVariable.

    Raises:
        TypeError: if the input is not a RandomVariable, and as
            `regularizers.KLDivergenceRegularizer` does.
        ValueError: as `regularizers.KLDivergenceRegularizer` does.

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

        The whole ELBO weighted: the weights are an input too.

        >>> x, weight = keras.Input((4,)), keras.Input(())
        >>> z = kdl.layers.IndependentNormal(2)(x)
        >>> z = kdl.layers.KLDivergenceAddLoss(prior)(z, sample_weight=weight)
        >>> output = kdl.layers.IndependentNormal(2)(keras.layers.Dense(4)(z))
        >>> vae = keras.Model([x, weight], output)
        >>> vae.compile("sgd", kdl.losses.NegativeLogLikelihood())
        >>> x, y, weight = keras.ops.ones((8, 4)), keras.ops.ones((8, 2)), keras.ops.ones((8,))
        >>> history = vae.fit([x, weight], y, sample_weight=weight, verbose=0)
    """

    def __init__(
        self,
        distribution_b: Any,
        use_exact_kl: bool | None = None,
        num_samples: int = 1,
        test_points_fn: Callable | None = None,
        weight: float | Callable = 1.0,
        free_nats: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.regularizer = KLDivergenceRegularizer(
            distribution_b, use_exact_kl, num_samples, test_points_fn, weight, free_nats
        )
        self.kl_tracker = KLTracker(self.regularizer, name=f"{self.name}_kl")

    def build(self, input_shape: Any) -> None:
        self.kl_tracker.build()
        self.built = True

    def call(
        self,
        inputs: Any,
        wrapped: Any = None,
        mask: Tensor = None,
        training: bool | None = None,
        sample_weight: Tensor | None = None,
    ) -> RandomVariable:
        rv = self._unwrapped(inputs, wrapped)
        # Whether the tensor is a sample is known to the head alone, so draws are made anew.
        self.kl_tracker.add(rv, mask=mask, sample_weight=sample_weight, training=training)
        return rv

    def compute_output_spec(
        self,
        inputs: Any,
        wrapped: Any = None,
        mask: Tensor = None,
        training: bool | None = None,
        sample_weight: Any = None,
    ) -> Any:
        if isinstance(inputs, SymbolicRandomVariable):
            return inputs.clone()
        return super().compute_output_spec(inputs)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **self.kl_tracker.regularizer_with_weight().get_config()}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        return super().from_config(keras.saving.deserialize_keras_object(config))


__all__ = ["KLDivergenceAddLoss"]
