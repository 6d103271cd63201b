"""The multivariate normal distribution with a full covariance."""

import keras
from keras import ops

from keras_distlayers._core import linalg
from keras_distlayers._core.ops import broadcast_tensors
from keras_distlayers._core.typing import Tensor
from keras_distlayers.distributions._multivariate_normal import (
    MultivariateNormal,
    SquareScaleNormal,
)
from keras_distlayers.distributions.tempered import register_tempered


@keras.saving.register_keras_serializable("keras_distlayers.distributions")
class MultivariateNormalTriL(SquareScaleNormal):
    """The multivariate normal distribution with a full covariance L L'.

    log p(x) = -|L^-1 (x - loc)|^2 / 2 - log det L - d log(2 pi) / 2, in nats.

    Where the scale is so ill-conditioned that the square would exceed about 1e30, log_prob
    saturates: it stays finite. Its gradient is zero there, and where it would exceed 1e30 itself.
    The log density with a draw, of `sample_and_log_prob`, keeps its digits there.

    Args:
        loc: The mean, shape `(..., d)`.
        scale_tril: L, lower triangular with a positive diagonal, shape `(..., d, d)`.

    Raises:
        ValueError: if a parameter has too few axes, or if the batch axes do not broadcast.

    Examples:
        >>> import keras_distlayers as kdl
        >>> scale_tril = [[1.0, 0.0], [1.0, 2.0]]
        >>> distribution = kdl.distributions.MultivariateNormalTriL([0.0, 0.0], scale_tril)
        >>> [[float(x) for x in row] for row in distribution.covariance()]
        [[1.0, 1.0], [1.0, 5.0]]

    Source: Mardia, Kent and Bibby, Multivariate Analysis, ch. 3.
    """

    parameter_ndims = {"loc": 1, "scale_tril": 2}
    event_axes = {"loc": "d", "scale_tril": "d d"}

    scale_tril: Tensor

    def __init__(self, loc: Tensor, scale_tril: Tensor) -> None:
        super().__init__(loc=loc, scale_tril=scale_tril)

    def _scale_matvec(self, vector: Tensor) -> Tensor:
        return linalg.matvec(self.scale_tril, vector)

    def _transposed_solution(self, vector: Tensor) -> Tensor:
        return linalg.solve_transposed(self.scale_tril, vector)

    def _scale_matrix(self) -> Tensor:
        return self.scale_tril

    def _log_det_scale(self) -> Tensor:
        return linalg.log_diagonal(self.scale_tril)

    def _marginal_variances(self) -> Tensor:
        return ops.sum(ops.square(self.scale_tril), axis=-1)

    def _squared_mahalanobis(self, vector: Tensor) -> Tensor:
        return linalg.squared_mahalanobis(self.scale_tril, vector)

    def _with_standard_entries(self, is_kept: Tensor) -> "MultivariateNormalTriL":
        rows = ops.where(is_kept[..., None], self.scale_tril, 0.0)
        others = ops.cast(ops.logical_not(is_kept), self.dtype)[..., None]
        others = others * ops.eye(self.loc.shape[-1], dtype=self.dtype)
        scale = ops.concatenate(broadcast_tensors(rows, others), axis=-1)
        return MultivariateNormalTriL(self.loc, linalg.lower_root(scale))

    def _expected_squared_mahalanobis(self, other: MultivariateNormal) -> Tensor:
        columns = linalg.squared_solution(self.scale_tril, other._scale_matrix())
        return ops.sum(columns, axis=-1) + self._squared_mahalanobis(other.loc - self.loc)


@register_tempered(MultivariateNormalTriL)
def _(distribution: MultivariateNormalTriL, temperature: Tensor) -> MultivariateNormalTriL:
    """The scale times the temperature."""
    return MultivariateNormalTriL(distribution.loc, temperature * distribution.scale_tril)


__all__ = ["MultivariateNormalTriL"]
