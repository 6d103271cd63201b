"""Families of vectors: the multivariate normal, and every Gaussian KL divergence."""

import math

import keras
from keras import ops

from keras_distlayers._core import linalg, shapes
from keras_distlayers._core.ops import einsum
from keras_distlayers.distributions._seeds import fold_in
from keras_distlayers.distributions.combinators import Independent
from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.distributions.kl import no_closed_form, register_kl
from keras_distlayers.distributions.location_scale import Normal

_LOG_2PI = math.log(2 * math.pi)
_ROUNDING = {"float32": 2e-7, "float64": 1e-15}


class _MultivariateNormal(Distribution):
    """What the multivariate normal families share: they differ in the form of the scale."""

    reparameterized = True

    @property
    def event_shape(self):
        (first, *_) = self._tensors().values()
        return (first.shape[-1],)

    def _sample(self, sample_shape, seed):
        shape = (*sample_shape, *self.dynamic_shape())
        return self.loc + self._scale(keras.random.normal(shape, dtype=self.dtype, seed=seed))

    def _log_prob(self, value):
        squares = self._square(value - self.loc)
        constant = 0.5 * self.event_shape[0] * _LOG_2PI
        return -0.5 * squares - self._log_det_scale() - constant

    def _square(self, vector):
        """|L^-1 x|^2 for a scale L and vectors x."""
        return ops.sum(ops.square(self._unscale(vector)), axis=-1)

    def _mean(self):
        return self._fill(self.loc)

    def _mode(self):
        return self._mean()

    def _entropy(self):
        constant = 0.5 * self.event_shape[0] * (1.0 + _LOG_2PI)
        return ops.broadcast_to(self._log_det_scale() + constant, self.dynamic_shape()[:-1])

    def _covariance(self):
        covariance = linalg.outer_square(self._scale_matrix())
        return ops.broadcast_to(covariance, (*self.dynamic_shape(), self.event_shape[0]))

    def _variance(self):
        return self._fill(self._scale_square())


@keras.saving.register_keras_serializable("keras_distlayers.distributions")
class MultivariateNormalTriL(_MultivariateNormal):
    """The multivariate normal distribution with a full covariance L L'.

    log p(x) = -|L^-1 (x - loc)|^2 / 2 - log det L - d log(2 pi) / 2, in nats.

    Where the scale is so ill-conditioned that the square, or its gradient, would exceed
    about 1e30, log_prob saturates: it stays finite, and its gradient is zero there.

    Args:
        loc: The mean, shape `(..., d)`.
        scale_tril: L, lower triangular with a positive diagonal, shape `(..., d, d)`.

    Examples:
        >>> import keras_distlayers as kdl
        >>> distribution = kdl.distributions.MultivariateNormalTriL([0.0, 0.0], [[1.0, 0.0], [1.0, 2.0]])
        >>> distribution.event_shape, [[float(x) for x in row] for row in distribution.covariance()]
        ((2,), [[1.0, 1.0], [1.0, 5.0]])

    Source: Mardia, Kent and Bibby, Multivariate Analysis, ch. 3.
    """

    parameter_ndims = {"loc": 1, "scale_tril": 2}

    def __init__(self, loc, scale_tril):
        super().__init__(loc=loc, scale_tril=scale_tril)

    def _scale(self, vector):
        return linalg.matvec(self.scale_tril, vector)

    def _unscale(self, vector):
        return linalg.solve_vectors(self.scale_tril, vector)

    def _square_columns(self, matrix):
        """|L^-1 M|^2, the Frobenius norm."""
        return ops.sum(ops.square(linalg.solve_lower(self.scale_tril, matrix)), (-2, -1))

    def _scale_matrix(self):
        return self.scale_tril

    def _scale_square(self):
        """The diagonal of L L'."""
        return ops.sum(ops.square(self.scale_tril), axis=-1)

    def _log_det_scale(self):
        return linalg.log_diagonal(self.scale_tril)


@keras.saving.register_keras_serializable("keras_distlayers.distributions")
class MultivariateNormalDiag(_MultivariateNormal):
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

    def _scale_matrix(self):
        return self.scale_diag[..., None] * ops.eye(self.event_shape[0], dtype=self.dtype)

    def _scale_square(self):
        return ops.square(self.scale_diag)

    def _log_det_scale(self):
        return ops.sum(ops.log(self.scale_diag), axis=-1)


@keras.saving.register_keras_serializable("keras_distlayers.distributions")
class MultivariateNormalLowRank(_MultivariateNormal):
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


@register_kl(_MultivariateNormal, _MultivariateNormal)
def _kl_gaussians(a, b):
    """Log det(B) - log det(A) + (|B^-1 A|^2 + |B^-1 (a.loc - b.loc)|^2 - d) / 2.

    A and B are the scales, |.| the Frobenius norm. Source: Kullback, Information Theory and
    Statistics, ch. 9.
    """
    constant = -0.5 * a.event_shape[0] + b._log_det_scale() - a._log_det_scale()
    return constant + 0.5 * _squares_under(a, b)


def _squares_under(a, b):
    """|B^-1 A|^2 + |B^-1 (a.loc - b.loc)|^2."""
    distance = a.loc - b.loc
    if isinstance(b, MultivariateNormalDiag):
        # |B^-1 A|^2 needs the diagonal of A A' alone: no solve, d^2 work.
        return ops.sum((a._scale_square() + ops.square(distance)) / b._scale_square(), axis=-1)
    return b._square_columns(a._scale_matrix()) + b._square(distance)


def _as_multivariate(d):
    """An `Independent(Normal)` over vectors as the diagonal normal that it is."""
    if isinstance(d, _MultivariateNormal):
        return d
    if not isinstance(d.distribution, Normal) or len(d.event_shape) != 1:
        raise no_closed_form(d, d)
    normal = d.distribution
    shape = shapes.broadcast(tuple(ops.shape(normal.loc)), tuple(ops.shape(normal.scale)))
    return MultivariateNormalDiag(normal.loc, ops.broadcast_to(normal.scale, shape))


@register_kl(_MultivariateNormal, Independent)
@register_kl(Independent, _MultivariateNormal)
def _(a, b):
    """As between two multivariate normals; the independent one has a diagonal scale."""
    return _kl_gaussians(_as_multivariate(a), _as_multivariate(b))
