"""The bijector that puts the entries of a vector in another order."""

import keras
import numpy as np
from keras import ops

from keras_distlayers._core.errors import message
from keras_distlayers.bijectors.bijector import Bijector


@keras.saving.register_keras_serializable("keras_distlayers.bijectors")
class Permute(Bijector):
    """y_i = x_permutation[i], on the last axis; log |det dy/dx| = 0.

    Args:
        permutation: The ints from 0 to d - 1, in any order.

    Raises:
        ValueError: if it is not a permutation of them.

    Examples:
        >>> import keras_distlayers as kdl
        >>> [float(y) for y in kdl.bijectors.Permute([2, 0, 1]).forward([10.0, 11.0, 12.0])]
        [12.0, 10.0, 11.0]
    """

    static_names = ("permutation",)
    event_ndims = 1
    is_affine = True

    def __init__(self, permutation):
        order = tuple(int(i) for i in permutation)
        if sorted(order) != list(range(len(order))) or not order:
            raise ValueError(
                message(
                    "Permute, argument `permutation`",
                    expected="the ints from 0 to d - 1, each once",
                    received=f"permutation={permutation}",
                )
            )
        super().__init__(permutation=order)

    @property
    def event_size(self):
        return len(self.permutation)

    def image(self, lower, upper):
        is_number = isinstance(lower, float) and isinstance(upper, float)
        return (lower, upper) if is_number else super().image(lower, upper)

    def _forward_and_log_det(self, x):
        return _reordered(x, self.permutation)

    def _inverse_and_log_det(self, y):
        return _reordered(y, np.argsort(self.permutation).tolist())


def _reordered(x, order):
    return ops.take(x, order, axis=-1), ops.zeros_like(x[..., 0])


__all__ = ["Permute"]
