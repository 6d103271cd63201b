"""The cdf and the quantile of the standard Student's t distribution, by quadrature.

In the variable v, where z = sqrt(df) sinh(v), the density is cosh(v)^-df times a constant. Its
integrals have digits in float32 where the incomplete beta function has none, for a large df. They
have gradients by df as well.

In a tail of 1e-30 a rounding of its logarithm, -69, is 4e-6 of the tail. In float32 the powers of
the density are therefore the sums of two floats there.
"""

import math
from collections.abc import Callable

import keras
import numpy as np
from keras import ops

from keras_distlayers._backend import backend
from keras_distlayers._core.ops import arcsinh, broadcast_tensors, maximum, minimum, tanh
from keras_distlayers._core.typing import Tensor
from keras_distlayers.distributions._special import TINY, at_end, at_value
from keras_distlayers.distributions._two_floats import exp_of_sum, halves, log_of_sum

# By dtype: where an integrand that decays is followed to, and the nodes of the quadrature.
_DECAY = {"float32": 20.0, "float64": 36.0}
_RULES = {
    dtype: np.polynomial.legendre.leggauss(n) for dtype, n in (("float32", 32), ("float64", 48))
}
_NEWTON_STEPS = 6

_FAR = 2.0**50
_EXPONENT_OF_FAR = 80.0
"""The squares of numbers that are larger are beyond floats, and 1 is nothing beside them."""


def _dtype(x: Tensor) -> str:
    return keras.backend.standardize_dtype(x.dtype)


def cdf(df: Tensor, z: Tensor) -> Tensor:
    """The mass below z: by the tail where that is small, else 1/2 and the integral from 0."""
    df, z = broadcast_tensors(df, z)
    log_tail, middle, ratio = _log_tail_and_middle(df, z)
    tail = ops.exp(log_tail)
    if _dtype(z) != "float64":
        power, rest = _log_power(df, ops.abs(z))
        better = 0.5 * ratio * exp_of_sum(-power, -rest)
        tail = at_value(tail, ops.where(tail > TINY, better, tail))
    return ops.where(tail < 0.25, ops.where(z < 0.0, tail, 1.0 - tail), middle)


def log_cdf(df: Tensor, z: Tensor) -> Tensor:
    """The logarithm of `cdf`."""
    df, z = broadcast_tensors(df, z)
    log_tail, middle, _ = _log_tail_and_middle(df, z)
    far = ops.where(z < 0.0, log_tail, ops.log1p(-ops.exp(log_tail)))
    return ops.where(log_tail < math.log(0.25), far, ops.log(middle))


def _log_tail_and_middle(df: Tensor, z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The log of the mass beyond z, away from 0; the cdf near 0; Mills's ratio over that at 0."""
    is_finite = ops.abs(z) < math.inf
    v = _arcsinh(ops.where(is_finite, z, 0.0) / ops.sqrt(df))
    at_0 = _mills_ratio(df, ops.zeros_like(v))
    middle = 0.5 + 0.5 * v * _mean_density(df, v) / at_0
    ratio = _mills_ratio(df, ops.abs(v)) / at_0
    log_tail = ops.where(is_finite, _log_tail(df, ops.abs(v), ratio), -math.inf)
    # Far out `middle` may round to 0 or below, where it is not used.
    return log_tail, ops.where(log_tail < math.log(0.25), 0.5, middle), ratio


def quantile(df: Tensor, p: Tensor) -> Tensor:
    """The z whose cdf is p, by Newton's steps in v."""
    df, p = broadcast_tensors(df, p)
    tail = minimum(p, 1.0 - p)
    # A probability of 0 is an infinite quantile, which Newton's steps would not reach.
    smallest = float(np.finfo(_dtype(p)).tiny)
    far = _tail_quantile(df, minimum(maximum(tail, smallest), 0.25))
    near = _central_quantile(df, 2.0 * (minimum(maximum(p, 0.25), 0.75) - 0.5))
    z = ops.where(tail < 0.25, ops.where(p < 0.5, -far, far), ops.sqrt(df) * _sinh(near))
    return ops.where(tail > 0.0, z, at_end(p))


def _tail_quantile(df: Tensor, tail: Tensor) -> Tensor:
    """The z above which the mass `tail` lies, at most 1/4; its gradient is the implicit one."""
    at_0 = _mills_ratio(df, ops.zeros_like(tail))
    fixed_df, fixed_at_0, log = map(ops.stop_gradient, (df, at_0, ops.log(tail)))

    def step(v: Tensor) -> Tensor:
        # The log of the tail is concave: from the second step on all v are on one side of the
        # root, so that Newton's steps converge.
        mills = _mills_ratio(fixed_df, v)
        return v + mills * (_log_tail(fixed_df, v, mills / fixed_at_0) - log)

    v = _newton(step, arcsinh(-backend.ndtri(tail) / ops.sqrt(df)))
    # The last step, which has the gradient.
    mills = _mills_ratio(df, v)
    ratio, fixed_mills = mills / at_0, ops.stop_gradient(mills)
    last = v + fixed_mills * (_log_tail(df, v, ratio) - ops.log(tail))
    z = ops.sqrt(df) * _sinh(last)
    if _dtype(z) == "float64":
        return z
    # The same step by z, with all digits.
    before = ops.sqrt(df) * _sinh(v)
    power, rest = _log_power(df, before)
    root = ops.exp(0.5 * power)
    error = ops.log(0.5 * ratio / (tail * root * root)) - rest
    return at_value(z, before + before / tanh(v) * fixed_mills * error)


def _log_power(df: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
    """(df / 2) log(1 + z^2 / df), for z from 0: its first digits and the rest; no gradient."""
    df, z = ops.stop_gradient(df), ops.stop_gradient(z)
    is_far = z > _FAR
    coarse, fine = halves(ops.where(is_far, 2.0**-_EXPONENT_OF_FAR * z, z))
    coarse_df, fine_df = halves(df)
    square, _ = halves(ops.square(coarse) / df)
    rest = ops.square(coarse) - square * coarse_df
    rest = (rest + (2.0 * coarse * fine + ops.square(fine) - square * fine_df)) / df
    start, exponent = ops.where(is_far, 0.0, ops.ones_like(z)), 2.0 * _EXPONENT_OF_FAR
    log, log_rest = log_of_sum(start, square, rest, exponent * (1.0 - start))
    coarse, fine = halves(log)
    power = 0.5 * coarse_df * coarse
    return power, 0.5 * (coarse_df * fine + fine_df * log + df * log_rest)


def _central_quantile(df: Tensor, mass: Tensor) -> Tensor:
    """The v, of the sign of `mass`, with |mass| between -v and v, at most 1/2; likewise."""

    def step(v: Tensor) -> Tensor:
        error = v * _mean_density(df, v) - mass * _mills_ratio(df, ops.zeros_like(v))
        return v - error * ops.stop_gradient(ops.exp(df * _log_cosh(v)))

    return step(_newton(step, ops.zeros_like(mass)))


def _newton(step: Callable[[Tensor], Tensor], start: Tensor) -> Tensor:
    """Newton's steps but for the last one, which is that with the gradient of the root."""
    (v,) = backend.repeat(
        lambda v: (ops.stop_gradient(step(v)),), _NEWTON_STEPS - 1, (ops.stop_gradient(start),)
    )
    return v


def _mean_density(df: Tensor, v: Tensor) -> Tensor:
    """The mean of cosh(u)^-df for u between 0 and v."""
    return _integrate(lambda t: -df[..., None] * _log_cosh(v[..., None] * t))


def _log_tail(df: Tensor, v: Tensor, ratio: Tensor) -> Tensor:
    """The log of the mass above v, for v >= 0, by the ratio of Mills's ratio to that at 0."""
    return math.log(0.5) - df * _log_cosh(v) + ops.log(ratio)


def _mills_ratio(df: Tensor, v: Tensor) -> Tensor:
    """The mass above v over the density at v.

    It is the integral of (cosh(v) / cosh(v + s))^df over s, from 0 to where that is exp(-20), in
    float64 exp(-36).
    """
    r, end = tanh(v), _DECAY[_dtype(v)] / df
    u = ops.sqrt(ops.square(r) * ops.exp(-2.0 * end) - ops.expm1(-2.0 * end))
    length = ops.stop_gradient(end + ops.log1p((u - r) / (1.0 + r)))
    return length * _integrate(
        lambda t: -df[..., None] * _log_cosh_ratio(length[..., None] * t, r[..., None])
    )


def _integrate(log_integrand: Callable[[Tensor], Tensor]) -> Tensor:
    """The integral of exp(log_integrand(t)) over t from 0 to 1.

    By the rule of Gauss and Legendre in the square root of t, so that the nodes are dense near 0.
    """
    dtype = _dtype(log_integrand(0.5))
    points, weights = _RULES[dtype]
    root = 0.5 + 0.5 * points
    nodes = ops.convert_to_tensor(np.square(root), dtype)
    weights = ops.convert_to_tensor(root * weights, dtype)
    return ops.sum(weights * ops.exp(log_integrand(nodes)), axis=-1)


def _log_cosh_ratio(s: Tensor, tanh_v: Tensor) -> Tensor:
    """log(cosh(v + s) / cosh(v)), for s and v from 0."""
    near, far = minimum(s, 1.0), maximum(s, 1.0)
    small = 2.0 * ops.square(_sinh(0.5 * near)) + tanh_v * _sinh(near)
    large = far + ops.log(0.5 * (1.0 + tanh_v) + 0.5 * (1.0 - tanh_v) * ops.exp(-2.0 * far))
    return ops.where(s < 1.0, ops.log1p(small), large)


def _log_cosh(v: Tensor) -> Tensor:
    return _log_cosh_ratio(ops.abs(v), 0.0)


def _arcsinh(x: Tensor) -> Tensor:
    """With a gradient at 0, and for arguments whose square overflows."""
    size = ops.abs(x)
    near, far = minimum(size, 1e5), maximum(size, 1e5)
    square = ops.square(near)
    small = ops.log1p(near + square / (1.0 + ops.sqrt(1.0 + square)))
    result = ops.where(size < 1e5, small, math.log(2.0) + ops.log(far))
    is_positive = size > 0.0
    return x * ops.where(is_positive, result / ops.where(is_positive, size, 1.0), 1.0)


def _sinh(v: Tensor) -> Tensor:
    """With all its digits near 0, and a gradient there; it ends where floats end."""
    largest = math.log(float(np.finfo(_dtype(v)).max)) - 0.7
    finite = minimum(maximum(v, -largest), largest)
    return ops.where(ops.abs(v) < math.inf, 0.5 * (ops.expm1(finite) - ops.expm1(-finite)), v)


__all__ = ["cdf", "log_cdf", "quantile"]
