"""The log-normal distribution."""

import keras
import numpy as np
from keras import ops

from keras_distlayers._backend import backend
from keras_distlayers._core.ops import clip, minimum
from keras_distlayers._core.typing import Seed, Tensor
from keras_distlayers.distributions import _log_normal_tail
from keras_distlayers.distributions._positive import positive_or_one
from keras_distlayers.distributions._special import TINY, at_end, at_value, keep_nan
from keras_distlayers.distributions.crps import register_crps
from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.distributions.kl import closed_form_kl, register_kl
from keras_distlayers.distributions.normal import Normal
from keras_distlayers.distributions.support import POSITIVE, Support

_LARGEST_LOG = 50.0
"""Draws lie between exp(-50) and exp(50): the slope of the density there, for the smallest scale
of a head, is within what float32 can hold."""


@keras.saving.register_keras_serializable("keras_distlayers.distributions")
class LogNormal(Distribution):
    """The log-normal distribution: the exponential of a normal.

    log p(x) = -((log x - loc) / scale)^2 / 2 - log(x scale) - log(2 pi) / 2 for positive x,
    in nats; minus infinity elsewhere. Draws lie between exp(-50) and exp(50), also where more mass
    is beyond; `sample_and_log_prob` has the density of a draw before that.

    Args:
        loc: The mean of log x; any shape.
        scale: The standard deviation of log x, positive; a shape that broadcasts with that
            of `loc`.

    Raises:
        ValueError: if the shapes of the parameters do not broadcast.

    Examples:
        >>> import keras_distlayers as kdl
        >>> distribution = kdl.distributions.LogNormal(0.0, 1.0)
        >>> round(float(distribution.mean()), 4), float(distribution.cdf(1.0))
        (1.6487, 0.5)

    Source: Johnson, Kotz and Balakrishnan, Continuous Univariate Distributions 1, ch. 14.
    """

    parameter_ndims = {"loc": 0, "scale": 0}
    reparameterized = True

    loc: Tensor
    scale: Tensor

    def __init__(self, loc: Tensor, scale: Tensor) -> None:
        super().__init__(loc=loc, scale=scale)

    @property
    def support(self) -> Support:
        return POSITIVE

    @property
    def keeps_preimage(self) -> bool:
        return True

    @property
    def _normal(self) -> Normal:
        """The distribution of log x."""
        return Normal(self.loc, self.scale)

    def _sample(self, sample_shape: tuple[int, ...], seed: Seed) -> Tensor:
        draw = self._normal.sample(sample_shape, seed)
        return _exp(draw)

    def _sample_and_log_prob(
        self, sample_shape: tuple[int, ...], seed: Seed
    ) -> tuple[Tensor, Tensor]:
        """With the density of the draw before it is kept within bounds."""
        draw, log_prob = self._normal.sample_and_log_prob(sample_shape, seed)
        return _exp(draw), log_prob - draw

    def _log_prob(self, value: Tensor) -> Tensor:
        is_positive, x = positive_or_one(value)
        log_x = ops.log(x)
        inside = self._normal.log_prob(log_x) - log_x
        is_inside = ops.logical_and(is_positive, value < np.inf)
        return keep_nan(value, ops.where(is_inside, inside, -np.inf))

    def _mean(self) -> Tensor:
        return self._fill(ops.exp(self.loc + 0.5 * ops.square(self.scale)))

    def _mode(self) -> Tensor:
        return self._fill(ops.exp(self.loc - ops.square(self.scale)))

    def _variance(self) -> Tensor:
        square = ops.square(self.scale)
        return self._fill(ops.expm1(square) * ops.exp(2.0 * self.loc + square))

    def _entropy(self) -> Tensor:
        return self._normal.entropy() + self.loc

    def _cdf(self, value: Tensor) -> Tensor:
        is_positive, x = positive_or_one(value)
        cdf = self._with_digits(self._normal.cdf(ops.log(x)), x, 1.0)
        return ops.where(is_positive, cdf, 0.0)

    def _survival_function(self, value: Tensor) -> Tensor:
        is_positive, x = positive_or_one(value)
        rest = self._with_digits(self._normal.survival_function(ops.log(x)), x, -1.0)
        return ops.where(is_positive, rest, 1.0)

    def _with_digits(self, probability: Tensor, x: Tensor, sign: float) -> Tensor:
        """The mass below x, or above it for a sign of -1, without the rounding of log x."""
        if self.dtype == "float64":
            return probability
        better = _log_normal_tail.mass_below(x, self.loc, self.scale, sign)
        return at_value(probability, ops.where(probability > TINY, better, probability))

    def _log_cdf(self, value: Tensor) -> Tensor:
        is_positive, x = positive_or_one(value)
        return ops.where(is_positive, self._normal.log_cdf(ops.log(x)), -np.inf)

    def _log_survival_function(self, value: Tensor) -> Tensor:
        is_positive, x = positive_or_one(value)
        return ops.where(is_positive, self._normal.log_survival_function(ops.log(x)), 0.0)

    def _quantile(self, p: Tensor) -> Tensor:
        return self._exp_of_quantile(p, 1.0)

    def _upper_quantile(self, p: Tensor) -> Tensor:
        return self._exp_of_quantile(p, -1.0)

    def _exp_of_quantile(self, p: Tensor, sign: float) -> Tensor:
        """That of the lower tail p, or of the upper one for a sign of -1; 0 slopes at an end."""
        is_inside = ops.logical_and(p > 0.0, p < 1.0)
        low, high = (0.0, np.inf) if sign > 0.0 else (np.inf, 0.0)
        end = at_end(p, low, high)
        p = ops.where(is_inside, p, 0.5)
        z = sign * backend.ndtri(p)
        x = ops.exp(self.loc + self.scale * z)
        if self.dtype != "float64":
            tail = minimum(p, 1.0 - p)
            better = _log_normal_tail.exp_of_quantile(self.loc, self.scale, z, tail)
            x = at_value(x, ops.where(tail > TINY, better, x))
        return ops.where(is_inside, x, end)


def _exp(draw: Tensor) -> Tensor:
    return ops.exp(clip(draw, -_LARGEST_LOG, _LARGEST_LOG))


@register_kl(LogNormal, LogNormal)
def _(a: LogNormal, b: LogNormal) -> Tensor | None:
    """That of the normals: both are the same function of them."""
    return closed_form_kl(a._normal, b._normal)


@register_crps(LogNormal)
def _(distribution: LogNormal, value: Tensor) -> Tensor:
    """(y - m) (2 Phi(w) - 1) + 2 m (Phi(w) - Phi(w - s) - Phi(s / sqrt(2)) + 1 / 2).

    w = (log(y) - loc) / s, s = scale, and m is the mean. Source: Baran and Lerch, Quarterly
    Journal of the Royal Meteorological Society 141 (2015).
    """
    normal, mean = distribution._normal, distribution._mean()
    is_positive, y = positive_or_one(value)
    log_y = ops.log(y)
    # Phi(w - s) is the share of the mean that lies below y.
    shifted = Normal(distribution.loc + ops.square(distribution.scale), distribution.scale)
    below = ops.where(is_positive, normal.cdf(log_y), 0.0)
    share = ops.where(is_positive, shifted.cdf(log_y), 0.0)
    distance = (value - mean) * (2.0 * below - 1.0)
    return distance + mean * (2.0 * (below - share) - ops.erf(0.5 * distribution.scale))


__all__ = ["LogNormal"]
