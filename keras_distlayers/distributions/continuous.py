"""Scalar families on the real line."""

import math

import keras
from keras import ops

from keras_distlayers import _backend
from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.distributions.kl import register_kl

_HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)


@keras.saving.register_keras_serializable("keras_distlayers.distributions")
class Normal(Distribution):
    """The normal distribution of a scalar.

    log p(x) = -((x - loc) / scale)^2 / 2 - log(scale) - log(2 pi) / 2, in nats.

    Args:
        loc: The mean; any shape.
        scale: The standard deviation, positive; a shape that broadcasts with that of `loc`.

    Examples:
        >>> from keras_distlayers import distributions as kd
        >>> law = kd.Normal([0.0, 1.0], 2.0)
        >>> law.batch_shape, law.event_shape
        ((2,), ())
        >>> round(float(law.log_prob([0.0, 1.0])[0]), 4)
        -1.6121

    Source: Johnson, Kotz and Balakrishnan, Continuous Univariate Distributions 1, ch. 13.
    """

    parameter_ndims = {"loc": 0, "scale": 0}
    reparameterized = True

    def __init__(self, loc, scale):
        super().__init__(loc=loc, scale=scale)

    def _standardize(self, value):
        return (value - self.loc) / self.scale

    def _sample(self, sample_shape, seed):
        shape = (*sample_shape, *self.sizes())
        return self.loc + self.scale * keras.random.normal(shape, dtype=self.dtype, seed=seed)

    def _log_prob(self, value):
        return -0.5 * ops.square(self._standardize(value)) - ops.log(self.scale) - _HALF_LOG_2PI

    def _mean(self):
        return self._fill(self.loc)

    def _mode(self):
        return self._fill(self.loc)

    def _variance(self):
        return ops.square(self._stddev())

    def _stddev(self):
        return self._fill(self.scale)

    def _entropy(self):
        return 0.5 + _HALF_LOG_2PI + ops.log(self._stddev())

    def _cdf(self, value):
        return _standard_cdf(self._standardize(value))

    def _survival_function(self, value):
        return _standard_cdf(-self._standardize(value))

    def _quantile(self, p):
        return self.loc + self.scale * _backend.ndtri(p)

    def _fill(self, parameter):
        """The parameter broadcast to the batch."""
        return ops.broadcast_to(parameter, self.sizes())


def _standard_cdf(z):
    """The standard normal cdf; the complementary error function keeps the tail's digits."""
    return 0.5 * ops.erfc(-z / math.sqrt(2.0))


@register_kl(Normal, Normal)
def _(a, b):
    """log(b.scale / a.scale) + (a.scale^2 + (a.loc - b.loc)^2) / (2 b.scale^2) - 1/2."""
    ratio = a.scale / b.scale
    distance = (a.loc - b.loc) / b.scale
    return 0.5 * (ops.square(ratio) + ops.square(distance) - 1.0) - ops.log(ratio)
