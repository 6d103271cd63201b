"""The head of a categorical distribution over one-hot vectors."""

from typing import Unpack

import keras

from keras_distlayers import distributions
from keras_distlayers.layers._vector_head import VectorHead
from keras_distlayers.layers.head import ConvertToTensor, HeadOptions
from keras_distlayers.layers.parameters import Real


@keras.saving.register_keras_serializable("keras_distlayers.layers")
class OneHotCategorical(VectorHead):
    """A head for one label per example, as a one-hot vector.

    As `tfp.layers.OneHotCategorical`. Draws are floats and carry no gradient, unless
    `straight_through` asks for that of the probabilities, which is biased. With
    `convert_to_tensor_fn="mean"` the output as a tensor is the probabilities.

    Args:
        event_size: K, the length of the vector.
        straight_through: Whether the gradient through a draw is that through the probabilities.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> rv = kdl.layers.OneHotCategorical(4)(keras.ops.zeros((5, 4)))
        >>> tuple(rv.shape), float(rv.mean()[0, 0]), float(keras.ops.sum(rv[0]))
        ((5, 4), 0.25, 1.0)

    Source: `keras_distlayers.distributions.OneHotCategorical`.
    """

    distribution_class = distributions.OneHotCategorical
    parameters = {"logits": Real()}
    distribution_arguments = ("straight_through",)

    def __init__(
        self,
        event_size: int,
        convert_to_tensor_fn: ConvertToTensor = "sample",
        *,
        straight_through: bool = False,
        **options: Unpack[HeadOptions],
    ) -> None:
        self.straight_through = straight_through
        super().__init__(event_size, convert_to_tensor_fn, **options)


__all__ = ["OneHotCategorical"]
