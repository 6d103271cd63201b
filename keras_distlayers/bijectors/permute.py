"""The bijector that puts the entries of a vector in another order."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_distlayers._core import shapes
from keras_distlayers._core.errors import message
from keras_distlayers._core.typing import Tensor
from keras_distlayers.bijectors.bijector import Bijector, is_number


@keras.saving.register_keras_serializable("keras_distlayers.bijectors")
class Permute(Bijector):
    """y_i = x_permutation[i], on the last axis; log |det dy/dx| = 0.

    Args:
        permutation: The ints from 0 to d - 1, in any order.

    Raises:
        ValueError: if it is not a permutation of those.

    Examples:
        >>> import keras_distlayers as kdl
        >>> [float(y) for y in kdl.bijectors.Permute([2, 0, 1]).forward([10.0, 11.0, 12.0])]
        [12.0, 10.0, 11.0]
    """

    static_names = ("permutation",)
    event_ndims = 1
    is_affine = True

    permutation: tuple[int, ...]

    def __init__(self, permutation: Sequence[int]) -> None:
        entries = [shapes.as_int(i) for i in permutation]
        order = tuple(i for i in entries if i is not None)
        if sorted(order) != list(range(len(entries))) or not entries:
            raise ValueError(
                message(
                    "Permute, argument `permutation`",
                    expected="the ints from 0 to d - 1, each once",
                    received=f"permutation={permutation}",
                )
            )
        super().__init__(permutation=order)

    @property
    def event_size(self) -> int:
        return len(self.permutation)

    def image(self, lower: float | Tensor, upper: float | Tensor) -> tuple[Any, Any]:
        """The same bounds, where they are the same for all entries."""
        if is_number(lower) and is_number(upper):
            return lower, upper
        return super().image(lower, upper)

    def _forward_and_log_det(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return _take_last(x, self.permutation), ops.zeros_like(x[..., 0])

    def _inverse_and_log_det(self, y: Tensor) -> tuple[Tensor, Tensor]:
        inverse = np.argsort(self.permutation).tolist()
        return _take_last(y, inverse), ops.zeros_like(y[..., 0])


def _take_last(x: Tensor, order: Sequence[int]) -> Tensor:
    return ops.take(x, order, axis=-1)


__all__ = ["Permute"]
