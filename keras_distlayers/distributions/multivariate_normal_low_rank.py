"""The multivariate normal distribution with a covariance of low rank plus a diagonal."""

import keras
from keras import ops

from keras_distlayers._core import linalg
from keras_distlayers._core.ops import einsum
from keras_distlayers._core.typing import Seed, Tensor
from keras_distlayers.distributions._multivariate_normal import MultivariateNormal
from keras_distlayers.distributions._random import fold_in
from keras_distlayers.distributions.tempered import register_tempered

_ROUNDING = {"float32": 2e-7, "float64": 1e-15}


@keras.saving.register_keras_serializable("keras_distlayers.distributions")
class MultivariateNormalLowRank(MultivariateNormal):
    """The multivariate normal distribution with a covariance W W' + diag(d).

    log p(x) in nats, by the matrix inversion and determinant lemmas: for W of r columns, only an
    r x r matrix is factorized.

    Args:
        loc: The mean, shape `(..., n)`.
        cov_factor: W, shape `(..., n, r)`, r at least 1. Without it the distribution is
            `MultivariateNormalDiag(loc, sqrt(cov_diag))`.
        cov_diag: d, positive, shape `(..., n)`.

    Raises:
        ValueError: if a parameter has too few axes, or if the batch axes do not broadcast.

    Examples:
        >>> import keras_distlayers as kdl
        >>> distribution = kdl.distributions.MultivariateNormalLowRank(
        ...     [0.0, 0.0], cov_factor=[[1.0], [2.0]], cov_diag=[1.0, 1.0])
        >>> [[float(x) for x in row] for row in distribution.covariance()]
        [[2.0, 2.0], [2.0, 5.0]]

    Source: Woodbury, Inverting Modified Matrices (1950); Harville, Matrix Algebra, ch. 18.
    """

    parameter_ndims = {"loc": 1, "cov_factor": 2, "cov_diag": 1}
    event_axes = {"loc": "n", "cov_factor": "n r", "cov_diag": "n"}

    cov_factor: Tensor
    cov_diag: Tensor

    def __init__(self, loc: Tensor, cov_factor: Tensor, cov_diag: Tensor) -> None:
        super().__init__(loc=loc, cov_factor=cov_factor, cov_diag=cov_diag)

    def _sample(self, sample_shape: tuple[int, ...], seed: Seed) -> Tensor:
        """Draws loc + W z + sqrt(d) e, for normal z of r and e of n entries."""
        shape, rank = self.dynamic_shape(), self.cov_factor.shape[-1]
        z_shape = (*sample_shape, *shape[:-1], rank)
        z = keras.random.normal(z_shape, dtype=self.dtype, seed=seed)
        e_shape = (*sample_shape, *shape)
        e = keras.random.normal(e_shape, dtype=self.dtype, seed=fold_in(seed, 2))
        return self.loc + linalg.matvec(self.cov_factor, z) + ops.sqrt(self.cov_diag) * e

    def _scale_matrix(self) -> Tensor:
        """W beside the root of the diagonal, shape `(..., n, r + n)`."""
        root = ops.sqrt(self.cov_diag)[..., None] * ops.eye(self.loc.shape[-1], dtype=self.dtype)
        batch = self.dynamic_batch_shape()
        return ops.concatenate(
            [ops.broadcast_to(x, (*batch, *tuple(x.shape)[-2:])) for x in (self.cov_factor, root)],
            axis=-1,
        )

    def _log_det_scale(self) -> Tensor:
        diagonal = 0.5 * ops.sum(ops.log(self.cov_diag), axis=-1)
        return diagonal + linalg.log_diagonal(self._capacitance_tril())

    def _marginal_variances(self) -> Tensor:
        return self.cov_diag + ops.sum(ops.square(self.cov_factor), axis=-1)

    def _squared_mahalanobis(self, vector: Tensor) -> Tensor:
        return self._squared_mahalanobis_of_columns(vector[..., None])

    def _with_standard_entries(self, is_kept: Tensor) -> "MultivariateNormalLowRank":
        factor = ops.where(is_kept[..., None], self.cov_factor, 0.0)
        return MultivariateNormalLowRank(self.loc, factor, ops.where(is_kept, self.cov_diag, 1.0))

    def _expected_squared_mahalanobis(self, other: MultivariateNormal) -> Tensor:
        columns = self._squared_mahalanobis_of_columns(other._scale_matrix())
        return columns + self._squared_mahalanobis(other.loc - self.loc)

    def _squared_mahalanobis_of_columns(self, matrix: Tensor) -> Tensor:
        """The sum over the columns x of a matrix.

        With x and W scaled to X and F by the root of the diagonal, it is |X - F w|^2 + |w|^2 for
        w = (I + F'F)^-1 F'X. The inversion lemma's |X|^2 - |C^-1 F'X|^2 is the same number, as a
        difference of two that may be much larger.
        """
        factor = self._scaled_factor()
        scaled = matrix / ops.sqrt(self.cov_diag)[..., None]
        projected = einsum("...ij,...ik->...jk", factor, scaled)
        inner = linalg.solve_gram(self._capacitance_tril(), projected)
        rest = scaled - einsum("...ij,...jk->...ik", factor, inner)
        return ops.sum(ops.square(rest), (-2, -1)) + ops.sum(ops.square(inner), (-2, -1))

    def _scaled_factor(self) -> Tensor:
        """F = diag(d)^(-1/2) W."""
        return self.cov_factor / ops.sqrt(self.cov_diag)[..., None]

    def _capacitance_tril(self) -> Tensor:
        """The Cholesky factor of I + F'F."""
        factor = self._scaled_factor()
        inner = einsum("...ij,...ik->...jk", factor, factor)
        # Where the diagonal is tiny, I is below the rounding of F'F, which may then be singular:
        # about that rounding is added.
        rounding = _ROUNDING[self.dtype] * ops.sum(ops.square(factor), axis=(-2, -1))
        ridge = (1.0 + rounding)[..., None, None] * ops.eye(factor.shape[-1], dtype=self.dtype)
        return ops.cholesky(inner + ridge)


@register_tempered(MultivariateNormalLowRank)
def _(distribution: MultivariateNormalLowRank, temperature: Tensor) -> MultivariateNormalLowRank:
    """The covariance times the square of the temperature."""
    factor = temperature * distribution.cov_factor
    return MultivariateNormalLowRank(
        distribution.loc, factor, ops.square(temperature) * distribution.cov_diag
    )


__all__ = ["MultivariateNormalLowRank"]
