"""The normal quantile that XLA compiles: TensorFlow's own is minus infinity below 1e-7 there.

By rational approximations with the digits of float64: of z / (p - 1/2) in the middle, and of z in
the square root of -log(p) in the tails. Source: Wichura, Algorithm AS 241, Applied Statistics 37
(1988).
"""

import math

import tensorflow as tf

_MIDDLE = (
    (3.3871328727963666080, 133.14166789178437745, 1971.5909503065514427, 13731.693765509461125,
     45921.953931549871457, 67265.770927008700853, 33430.575583588128105, 2509.0809287301226727),
    (1.0, 42.313330701600911252, 687.18700749205790830, 5394.1960214247511077,
     21213.794301586595867, 39307.895800092710610, 28729.085735721942674, 5226.4952788528545610),
)  # fmt: skip
_TAIL = (
    (1.42343711074968357734, 4.63033784615654529590, 5.76949722146069140550,
     3.64784832476320460504, 1.27045825245236838258, 0.241780725177450611770,
     0.0227238449892691845833, 7.74545014278341407640e-4),
    (1.0, 2.05319162663775882187, 1.67638483018380384940, 0.689767334985100004550,
     0.148103976427480074590, 0.0151986665636164571966, 5.47593808499534494600e-4,
     1.05075007164441684324e-9),
)  # fmt: skip
_FAR_TAIL = (
    (6.65790464350110377720, 5.46378491116411436990, 1.78482653991729133580,
     0.296560571828504891230, 0.0265321895265761230930, 1.24266094738807843860e-3,
     2.71155556874348757815e-5, 2.01033439929228813265e-7),
    (1.0, 0.599832206555887937690, 0.136929880922735805310, 0.0148753612908506148525,
     7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7,
     2.04426310338993978564e-15),
)  # fmt: skip
"""Coefficients of the numerators and denominators, of the lowest power first."""


def ndtri(p: tf.Tensor) -> tf.Tensor:
    """The quantile function of the standard normal; its gradient at 0 and 1 is 0."""
    centred = p - 0.5
    is_middle = tf.abs(centred) <= 0.425
    middle = tf.where(is_middle, centred, 0.0)
    near = middle * _ratio(_MIDDLE, 0.180625 - middle * middle)
    tail = tf.where(centred < 0.0, p, 1.0 - p)
    is_inside = tf.logical_and(tail > 0.0, tf.logical_not(is_middle))
    root = tf.sqrt(-tf.math.log(tf.where(is_inside, tail, 0.01)))
    is_far = root > 5.0
    far = tf.where(is_far, _ratio(_FAR_TAIL, root - 5.0), _ratio(_TAIL, root - 1.6))
    far = tf.where(tail > 0.0, far, tf.where(tail == 0.0, tf.cast(math.inf, p.dtype), math.nan))
    return tf.where(is_middle, near, tf.where(centred < 0.0, -far, far))


def _ratio(coefficients: tuple[tuple[float, ...], tuple[float, ...]], x: tf.Tensor) -> tf.Tensor:
    numerator, denominator = (_polynomial(each, x) for each in coefficients)
    return numerator / denominator


def _polynomial(coefficients: tuple[float, ...], x: tf.Tensor) -> tf.Tensor:
    *others, result = coefficients
    for coefficient in reversed(others):
        result = result * x + coefficient
    return result


__all__ = ["ndtri"]
