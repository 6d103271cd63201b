"""The normal distribution within two bounds."""

import keras
import numpy as np
from keras import ops

from keras_distlayers._backend import backend
from keras_distlayers._core.ops import minimum
from keras_distlayers._core.typing import Seed, Tensor
from keras_distlayers.distributions._bounded_normal import BoundedNormal
from keras_distlayers.distributions._log_tails import from_log_complement
from keras_distlayers.distributions._random import open_uniform
from keras_distlayers.distributions._special import TINY, log_ndtr_difference, ndtr
from keras_distlayers.distributions.support import Support

_LARGEST_LOG_RATIO = 30.0
"""The density at a bound over that at a draw is capped at its exponential: a draw of which that is
less is where almost no mass is."""

_BELOW_ONE = 1.0 - 2.0**-24
"""The largest float32 below 1."""


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

    Raises:
        ValueError: if the shapes of the parameters do not broadcast.

    Examples:
        >>> import keras_distlayers as kdl
        >>> distribution = kdl.distributions.TruncatedNormal(0.0, 1.0, low=0.0, high=10.0)
        >>> round(float(distribution.mean()), 4), float(distribution.log_prob(-1.0))
        (0.7979, -inf)

    Source: Johnson, Kotz and Balakrishnan, Continuous Univariate Distributions 1, ch. 13.
    """

    @property
    def support(self) -> Support:
        return Support(self.low, self.high)

    def _log_mass(self) -> Tensor:
        """log(Phi(b) - Phi(a))."""
        a, b = self._standard_bounds()
        return log_ndtr_difference(b, a)

    def _sample(self, sample_shape: tuple[int, ...], seed: Seed) -> Tensor:
        u = open_uniform((*sample_shape, *self.dynamic_shape()), self.dtype, seed)
        draw = ops.stop_gradient(self._quantile(u))
        by_loc, by_scale = self._implicit_gradients(draw, u)
        draw = draw + by_loc * (self.loc - ops.stop_gradient(self.loc))
        return draw + by_scale * (self.scale - ops.stop_gradient(self.scale))

    def _implicit_gradients(self, draw: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
        """dx/dloc and dx/dscale at a constant cdf u.

        1 - w_a - w_b and z - a w_a - b w_b, for the weights w of the bounds: the density at a
        bound over that at the draw, times 1 - u for the lower one and u for the upper one.
        """
        (a, b), z = self._standard_bounds(), self._standardize(draw)
        weight_a = (1.0 - u) * _density_ratio(a, z)
        weight_b = u * _density_ratio(b, z)
        finite_a, finite_b = (ops.where(ops.isfinite(x), x, 0.0) for x in (a, b))
        by_loc = 1.0 - weight_a - weight_b
        by_scale = z - finite_a * weight_a - finite_b * weight_b
        return ops.stop_gradient(by_loc), ops.stop_gradient(by_scale)

    def _log_prob(self, value: Tensor) -> Tensor:
        is_inside = self._is_inside(value)
        x = ops.where(is_inside, value, ops.clip(self.loc, self.low, self.high))
        return ops.where(is_inside, self._normal.log_prob(x) - self._log_mass(), -np.inf)

    def _mean(self) -> Tensor:
        centre, distances, masses = self._quadrature()
        mean = ops.sum(masses * distances, axis=-1) / ops.sum(masses, axis=-1)
        return self._fill(self.loc + self.scale * (centre + mean))

    def _mode(self) -> Tensor:
        return self._fill(ops.clip(self.loc, self.low, self.high))

    def _variance(self) -> Tensor:
        _, distances, masses = self._quadrature()
        masses = masses / ops.sum(masses, axis=-1, keepdims=True)
        mean = ops.sum(masses * distances, axis=-1, keepdims=True)
        variance = ops.sum(masses * ops.square(distances - mean), axis=-1)
        return self._fill(ops.square(self.scale) * variance)

    def _entropy(self) -> Tensor:
        centre, distances, masses = self._quadrature()
        total = ops.sum(masses, axis=-1)
        log_ratios = distances * (centre[..., None] + 0.5 * distances)
        nats = ops.log(total) + ops.sum(masses * log_ratios, axis=-1) / total
        return self._fill(ops.log(self.scale) + nats)

    def _cdf(self, value: Tensor) -> Tensor:
        a, _ = self._standard_bounds()
        return self._probability_between(a, self._standardize(self._clipped(value)))

    def _survival_function(self, value: Tensor) -> Tensor:
        _, b = self._standard_bounds()
        return self._probability_between(self._standardize(self._clipped(value)), b)

    def _clipped(self, value: Tensor) -> Tensor:
        return ops.clip(value, self.low, self.high)

    def _probability_between(self, lower: Tensor, upper: Tensor) -> Tensor:
        """Of z between two numbers."""
        return ops.exp(self._log_probability_between(lower, upper))

    def _log_probability_between(self, lower: Tensor, upper: Tensor) -> Tensor:
        is_empty = upper <= lower
        upper = ops.where(is_empty, lower + 1.0, upper)
        log_probability = log_ndtr_difference(upper, lower) - self._log_mass()
        return ops.where(is_empty, -np.inf, minimum(log_probability, 0.0))

    def _log_cdf(self, value: Tensor) -> Tensor:
        return from_log_complement(*self._log_parts(value))

    def _log_survival_function(self, value: Tensor) -> Tensor:
        return from_log_complement(*reversed(self._log_parts(value)))

    def _log_parts(self, value: Tensor) -> tuple[Tensor, Tensor]:
        """The logarithms of the probabilities below and above a value."""
        (a, b), z = self._standard_bounds(), self._standardize(self._clipped(value))
        below, above = self._log_probability_between(a, z), self._log_probability_between(z, b)
        # A compiler may round z and the bound differently where they are equal.
        below = ops.where(value <= self.low, -np.inf, below)
        return below, ops.where(value >= self.high, -np.inf, above)

    def _quantile(self, p: Tensor) -> Tensor:
        """From the tail that both bounds are nearer to, where the digits are."""
        a, b = self._standard_bounds()
        is_mirrored = a + b > 0.0
        low, high = ops.where(is_mirrored, -b, a), ops.where(is_mirrored, -a, b)
        p = ops.where(is_mirrored, 1.0 - p, p)
        below, mass = ndtr(low), ndtr(high) - ndtr(low)
        z = backend.ndtri(ops.clip(below + p * mass, TINY, _BELOW_ONE))
        z = ops.clip(z, low, high)
        z = ops.where(is_mirrored, -z, z)
        return self._clipped(self.loc + self.scale * z)


def _density_ratio(bound: Tensor, z: Tensor) -> Tensor:
    """The density at a bound over that at z; 0 for an infinite bound."""
    is_finite = ops.isfinite(bound)
    finite = ops.where(is_finite, bound, 0.0)
    log_ratio = 0.5 * (z - finite) * (z + finite)
    return ops.where(is_finite, ops.exp(minimum(log_ratio, _LARGEST_LOG_RATIO)), 0.0)


__all__ = ["TruncatedNormal"]
