"""The normal distribution within two bounds."""

import keras
import numpy as np
from keras import ops

from keras_distlayers._core.ops import clip, minimum
from keras_distlayers._core.typing import Seed, Tensor
from keras_distlayers.distributions._bounded_normal import BoundedNormal
from keras_distlayers.distributions._cumulative import from_log_complement
from keras_distlayers.distributions._normal_tail import (
    log_ndtr_difference,
    log_tail_ratio,
    tail_distance,
)
from keras_distlayers.distributions._random import open_uniform
from keras_distlayers.distributions._special import keep_nan, safe_log
from keras_distlayers.distributions.crps import register_crps
from keras_distlayers.distributions.support import Support


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
        return self._quantile_within(
            ops.stop_gradient(self.low), ops.stop_gradient(self.high), u, 1.0 - u
        )

    def _log_prob(self, value: Tensor) -> Tensor:
        is_inside = self._is_inside(value)
        x = ops.where(is_inside, value, clip(self.loc, self.low, self.high))
        inside = self._normal.log_prob(x) - self._log_mass()
        return keep_nan(value, ops.where(is_inside, inside, -np.inf))

    def _mean(self) -> Tensor:
        centre, distances, masses = self._quadrature()
        mean = ops.sum(masses * distances, axis=-1) / ops.sum(masses, axis=-1)
        return self._fill(self.loc + self.scale * (centre + mean))

    def _mode(self) -> Tensor:
        return self._fill(clip(self.loc, self.low, self.high))

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
        is_point = self.low == self.high
        return self._fill(ops.where(is_point, -np.inf, ops.log(self.scale) + nats))

    def _cdf(self, value: Tensor) -> Tensor:
        a, _ = self._standard_bounds()
        inside = self._probability_between(a, self._standardize(self._clipped(value)))
        return ops.where(self._is_point_reached(value), 1.0, inside)

    def _survival_function(self, value: Tensor) -> Tensor:
        _, b = self._standard_bounds()
        inside = self._probability_between(self._standardize(self._clipped(value)), b)
        return ops.where(self._is_point_beyond(value), 1.0, inside)

    def _is_point_reached(self, value: Tensor) -> Tensor:
        """Whether the bounds are one number, which has all of the mass, that is not above."""
        return ops.logical_and(self.low == self.high, value >= self.high)

    def _is_point_beyond(self, value: Tensor) -> Tensor:
        return ops.logical_and(self.low == self.high, value < self.low)

    def _clipped(self, value: Tensor) -> Tensor:
        return clip(value, self.low, self.high)

    def _probability_between(self, lower: Tensor, upper: Tensor) -> Tensor:
        """Of z between two numbers."""
        return ops.exp(self._log_probability_between(lower, upper))

    def _log_probability_between(self, lower: Tensor, upper: Tensor) -> Tensor:
        is_empty = upper <= lower
        upper = ops.where(is_empty, lower + 1.0, upper)
        log_probability = log_ndtr_difference(upper, lower) - self._log_mass()
        return ops.where(is_empty, -np.inf, minimum(log_probability, 0.0))

    def _log_cdf(self, value: Tensor) -> Tensor:
        log_cdf = from_log_complement(*self._log_parts(value))
        return ops.where(self._is_point_reached(value), 0.0, log_cdf)

    def _log_survival_function(self, value: Tensor) -> Tensor:
        log_tail = from_log_complement(*reversed(self._log_parts(value)))
        return ops.where(self._is_point_beyond(value), 0.0, log_tail)

    def _log_parts(self, value: Tensor) -> tuple[Tensor, Tensor]:
        """The logarithms of the probabilities below and above a value."""
        (a, b), z = self._standard_bounds(), self._standardize(self._clipped(value))
        below, above = self._log_probability_between(a, z), self._log_probability_between(z, b)
        # A compiler may round z and the bound differently where they are equal.
        below = ops.where(value <= self.low, -np.inf, below)
        return below, ops.where(value >= self.high, -np.inf, above)

    def _quantile(self, p: Tensor) -> Tensor:
        return self._quantile_within(self.low, self.high, p, 1.0 - p)

    def _upper_quantile(self, p: Tensor) -> Tensor:
        return self._quantile_within(self.low, self.high, 1.0 - p, p)

    def _quantile_within(self, low: Tensor, high: Tensor, p: Tensor, rest: Tensor) -> Tensor:
        """By the distance from the mode, which has digits however far out in the tail that is."""
        a, b = self._standardize(low), self._standardize(high)
        mode = clip(ops.zeros_like(a + b), a, b)
        x = ops.abs(mode)
        # The masses beyond the bounds, and those inside, in units of the mass beyond the mode.
        log_beyond_a, log_beyond_b = log_tail_ratio(x, mode - a), log_tail_ratio(x, b - mode)
        inside_a, inside_b = -ops.expm1(log_beyond_a), -ops.expm1(log_beyond_b)
        inside = inside_a + inside_b
        share = rest * inside_a - p * inside_b  # between the mode and the quantile, if below
        is_below, is_near = share > 0.0, ops.abs(share) < 0.5
        beyond_below = ops.exp(log_beyond_a) + p * inside
        beyond_above = ops.exp(log_beyond_b) + rest * inside
        beyond = ops.where(is_below, beyond_below, beyond_above)
        log_beyond = ops.where(
            is_near,
            ops.log1p(-ops.abs(ops.where(is_near, share, 0.0))),
            safe_log(ops.where(is_near, 1.0, beyond)),
        )
        distance = tail_distance(x, minimum(log_beyond, 0.0))
        move = self.scale * ops.where(is_below, -distance, distance)
        return clip(clip(self.loc, low, high) + move, low, high)

    def _crps(self, value: Tensor) -> Tensor:
        z, (low, high) = self._standardize(value), self._window()
        inside = clip(z, low, high)
        whole = self[..., None]  # with an axis for the nodes
        a, b = (bound[..., None] for bound in self._standard_bounds())
        points, weights = self._nodes(low, inside)
        below = ops.sum(weights * ops.square(whole._probability_between(a, points)), axis=-1)
        points, weights = self._nodes(inside, high)
        above = ops.sum(weights * ops.square(whole._probability_between(points, b)), axis=-1)
        outside = ops.abs(value - self.loc - self.scale * inside)
        outside = ops.where(z == inside, 0.0, outside)
        return self.scale * (below + above) + outside


@register_crps(TruncatedNormal)
def _(distribution: TruncatedNormal, value: Tensor) -> Tensor:
    """The integrals of F^2 up to y and of (1 - F)^2 from there, by quadrature.

    The formula in closed form is a difference that loses the digits where the bounds are in a
    tail; F itself does not. 48 nodes on each side give ten digits.
    """
    return distribution._crps(value)


__all__ = ["TruncatedNormal"]
