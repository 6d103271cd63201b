"""The multivariate normal distribution with a full covariance."""

import keras
from keras import ops

from keras_distlayers._core import linalg
from keras_distlayers.distributions._multivariate_normal import MultivariateNormal


@keras.saving.register_keras_serializable("keras_distlayers.distributions")
class MultivariateNormalTriL(MultivariateNormal):
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


__all__ = ["MultivariateNormalTriL"]
