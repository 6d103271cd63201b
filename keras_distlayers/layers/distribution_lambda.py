"""The head whose distribution is the result of a function."""

from collections.abc import Callable
from typing import Any, Unpack

import keras

from keras_distlayers._core.captured import untracked
from keras_distlayers._core.errors import message
from keras_distlayers.distributions import Distribution, as_distribution
from keras_distlayers.layers.head import ConvertToTensor, Head, HeadOptions


@keras.saving.register_keras_serializable("keras_distlayers.layers")
class DistributionLambda(Head):
    """A head for any distribution: the function's result, for the layer's input.

    Args:
        make_distribution_fn: A function of the layer's input (one tensor, or a structure of
            them) that returns a `Distribution`, or one of TensorFlow Probability (on JAX and
            TensorFlow), torch.distributions (on Torch) or NumPyro (on JAX). To be saved
            with the model it must be registered
            (`keras.saving.register_keras_serializable`): Keras refuses to load a lambda.

    Input shape: that of whatever the function takes.

    Output shape: `batch_shape + event_shape` of the distribution.

    Raises:
        TypeError: if `make_distribution_fn` is not callable, or does not return a distribution.
        ValueError: if it makes a head or another layer while TensorFlow traces a graph.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> def normal(t):
        ...     return kdl.distributions.Normal(t[..., 0], keras.ops.exp(t[..., 1]))
        >>> rv = kdl.layers.DistributionLambda(normal)(keras.ops.zeros((3, 2)))
        >>> rv.batch_shape, float(rv.stddev()[0])
        ((3,), 1.0)
    """

    def __init__(
        self,
        make_distribution_fn: Callable[[Any], Any],
        convert_to_tensor_fn: ConvertToTensor = "sample",
        **options: Unpack[HeadOptions],
    ) -> None:
        super().__init__(convert_to_tensor_fn, **options)
        if not callable(make_distribution_fn):
            raise TypeError(
                message(
                    f"DistributionLambda '{self.name}', argument `make_distribution_fn`",
                    expected="a function of the input",
                    received=f"make_distribution_fn={make_distribution_fn!r}",
                )
            )
        self.make_distribution_fn = make_distribution_fn

    def build(self, input_shape: Any) -> None:
        if name := untracked(self.make_distribution_fn, owner=self):
            raise TypeError(
                message(
                    f"DistributionLambda '{self.name}', argument `make_distribution_fn`",
                    expected="a function of its input alone",
                    received=f"one that reads `{name}`, which would not be trained",
                    fix="Put a layer before the head in the model. For a constant, concatenate a "
                    "VariableLayer's output to the input, or subclass Head: Keras trains what is "
                    "an attribute of a layer.",
                )
            )
        super().build(input_shape)

    def make_distribution(self, inputs: Any) -> Distribution:
        result = self._result(inputs)
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

    def _result(self, inputs: Any) -> Any:
        try:
            return self.make_distribution_fn(inputs)
        except ValueError as error:
            if "singleton tf.Variables" not in str(error):
                raise
            raise ValueError(
                message(
                    f"DistributionLambda '{self.name}', argument `make_distribution_fn`",
                    expected="a function that makes a distribution out of tensors",
                    received="one that makes a variable at each call, as the seed of a head is",
                    fix="Make heads and other layers outside the function; of a head, the "
                    "function returns `head.distribution(inputs)`.",
                )
            ) from error


__all__ = ["DistributionLambda"]
