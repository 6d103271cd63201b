"""The head whose distribution is a function of the user's."""

import keras

from keras_distlayers._core.errors import message
from keras_distlayers.distributions import as_distribution
from keras_distlayers.layers.head import Head


@keras.saving.register_keras_serializable("keras_distlayers.layers")
class DistributionLambda(Head):
    """A head for any distribution: the function's result, for the layer's input.

    Args:
        make_distribution_fn: A function of the layer's input (one tensor, or a structure of
            them) that returns a `Distribution`, or one of TensorFlow Probability (on JAX and
            TensorFlow), torch.distributions (on Torch) or NumPyro (on JAX). To be saved
            with the model it must be registered
            (`keras.saving.register_keras_serializable`): Keras refuses to load a lambda.
        convert_to_tensor_fn: As for `Head`.
        activity_regularizer: As for `Head`.
        seed: As for `Head`.
        **kwargs: As for `Head`.

    Input shape: what the function takes.

    Output shape: that of the draw: `batch_shape + event_shape` of the distribution.

    Raises:
        TypeError: if the function is none, or does not return a distribution.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> layer = kdl.layers.DistributionLambda(lambda t: kdl.distributions.Normal(t[..., 0], keras.ops.exp(t[..., 1])))
        >>> rv = layer(keras.ops.zeros((3, 2)))
        >>> rv.batch_shape, float(rv.stddev()[0])
        ((3,), 1.0)
    """

    def __init__(
        self,
        make_distribution_fn,
        convert_to_tensor_fn="sample",
        activity_regularizer=None,
        seed=None,
        **kwargs,
    ):
        super().__init__(convert_to_tensor_fn, activity_regularizer, seed, **kwargs)
        if not callable(make_distribution_fn):
            raise TypeError(
                message(
                    f"DistributionLambda '{self.name}', argument `make_distribution_fn`",
                    expected="a function of the input",
                    received=f"make_distribution_fn={make_distribution_fn!r}",
                )
            )
        self.make_distribution_fn = make_distribution_fn

    def make_distribution(self, inputs):
        result = self.make_distribution_fn(inputs)
        distribution = as_distribution(result)
        if distribution is None:
            raise TypeError(
                message(
                    f"DistributionLambda '{self.name}', argument `make_distribution_fn`",
                    expected="a function that returns a distribution, of keras_distlayers or of "
                    "a library that lives on the backend",
                    received=f"a result of type {type(result).__name__}",
                )
            )
        return distribution

    def get_config(self):
        function = keras.saving.serialize_keras_object(self.make_distribution_fn)
        return {**super().get_config(), "make_distribution_fn": function}

    @classmethod
    def from_config(cls, config):
        function = keras.saving.deserialize_keras_object(config["make_distribution_fn"])
        return super().from_config({**config, "make_distribution_fn": function})


__all__ = ["DistributionLambda"]
