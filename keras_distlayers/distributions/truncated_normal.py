"""The normal distribution within two bounds."""

import keras
import numpy as np
from keras import ops

from keras_distlayers import _backend
from keras_distlayers._core.ops import minimum
from keras_distlayers.distributions import _special
from keras_distlayers.distributions._bounded_normal import BoundedNormal, ndtr
from keras_distlayers.distributions.support import Support

_LARGEST_RATIO = 30.0


@keras.saving.register_keras_serializable("keras_distlayers.distributions")
class TruncatedNormal(BoundedNormal):
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
        below, mass = ndtr(low), ndtr(high) - ndtr(low)
        z = _backend.ndtri(ops.clip(below + p * mass, _special.TINY, 1.0 - 2.0**-24))
        z = ops.clip(z, low, high)
        return ops.clip(self.loc + self.scale * ops.where(mirrored, -z, z), self.low, self.high)


def _density_ratio(bound, z):
    """The density at a bound over that at z."""
    finite = ops.where(ops.isfinite(bound), bound, 0.0)
    exponent = 0.5 * (z - finite) * (z + finite)
    ratio = ops.exp(minimum(exponent, _LARGEST_RATIO))
    return ops.where(ops.isfinite(bound), ratio, 0.0)


__all__ = ["TruncatedNormal"]
