"""The normal distribution of what is only seen within bounds: truncated, censored."""

import keras
import numpy as np
from keras import ops

from keras_distlayers import _backend
from keras_distlayers._core.ops import minimum
from keras_distlayers.distributions import _special
from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.distributions.location_scale import Normal
from keras_distlayers.distributions.supports import Support

_LARGEST_RATIO = 30.0
_DROP = 2.0 * 40.0
"""A density is integrated to where it is exp(-40) of its largest value: twice the exponent."""
_NODES, _WEIGHTS = (0.5 * x for x in np.polynomial.legendre.leggauss(48))
_NODES = _NODES + 0.5  # within (0, 1)


class _BoundedNormal(Distribution):
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


@keras.saving.register_keras_serializable("keras_distlayers.distributions")
class TruncatedNormal(_BoundedNormal):
    """The normal distribution of a scalar, given that it lies between two bounds.

    log p(x) = log N(x; loc, scale) - log(Phi(b) - Phi(a)) within the bounds, in nats, minus
    infinity outside; a, b are the bounds less `loc`, in units of `scale`.

    Gradients flow through a draw: implicitly, by the cdf.

    Args:
        loc: The mean before truncation; any shape.
        scale: The standard deviation before truncation, positive; a shape that broadcasts.
        low: The lower bound; likewise.
        high: The upper bound; likewise.

    Examples:
        >>> import keras_distlayers as kdl
        >>> distribution = kdl.distributions.TruncatedNormal(0.0, 1.0, low=0.0, high=10.0)
        >>> round(float(distribution.mean()), 4), float(distribution.log_prob(-1.0))
        (0.7979, -inf)

    Source: Johnson, Kotz and Balakrishnan, Continuous Univariate Distributions 1, ch. 13.
    """

    @property
    def support(self):
        return Support(self.low, self.high)

    def _bounds(self):
        return self._z(self.low), self._z(self.high)

    def _log_mass(self):
        """log(Phi(b) - Phi(a))."""
        a, b = self._bounds()
        return _special.log_ndtr_difference(b, a)

    def _sample(self, sample_shape, seed):
        shape = (*sample_shape, *self.dynamic_shape())
        u = keras.random.uniform(shape, _special.TINY, 1.0, dtype=self.dtype, seed=seed)
        draw = ops.stop_gradient(self._quantile(u))
        by_loc, by_scale = self._implicit_gradients(draw, u)
        draw = draw + by_loc * (self.loc - ops.stop_gradient(self.loc))
        return draw + by_scale * (self.scale - ops.stop_gradient(self.scale))

    def _implicit_gradients(self, draw, u):
        """dx/dloc and dx/dscale at a constant cdf u: 1 - w and z - (the same of a and b).

        The density of a bound over that of the draw is capped at exp(30): there the draw is
        where almost no mass is.
        """
        (a, b), z = self._bounds(), self._z(draw)
        at_a = (1.0 - u) * _density_ratio(a, z)
        at_b = u * _density_ratio(b, z)
        finite_a, finite_b = (ops.where(ops.isfinite(x), x, 0.0) for x in (a, b))
        by_loc = 1.0 - at_a - at_b
        by_scale = z - finite_a * at_a - finite_b * at_b
        return ops.stop_gradient(by_loc), ops.stop_gradient(by_scale)

    def _log_prob(self, value):
        x = ops.where(self._is_inside(value), value, ops.clip(self.loc, self.low, self.high))
        inside = self._normal._log_prob(x) - self._log_mass()
        return ops.where(self._is_inside(value), inside, -np.inf)

    def _mean(self):
        centre, distance, mass = self._around_mode()
        mean = ops.sum(mass * distance, axis=-1) / ops.sum(mass, axis=-1)
        return self._fill(self.loc + self.scale * (centre + mean))

    def _mode(self):
        return self._fill(ops.clip(self.loc, self.low, self.high))

    def _variance(self):
        _, distance, mass = self._around_mode()
        mass = mass / ops.sum(mass, axis=-1, keepdims=True)
        mean = ops.sum(mass * distance, axis=-1, keepdims=True)
        variance = ops.sum(mass * ops.square(distance - mean), axis=-1)
        return self._fill(ops.square(self.scale) * variance)

    def _entropy(self):
        centre, distance, mass = self._around_mode()
        total = ops.sum(mass, axis=-1)
        drop = distance * (centre[..., None] + 0.5 * distance)
        nats = ops.log(total) + ops.sum(mass * drop, axis=-1) / total
        return self._fill(ops.log(self.scale) + nats)

    def _cdf(self, value):
        return self._share(self._bounds()[0], self._z(self._clipped(value)))

    def _survival_function(self, value):
        return self._share(self._z(self._clipped(value)), self._bounds()[1])

    def _clipped(self, value):
        return ops.clip(value, self.low, self.high)

    def _share(self, a, b):
        """The share of the mass that is between a and b."""
        is_empty = b <= a
        share = _special.log_ndtr_difference(ops.where(is_empty, a + 1.0, b), a) - self._log_mass()
        return ops.where(is_empty, 0.0, minimum(ops.exp(share), 1.0))

    def _quantile(self, p):
        """From the tail that both bounds are nearer to, where the digits are."""
        a, b = self._bounds()
        mirrored = a + b > 0.0
        low, high = ops.where(mirrored, -b, a), ops.where(mirrored, -a, b)
        p = ops.where(mirrored, 1.0 - p, p)
        below, mass = _ndtr(low), _ndtr(high) - _ndtr(low)
        z = _backend.ndtri(ops.clip(below + p * mass, _special.TINY, 1.0 - 2.0**-24))
        z = ops.clip(z, low, high)
        return ops.clip(self.loc + self.scale * ops.where(mirrored, -z, z), self.low, self.high)


def _ndtr(z):
    return ops.exp(_special.log_ndtr(z))


def _log_density(z):
    """Of the standard normal; minus infinity at infinity, with a finite gradient."""
    finite = ops.where(ops.isfinite(z), z, 0.0)
    inside = -0.5 * ops.square(finite) - _special.HALF_LOG_2PI
    return ops.where(ops.isfinite(z), inside, -np.inf)


def _density_ratio(bound, z):
    """The density at a bound over that at z."""
    finite = ops.where(ops.isfinite(bound), bound, 0.0)
    exponent = 0.5 * (z - finite) * (z + finite)
    ratio = ops.exp(minimum(exponent, _LARGEST_RATIO))
    return ops.where(ops.isfinite(bound), ratio, 0.0)


def _finite(bound):
    """A bound, or 0 for an infinite one."""
    return ops.where(ops.isfinite(bound), bound, 0.0)


@keras.saving.register_keras_serializable("keras_distlayers.distributions")
class CensoredNormal(_BoundedNormal):
    """The normal distribution of a scalar that is read off as a bound where it lies beyond it.

    Between the bounds log p(x) = log N(x; loc, scale), a density; at the bounds it is the
    log mass beyond them, log Phi(a) and log Phi(-b). In nats; minus infinity outside. It is
    the likelihood of the Tobit model.

    Args:
        loc: The mean before censoring; any shape.
        scale: The standard deviation before censoring, positive; a shape that broadcasts.
        low: What values below it are read as; minus infinity for none.
        high: What values above it are read as; infinity for none.

    Examples:
        >>> import keras_distlayers as kdl
        >>> distribution = kdl.distributions.CensoredNormal(0.0, 1.0, low=0.0, high=float("inf"))
        >>> round(float(distribution.prob(0.0)), 4), round(float(distribution.mean()), 4)
        (0.5, 0.3989)

    Source: Tobin, Econometrica 26 (1958); Greene, Econometric Analysis, ch. 19.
    """

    @property
    def support(self):
        return Support(self.low, self.high, has_atoms=True)

    def _sample(self, sample_shape, seed):
        return ops.clip(self._normal._sample(sample_shape, seed), self.low, self.high)

    def _log_prob(self, value):
        density = self._normal._log_prob(value)
        below = _special.log_ndtr(self._z(self.low))
        above = _special.log_ndtr(-self._z(self.high))
        log_prob = ops.where(value == self.low, below, density)
        log_prob = ops.where(value == self.high, above, log_prob)
        return ops.where(self._is_inside(value), log_prob, -np.inf)

    def _moments(self):
        """The centre, the mean and the mean square around it, in units of the scale."""
        centre, distance, mass = self._around_mode()
        mass = mass * ops.exp(_log_density(centre))[..., None]
        a, b = self._z(self.low), self._z(self.high)
        atoms = [(_finite(z) - centre, _ndtr(tail)) for z, tail in ((a, a), (b, -b))]
        first, second = (
            ops.sum(mass * distance**n, axis=-1) + sum(p * x**n for x, p in atoms) for n in (1, 2)
        )
        return centre, first, second

    def _mean(self):
        centre, first, _ = self._moments()
        return self._fill(self.loc + self.scale * (centre + first))

    def _variance(self):
        _, first, second = self._moments()
        return self._fill(ops.square(self.scale) * (second - ops.square(first)))

    def _mode(self):
        raise self._unavailable("mode", "the masses at the bounds are no densities")

    def _cdf(self, value):
        inside = ops.where(value < self.low, 0.0, self._normal._cdf(value))
        return ops.where(value >= self.high, 1.0, inside)

    def _survival_function(self, value):
        inside = ops.where(value < self.low, 1.0, self._normal._survival_function(value))
        return ops.where(value >= self.high, 0.0, inside)

    def _quantile(self, p):
        return ops.clip(self._normal._quantile(p), self.low, self.high)
