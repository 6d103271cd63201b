"""An initializer whose blocks along the last axis start in different ways."""

import keras
from keras import ops

from keras_distlayers._core.errors import message


@keras.saving.register_keras_serializable("keras_distlayers.layers")
class BlockwiseInitializer(keras.initializers.Initializer):
    """An initializer of blocks along the last axis, each by one of its own.

    Args:
        initializers: Keras initializers, by name or as objects, one a block.
        sizes: How long each block is.

    Raises:
        ValueError: if there are more of the one than of the other, or, when it is called, if
            the sizes do not add up to the last axis.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> start = kdl.layers.BlockwiseInitializer(["zeros", keras.initializers.Constant(0.5)], [2, 1])
        >>> [float(x) for x in start((3,))]
        [0.0, 0.0, 0.5]
    """

    def __init__(self, initializers, sizes):
        if len(initializers) != len(sizes):
            raise ValueError(
                message(
                    "BlockwiseInitializer",
                    expected="as many sizes as initializers",
                    received=f"{len(initializers)} initializers, sizes={list(sizes)}",
                )
            )
        self.initializers = [keras.initializers.get(x) for x in initializers]
        self.sizes = [int(n) for n in sizes]

    def __call__(self, shape, dtype=None):
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

    def get_config(self):
        serialize = keras.saving.serialize_keras_object
        return {"initializers": [serialize(x) for x in self.initializers], "sizes": self.sizes}

    @classmethod
    def from_config(cls, config):
        return cls(**keras.saving.deserialize_keras_object(config))


__all__ = ["BlockwiseInitializer"]
