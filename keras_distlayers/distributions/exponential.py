"""The exponential distribution."""

import keras
import numpy as np
from keras import ops

from keras_distlayers._core.ops import maximum
from keras_distlayers._core.typing import Seed, Tensor
from keras_distlayers.distributions._random import open_uniform
from keras_distlayers.distributions._special import (
    expm1mx,
    log1mexp,
    log_ratio,
    safe_log,
    safe_log1m,
    without_infinite_slope,
)
from keras_distlayers.distributions.crps import register_crps
from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.distributions.kl import register_kl
from keras_distlayers.distributions.support import POSITIVE, Support


@keras.saving.register_keras_serializable("keras_distlayers.distributions")
class Exponential(Distribution):
    """The exponential distribution: that of the time to an event that comes at a constant rate.

    log p(x) = log(rate) - rate x for x from 0, in nats; minus infinity below. Gradients flow
    through a draw.

    Args:
        rate: Positive, the inverse of the mean; any shape.

    Examples:
        >>> import keras_distlayers as kdl
        >>> distribution = kdl.distributions.Exponential(rate=2.0)
        >>> float(distribution.mean()), float(distribution.variance()), float(distribution.mode())
        (0.5, 0.25, 0.0)
        >>> round(float(distribution.survival_function(1.0)), 4)
        0.1353

    Source: Johnson, Kotz and Balakrishnan, Continuous Univariate Distributions 1, ch. 19.
    """

    parameter_ndims = {"rate": 0}
    reparameterized = True

    rate: Tensor

    def __init__(self, rate: Tensor) -> None:
        super().__init__(rate=rate)

    @property
    def support(self) -> Support:
        return POSITIVE

    def _sample(self, sample_shape: tuple[int, ...], seed: Seed) -> Tensor:
        shape = (*sample_shape, *self.dynamic_shape())
        return self._quantile(open_uniform(shape, self.dtype, seed))

    def _log_prob(self, value: Tensor) -> Tensor:
        inside = ops.log(self.rate) - self._scaled(value)
        return ops.where(value < 0.0, -np.inf, inside)

    def _mean(self) -> Tensor:
        return 1.0 / self.rate

    def _mode(self) -> Tensor:
        return ops.zeros_like(self.rate)

    def _variance(self) -> Tensor:
        return ops.square(1.0 / self.rate)

    def _stddev(self) -> Tensor:
        return 1.0 / self.rate

    def _entropy(self) -> Tensor:
        return 1.0 - ops.log(self.rate)

    def _cdf(self, value: Tensor) -> Tensor:
        return -ops.expm1(-self._scaled(value))

    def _survival_function(self, value: Tensor) -> Tensor:
        return ops.exp(-self._scaled(value))

    def _log_cdf(self, value: Tensor) -> Tensor:
        is_positive = value > 0.0
        inside = log1mexp(ops.where(is_positive, self._scaled(value), 1.0))
        return ops.where(is_positive, inside, -np.inf)

    def _log_survival_function(self, value: Tensor) -> Tensor:
        return -self._scaled(value)

    def _quantile(self, p: Tensor) -> Tensor:
        return self._unscaled(-safe_log1m(p))

    def _upper_quantile(self, p: Tensor) -> Tensor:
        return self._unscaled(-safe_log(p))

    def _unscaled(self, x: Tensor) -> Tensor:
        """A value from that in units of the mean."""
        return without_infinite_slope(lambda x: x / self.rate, x)

    def _scaled(self, value: Tensor) -> Tensor:
        """A value in units of the mean; 0 below the support."""
        return self.rate * maximum(value, 0.0)


@register_kl(Exponential, Exponential)
def _(a: Exponential, b: Exponential) -> Tensor:
    """With r = b.rate / a.rate: r - 1 - log(r), which is exp(t) - 1 - t for t = log(r)."""
    return expm1mx(log_ratio(b.rate, a.rate))


@register_crps(Exponential)
def _(distribution: Exponential, value: Tensor) -> Tensor:
    """|y| - (2 F(y) - 1/2) / rate.

    Source: Jordan, Krueger and Lerch, Journal of Statistical Software 90 (2019), appendix A.
    """
    size = ops.where(value < 0.0, -value, value)
    return size - (2.0 * distribution._cdf(value) - 0.5) / distribution.rate


__all__ = ["Exponential"]
