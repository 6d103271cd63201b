"""Gamma and Poisson draws that XLA compiles, for which TensorFlow's own have no kernel.

Both are exact, by rejection: proposals are made until each entry has accepted one. Logarithms of
densities are written so that they keep their digits where concentrations and rates are large.
"""

import math
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from keras_distlayers._core.typing import DynamicShape

_SMALL_RATE = 10.0
"""Up to this Poisson draws count arrivals, one step for each; above, counts are proposed."""

_SMALL_COUNT = 8.0
"""From this on Stirling's series has all digits of float32, and 11 of float64."""


def standard_gamma(shape: DynamicShape, concentration: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Draws of rate 1 for concentrations from 1; their gradient is implicit.

    Source: Marsaglia and Tsang, ACM Transactions on Mathematical Software 26 (2000).
    """
    return _with_implicit_gradient(tf.broadcast_to(concentration, shape), seed)


@tf.custom_gradient
def _with_implicit_gradient(concentration: tf.Tensor, seed: tf.Tensor) -> Any:
    draw = _gamma(concentration, seed)

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, None]:
        slope = tf.raw_ops.RandomGammaGrad(alpha=concentration, sample=draw)
        return upstream * slope, None

    return draw, gradient


def _gamma(concentration: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    is_finite = tf.math.is_finite(concentration)
    d = tf.where(is_finite, concentration, 1.0) - 1.0 / 3.0
    step = 1.0 / tf.sqrt(9.0 * d)
    shape = tf.shape(d)

    def propose(seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        x = tf.random.stateless_normal(shape, seed, dtype=d.dtype)
        u = tf.random.stateless_uniform(shape, _shifted(seed, 0, 1), dtype=d.dtype)
        t = step * x
        is_inside = t > -1.0
        t = tf.where(is_inside, t, 0.0)
        # x^2 / 2 + d (1 - v + log v) for v = (1 + t)^3, where the terms of order d cancel.
        log_ratio = tf.square(x) * (1.0 / 6.0 - t / 9.0) + 3.0 * d * _log1pmx(t)
        is_accepted = tf.logical_and(is_inside, tf.math.log(u) < log_ratio)
        return d * (1.0 + t) ** 3, is_accepted

    return tf.where(is_finite, _accepted(propose, is_finite, d, seed), concentration)


def poisson(shape: DynamicShape, rate: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Draws for rates up to the largest integer that the dtype has, as floats.

    Source: Hormann, Insurance: Mathematics and Economics 12 (1993), algorithm PTRS.
    """
    rate = tf.broadcast_to(rate, shape)
    # A NaN is in neither, and stays.
    is_small, is_large = rate < _SMALL_RATE, rate >= _SMALL_RATE
    small = _arrivals(tf.where(is_small, rate, 0.0), seed)
    large = _large_poisson(tf.where(is_large, rate, _SMALL_RATE), is_large, _shifted(seed, 0, 2))
    return tf.where(is_small, small, tf.where(is_large, large, rate))


def _arrivals(rate: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """How many arrivals, exponential times apart, there are before the time `rate`."""
    shape, one = tf.shape(rate), tf.ones([], rate.dtype)

    def is_before(i: tf.Tensor, time: tf.Tensor, count: tf.Tensor) -> tf.Tensor:
        return tf.reduce_any(time < rate)

    def wait(i: tf.Tensor, time: tf.Tensor, count: tf.Tensor) -> Any:
        u = tf.random.stateless_uniform(shape, _shifted(seed, i, 0), dtype=rate.dtype)
        later = time - tf.math.log1p(-u)
        return i + 1, later, count + tf.where(later < rate, one, 0.0)

    zeros = tf.zeros_like(rate)
    # The first time is infinite where the rate is 0, so that the loop does not wait for it.
    start = tf.where(rate > 0.0, zeros, math.inf)
    return tf.while_loop(is_before, wait, (tf.constant(0), start, zeros))[2]


def _large_poisson(rate: tf.Tensor, is_large: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    shape = tf.shape(rate)
    b = 0.931 + 2.53 * tf.sqrt(rate)
    a = -0.059 + 0.02483 * b
    inverse_alpha = 1.1239 + 1.1328 / (b - 3.4)

    def propose(seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        u = tf.random.stateless_uniform(shape, seed, dtype=rate.dtype) - 0.5
        v = tf.random.stateless_uniform(shape, _shifted(seed, 0, 1), dtype=rate.dtype)
        distance = 0.5 - tf.abs(u)
        count = tf.floor((2.0 * a / distance + b) * u + rate + 0.43)
        is_inside = tf.logical_and(count >= 0.0, distance > 0.0)
        count = tf.where(is_inside, count, 0.0)
        scale = inverse_alpha / (a / tf.square(distance) + b)
        is_below = tf.math.log(v * scale) <= _log_poisson(count, rate)
        return count, tf.logical_and(is_inside, is_below)

    return _accepted(propose, is_large, rate, seed)


def _log_poisson(count: tf.Tensor, rate: tf.Tensor) -> tf.Tensor:
    """The logarithm of the mass, by Stirling's series, or directly for small counts."""
    few = tf.minimum(count, _SMALL_COUNT)
    direct = few * tf.math.log(rate) - rate - tf.math.lgamma(few + 1.0)
    k = tf.maximum(count, _SMALL_COUNT)
    excess = (k - rate) / rate
    deviance = rate * ((1.0 + excess) * _log1pmx(excess) + tf.square(excess))
    r = 1.0 / tf.square(k)
    error = (1.0 / 12.0 - r * (1.0 / 360.0 - r * (1.0 / 1260.0 - r / 1680.0))) / k
    series = -deviance - 0.5 * tf.math.log(2.0 * math.pi * k) - error
    return tf.where(count < _SMALL_COUNT, direct, series)


def _log1pmx(t: tf.Tensor) -> tf.Tensor:
    """log(1 + t) - t, with the digits of a small one."""
    is_small = tf.abs(t) < 0.1
    small = tf.where(is_small, t, 0.0)
    series = tf.zeros_like(t)
    for n in range(16 if t.dtype == tf.float64 else 8, 1, -1):
        series = small * series + (-1.0 if n % 2 == 0 else 1.0) / n
    return tf.where(is_small, tf.square(small) * series, tf.math.log1p(t) - t)


def _shifted(seed: tf.Tensor, i: Any, j: Any) -> tf.Tensor:
    """A seed for draws that are independent of the others."""
    return seed + tf.stack([i, j])


def _accepted(
    propose: Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]],
    is_wanted: tf.Tensor,
    like: tf.Tensor,
    seed: tf.Tensor,
) -> tf.Tensor:
    """The first accepted proposal of each entry that is wanted, 0 elsewhere."""

    def is_waiting(i: tf.Tensor, draw: tf.Tensor, is_open: tf.Tensor) -> tf.Tensor:
        return tf.reduce_any(is_open)

    def again(i: tf.Tensor, draw: tf.Tensor, is_open: tf.Tensor) -> Any:
        proposal, is_accepted = propose(_shifted(seed, i, 0))
        is_new = tf.logical_and(is_open, is_accepted)
        return i + 1, tf.where(is_new, proposal, draw), tf.logical_and(is_open, ~is_accepted)

    return tf.while_loop(is_waiting, again, (tf.constant(0), tf.zeros_like(like), is_wanted))[1]


__all__ = ["poisson", "standard_gamma"]
