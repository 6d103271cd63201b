"""Student's t, the law of a scalar with heavy tails."""

import math

import keras
from keras import ops

from keras_distlayers import _backend
from keras_distlayers.distributions import _special
from keras_distlayers.distributions._seeds import another
from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.distributions.location_scale import LocationScale


@keras.saving.register_keras_serializable("keras_distlayers.distributions")
class StudentT(LocationScale):
    """Student's t distribution of a scalar: like a normal, with heavy tails.

    log p(x) = lgamma((df + 1) / 2) - lgamma(df / 2) - log(df pi) / 2 - log(scale)
    - (df + 1) / 2 log(1 + z^2 / df), for z = (x - loc) / scale, in nats.

    Its mean is NaN for df up to 1, its variance infinite up to 2 and NaN up to 1.

    Args:
        df: The degrees of freedom, positive; any shape.
        loc: The centre; a shape that broadcasts with that of `df`.
        scale: Positive; likewise.

    Examples:
        >>> from keras_distlayers import distributions as kd
        >>> law = kd.StudentT(3.0, 0.0, 1.0)
        >>> float(law.variance()), round(float(law.log_prob(30.0)), 3)
        (3.0, -12.415)

    Source: Johnson, Kotz and Balakrishnan, Continuous Univariate Distributions 2, ch. 28.
    """

    parameter_ndims = {"df": 0, "loc": 0, "scale": 0}

    def __init__(self, df, loc, scale):
        Distribution.__init__(self, df=df, loc=loc, scale=scale)

    def _standard_sample(self, shape, seed):
        """A normal over the root of a Gamma draw; with seeds of their own."""
        first, second = seed, another(seed)
        half = ops.broadcast_to(0.5 * self.df, shape)
        normal = keras.random.normal(shape, dtype=self.dtype, seed=first)
        chi_square = _backend.standard_gamma(shape, half, second) / half
        return normal * ops.rsqrt(_special.at_least(chi_square, _special.TINY))

    def _standard_log_prob(self, z):
        half = 0.5 * self.df
        constant = _special.lgamma_step(half, 0.5) - 0.5 * ops.log(math.pi * self.df)
        return constant - (half + 0.5) * ops.log1p(ops.square(z) / self.df)

    def _mean(self):
        return self._fill(ops.where(self.df > 1.0, self.loc, math.nan))

    def _standard_variance(self):
        finite = self.df / ops.where(self.df > 2.0, self.df - 2.0, 1.0)
        heavy = ops.where(self.df > 1.0, math.inf, math.nan)
        return ops.where(self.df > 2.0, finite, heavy)

    def _standard_entropy(self):
        """(df + 1) / 2 (psi((df + 1) / 2) - psi(df / 2)) + log(sqrt(df) B(df / 2, 1 / 2))."""
        half = 0.5 * self.df
        step = _digamma_half_step(half)
        constant = 0.5 * ops.log(math.pi * self.df) - _special.lgamma_step(half, 0.5)
        return (half + 0.5) * step + constant

    def _standard_cdf(self, z):
        z = ops.broadcast_to(z, ops.shape(z + self.df))
        half = ops.broadcast_to(0.5 * self.df, ops.shape(z))
        x = self.df / (self.df + ops.square(z))
        tail = 0.5 * _backend.betainc(half, ops.full_like(half, 0.5), x)
        return ops.where(z < 0.0, tail, 1.0 - tail)

    def _quantile(self, p):
        raise self._unavailable("quantile")


def _digamma_half_step(x):
    """psi(x + 1/2) - psi(x), by its series for large x."""
    large = ops.where(x > 50.0, x, 50.0)
    r = 1.0 / large
    series = 0.5 * r * (1.0 + 0.25 * r * (1.0 - 0.125 * r * r * (1.0 - 0.5 * r * r)))
    direct = _backend.digamma(x + 0.5) - _backend.digamma(x)
    return ops.where(x > 50.0, series, direct)


__all__ = ["StudentT"]
