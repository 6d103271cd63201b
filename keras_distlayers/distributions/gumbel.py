"""The Gumbel distribution of a scalar."""

import math

import keras
import numpy as np
from keras import ops

from keras_distlayers._backend import backend
from keras_distlayers._core.ops import maximum, minimum
from keras_distlayers._core.typing import Tensor
from keras_distlayers.distributions._special import log1mexp, safe_log, safe_log1m
from keras_distlayers.distributions.crps import register_crps
from keras_distlayers.distributions.kl import register_kl
from keras_distlayers.distributions.location_scale import LocationScale

_LOWEST = -80.0
"""exp(-z) of a smaller z would overflow, and 0 times infinity is not a gradient."""

_SPLIT = -math.log(4.0)
"""Above it, exp(-z) is at most 4, and the series of Ein has the digits."""

_FAR_BELOW = -1e4
"""Stands for every smaller number: where the density is 0, infinity less infinity would be NaN."""


@keras.saving.register_keras_serializable("keras_distlayers.distributions")
class Gumbel(LocationScale):
    """The Gumbel distribution of a scalar: that of the largest of many numbers.

    log p(x) = -z - exp(-z) - log(scale) for z = (x - loc) / scale, in nats: minus infinity in
    float32 for z below -88.

    Args:
        loc: The mode; any shape.
        scale: Positive; the standard deviation is pi / sqrt(6) times as large.

    Raises:
        ValueError: if the shapes of the parameters do not broadcast.

    Examples:
        >>> import keras_distlayers as kdl
        >>> float(kdl.distributions.Gumbel(0.0, 1.0).log_prob(0.0))
        -1.0

    Source: Johnson, Kotz and Balakrishnan, Continuous Univariate Distributions 2, ch. 22.
    """

    def _standard_log_prob(self, z: Tensor) -> Tensor:
        z = maximum(z, _FAR_BELOW)
        return -z - ops.exp(-z)

    def _standard_mean(self) -> Tensor:
        return np.euler_gamma

    def _standard_mode(self) -> Tensor:
        return 0.0

    def _standard_variance(self) -> Tensor:
        return math.pi**2 / 6.0

    def _standard_entropy(self) -> Tensor:
        return 1.0 + np.euler_gamma

    def _standard_cdf(self, z: Tensor) -> Tensor:
        return ops.exp(-ops.exp(-maximum(z, _LOWEST)))

    def _standard_survival_function(self, z: Tensor) -> Tensor:
        return -ops.expm1(-ops.exp(-maximum(z, _LOWEST)))

    def _standard_log_cdf(self, z: Tensor) -> Tensor:
        return -ops.exp(-maximum(z, _LOWEST))

    def _standard_log_survival_function(self, z: Tensor) -> Tensor:
        # From 20 on, 1 - exp(-t) is t for t = exp(-z).
        near = log1mexp(ops.exp(-minimum(maximum(z, _LOWEST), 20.0)))
        return ops.where(z < 20.0, near, -z)

    def _standard_quantile(self, p: Tensor) -> Tensor:
        return -safe_log(-safe_log(p))

    def _standard_upper_quantile(self, p: Tensor) -> Tensor:
        return -safe_log(-safe_log1m(p))


@register_kl(Gumbel, Gumbel)
def _(a: Gumbel, b: Gumbel) -> Tensor:
    """exp(-d) Gamma(1 + r) - 1 + d + g (r - 1) - log(r), for Euler's constant g.

    r = a.scale / b.scale and d = (a.loc - b.loc) / b.scale. Source: Bauckhage,
    arXiv:1402.3807 (2014).
    """
    ratio = a.scale / b.scale
    distance = (a.loc - b.loc) / b.scale
    excess = ops.expm1(backend.lgamma(1.0 + ratio) - distance)
    return np.euler_gamma * (ratio - 1.0) - ops.log(ratio) + distance + excess


@register_crps(Gumbel)
def _(distribution: Gumbel, value: Tensor) -> Tensor:
    """In units of the scale, g - z - log(2) + 2 E1(exp(-z)), g Euler's constant.

    E1 is the exponential integral: -g - log(x) + Ein(x), so that for small x = exp(-z) it is
    z - g - log(2) + 2 Ein(x). Source: Friederichs and Thorarinsdottir, Environmetrics 23
    (2012).
    """
    distance = value - distribution.loc
    z = distance / distribution.scale
    near = 2.0 * _ein(ops.exp(-maximum(z, _SPLIT))) - np.euler_gamma - math.log(2.0)
    x = ops.exp(minimum(-minimum(z, _SPLIT), -_LOWEST))
    far = 2.0 * _scaled_e1(x) * ops.exp(-x) + np.euler_gamma - math.log(2.0)
    distance = ops.where(z > _SPLIT, distance, -distance)
    return distance + distribution.scale * ops.where(z > _SPLIT, near, far)


def _ein(x: Tensor) -> Tensor:
    """The sum of -(-x)^k / (k k!) over k from 1, for x up to 4."""
    total = ops.zeros_like(x)
    for k in range(27, 0, -1):
        total = x / k * (1.0 / k - total)
    return total


def _scaled_e1(x: Tensor) -> Tensor:
    """exp(x) E1(x) for x from 4, by its continued fraction: Abramowitz and Stegun, 5.1.22."""
    fraction = x
    for k in range(30, 0, -1):
        fraction = x + k / (1.0 + k / fraction)
    return 1.0 / fraction


__all__ = ["Gumbel"]
