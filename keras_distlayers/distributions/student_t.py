"""Student's t, the distribution of a scalar with heavy tails."""

import math

import keras
import numpy as np
from keras import ops

from keras_distlayers._backend import backend
from keras_distlayers._core.ops import maximum, minimum
from keras_distlayers._core.typing import DynamicShape, Seed, Tensor
from keras_distlayers.distributions import _student_t_cdf
from keras_distlayers.distributions._random import fold_in, log_gamma
from keras_distlayers.distributions._special import log_poch
from keras_distlayers.distributions.crps import register_crps
from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.distributions.location_scale import SymmetricLocationScale

# The series of log(B(1/2, df - 1/2) / B(1/2, df / 2)) in df - 1: polygamma functions.
_SLOPES = (-math.log(2.0), math.pi**2 / 8.0, -1.75 * 1.2020569031595942, 7.0 * math.pi**4 / 192.0)

_FAR = 1e12
"""The square of a larger number may be beyond floats, and 1 is nothing beside it."""


@keras.saving.register_keras_serializable("keras_distlayers.distributions")
class StudentT(SymmetricLocationScale):
    """Student's t distribution of a scalar: like a normal, with heavy tails.

    log p(x) = lgamma((df + 1) / 2) - lgamma(df / 2) - log(df pi) / 2 - log(scale)
    - (df + 1) / 2 log(1 + z^2 / df), for z = (x - loc) / scale, in nats.

    Its cdf is an integral, by quadrature: five digits in float32, its tails included, and ten
    in float64 for df from 0.1. Its quantile is found by Newton's steps, to as many digits of the
    tail probability. Both have gradients by all that they depend on.

    Its mean is NaN for df up to 1, its variance infinite up to 2 and NaN up to 1.

    Args:
        df: The degrees of freedom, positive; any shape.
        loc: The centre; a shape that broadcasts with that of `df`.
        scale: Positive; likewise.

    Raises:
        ValueError: if the shapes of the parameters do not broadcast.

    Examples:
        >>> import keras_distlayers as kdl
        >>> distribution = kdl.distributions.StudentT(3.0, 0.0, 1.0)
        >>> float(distribution.variance()), round(float(distribution.log_prob(30.0)), 3)
        (3.0, -12.415)

    Source: Johnson, Kotz and Balakrishnan, Continuous Univariate Distributions 2, ch. 28.
    """

    parameter_ndims = {"df": 0, "loc": 0, "scale": 0}

    df: Tensor

    def __init__(self, df: Tensor, loc: Tensor, scale: Tensor) -> None:
        Distribution.__init__(self, df=df, loc=loc, scale=scale)

    def _standard_sample(self, shape: DynamicShape, seed: Seed) -> Tensor:
        """A normal draw divided by the square root of a gamma draw."""
        half = ops.broadcast_to(0.5 * self.df, shape)
        normal = keras.random.normal(shape, dtype=self.dtype, seed=seed)
        log_mean_square = log_gamma(shape, half, fold_in(seed, 1)) - ops.log(half)
        # Short of where floats end, for the normal draw and the scale are multiplied by it.
        log_largest = math.log(float(np.finfo(self.dtype).max)) - 10.0
        return normal * ops.exp(minimum(-0.5 * log_mean_square, log_largest))

    def _standard_log_prob(self, z: Tensor) -> Tensor:
        t = z / ops.sqrt(self.df)
        is_far = ops.abs(t) > _FAR
        near, far = ops.where(is_far, 0.0, t), ops.abs(ops.where(is_far, t, 1.0))
        log = ops.where(is_far, 2.0 * ops.log(far), ops.log1p(ops.square(near)))
        return -self._log_constant() - 0.5 * (self.df + 1.0) * log

    def _log_constant(self) -> Tensor:
        """log(sqrt(df) B(df / 2, 1 / 2))."""
        return 0.5 * ops.log(math.pi * self.df) - log_poch(0.5 * self.df, 0.5)

    def _mean(self) -> Tensor:
        return self._fill(ops.where(self.df > 1.0, self.loc, math.nan))

    def _standard_variance(self) -> Tensor:
        finite = self.df / ops.where(self.df > 2.0, self.df - 2.0, 1.0)
        heavy = ops.where(self.df > 1.0, ops.full_like(self.df, math.inf), math.nan)
        return ops.where(self.df > 2.0, finite, heavy)

    def _standard_entropy(self) -> Tensor:
        """(df + 1) / 2 (psi((df + 1) / 2) - psi(df / 2)) + log(sqrt(df) B(df / 2, 1 / 2))."""
        step = _digamma_half_step(0.5 * self.df)
        return 0.5 * (self.df + 1.0) * step + self._log_constant()

    def _standard_cdf(self, z: Tensor) -> Tensor:
        return _student_t_cdf.cdf(self.df, z)

    def _standard_log_cdf(self, z: Tensor) -> Tensor:
        return _student_t_cdf.log_cdf(self.df, z)

    def _standard_quantile(self, p: Tensor) -> Tensor:
        return _student_t_cdf.quantile(self.df, p)


def _digamma_half_step(x: Tensor) -> Tensor:
    """psi(x + 1/2) - psi(x), by its series for large x."""
    r = 1.0 / maximum(x, 50.0)
    series = 0.5 * r * (1.0 + 0.25 * r * (1.0 - 0.125 * r * r * (1.0 - 0.5 * r * r)))
    direct = backend.digamma(x + 0.5) - backend.digamma(x)
    return ops.where(x > 50.0, series, direct)


@register_crps(StudentT)
def _(distribution: StudentT, value: Tensor) -> Tensor:
    """(y - loc) (2 F(z) - 1) + 2 scale (f(z) (df + z^2) - h) / (df - 1).

    It is infinite for df up to 1/2. Above,
    h = sqrt(df) B(1/2, df - 1/2) / B(1/2, df / 2)^2, and f(z) (df + z^2) is
    (1 + z^2 / df)^(-(df - 1) / 2) sqrt(df) / B(1/2, df / 2). The two are equal at
    df = 1, so that from each the same number is subtracted before the division.

    Source: Jordan, Krueger and Lerch, Journal of Statistical Software 90 (2019), appendix A.
    """
    distance = value - distribution.loc
    z = distance / distribution.scale
    is_finite = distribution.df > 0.5
    df = ops.where(is_finite, distribution.df, 2.0)
    log_square, slope = -0.5 * ops.log1p(ops.square(z) / df), _mean_distance_slope(df)
    decay, limit = (x * _expm1_ratio((df - 1.0) * x) for x in (log_square, slope))
    constant = 2.0 * ops.exp(0.5 * ops.log(df / math.pi) + log_poch(0.5 * df, 0.5))
    distance = distance * (2.0 * distribution.cdf(value) - 1.0)
    score = distance + distribution.scale * constant * (decay - limit)
    return ops.where(is_finite, score, math.inf)


def _expm1_ratio(x: Tensor) -> Tensor:
    """(exp(x) - 1) / x, with its digits and its slope near 0."""
    is_near = ops.abs(x) < 0.5
    near, far = ops.where(is_near, x, 0.0), ops.where(is_near, 1.0, x)
    series = ops.ones_like(near)
    for n in range(14, 1, -1):
        series = 1.0 + near / n * series
    return ops.where(is_near, series, ops.expm1(far) / far)


def _mean_distance_slope(df: Tensor) -> Tensor:
    """log(B(1/2, df - 1/2) / B(1/2, df / 2)) / (df - 1), by its series near 1."""
    e = df - 1.0
    is_near = ops.abs(e) < 0.01
    near = ops.where(is_near, e, 0.0)
    series = _SLOPES[0] + near * (_SLOPES[1] + near * (_SLOPES[2] + near * _SLOPES[3]))
    far = ops.where(is_near, 2.0, df)
    ratio = log_poch(0.5 * far, 0.5) - log_poch(far - 0.5, 0.5)
    return ops.where(is_near, series, ratio / (far - 1.0))


__all__ = ["StudentT"]
