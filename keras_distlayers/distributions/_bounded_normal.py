"""The base of the normal distributions within bounds."""

import numpy as np
from keras import ops

from keras_distlayers._core.ops import clip, minimum
from keras_distlayers._core.typing import Tensor
from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.distributions.normal import Normal

_DECAY = 40.0
"""A density is integrated to where it is exp(-40) of its largest value."""

_NODES, _WEIGHTS = (0.5 * x for x in np.polynomial.legendre.leggauss(48))
_NODES = _NODES + 0.5  # within (0, 1)


class BoundedNormal(Distribution):
    """A distribution made of a normal and two bounds."""

    parameter_ndims = {"loc": 0, "scale": 0, "low": 0, "high": 0}
    bound_names = ("low", "high")
    reparameterized = True

    loc: Tensor
    scale: Tensor
    low: Tensor
    high: Tensor

    def __init__(self, loc: Tensor, scale: Tensor, low: Tensor, high: Tensor) -> None:
        super().__init__(loc=loc, scale=scale, low=low, high=high)

    @property
    def _normal(self) -> Normal:
        return Normal(self.loc, self.scale)

    def _standardize(self, value: Tensor) -> Tensor:
        """(value - loc) / scale. An infinite bound stays infinite, without a gradient."""
        is_finite = ops.isfinite(value)
        z = (ops.where(is_finite, value, 0.0) - self.loc) / self.scale
        return ops.where(is_finite, z, value)

    def _standard_bounds(self) -> tuple[Tensor, Tensor]:
        return self._standardize(self.low), self._standardize(self.high)

    def _is_inside(self, value: Tensor) -> Tensor:
        return ops.logical_and(value >= self.low, value <= self.high)

    # What follows is relative to the mode, which is a bound where `loc` is outside, and by the
    # distances from it: seen from a `loc` far away, all values between the bounds are one float.

    def _mode_and_tail(self) -> tuple[Tensor, Tensor]:
        """The mode, and where it is on the standard normal: 0 with `loc` inside."""
        mode = clip(self.loc, self.low, self.high)
        return mode, (mode - self.loc) / self.scale

    def _distance(self, upper: Tensor, lower: Tensor) -> Tensor:
        """From a value to a larger one, in units of the scale; infinite or NaN where one is."""
        is_nan = ops.logical_or(ops.isnan(upper), ops.isnan(lower))
        is_finite = ops.logical_and(ops.isfinite(upper), ops.isfinite(lower))
        upper, lower = (ops.where(is_finite, x, 0.0) for x in (upper, lower))
        distance = ops.where(is_finite, (upper - lower) / self.scale, np.inf)
        return ops.where(is_nan, np.nan, distance)

    def _window(self) -> tuple[Tensor, Tensor]:
        """How far below and above the mode there is a density, in units of the scale."""
        mode, centre = self._mode_and_tail()
        far = 2.0 * _DECAY / (ops.sqrt(ops.square(centre) + 2.0 * _DECAY) + ops.abs(centre))
        to_low, to_high = self._distance(mode, self.low), self._distance(self.high, mode)
        return minimum(to_low, far), minimum(to_high, far)

    def _nodes(self, lower: Tensor, upper: Tensor) -> tuple[Tensor, Tensor]:
        """The points and the weights of an integral, on a last axis."""
        nodes, weights = (ops.convert_to_tensor(x, self.dtype) for x in (_NODES, _WEIGHTS))
        width = (upper - lower)[..., None]
        return lower[..., None] + width * nodes, width * weights

    def _quadrature(self) -> tuple[Tensor, Tensor, Tensor]:
        """What the moments are sums of: a centre, the nodes' distances from it, and their masses.

        The centre is the mode, in units of the scale; the masses are relative to the density
        there. By the rule of Gauss and Legendre on each side: sums of positive terms, where the
        textbook formulas are differences that lose the digits in the tails.
        """
        _, centre = self._mode_and_tail()
        nodes, weights = (ops.convert_to_tensor(x, self.dtype) for x in (_NODES, _WEIGHTS))
        sides = []
        for sign, width in zip((-1.0, 1.0), self._window(), strict=True):
            # Where the bounds are one number, some width: of none there is no mean.
            width = ops.where(self.low == self.high, 1e-30, width)[..., None]
            t = sign * width * nodes
            density = ops.exp(-t * (centre[..., None] + 0.5 * t))
            sides.append((t, width * weights * density))
        distances, masses = (ops.concatenate(x, axis=-1) for x in zip(*sides, strict=True))
        return centre, distances, masses


__all__ = ["BoundedNormal"]
