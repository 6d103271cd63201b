"""The base of families that are a standard distribution, moved and scaled."""

import keras
from keras import ops

from keras_distlayers.distributions import _special
from keras_distlayers.distributions.distribution import Distribution


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


__all__ = ["LocationScale", "uniform"]
