"""The multivariate normal distribution with a diagonal covariance."""

import keras
from keras import ops

from keras_distlayers._core import shapes
from keras_distlayers._core.typing import Tensor
from keras_distlayers.distributions._multivariate_normal import (
    MultivariateNormal,
    SquareScaleNormal,
    gaussian_kl,
)
from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.distributions.independent import Independent
from keras_distlayers.distributions.kl import register_kl
from keras_distlayers.distributions.normal import Normal
from keras_distlayers.distributions.tempered import register_tempered


@keras.saving.register_keras_serializable("keras_distlayers.distributions")
class MultivariateNormalDiag(SquareScaleNormal):
    """The multivariate normal distribution with a diagonal covariance.

    log p(x) = sum_i [-((x_i - loc_i) / scale_i)^2 / 2 - log(scale_i) - log(2 pi) / 2], in nats.

    Args:
        loc: The mean, shape `(..., d)`.
        scale_diag: The standard deviations, positive, shape `(..., d)`; by default 1.

    Raises:
        ValueError: if a parameter is a scalar, or if the batch axes do not broadcast.

    Examples:
        >>> import keras_distlayers as kdl
        >>> distribution = kdl.distributions.MultivariateNormalDiag([0.0, 0.0], [1.0, 2.0])
        >>> distribution.event_shape, [float(x) for x in distribution.variance()]
        ((2,), [1.0, 4.0])

    Source: Mardia, Kent and Bibby, Multivariate Analysis, ch. 3.
    """

    parameter_ndims = {"loc": 1, "scale_diag": 1}
    event_axes = {"loc": "d", "scale_diag": "d"}

    scale_diag: Tensor

    def __init__(self, loc: Tensor, scale_diag: Tensor | None = None) -> None:
        if scale_diag is None:
            scale_diag = ops.ones(tuple(ops.shape(ops.convert_to_tensor(loc)))[-1:])
        super().__init__(loc=loc, scale_diag=scale_diag)

    def _scale_matvec(self, vector: Tensor) -> Tensor:
        return self.scale_diag * vector

    def _transposed_solution(self, vector: Tensor) -> Tensor:
        return vector / self.scale_diag

    def _scale_matrix(self) -> Tensor:
        return self.scale_diag[..., None] * ops.eye(self.loc.shape[-1], dtype=self.dtype)

    def _log_det_scale(self) -> Tensor:
        return ops.sum(ops.log(self.scale_diag), axis=-1)

    def _marginal_variances(self) -> Tensor:
        return ops.square(self.scale_diag)

    def _squared_mahalanobis(self, vector: Tensor) -> Tensor:
        return ops.sum(ops.square(vector / self.scale_diag), axis=-1)

    def _with_standard_entries(self, is_kept: Tensor) -> "MultivariateNormalDiag":
        return MultivariateNormalDiag(self.loc, ops.where(is_kept, self.scale_diag, 1.0))

    def _expected_squared_mahalanobis(self, other: MultivariateNormal) -> Tensor:
        # From the variances of the other alone: no solve, and d^2 operations.
        squares = other._marginal_variances() + ops.square(other.loc - self.loc)
        return ops.sum(squares / self._marginal_variances(), axis=-1)


@register_kl(MultivariateNormal, Independent)
@register_kl(Independent, MultivariateNormal)
def _(a: Distribution, b: Distribution) -> Tensor | None:
    """That of two multivariate normals; None where the independent one is not normal."""
    a_normal, b_normal = _as_multivariate(a), _as_multivariate(b)
    if a_normal is None or b_normal is None:
        return None
    return gaussian_kl(a_normal, b_normal)


def _as_multivariate(distribution: Distribution) -> MultivariateNormal | None:
    """An `Independent(Normal)` over vectors as the diagonal normal that it is."""
    if isinstance(distribution, MultivariateNormal):
        return distribution
    normal = distribution.distribution if isinstance(distribution, Independent) else None
    if not isinstance(normal, Normal) or len(distribution.event_shape) != 1:
        return None
    shape = shapes.broadcast(tuple(ops.shape(normal.loc)), tuple(ops.shape(normal.scale)))
    return MultivariateNormalDiag(normal.loc, ops.broadcast_to(normal.scale, shape))


@register_tempered(MultivariateNormalDiag)
def _(distribution: MultivariateNormalDiag, temperature: Tensor) -> MultivariateNormalDiag:
    """The scale times the temperature."""
    return MultivariateNormalDiag(distribution.loc, temperature * distribution.scale_diag)


__all__ = ["MultivariateNormalDiag"]
