"""Draws that `keras.random` does not have, and seeds for more than one of them."""

import keras
import numpy as np
from keras import ops

from keras_distlayers._backend import backend
from keras_distlayers._core.ops import clip, maximum, minimum
from keras_distlayers._core.typing import DynamicShape, Seed, Tensor
from keras_distlayers.distributions._special import TINY

_LARGEST_RATE = 1e8
"""Poisson draws of a larger rate are rounded normal ones: backends draw into 32-bit integers."""

_LARGEST_FINITE_RATE = 1e30
"""Stands for every larger rate, since its square root times a normal draw would overflow."""


def fold_in(seed: Seed, data: int) -> Seed:
    """A seed for draws that are independent of those from `seed`, one for each `data`.

    A generator, Keras's own (None) included, moves on by itself with each draw; an int would
    give the same stream again.
    """
    return (seed * 48271 + 11 * data) % (2**31 - 1) if isinstance(seed, int) else seed


def open_uniform(shape: DynamicShape, dtype: str, seed: Seed) -> Tensor:
    """Uniform draws in (0, 1): a quantile of 0 would be infinite.

    Backends draw multiples of 2^-23 or 2^-24 in float32, 0 among them. Each stands for the numbers
    around it: half a step is added, so that the smallest draw is as rare as it is small.
    """
    half_step = 0.5 * float(np.finfo(dtype).eps)
    uniform = keras.random.uniform(shape, dtype=dtype, seed=seed) + half_step
    return minimum(uniform, 1.0 - half_step)


def poisson(shape: DynamicShape, rate: Tensor, seed: Seed) -> Tensor:
    """Poisson counts as floats, of any rate."""
    rate = ops.stop_gradient(clip(rate, 0.0, _LARGEST_FINITE_RATE))
    dtype = keras.backend.standardize_dtype(rate.dtype)
    counts = backend.poisson(shape, clip(rate, 0.0, _LARGEST_RATE), seed)
    normal = keras.random.normal(shape, dtype=dtype, seed=fold_in(seed, 1))
    rounded = ops.round(rate + ops.sqrt(rate) * normal)
    return ops.where(rate > _LARGEST_RATE, rounded, counts)


def log_gamma(shape: DynamicShape, concentration: Tensor, seed: Seed) -> Tensor:
    """Logarithms of gamma draws of rate 1, with a gradient by the concentration c.

    For c below 1 it is log(g) + log(u) / c, g a gamma draw of the concentration c + 1 and u a
    uniform draw: the gamma draw itself may be below the smallest float.

    Source: Marsaglia and Tsang, ACM Transactions on Mathematical Software 26 (2000), section 6.
    """
    concentration = ops.broadcast_to(concentration, shape)
    dtype = keras.backend.standardize_dtype(concentration.dtype)
    is_small = concentration < 1.0
    larger = ops.where(is_small, concentration + 1.0, concentration)
    gamma = backend.standard_gamma(shape, larger, seed)
    uniform = open_uniform(shape, dtype, fold_in(seed, 3))
    small = ops.where(is_small, concentration, 1.0)
    boost = ops.where(is_small, ops.log(uniform) / small, 0.0)
    # A backend may round a draw to 0 or to its smallest number; here that is as rare as it is.
    return ops.log(maximum(gamma, TINY)) + boost


__all__ = ["fold_in", "log_gamma", "open_uniform", "poisson"]
