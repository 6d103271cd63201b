"""The base of the normal distributions within bounds."""

import numpy as np
from keras import ops

from keras_distlayers._core.ops import minimum
from keras_distlayers.distributions import _special
from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.distributions.normal import Normal

_DROP = 2.0 * 40.0
"""A density is integrated to where it is exp(-40) of its largest value: twice the exponent."""

_NODES, _WEIGHTS = (0.5 * x for x in np.polynomial.legendre.leggauss(48))

_NODES = _NODES + 0.5  # within (0, 1)


class BoundedNormal(Distribution):
    """What the two share: a normal and its bounds, in its own units."""

    parameter_ndims = {"loc": 0, "scale": 0, "low": 0, "high": 0}
    bound_names = ("low", "high")
    reparameterized = True

    def __init__(self, loc, scale, low, high):
        super().__init__(loc=loc, scale=scale, low=low, high=high)

    @property
    def _normal(self):
        return Normal(self.loc, self.scale)

    def _z(self, value):
        """In units of the normal. An infinite bound is one there too, without a gradient."""
        is_finite = ops.isfinite(value)
        z = (ops.where(is_finite, value, 0.0) - self.loc) / self.scale
        return ops.where(is_finite, z, value)

    def _around_mode(self):
        """What moments are sums of: a centre, distances from it, and density times width.

        The centre is the mode, in units of the normal; the density is relative to it. By the
        rule of Gauss and Legendre on each side: sums of positive terms, where the textbook
        formulas are differences that lose the digits in the tails.
        """
        a, b = self._z(self.low), self._z(self.high)
        centre = ops.clip(ops.zeros_like(a + b), a, b)
        far = _DROP / (ops.sqrt(ops.square(centre) + _DROP) + ops.abs(centre))
        nodes, weights = (ops.convert_to_tensor(x, self.dtype) for x in (_NODES, _WEIGHTS))
        sides = []
        for sign, width in ((-1.0, centre - a), (1.0, b - centre)):
            width = minimum(width, far)[..., None]
            t = sign * width * nodes
            sides.append((t, width * weights * ops.exp(-t * (centre[..., None] + 0.5 * t))))
        return centre, *(ops.concatenate(x, axis=-1) for x in zip(*sides, strict=True))

    def _is_inside(self, value):
        return ops.logical_and(value >= self.low, value <= self.high)


def ndtr(z):
    return ops.exp(_special.log_ndtr(z))


__all__ = ["BoundedNormal", "ndtr"]
