"""The normal distribution whose values beyond two bounds are read as the bound."""

import math

import keras
import numpy as np
from keras import ops

from keras_distlayers._core.ops import clip
from keras_distlayers._core.typing import Seed, Tensor
from keras_distlayers.distributions._bounded_normal import BoundedNormal
from keras_distlayers.distributions._normal_tail import log_ndtr, ndtr
from keras_distlayers.distributions._special import HALF_LOG_2PI, keep_nan
from keras_distlayers.distributions.crps import register_crps
from keras_distlayers.distributions.support import Support


@keras.saving.register_keras_serializable("keras_distlayers.distributions")
class CensoredNormal(BoundedNormal):
    """The normal distribution of a scalar that is read as a bound where it lies beyond it.

    Between the bounds log p(x) = log N(x; loc, scale), a density; at the bounds it is the
    log mass beyond them, log Phi(a) and log Phi(-b), for the bounds a and b less `loc`, in units
    of `scale`. In nats; minus infinity outside. It is the likelihood of the Tobit model.

    Gradients flow through a draw, where it is not at a bound.

    Args:
        loc: The mean before censoring; any shape.
        scale: The standard deviation before censoring, positive; a shape that broadcasts.
        low: What values below it are read as; minus infinity for no bound.
        high: What values above it are read as; infinity for no bound.

    Raises:
        ValueError: if the shapes of the parameters do not broadcast.

    Examples:
        >>> import keras_distlayers as kdl
        >>> distribution = kdl.distributions.CensoredNormal(0.0, 1.0, low=0.0, high=float("inf"))
        >>> round(float(distribution.prob(0.0)), 4), round(float(distribution.mean()), 4)
        (0.5, 0.3989)

    Source: Tobin, Econometrica 26 (1958); Greene, Econometric Analysis, ch. 19.
    """

    @property
    def support(self) -> Support:
        return Support(self.low, self.high, has_atoms=True)

    def _sample(self, sample_shape: tuple[int, ...], seed: Seed) -> Tensor:
        return clip(self._normal.sample(sample_shape, seed), self.low, self.high)

    def _log_prob(self, value: Tensor) -> Tensor:
        a, b = self._standard_bounds()
        log_prob = self._normal.log_prob(value)
        log_prob = ops.where(value == self.low, log_ndtr(a), log_prob)
        log_prob = ops.where(value == self.high, log_ndtr(-b), log_prob)
        return keep_nan(value, ops.where(self._is_inside(value), log_prob, -np.inf))

    def _moments(self) -> tuple[Tensor, Tensor, Tensor]:
        """The centre, the mean and the mean square around it, in units of the scale."""
        centre, distances, masses = self._quadrature()
        masses = masses * ops.exp(_log_density(centre))[..., None]
        a, b = self._standard_bounds()
        atoms = [(_finite_or_zero(z) - centre, ndtr(tail)) for z, tail in ((a, a), (b, -b))]
        first, second = (
            ops.sum(masses * distances**n, axis=-1) + sum(p * x**n for x, p in atoms)
            for n in (1, 2)
        )
        return centre, first, second

    def _mean(self) -> Tensor:
        centre, first, _ = self._moments()
        return self._fill(self.loc + self.scale * (centre + first))

    def _variance(self) -> Tensor:
        _, first, second = self._moments()
        return self._fill(ops.square(self.scale) * (second - ops.square(first)))

    def _mode(self) -> Tensor:
        raise self._unavailable("mode", "the masses at the bounds are not densities")

    def _cdf(self, value: Tensor) -> Tensor:
        inside = ops.where(value < self.low, 0.0, self._normal.cdf(value))
        return ops.where(value >= self.high, 1.0, inside)

    def _survival_function(self, value: Tensor) -> Tensor:
        inside = ops.where(value < self.low, 1.0, self._normal.survival_function(value))
        return ops.where(value >= self.high, 0.0, inside)

    def _log_cdf(self, value: Tensor) -> Tensor:
        inside = ops.where(value < self.low, -np.inf, self._normal.log_cdf(value))
        return ops.where(value >= self.high, 0.0, inside)

    def _log_survival_function(self, value: Tensor) -> Tensor:
        inside = ops.where(value < self.low, 0.0, self._normal.log_survival_function(value))
        return ops.where(value >= self.high, -np.inf, inside)

    def _quantile(self, p: Tensor) -> Tensor:
        return clip(self._normal._quantile(p), self.low, self.high)

    def _crps(self, value: Tensor) -> Tensor:
        inside = clip(value, self.low, self.high)
        (a, b), z = self._standard_bounds(), self._standardize(inside)
        score = _squared_cdf(z) - _squared_cdf(a) + _squared_cdf(-z) - _squared_cdf(-b)
        return self.scale * score + ops.abs(value - inside)


def _log_density(z: Tensor) -> Tensor:
    """Of the standard normal; minus infinity at infinity, with a finite gradient."""
    density = -0.5 * ops.square(_finite_or_zero(z)) - HALF_LOG_2PI
    return ops.where(ops.isfinite(z), density, -np.inf)


def _finite_or_zero(z: Tensor) -> Tensor:
    return ops.where(ops.isfinite(z), z, 0.0)


@register_crps(CensoredNormal)
def _(distribution: CensoredNormal, value: Tensor) -> Tensor:
    """In units of the scale, A(z) - A(a) + A(-z) - A(-b) for z between the bounds a and b.

    A(z) is the integral of Phi^2 up to z: z Phi(z)^2 + 2 phi(z) Phi(z) less
    Phi(sqrt(2) z) / sqrt(pi). Outside, the distance to the bound is added. Source: as
    Thorarinsdottir and Gneiting, Journal of the Royal Statistical Society A 173 (2010), for two
    bounds.
    """
    return distribution._crps(value)


def _squared_cdf(z: Tensor) -> Tensor:
    """The integral of Phi^2 up to z; 0 for an infinite z, which is minus infinity."""
    x = _finite_or_zero(z)
    mass, density = ndtr(x), ops.exp(_log_density(x))
    rest = ndtr(math.sqrt(2.0) * x) / math.sqrt(math.pi)
    return ops.where(ops.isfinite(z), mass * (x * mass + 2.0 * density) - rest, 0.0)


__all__ = ["CensoredNormal"]
