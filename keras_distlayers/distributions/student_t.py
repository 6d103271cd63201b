"""Student's t, the distribution of a scalar with heavy tails."""

import math

import keras
import numpy as np
from keras import ops

from keras_distlayers import _backend
from keras_distlayers._core.ops import arcsinh, broadcast_tensors, maximum, minimum, tanh
from keras_distlayers.distributions import _special
from keras_distlayers.distributions._seeds import fold_in
from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.distributions.location_scale import LocationScale


@keras.saving.register_keras_serializable("keras_distlayers.distributions")
class StudentT(LocationScale):
    """Student's t distribution of a scalar: like a normal, with heavy tails.

    log p(x) = lgamma((df + 1) / 2) - lgamma(df / 2) - log(df pi) / 2 - log(scale)
    - (df + 1) / 2 log(1 + z^2 / df), for z = (x - loc) / scale, in nats.

    Its cdf is an integral, by quadrature: five digits in float32, its tails included, and eight
    in float64 for df from 1/2 (six for df = 0.3, five for 0.1). Its quantile is found by
    Newton's steps, to five digits in float32 for p from 1e-6 to 1 - 1e-6. Both have gradients
    by all that they depend on.

    Its mean is NaN for df up to 1, its variance infinite up to 2 and NaN up to 1.

    Args:
        df: The degrees of freedom, positive; any shape.
        loc: The centre; a shape that broadcasts with that of `df`.
        scale: Positive; likewise.

    Examples:
        >>> import keras_distlayers as kdl
        >>> distribution = kdl.distributions.StudentT(3.0, 0.0, 1.0)
        >>> float(distribution.variance()), round(float(distribution.log_prob(30.0)), 3)
        (3.0, -12.415)

    Source: Johnson, Kotz and Balakrishnan, Continuous Univariate Distributions 2, ch. 28.
    """

    parameter_ndims = {"df": 0, "loc": 0, "scale": 0}

    def __init__(self, df, loc, scale):
        Distribution.__init__(self, df=df, loc=loc, scale=scale)

    def _standard_sample(self, shape, seed):
        """A normal over the root of a Gamma draw; with seeds of their own."""
        first, second = seed, fold_in(seed, 1)
        half = ops.broadcast_to(0.5 * self.df, shape)
        normal = keras.random.normal(shape, dtype=self.dtype, seed=first)
        chi_square = _backend.standard_gamma(shape, half, second) / half
        return normal * ops.rsqrt(maximum(chi_square, _special.TINY))

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
        """The tail where it is small, else 1/2 and the integral from 0."""
        df, z = broadcast_tensors(self.df, z)
        is_finite = ops.abs(z) < math.inf
        v = _arcsinh(ops.where(is_finite, z, 0.0) / ops.sqrt(df))
        tail = ops.exp(_log_tail(df, ops.abs(v)))
        middle = 0.5 + 0.5 * v * _mean_density(df, v) / _rest(df, ops.zeros_like(v))
        tail = ops.where(is_finite, tail, 0.0)
        return ops.where(tail < 0.25, ops.where(z < 0.0, tail, 1.0 - tail), middle)

    def _standard_quantile(self, p):
        """By Newton's steps in v, where z = sqrt(df) sinh(v): see `_log_tail`."""
        df, p = broadcast_tensors(self.df, p)
        tail = minimum(p, 1.0 - p)
        # A probability of 0 is an infinite quantile, which the steps do not get to.
        far = _far(df, minimum(maximum(tail, _special.TINY), 0.25))
        near = _near(df, 2.0 * (minimum(maximum(p, 0.25), 0.75) - 0.5))
        far = ops.where(tail > 0.0, far, math.inf)
        v = ops.where(tail < 0.25, ops.where(p < 0.5, -far, far), near)
        return ops.sqrt(df) * _sinh(v)


def _digamma_half_step(x):
    """psi(x + 1/2) - psi(x), by its series for large x."""
    large = ops.where(x > 50.0, x, 50.0)
    r = 1.0 / large
    series = 0.5 * r * (1.0 + 0.25 * r * (1.0 - 0.125 * r * r * (1.0 - 0.5 * r * r)))
    direct = _backend.digamma(x + 0.5) - _backend.digamma(x)
    return ops.where(x > 50.0, series, direct)


_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(32)
_STEPS = 6


def _far(df, tail):
    """The v above which the mass `tail` is, of 1/4 at most; its gradient is the implicit one."""
    v = arcsinh(-_backend.ndtri(tail) / ops.sqrt(df))
    for _ in range(_STEPS):
        # log S is concave: from the second step on all are on the right, and none goes astray.
        v = ops.stop_gradient(v)
        miss = _log_tail(df, v) - ops.log(tail)
        v = v + ops.stop_gradient(_rest(df, v)) * miss
    return v


def _near(df, mass):
    """The v with |mass| between -v and v, of 1/2 at most and the sign of `mass`; likewise."""
    v = ops.zeros_like(mass)
    for _ in range(_STEPS):
        v = ops.stop_gradient(v)
        miss = v * _mean_density(df, v) - mass * _rest(df, v - v)
        v = v - miss * ops.stop_gradient(ops.exp(df * _log_cosh(v)))
    return v


def _mean_density(df, v):
    """The mean of cosh(u)^-df for u between 0 and v."""
    return _integral(lambda t: -df[..., None] * _log_cosh(v[..., None] * t))


def _log_tail(df, v):
    """The log of P(z > sqrt(df) sinh(v)), for v has the density cosh(v)^-df times a constant.

    It has digits in float32 where the incomplete beta function has none, for a large df.
    """
    ratio = _rest(df, v) / _rest(df, v - v)
    return math.log(0.5) - df * _log_cosh(v) + ops.log(ratio)


def _rest(df, v):
    """The integral of (cosh(v) / cosh(v + s))^df over s from 0 to where that is exp(-20)."""
    r, end = tanh(v), 20.0 / df
    u = ops.sqrt(ops.square(r) * ops.exp(-2.0 * end) - ops.expm1(-2.0 * end))
    length = ops.stop_gradient(end + ops.log1p((u - r) / (1.0 + r)))
    return length * _integral(
        lambda t: -df[..., None] * _log_cosh_step(length[..., None] * t, r[..., None])
    )


def _integral(log_integrand):
    """From 0 to 1, by Gauss and Legendre."""
    dtype = keras.backend.standardize_dtype(log_integrand(0.5).dtype)
    nodes = ops.convert_to_tensor(0.5 + 0.5 * _NODES, dtype)
    weights = ops.convert_to_tensor(0.5 * _WEIGHTS, dtype)
    return ops.sum(weights * ops.exp(log_integrand(nodes)), axis=-1)


def _log_cosh_step(s, r):
    """The log of cosh(v + s) / cosh(v) for s from 0, r = tanh(v)."""
    near, far = minimum(s, 1.0), maximum(s, 1.0)
    small = 2.0 * ops.square(_sinh(0.5 * near)) + r * _sinh(near)
    large = far + ops.log(0.5 * (1.0 + r) + 0.5 * (1.0 - r) * ops.exp(-2.0 * far))
    return ops.where(s < 1.0, ops.log1p(small), large)


def _log_cosh(v):
    return _log_cosh_step(ops.abs(v), 0.0)


def _arcsinh(x):
    """With a gradient at 0."""
    size = ops.abs(x)
    near, far = minimum(size, 1e5), maximum(size, 1e5)
    square = ops.square(near)
    small = ops.log1p(near + square / (1.0 + ops.sqrt(1.0 + square)))
    result = ops.where(size < 1e5, small, math.log(2.0) + ops.log(far))
    positive = size > 0.0
    return x * ops.where(positive, result / ops.where(positive, size, 1.0), 1.0)


def _sinh(v):
    """With all its digits near 0, and a gradient there; ends where floats end."""
    finite = minimum(maximum(v, -88.0), 88.0)
    return ops.where(ops.abs(v) < math.inf, 0.5 * (ops.expm1(finite) - ops.expm1(-finite)), v)


__all__ = ["StudentT"]
