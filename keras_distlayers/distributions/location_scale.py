"""Scalar distributions on the real line that are a standard distribution, moved and scaled."""

import math

import keras
import numpy as np
from keras import ops

from keras_distlayers import _backend
from keras_distlayers._core.ops import erfc, maximum
from keras_distlayers.distributions import _special
from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.distributions.kl import register_kl


class LocationScale(Distribution):
    """A distribution of loc + scale z, for z from a standard distribution that is symmetric around 0."""

    parameter_ndims = {"loc": 0, "scale": 0}
    reparameterized = True

    def __init__(self, loc, scale):
        super().__init__(loc=loc, scale=scale)

    def _standard_sample(self, shape, seed):
        """Draws z, of the whole shape."""
        return self._standard_quantile(uniform(shape, self.dtype, seed))

    def _standard_log_prob(self, z):
        raise NotImplementedError

    def _standard_cdf(self, z):
        raise NotImplementedError

    def _standard_quantile(self, p):
        raise NotImplementedError

    def _standard_variance(self):
        raise NotImplementedError

    def _standard_entropy(self):
        raise NotImplementedError

    def _standardize(self, value):
        return (value - self.loc) / self.scale

    def _sample(self, sample_shape, seed):
        z = self._standard_sample((*sample_shape, *self.dynamic_shape()), seed)
        return self.loc + self.scale * z

    def _log_prob(self, value):
        return self._standard_log_prob(self._standardize(value)) - ops.log(self.scale)

    def _mean(self):
        return self._fill(self.loc)

    def _mode(self):
        return self._fill(self.loc)

    def _variance(self):
        return self._fill(ops.square(self.scale) * self._standard_variance())

    def _entropy(self):
        return self._fill(ops.log(self.scale) + self._standard_entropy())

    def _cdf(self, value):
        return self._standard_cdf(self._standardize(value))

    def _survival_function(self, value):
        return self._standard_cdf(-self._standardize(value))

    def _quantile(self, p):
        return self.loc + self.scale * self._standard_quantile(p)


def uniform(shape, dtype, seed):
    """In (0, 1): a 0 would be minus infinity as a quantile."""
    return keras.random.uniform(shape, _special.TINY, 1.0, dtype=dtype, seed=seed)


@keras.saving.register_keras_serializable("keras_distlayers.distributions")
class Normal(LocationScale):
    """The normal distribution of a scalar.

    log p(x) = -((x - loc) / scale)^2 / 2 - log(scale) - log(2 pi) / 2, in nats.

    Args:
        loc: The mean; any shape.
        scale: The standard deviation, positive; a shape that broadcasts with that of `loc`.

    Examples:
        >>> import keras_distlayers as kdl
        >>> distribution = kdl.distributions.Normal([0.0, 1.0], 2.0)
        >>> distribution.batch_shape, distribution.event_shape
        ((2,), ())
        >>> round(float(distribution.log_prob([0.0, 1.0])[0]), 4)
        -1.6121

    Source: Johnson, Kotz and Balakrishnan, Continuous Univariate Distributions 1, ch. 13.
    """

    def _standard_sample(self, shape, seed):
        return keras.random.normal(shape, dtype=self.dtype, seed=seed)

    def _standard_log_prob(self, z):
        return -0.5 * ops.square(z) - _special.HALF_LOG_2PI

    def _standard_variance(self):
        return 1.0

    def _stddev(self):
        return self._fill(self.scale)

    def _standard_entropy(self):
        return 0.5 + _special.HALF_LOG_2PI

    def _standard_cdf(self, z):
        # The complementary error function keeps the tail's digits.
        return 0.5 * erfc(-z / math.sqrt(2.0))

    def _standard_quantile(self, p):
        return _backend.ndtri(p)


@register_kl(Normal, Normal)
def _(a, b):
    """log(b.scale / a.scale) + (a.scale^2 + (a.loc - b.loc)^2) / (2 b.scale^2) - 1/2."""
    ratio = a.scale / b.scale
    distance = (a.loc - b.loc) / b.scale
    return 0.5 * (ops.square(ratio) + ops.square(distance) - 1.0) - ops.log(ratio)


@keras.saving.register_keras_serializable("keras_distlayers.distributions")
class Logistic(LocationScale):
    """The logistic distribution of a scalar.

    log p(x) = -z - 2 log(1 + exp(-z)) - log(scale) for z = (x - loc) / scale, in nats.

    Args:
        loc: The mean; any shape.
        scale: Positive; the standard deviation is pi / sqrt(3) times as large.

    Examples:
        >>> import keras_distlayers as kdl
        >>> distribution = kdl.distributions.Logistic(0.0, 1.0)
        >>> float(distribution.cdf(0.0)), round(float(distribution.entropy()), 4)
        (0.5, 2.0)

    Source: Johnson, Kotz and Balakrishnan, Continuous Univariate Distributions 2, ch. 23.
    """

    def _standard_log_prob(self, z):
        return -z - 2.0 * ops.softplus(-z)

    def _standard_variance(self):
        return math.pi**2 / 3.0

    def _standard_entropy(self):
        return 2.0

    def _standard_cdf(self, z):
        return ops.sigmoid(z)

    def _standard_quantile(self, p):
        return ops.log(p) - ops.log1p(-p)


@keras.saving.register_keras_serializable("keras_distlayers.distributions")
class Gumbel(LocationScale):
    """The Gumbel distribution of a scalar: the largest of many numbers.

    log p(x) = -z - exp(-z) - log(scale) for z = (x - loc) / scale, in nats: minus infinity in
    float32 for z below -88.

    Args:
        loc: The mode; any shape.
        scale: Positive; the standard deviation is pi / sqrt(6) times as large.

    Examples:
        >>> import keras_distlayers as kdl
        >>> float(kdl.distributions.Gumbel(0.0, 1.0).log_prob(0.0))
        -1.0

    Source: Johnson, Kotz and Balakrishnan, Continuous Univariate Distributions 2, ch. 22.
    """

    def _standard_log_prob(self, z):
        return -z - ops.exp(-z)

    def _mean(self):
        return self._fill(self.loc + np.euler_gamma * self.scale)

    def _standard_variance(self):
        return math.pi**2 / 6.0

    def _standard_entropy(self):
        return 1.0 + np.euler_gamma

    def _standard_cdf(self, z):
        return ops.exp(-ops.exp(-maximum(z, -80.0)))  # 0 times infinity is no gradient

    def _survival_function(self, value):
        z = maximum(self._standardize(value), -80.0)
        return -ops.expm1(-ops.exp(-z))

    def _standard_quantile(self, p):
        return -ops.log(-ops.log(p))


@register_kl(Gumbel, Gumbel)
def _(a, b):
    """Exp(-d) Gamma(1 + r) - 1 + d + g (r - 1) - log(r), for Euler's constant g.

    r = a.scale / b.scale and d = (a.loc - b.loc) / b.scale. Source: Bauckhage,
    arXiv:1402.3807 (2014).
    """
    ratio = a.scale / b.scale
    distance = (a.loc - b.loc) / b.scale
    excess = ops.expm1(_backend.lgamma(1.0 + ratio) - distance)
    return np.euler_gamma * (ratio - 1.0) - ops.log(ratio) + distance + excess


__all__ = ["Gumbel", "LocationScale", "Logistic", "Normal"]
