"""Scalar families on the real line: a standard law, moved and scaled."""

import math

import keras
from keras import ops

from keras_distlayers import _backend
from keras_distlayers.distributions import _special
from keras_distlayers.distributions._seeds import another
from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.distributions.kl import register_kl


class _LocationScale(Distribution):
    """A law of loc + scale z, for z from a standard law that is symmetric around 0."""

    parameter_ndims = {"loc": 0, "scale": 0}
    reparameterized = True

    def __init__(self, loc, scale):
        super().__init__(loc=loc, scale=scale)

    def _standard_sample(self, shape, seed):
        """Draws z, of the whole shape."""
        return self._standard_quantile(_uniform(shape, self.dtype, seed))

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
        z = self._standard_sample((*sample_shape, *self.sizes()), seed)
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


def _uniform(shape, dtype, seed):
    """In (0, 1): a 0 would be minus infinity as a quantile."""
    return keras.random.uniform(shape, _special.TINY, 1.0, dtype=dtype, seed=seed)


@keras.saving.register_keras_serializable("keras_distlayers.distributions")
class Normal(_LocationScale):
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
        return 0.5 * ops.erfc(-z / math.sqrt(2.0))

    def _standard_quantile(self, p):
        return _backend.ndtri(p)


@keras.saving.register_keras_serializable("keras_distlayers.distributions")
class Logistic(_LocationScale):
    """The logistic distribution of a scalar.

    log p(x) = -z - 2 log(1 + exp(-z)) - log(scale) for z = (x - loc) / scale, in nats.

    Args:
        loc: The mean; any shape.
        scale: Positive; the standard deviation is pi / sqrt(3) times as large.

    Examples:
        >>> from keras_distlayers import distributions as kd
        >>> law = kd.Logistic(0.0, 1.0)
        >>> float(law.cdf(0.0)), round(float(law.entropy()), 4)
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
class Laplace(_LocationScale):
    """The Laplace distribution of a scalar.

    log p(x) = -|x - loc| / scale - log(2 scale), in nats.

    Args:
        loc: The mean; any shape.
        scale: Positive; the standard deviation is sqrt(2) times as large.

    Examples:
        >>> from keras_distlayers import distributions as kd
        >>> float(kd.Laplace(0.0, 0.5).log_prob(1.0))
        -2.0

    Source: Johnson, Kotz and Balakrishnan, Continuous Univariate Distributions 2, ch. 24.
    """

    def _standard_log_prob(self, z):
        return -ops.abs(z) - math.log(2.0)

    def _standard_variance(self):
        return 2.0

    def _standard_entropy(self):
        return 1.0 + math.log(2.0)

    def _standard_cdf(self, z):
        tail = 0.5 * ops.exp(-ops.abs(z))
        return ops.where(z < 0.0, tail, 1.0 - tail)

    def _standard_quantile(self, p):
        return ops.where(
            p < 0.5,
            ops.log(2.0 * _special.at_most(p, 0.5)),
            -ops.log(2.0 - 2.0 * _special.at_least(p, 0.5)),
        )


@keras.saving.register_keras_serializable("keras_distlayers.distributions")
class StudentT(_LocationScale):
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


@register_kl(Normal, Normal)
def _(a, b):
    """log(b.scale / a.scale) + (a.scale^2 + (a.loc - b.loc)^2) / (2 b.scale^2) - 1/2."""
    ratio = a.scale / b.scale
    distance = (a.loc - b.loc) / b.scale
    return 0.5 * (ops.square(ratio) + ops.square(distance) - 1.0) - ops.log(ratio)


@register_kl(Laplace, Laplace)
def _(a, b):
    """|m| / b.scale + a.scale / b.scale exp(-|m| / a.scale) - 1 - log(a.scale / b.scale)."""
    ratio, distance = a.scale / b.scale, ops.abs(a.loc - b.loc)
    tail = ratio * ops.exp(-distance / a.scale)
    return distance / b.scale + tail - 1.0 - ops.log(ratio)


@keras.saving.register_keras_serializable("keras_distlayers.distributions")
class AsymmetricLaplace(_LocationScale):
    """The asymmetric Laplace distribution, whose `level`-quantile is `loc`.

    log p(x) = log(q (1 - q) / scale) - z (q - [z < 0]), for z = (x - loc) / scale and q the
    level, in nats: the pinball loss as a likelihood. Its maximum likelihood estimate of `loc`
    is the regression of that quantile.

    Args:
        loc: The quantile; any shape.
        scale: Positive; a shape that broadcasts with that of `loc`.
        level: In (0, 1); likewise.

    Examples:
        >>> from keras_distlayers import distributions as kd
        >>> law = kd.AsymmetricLaplace(2.0, 1.0, level=0.9)
        >>> round(float(law.cdf(2.0)), 4), round(float(law.quantile(0.9)), 4)
        (0.9, 2.0)

    Source: Yu and Moyeed, Statistics and Probability Letters 54 (2001).
    """

    parameter_ndims = {"loc": 0, "scale": 0, "level": 0}

    def __init__(self, loc, scale, level):
        Distribution.__init__(self, loc=loc, scale=scale, level=level)

    def _standard_log_prob(self, z):
        q = self.level
        slope = ops.where(z < 0.0, 1.0 - q, -q)
        return ops.log(q) + ops.log1p(-q) + z * slope

    def _standard_cdf(self, z):
        below = self.level * ops.exp((1.0 - self.level) * _special.at_most(z, 0.0))
        return ops.where(z < 0.0, below, 1.0 - self._standard_survival(z))

    def _standard_survival(self, z):
        above = (1.0 - self.level) * ops.exp(-self.level * _special.at_least(z, 0.0))
        below = self.level * ops.exp((1.0 - self.level) * _special.at_most(z, 0.0))
        return ops.where(z < 0.0, 1.0 - below, above)

    def _survival_function(self, value):
        return self._standard_survival(self._standardize(value))

    def _standard_quantile(self, p):
        q = self.level
        below = ops.log(_special.at_most(p / q, 1.0)) / (1.0 - q)
        above = -ops.log(_special.at_most((1.0 - p) / (1.0 - q), 1.0)) / q
        return ops.where(p < q, below, above)

    def _mean(self):
        q = self.level
        return self._fill(self.loc + self.scale * (1.0 - 2.0 * q) / (q * (1.0 - q)))

    def _standard_variance(self):
        q = self.level
        return (1.0 - 2.0 * q + 2.0 * ops.square(q)) / ops.square(q * (1.0 - q))

    def _standard_entropy(self):
        return 1.0 - ops.log(self.level) - ops.log1p(-self.level)
