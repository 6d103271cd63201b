"""Digits on the device: a log density in float32 against NumPy in float64.

On an NVIDIA GPU, JAX multiplies float32 in TF32 unless more is asked for. That keeps three
digits; triangular algebra needs all seven.
"""

import math

import jax
import numpy as np

import keras_distlayers as kdl

EVENT_SIZE = 16
BATCH_SIZE = 1000


def largest_relative_error():
    """The error of log_prob of full multivariate normals, on the default device."""
    rng = np.random.default_rng(0)
    loc, x = rng.normal(size=(2, BATCH_SIZE, EVENT_SIZE)).astype("float32")
    scale = scale_trils(rng)
    distribution = kdl.distributions.MultivariateNormalTriL(loc, scale)
    ours = jax.device_get(jax.jit(lambda d, x: d.log_prob(x))(distribution, x))
    exact = log_density(loc.astype("float64"), scale.astype("float64"), x.astype("float64"))
    return {
        "what": f"log_prob of MultivariateNormalTriL, {BATCH_SIZE} of {EVENT_SIZE} dimensions",
        "largest_relative_error": float(np.max(np.abs(ours - exact) / np.abs(exact))),
    }


def scale_trils(rng):
    """Lower triangles with a diagonal in [0.5, 1.5]."""
    scale = 0.3 * np.tril(rng.normal(size=(BATCH_SIZE, EVENT_SIZE, EVENT_SIZE)), -1)
    diagonal = rng.uniform(0.5, 1.5, (BATCH_SIZE, EVENT_SIZE, 1))
    return (scale + diagonal * np.eye(EVENT_SIZE)).astype("float32")


def log_density(loc, scale, x):
    whitened = np.linalg.solve(scale, (x - loc)[..., None])[..., 0]
    log_determinant = np.log(np.diagonal(scale, axis1=1, axis2=2)).sum(-1)
    constant = 0.5 * EVENT_SIZE * math.log(2.0 * math.pi)
    return -0.5 * np.square(whitened).sum(-1) - log_determinant - constant
