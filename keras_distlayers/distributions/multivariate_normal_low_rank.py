"""The multivariate normal distribution with a covariance of low rank and a diagonal."""

import keras
from keras import ops

from keras_distlayers._core import linalg
from keras_distlayers._core.ops import einsum
from keras_distlayers.distributions._multivariate_normal import MultivariateNormal
from keras_distlayers.distributions._seeds import fold_in

_ROUNDING = {"float32": 2e-7, "float64": 1e-15}


@keras.saving.register_keras_serializable("keras_distlayers.distributions")
class MultivariateNormalLowRank(MultivariateNormal):
    """The multivariate normal distribution with a covariance W W' + diag(d).

    log p(x) by the matrix inversion and determinant lemmas: of an r x r matrix alone, for W
    of r columns. In nats.

    Args:
        loc: The mean, shape `(..., n)`.
        cov_factor: W, shape `(..., n, r)`.
        cov_diag: d, positive, shape `(..., n)`.

    Examples:
        >>> import keras_distlayers as kdl
        >>> distribution = kdl.distributions.MultivariateNormalLowRank([0.0, 0.0], [[1.0], [2.0]], [1.0, 1.0])
        >>> [[float(x) for x in row] for row in distribution.covariance()]
        [[2.0, 2.0], [2.0, 5.0]]

    Source: Woodbury, Inverting Modified Matrices (1950); Harville, Matrix Algebra, ch. 18.
    """

    parameter_ndims = {"loc": 1, "cov_factor": 2, "cov_diag": 1}

    def __init__(self, loc, cov_factor, cov_diag):
        super().__init__(loc=loc, cov_factor=cov_factor, cov_diag=cov_diag)

    def _sample(self, sample_shape, seed):
        first, second = seed, fold_in(seed, 1)
        sizes, rank = self.dynamic_shape(), self.cov_factor.shape[-1]
        inner = keras.random.normal(
            (*sample_shape, *sizes[:-1], rank), dtype=self.dtype, seed=first
        )
        own = keras.random.normal((*sample_shape, *sizes), dtype=self.dtype, seed=second)
        return self.loc + linalg.matvec(self.cov_factor, inner) + ops.sqrt(self.cov_diag) * own

    def _scaled_factor(self):
        """diag(d)^(-1/2) W."""
        return self.cov_factor / ops.sqrt(self.cov_diag)[..., None]

    def _capacitance_tril(self):
        """The Cholesky factor of I + W' diag(d)^-1 W."""
        factor = self._scaled_factor()
        inner = einsum("...ij,...ik->...jk", factor, factor)
        # Where the diagonal is tiny I rounds away; what is left has to be factorized too.
        rounding = _ROUNDING[self.dtype] * ops.sum(ops.square(factor), axis=(-2, -1))
        ridge = (1.0 + rounding)[..., None, None] * ops.eye(factor.shape[-1], dtype=self.dtype)
        return ops.cholesky(inner + ridge)

    def _square(self, vector):
        return self._square_columns(vector[..., None])

    def _square_columns(self, matrix):
        """|x - F w|^2 + |w|^2 for x scaled by the diagonal and w = (I + F'F)^-1 F'x.

        The inversion lemma's |x|^2 - |C^-1 F'x|^2 is the same number, as a difference of two
        that may be much larger.
        """
        factor = self._scaled_factor()
        scaled = matrix / ops.sqrt(self.cov_diag)[..., None]
        seen = einsum("...ij,...ik->...jk", factor, scaled)
        inner = linalg.solve_gram(self._capacitance_tril(), seen)
        rest = scaled - einsum("...ij,...jk->...ik", factor, inner)
        return ops.sum(ops.square(rest), (-2, -1)) + ops.sum(ops.square(inner), (-2, -1))

    def _log_det_scale(self):
        """Half the logarithm of the covariance's determinant."""
        diagonal = 0.5 * ops.sum(ops.log(self.cov_diag), axis=-1)
        return diagonal + linalg.log_diagonal(self._capacitance_tril())

    def _scale_matrix(self):
        """S with S S' the covariance: the factor beside the root of the diagonal."""
        root = ops.sqrt(self.cov_diag)[..., None] * ops.eye(self.event_shape[0], dtype=self.dtype)
        batch = self.dynamic_shape()[:-1]
        return ops.concatenate(
            [ops.broadcast_to(x, (*batch, *tuple(x.shape)[-2:])) for x in (self.cov_factor, root)],
            axis=-1,
        )

    def _scale_square(self):
        return self.cov_diag + ops.sum(ops.square(self.cov_factor), axis=-1)


__all__ = ["MultivariateNormalLowRank"]
