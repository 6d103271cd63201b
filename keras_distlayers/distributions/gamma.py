"""The gamma distribution."""

import math

import keras
import numpy as np
from keras import ops

from keras_distlayers._core.ops import maximum
from keras_distlayers._core.typing import Seed, Tensor
from keras_distlayers.distributions._incomplete import (
    gammainc,
    gammaincc,
    log_gammainc,
    log_gammaincc,
)
from keras_distlayers.distributions._positive import positive_or_one
from keras_distlayers.distributions._random import log_gamma
from keras_distlayers.distributions._special import (
    expm1mx,
    gamma_entropy,
    keep_nan,
    lbeta,
    lgamma_divergence_rest,
    log_gamma_prefix,
    log_ratio,
)
from keras_distlayers.distributions.crps import register_crps
from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.distributions.kl import register_kl
from keras_distlayers.distributions.support import POSITIVE, Support

_ABOVE_SMALLEST = 1e8
"""Draws of rate 1 end at the smallest float times this, so that the slope of the density at a draw
is a float too."""


@keras.saving.register_keras_serializable("keras_distlayers.distributions")
class Gamma(Distribution):
    """The gamma distribution.

    log p(x) = a log(b) + (a - 1) log(x) - b x - lgamma(a) for the concentration a, the rate
    b and x from 0, in nats; minus infinity below.

    Gradients flow through a draw: implicitly, by the cdf, for the concentration. Draws of a
    concentration below about 0.1 end at 1e-30 / rate, in float64 at 2e-300 / rate.

    Args:
        concentration: Positive; any shape.
        rate: Positive; a shape that broadcasts with that of `concentration`.

    Raises:
        ValueError: if the shapes of the parameters do not broadcast.

    Examples:
        >>> import keras_distlayers as kdl
        >>> distribution = kdl.distributions.Gamma(concentration=3.0, rate=2.0)
        >>> float(distribution.mean()), float(distribution.variance()), float(distribution.mode())
        (1.5, 0.75, 1.0)

    Source: Johnson, Kotz and Balakrishnan, Continuous Univariate Distributions 1, ch. 17;
    Figurnov, Mohamed and Mnih, Implicit Reparameterization Gradients (2018).
    """

    parameter_ndims = {"concentration": 0, "rate": 0}
    reparameterized = True

    concentration: Tensor
    rate: Tensor

    def __init__(self, concentration: Tensor, rate: Tensor) -> None:
        super().__init__(concentration=concentration, rate=rate)

    @property
    def support(self) -> Support:
        return POSITIVE

    def _sample(self, sample_shape: tuple[int, ...], seed: Seed) -> Tensor:
        shape = (*sample_shape, *self.dynamic_shape())
        log_draws = log_gamma(shape, self.concentration, seed)
        smallest = _ABOVE_SMALLEST * float(np.finfo(self.dtype).tiny)
        return ops.exp(maximum(log_draws, math.log(smallest))) / self.rate

    def _log_prob(self, value: Tensor) -> Tensor:
        is_positive, x = positive_or_one(value)
        inside = log_gamma_prefix(*self._log_ratio(value)) - ops.log(x)
        at_end = ops.where(value == 0.0, self._at_zero(), -np.inf)
        is_inside = ops.logical_and(is_positive, value < np.inf)
        return keep_nan(value, ops.where(is_inside, inside, at_end))

    def _at_zero(self) -> Tensor:
        """The limit of the log density at 0, that of x^(a - 1)."""
        at_one = ops.where(self.concentration > 1.0, -np.inf, ops.log(self.rate))
        return ops.where(self.concentration < 1.0, np.inf, at_one)

    def _mean(self) -> Tensor:
        return self._fill(self.concentration / self.rate)

    def _mode(self) -> Tensor:
        return self._fill(maximum(self.concentration - 1.0, 0.0) / self.rate)

    def _variance(self) -> Tensor:
        return self._fill(self.concentration / ops.square(self.rate))

    def _entropy(self) -> Tensor:
        return self._fill(gamma_entropy(self.concentration) - ops.log(self.rate))

    def _cdf(self, value: Tensor) -> Tensor:
        return ops.where(value > 0.0, gammainc(*self._log_ratio(value)), 0.0)

    def _survival_function(self, value: Tensor) -> Tensor:
        return ops.where(value > 0.0, gammaincc(*self._log_ratio(value)), 1.0)

    def _log_cdf(self, value: Tensor) -> Tensor:
        return ops.where(value > 0.0, log_gammainc(*self._log_ratio(value)), -np.inf)

    def _log_survival_function(self, value: Tensor) -> Tensor:
        return ops.where(value > 0.0, log_gammaincc(*self._log_ratio(value)), 0.0)

    def _log_ratio(self, value: Tensor) -> tuple[Tensor, Tensor]:
        """The concentration, and the logarithm of the ratio of a positive value to the mean."""
        _, x = positive_or_one(value)
        return self.concentration, log_ratio(x, self.concentration / self.rate)


@register_kl(Gamma, Gamma)
def _(a: Gamma, b: Gamma) -> Tensor:
    """(a - b) psi(a) - lgamma(a) + lgamma(b) + b log(r / s) + a (s / r - 1).

    a, b are the concentrations, r, s the rates. The large part of it is b (u - 1 - log(u)), for
    the ratio u of the means. Source: Penny, KL-Divergences of Normal, Gamma, Dirichlet and Wishart
    densities (2001).
    """
    log_means = log_ratio(a.concentration * b.rate, b.concentration * a.rate)
    large = b.concentration * expm1mx(log_means)
    return large + lgamma_divergence_rest(b.concentration, a.concentration)


@register_crps(Gamma)
def _(distribution: Gamma, value: Tensor) -> Tensor:
    """(y - m) (2 F(y) - 1) + 2 y f(y) / b - 1 / (b B(1/2, a)), m = a / b the mean.

    a is the concentration, b the rate. Source: Moeller and Scheuerer, Quarterly Journal of the
    Royal Meteorological Society 141 (2015); F of the concentration a + 1 is F(y) - y f(y) / a.
    """
    a, rate = distribution.concentration, distribution.rate
    distance = (value - a / rate) * (2.0 * distribution._cdf(value) - 1.0)
    inside = ops.exp(log_gamma_prefix(*distribution._log_ratio(value)))
    prefix = ops.where(value > 0.0, inside, 0.0)
    return distance + (2.0 * prefix - ops.exp(-lbeta(a, ops.full_like(a, 0.5)))) / rate


__all__ = ["Gamma"]
