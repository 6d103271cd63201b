"""The multivariate normal distribution with a diagonal covariance."""

import keras
from keras import ops

from keras_distlayers._core import shapes
from keras_distlayers.distributions._multivariate_normal import MultivariateNormal, gaussian_kl
from keras_distlayers.distributions.independent import Independent
from keras_distlayers.distributions.kl import register_kl
from keras_distlayers.distributions.normal import Normal


@keras.saving.register_keras_serializable("keras_distlayers.distributions")
class MultivariateNormalDiag(MultivariateNormal):
    """The multivariate normal distribution with a diagonal covariance.

    log p(x) = sum_i [-((x_i - loc_i) / scale_i)^2 / 2 - log(scale_i) - log(2 pi) / 2].

    Args:
        loc: The mean, shape `(..., d)`.
        scale_diag: The standard deviations, positive, shape `(..., d)`.

    Examples:
        >>> import keras_distlayers as kdl
        >>> distribution = kdl.distributions.MultivariateNormalDiag([0.0, 0.0, 0.0], [1.0, 2.0, 3.0])
        >>> distribution.event_shape, [float(x) for x in distribution.variance()]
        ((3,), [1.0, 4.0, 9.0])

    Source: Mardia, Kent and Bibby, Multivariate Analysis, ch. 3.
    """

    parameter_ndims = {"loc": 1, "scale_diag": 1}

    def __init__(self, loc, scale_diag):
        super().__init__(loc=loc, scale_diag=scale_diag)

    def _scale(self, vector):
        return self.scale_diag * vector

    def _unscale(self, vector):
        return vector / self.scale_diag

    def _squares_of(self, other):
        """From the diagonal of A A' alone: no solve, and d^2 operations."""
        squares = other._scale_square() + ops.square(other.loc - self.loc)
        return ops.sum(squares / self._scale_square(), axis=-1)

    def _scale_matrix(self):
        return self.scale_diag[..., None] * ops.eye(self.event_shape[0], dtype=self.dtype)

    def _scale_square(self):
        return ops.square(self.scale_diag)

    def _log_det_scale(self):
        return ops.sum(ops.log(self.scale_diag), axis=-1)


@register_kl(MultivariateNormal, Independent)
@register_kl(Independent, MultivariateNormal)
def _(a, b):
    """That of two multivariate normals; None where the independent one is not normal."""
    a, b = _as_multivariate(a), _as_multivariate(b)
    return None if a is None or b is None else gaussian_kl(a, b)


def _as_multivariate(distribution):
    """An `Independent(Normal)` over vectors as the diagonal normal that it is."""
    if isinstance(distribution, MultivariateNormal):
        return distribution
    normal = distribution.distribution
    if not isinstance(normal, Normal) or len(distribution.event_shape) != 1:
        return None
    shape = shapes.broadcast(tuple(ops.shape(normal.loc)), tuple(ops.shape(normal.scale)))
    return MultivariateNormalDiag(normal.loc, ops.broadcast_to(normal.scale, shape))


__all__ = ["MultivariateNormalDiag"]
