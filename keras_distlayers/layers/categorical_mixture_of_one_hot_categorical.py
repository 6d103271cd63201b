"""The head of a mixture of categorical distributions over one-hot vectors."""

from typing import Unpack

import keras

from keras_distlayers import distributions
from keras_distlayers.layers._declared_head import DeclaredHead
from keras_distlayers.layers.head import ConvertToTensor, HeadOptions
from keras_distlayers.layers.parameters import Real


@keras.saving.register_keras_serializable("keras_distlayers.layers")
class CategoricalMixtureOfOneHotCategorical(DeclaredHead):
    """A head for a mixture of one-hot categorical distributions.

    As `tfp.layers.CategoricalMixtureOfOneHotCategorical`. The input holds the K logits of the
    labels for the first component, then for the second, and so on. `log_mean()` of the output
    is the logarithm of the mean probabilities. Draws are floats and carry no gradient.

    Args:
        event_size: K, the length of the vector.
        num_components: M, the number of components.

    Input shape: `batch_shape + (params_size(event_size, num_components),)`.

    Output shape: `batch_shape + (event_size,)`.

    Raises:
        ValueError: if `event_size` or `num_components` is not a positive integer.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> rv = kdl.layers.CategoricalMixtureOfOneHotCategorical(4, 2)(keras.ops.zeros((5, 10)))
        >>> tuple(rv.shape), round(float(rv.log_mean()[0, 0]), 4)
        ((5, 4), -1.3863)

    Source: `keras_distlayers.distributions.CategoricalMixtureOfOneHotCategorical`.
    """

    distribution_class = distributions.CategoricalMixtureOfOneHotCategorical
    parameters = {"mixture_logits": Real(), "component_logits": Real()}

    def __init__(
        self,
        event_size: int,
        num_components: int,
        convert_to_tensor_fn: ConvertToTensor = "sample",
        **options: Unpack[HeadOptions],
    ) -> None:
        sizes = {"event_size": event_size, "num_components": num_components}
        super().__init__(sizes, convert_to_tensor_fn, **options)

    @classmethod
    def params_size(cls, event_size: int, num_components: int) -> int:
        """The number of raw parameters: M (1 + K)."""
        return cls.reader_for(event_size=event_size, num_components=num_components).size

    @classmethod
    def raw_shapes(cls, event_size: int, num_components: int) -> dict[str, tuple[int, ...]]:
        shape = (num_components, event_size)
        return {"mixture_logits": (num_components,), "component_logits": shape}


__all__ = ["CategoricalMixtureOfOneHotCategorical"]
