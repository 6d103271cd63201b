"""The base of the multivariate normal families, and their KL divergence."""

import abc
import math

import keras
from keras import ops

from keras_distlayers._core import linalg
from keras_distlayers._core.typing import Seed, Shape, Tensor
from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.distributions.kl import register_kl
from keras_distlayers.distributions.normal import Normal
from keras_distlayers.distributions.path_log_prob import draw_with_path

_LOG_2PI = math.log(2 * math.pi)


class MultivariateNormal(Distribution):
    """A normal distribution over vectors, loc + L z; the families differ in the form of L."""

    reparameterized = True

    loc: Tensor

    @abc.abstractmethod
    def _scale_matrix(self) -> Tensor:
        """L, or another matrix S with S S' = L L'."""

    @abc.abstractmethod
    def _log_det_scale(self) -> Tensor:
        """Half the logarithm of the determinant of the covariance."""

    @abc.abstractmethod
    def _marginal_variances(self) -> Tensor:
        """The diagonal of L L'."""

    @abc.abstractmethod
    def _squared_mahalanobis(self, vector: Tensor) -> Tensor:
        """|L^-1 x|^2 for vectors x."""

    @abc.abstractmethod
    def _expected_squared_mahalanobis(self, other: "MultivariateNormal") -> Tensor:
        """E |L^-1 (x - loc)|^2 for x from another distribution.

        It is |L^-1 A|^2 + |L^-1 (a - loc)|^2 for the loc a and the scale A of the other; the first
        is a Frobenius norm.
        """

    @abc.abstractmethod
    def _with_standard_entries(self, is_kept: Tensor) -> "MultivariateNormal":
        """This distribution, with entries of variance 1 that are independent of all others.

        Args:
            is_kept: Booleans, shape `(..., d)`: the entries that stay as they are.
        """

    @property
    def event_shape(self) -> Shape:
        return (self.loc.shape[-1],)

    def _log_prob(self, value: Tensor) -> Tensor:
        return self._log_prob_of_residual(value - self.loc)

    def _log_prob_of_residual(self, residual: Tensor) -> Tensor:
        return self._log_prob_of_squares(self._squared_mahalanobis(residual))

    def _log_prob_of_squares(self, squares: Tensor) -> Tensor:
        constant = 0.5 * self.loc.shape[-1] * _LOG_2PI
        return -0.5 * squares - self._log_det_scale() - constant

    def _marginal_log_prob(self, value: Tensor, is_observed: Tensor) -> Tensor:
        residual = ops.where(is_observed, value - self.loc, 0.0)
        missing = ops.sum(ops.cast(ops.logical_not(is_observed), self.dtype), axis=-1)
        # A standard normal entry has the density (2 pi)^(-1/2) at its mean.
        standardized = self._with_standard_entries(is_observed)
        return standardized._log_prob_of_residual(residual) + 0.5 * _LOG_2PI * missing

    def _marginals(self) -> Normal:
        return Normal(self.mean(), self.stddev())

    def _mean(self) -> Tensor:
        return self._fill(self.loc)

    def _mode(self) -> Tensor:
        return self._fill(self.loc)

    def _entropy(self) -> Tensor:
        constant = 0.5 * self.loc.shape[-1] * (1.0 + _LOG_2PI)
        return ops.broadcast_to(self._log_det_scale() + constant, self.dynamic_batch_shape())

    def _covariance(self) -> Tensor:
        covariance = linalg.outer_square(self._scale_matrix())
        return ops.broadcast_to(covariance, (*self.dynamic_shape(), self.loc.shape[-1]))

    def _variance(self) -> Tensor:
        return self._fill(self._marginal_variances())


class SquareScaleNormal(MultivariateNormal):
    """A multivariate normal whose L is square: a draw loc + L z has one z.

    A draw is rounded, by as much as its largest terms are. L^-1 makes that larger by the condition
    number of L, which for 40 entries of a full L may be 1e12: at its own draw, `log_prob` is then
    off by any number of nats. So the log density of a draw is that of its z.
    """

    keeps_preimage = True

    @abc.abstractmethod
    def _scale_matvec(self, vector: Tensor) -> Tensor:
        """L x for vectors x."""

    @abc.abstractmethod
    def _transposed_solution(self, vector: Tensor) -> Tensor:
        """L'^-1 x for vectors x."""

    def _standard_draw(self, sample_shape: tuple[int, ...], seed: Seed) -> Tensor:
        shape = (*sample_shape, *self.dynamic_shape())
        return keras.random.normal(shape, dtype=self.dtype, seed=seed)

    def _moved(self, z: Tensor) -> Tensor:
        return self.loc + self._scale_matvec(z)

    def _log_prob_of_moved(self, z: Tensor) -> Tensor:
        """The log density at `_moved(z)`."""
        return self._log_prob_of_squares(ops.sum(ops.square(z), axis=-1))

    def _sample(self, sample_shape: tuple[int, ...], seed: Seed) -> Tensor:
        return self._moved(self._standard_draw(sample_shape, seed))

    def _sample_and_log_prob(
        self, sample_shape: tuple[int, ...], seed: Seed
    ) -> tuple[Tensor, Tensor]:
        z = self._standard_draw(sample_shape, seed)
        return self._moved(z), self._log_prob_of_moved(z)


@draw_with_path.register
def _(
    distribution: SquareScaleNormal, sample_shape: tuple[int, ...], seed: Seed
) -> tuple[Tensor, Tensor, Tensor]:
    """By the slope -L'^-1 z of the log density at loc + L z, without a solve for z."""
    z = distribution._standard_draw(sample_shape, seed)
    draws = distribution._moved(z)
    slope = -distribution.map_tensors(ops.stop_gradient)._transposed_solution(z)
    slope = ops.where(ops.abs(slope) < linalg.LARGEST, slope, 0.0)
    path = ops.sum(slope * (draws - ops.stop_gradient(draws)), axis=-1)
    return draws, distribution._log_prob_of_moved(z), path


@register_kl(MultivariateNormal, MultivariateNormal)
def gaussian_kl(a: MultivariateNormal, b: MultivariateNormal) -> Tensor:
    """KL(a || b) = log det(B) - log det(A) + (E |B^-1 (x - b.loc)|^2 - d) / 2 for x from a.

    A and B are the scales, d the size of the vectors. Source: Kullback, Information Theory and
    Statistics, ch. 9.
    """
    constant = -0.5 * a.loc.shape[-1] + b._log_det_scale() - a._log_det_scale()
    return constant + 0.5 * b._expected_squared_mahalanobis(a)


__all__ = ["MultivariateNormal", "SquareScaleNormal", "gaussian_kl"]
