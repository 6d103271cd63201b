"""An initializer whose blocks along the last axis start in different ways."""

from collections.abc import Sequence
from typing import Any, Self

import keras
from keras import ops

from keras_distlayers._core.errors import message
from keras_distlayers._core.typing import Tensor
from keras_distlayers.layers._sizes import checked_shape


@keras.saving.register_keras_serializable("keras_distlayers.layers")
class BlockwiseInitializer(keras.initializers.Initializer):
    """An initializer of blocks along the last axis, each with an initializer of its own.

    Args:
        initializers: Keras initializers, by name or as objects, one per block.
        sizes: The length of each block.

    Raises:
        ValueError: if the two have different lengths, if a size is not a positive integer, or,
            when it is called, if the sizes do not add up to the last axis.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> half = keras.initializers.Constant(0.5)
        >>> initializer = kdl.layers.BlockwiseInitializer(["zeros", half], [2, 1])
        >>> [float(x) for x in initializer((3,))]
        [0.0, 0.0, 0.5]
    """

    def __init__(self, initializers: Sequence[Any], sizes: Sequence[int]) -> None:
        if len(initializers) != len(sizes):
            raise ValueError(
                message(
                    "BlockwiseInitializer",
                    expected="as many sizes as initializers",
                    received=f"{len(initializers)} initializers, sizes={list(sizes)}",
                )
            )
        self.initializers = [keras.initializers.get(x) for x in initializers]
        self.sizes = list(checked_shape("BlockwiseInitializer", "sizes", sizes))

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> Tensor:
        if sum(self.sizes) != shape[-1]:
            raise ValueError(
                message(
                    "BlockwiseInitializer",
                    expected=f"a last axis of {sum(self.sizes)}, the sum of sizes={self.sizes}",
                    received=f"shape={tuple(shape)}",
                )
            )
        blocks = zip(self.initializers, self.sizes, strict=True)
        return ops.concatenate([f((*shape[:-1], n), dtype=dtype) for f, n in blocks], axis=-1)

    def get_config(self) -> dict[str, Any]:
        serialize = keras.saving.serialize_keras_object
        return {"initializers": [serialize(x) for x in self.initializers], "sizes": self.sizes}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        return cls(**keras.saving.deserialize_keras_object(config))


__all__ = ["BlockwiseInitializer"]
