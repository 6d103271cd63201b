"""The inverse of a bijector."""

from typing import Any

import keras

from keras_distlayers._core.typing import Tensor
from keras_distlayers.bijectors.bijector import Bijector, checked_bijector


@keras.saving.register_keras_serializable("keras_distlayers.bijectors")
class Invert(Bijector):
    """The inverse of a bijector, as a bijector.

    Args:
        bijector: The one whose forward is this one's inverse.

    Raises:
        TypeError: if it is not a bijector.

    Examples:
        >>> import keras_distlayers as kdl
        >>> log = kdl.bijectors.Invert(kdl.bijectors.Exp())
        >>> float(log.forward(1.0))
        0.0
    """

    component_names = ("bijector",)

    bijector: Bijector

    def __init__(self, bijector: Bijector) -> None:
        super().__init__(bijector=checked_bijector("Invert, argument `bijector`", bijector))

    @property
    def event_ndims(self) -> int:
        return self.bijector.event_ndims

    @property
    def event_size(self) -> int | None:
        return self.bijector.event_size

    @property
    def domain(self) -> tuple[float, float]:
        return self.bijector.codomain

    @property
    def codomain(self) -> tuple[float, float]:
        return self.bijector.domain

    @property
    def is_affine(self) -> bool:
        return self.bijector.is_affine

    @property
    def is_increasing(self) -> Any:
        return self.bijector.is_increasing

    def _forward_and_log_det(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.bijector.inverse_and_log_det(x)

    def _inverse_and_log_det(self, y: Tensor) -> tuple[Tensor, Tensor]:
        return self.bijector.forward_and_log_det(y)


__all__ = ["Invert"]
