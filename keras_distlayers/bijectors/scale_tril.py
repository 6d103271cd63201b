"""The bijector y = L x for a lower triangular L."""

import keras
from keras import ops

from keras_distlayers._core import linalg
from keras_distlayers._core.typing import Tensor
from keras_distlayers.bijectors.bijector import Bijector


@keras.saving.register_keras_serializable("keras_distlayers.bijectors")
class ScaleTriL(Bijector):
    """y = L x for a lower triangular L; log |det dy/dx| = log det L.

    With a shift: `Chain([Shift(loc), ScaleTriL(scale_tril)])`.

    Args:
        scale_tril: L, with a positive diagonal, shape `(..., d, d)`.

    Raises:
        ValueError: if `scale_tril` has fewer than two axes.

    Examples:
        >>> import keras_distlayers as kdl
        >>> scale = kdl.bijectors.ScaleTriL([[1.0, 0.0], [1.0, 2.0]])
        >>> [float(y) for y in scale.forward([1.0, 1.0])]
        [1.0, 3.0]
    """

    parameter_ndims = {"scale_tril": 2}
    event_axes = {"scale_tril": "d d"}
    event_ndims = 1
    is_affine = True

    scale_tril: Tensor

    def __init__(self, scale_tril: Tensor) -> None:
        super().__init__(scale_tril=scale_tril)

    @property
    def event_size(self) -> int:
        return self.scale_tril.shape[-1]

    def _forward_and_log_det(self, x: Tensor) -> tuple[Tensor, Tensor]:
        y = linalg.matvec(self.scale_tril, x)
        return y, linalg.log_diagonal(self.scale_tril) + ops.zeros_like(y[..., 0])

    def _inverse_and_log_det(self, y: Tensor) -> tuple[Tensor, Tensor]:
        x = linalg.solve_vectors(self.scale_tril, y)
        return x, -linalg.log_diagonal(self.scale_tril) + ops.zeros_like(x[..., 0])


__all__ = ["ScaleTriL"]
