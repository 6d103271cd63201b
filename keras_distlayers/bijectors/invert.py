"""The inverse of a bijector."""

import keras

from keras_distlayers.bijectors._checks import checked_bijector
from keras_distlayers.bijectors.bijector import Bijector


@keras.saving.register_keras_serializable("keras_distlayers.bijectors")
class Invert(Bijector):
    """The inverse of a bijector, as a bijector.

    Args:
        bijector: The one whose forward is this one's inverse.

    Raises:
        TypeError: if it is not a `Bijector`.

    Examples:
        >>> import keras_distlayers as kdl
        >>> log = kdl.bijectors.Invert(kdl.bijectors.Exp())
        >>> float(log.forward(1.0))
        0.0
    """

    component_names = ("bijector",)

    def __init__(self, bijector):
        super().__init__(bijector=checked_bijector("Invert, argument `bijector`", bijector))

    @property
    def event_ndims(self):
        return self.bijector.event_ndims

    @property
    def event_size(self):
        return self.bijector.event_size

    @property
    def is_affine(self):
        return self.bijector.is_affine

    @property
    def is_increasing(self):
        return self.bijector.is_increasing

    @property
    def domain(self):
        return self.bijector.codomain

    @property
    def codomain(self):
        return self.bijector.domain

    def _forward_and_log_det(self, x):
        return self.bijector.inverse_and_log_det(x)

    def _inverse_and_log_det(self, y):
        return self.bijector.forward_and_log_det(y)


__all__ = ["Invert"]
