"""The base of the multivariate normal families, and their KL divergence."""

import math

import keras
from keras import ops

from keras_distlayers._core import linalg
from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.distributions.kl import register_kl

_LOG_2PI = math.log(2 * math.pi)


class MultivariateNormal(Distribution):
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

    def _squares_of(self, other):
        """|B^-1 A|^2 + |B^-1 (a - b)|^2 for B, b the scale and loc of this one, A, a the other's."""
        columns = self._square_columns(other._scale_matrix())
        return columns + self._square(other.loc - self.loc)

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


@register_kl(MultivariateNormal, MultivariateNormal)
def gaussian_kl(a, b):
    """Log det(B) - log det(A) + (|B^-1 A|^2 + |B^-1 (a.loc - b.loc)|^2 - d) / 2.

    A and B are the scales, |.| the Frobenius norm. Source: Kullback, Information Theory and
    Statistics, ch. 9.
    """
    constant = -0.5 * a.event_shape[0] + b._log_det_scale() - a._log_det_scale()
    return constant + 0.5 * b._squares_of(a)


__all__ = ["MultivariateNormal", "gaussian_kl"]
