"""The normal distribution whose values beyond two bounds are read as the bound."""

import keras
import numpy as np
from keras import ops

from keras_distlayers.distributions import _special
from keras_distlayers.distributions._bounded_normal import BoundedNormal, ndtr
from keras_distlayers.distributions.support import Support


@keras.saving.register_keras_serializable("keras_distlayers.distributions")
class CensoredNormal(BoundedNormal):
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
        atoms = [(_finite(z) - centre, ndtr(tail)) for z, tail in ((a, a), (b, -b))]
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


def _log_density(z):
    """Of the standard normal; minus infinity at infinity, with a finite gradient."""
    finite = ops.where(ops.isfinite(z), z, 0.0)
    inside = -0.5 * ops.square(finite) - _special.HALF_LOG_2PI
    return ops.where(ops.isfinite(z), inside, -np.inf)


def _finite(bound):
    """A bound, or 0 for an infinite one."""
    return ops.where(ops.isfinite(bound), bound, 0.0)


__all__ = ["CensoredNormal"]
