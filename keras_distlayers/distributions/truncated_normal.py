"""The normal distribution within two bounds."""

import keras
import numpy as np
from keras import ops

from keras_distlayers._core.ops import clip, minimum
from keras_distlayers._core.typing import Seed, Tensor
from keras_distlayers.distributions._bounded_normal import BoundedNormal
from keras_distlayers.distributions._cumulative import from_log_complement
from keras_distlayers.distributions._normal_tail import log_mills, log_tail_ratio, tail_distance
from keras_distlayers.distributions._random import open_uniform
from keras_distlayers.distributions._special import (
    keep_nan,
    log1mexp,
    safe_log,
    without_infinite_slope,
)
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

    def _sign(self) -> Tensor:
        """Of values less the mode, where that is a bound: 1 at the lower one, -1 at the upper."""
        return ops.cast(ops.where(self.loc >= self.high, -1.0, 1.0), self.dtype)

    def _tail(self) -> tuple[Tensor, Tensor]:
        """The mode, and its distance from `loc` in units of the scale."""
        mode, centre = self._mode_and_tail()
        # Not the absolute value, which has no slope where `loc` is a bound.
        return mode, self._sign() * centre

    def _inside(self) -> tuple[Tensor, Tensor]:
        """The masses below and above the mode, in units of the normal's mass beyond it."""
        mode, x = self._tail()
        to_low, to_high = self._distance(mode, self.low), self._distance(self.high, mode)
        return -ops.expm1(log_tail_ratio(x, to_low)), -ops.expm1(log_tail_ratio(x, to_high))

    def _sample(self, sample_shape: tuple[int, ...], seed: Seed) -> Tensor:
        u = open_uniform((*sample_shape, *self.dynamic_shape()), self.dtype, seed)
        return self._quantile_within(
            ops.stop_gradient(self.low), ops.stop_gradient(self.high), u, 1.0 - u
        )

    def _log_prob(self, value: Tensor) -> Tensor:
        is_inside = self._is_inside(value)
        mode, x = self._tail()
        distance = self._sign() * (ops.where(is_inside, value, mode) - mode) / self.scale
        below, above = self._inside()
        log_mass = log_mills(x) + ops.log(below + above)  # in units of the density at the mode
        inside = -distance * (x + 0.5 * distance) - log_mass - ops.log(self.scale)
        return keep_nan(value, ops.where(is_inside, inside, -np.inf))

    def _mean(self) -> Tensor:
        _, distances, masses = self._quadrature()
        mean = ops.sum(masses * distances, axis=-1) / ops.sum(masses, axis=-1)
        return self._fill(clip(self.loc, self.low, self.high) + self.scale * mean)

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
        below, _ = self._log_parts(value)
        return ops.where(self._is_point_reached(value), 1.0, ops.exp(below))

    def _survival_function(self, value: Tensor) -> Tensor:
        _, above = self._log_parts(value)
        return ops.where(self._is_point_beyond(value), 1.0, ops.exp(above))

    def _is_point_reached(self, value: Tensor) -> Tensor:
        """Whether the bounds are one number, which has all of the mass, that is not above."""
        return ops.logical_and(self.low == self.high, value >= self.high)

    def _is_point_beyond(self, value: Tensor) -> Tensor:
        return ops.logical_and(self.low == self.high, value < self.low)

    def _log_cdf(self, value: Tensor) -> Tensor:
        log_cdf = from_log_complement(*self._log_parts(value))
        return ops.where(self._is_point_reached(value), 0.0, log_cdf)

    def _log_survival_function(self, value: Tensor) -> Tensor:
        log_tail = from_log_complement(*reversed(self._log_parts(value)))
        return ops.where(self._is_point_beyond(value), 0.0, log_tail)

    def _log_parts(self, value: Tensor) -> tuple[Tensor, Tensor]:
        """The logarithms of the probabilities below and above a value."""
        value = clip(value, self.low, self.high)
        mode, _ = self._tail()
        is_below = value < mode
        from_mode = self._distance(mode, value), self._distance(value, mode)
        to_bound = self._distance(value, self.low), self._distance(self.high, value)
        distance, rest = (ops.where(is_below, *pair) for pair in (from_mode, to_bound))
        below, above = self._log_parts_at(distance, rest, is_below)
        below = ops.where(value <= self.low, -np.inf, below)
        return below, ops.where(value >= self.high, -np.inf, above)

    def _log_parts_at(
        self, distance: Tensor, rest: Tensor, is_below: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The same, for a distance from the mode, below or above it.

        Args:
            distance: From the mode, at least 0, in units of the scale.
            rest: From there on to the bound on that side, likewise.
            is_below: Whether it is below the mode.
        """
        _, x = self._tail()
        inside_low, inside_high = self._inside()
        is_point, is_end = self.low == self.high, rest <= 0.0
        total = ops.log(ops.where(is_point, 1.0, inside_low + inside_high))
        log_beyond = log_tail_ratio(x, distance)
        there = x + ops.where(ops.isfinite(distance), distance, 0.0)
        log_share = log1mexp(-log_tail_ratio(there, ops.where(is_end, 1.0, rest)))
        outer = ops.where(is_end, -np.inf, log_beyond + log_share)
        inner = safe_log(ops.where(is_below, inside_high, inside_low) - ops.expm1(log_beyond))
        below, above = ops.where(is_below, outer, inner), ops.where(is_below, inner, outer)
        return minimum(below - total, 0.0), minimum(above - total, 0.0)

    def _quantile(self, p: Tensor) -> Tensor:
        return self._quantile_within(self.low, self.high, p, 1.0 - p)

    def _upper_quantile(self, p: Tensor) -> Tensor:
        return self._quantile_within(self.low, self.high, 1.0 - p, p)

    def _quantile_within(self, low: Tensor, high: Tensor, p: Tensor, rest: Tensor) -> Tensor:
        """By the distance from the mode, which has digits however far out in the tail that is."""
        mode = clip(self.loc, low, high)
        x = self._sign() * (mode - self.loc) / self.scale
        # The masses beyond the bounds, and those inside, in units of the mass beyond the mode.
        log_beyond_a = log_tail_ratio(x, self._distance(mode, low))
        log_beyond_b = log_tail_ratio(x, self._distance(high, mode))
        inside_a, inside_b = -ops.expm1(log_beyond_a), -ops.expm1(log_beyond_b)
        inside = inside_a + inside_b
        share = rest * inside_a - p * inside_b  # between the mode and the quantile, if below
        is_below, is_near = share > 0.0, ops.abs(share) < 0.5
        beyond_below = ops.exp(log_beyond_a) + p * inside
        beyond_above = ops.exp(log_beyond_b) + rest * inside
        beyond = ops.where(is_below, beyond_below, beyond_above)
        log_beyond = ops.where(
            is_near,
            ops.log1p(ops.where(is_near, ops.where(is_below, -share, share), 0.0)),
            safe_log(ops.where(is_near, 1.0, beyond)),
        )
        distance = tail_distance(x, minimum(log_beyond, 0.0))
        distance = ops.where(is_below, -distance, distance)
        moved = without_infinite_slope(lambda distance: mode + self.scale * distance, distance)
        return clip(moved, low, high)

    def _crps(self, value: Tensor) -> Tensor:
        mode, _ = self._mode_and_tail()
        (reach_low, reach_high), distance = self._window(), (value - mode) / self.scale
        inside = clip(distance, -reach_low, reach_high)
        below = self._integral_of_square(-reach_low, inside, 0)
        above = self._integral_of_square(inside, reach_high, 1)
        outside = ops.abs(value - mode - self.scale * inside)
        outside = ops.where(distance == inside, 0.0, outside)
        return self.scale * (below + above) + outside

    def _integral_of_square(self, lower: Tensor, upper: Tensor, part: int) -> Tensor:
        """That of F^2 (0) or of (1 - F)^2 (1), between two distances from the mode."""
        points, weights = self._nodes(lower, upper)
        log_parts = self[..., None]._log_parts_around(points)  # with an axis for the nodes
        return ops.sum(weights * ops.exp(2.0 * log_parts[part]), axis=-1)

    def _log_parts_around(self, point: Tensor) -> tuple[Tensor, Tensor]:
        """`_log_parts` at a distance from the mode with a sign, in units of the scale."""
        mode, _ = self._tail()
        to_low, to_high = self._distance(mode, self.low), self._distance(self.high, mode)
        rest = ops.where(point < 0.0, to_low + point, to_high - point)
        return self._log_parts_at(ops.abs(point), rest, point < 0.0)


@register_crps(TruncatedNormal)
def _(distribution: TruncatedNormal, value: Tensor) -> Tensor:
    """The integrals of F^2 up to y and of (1 - F)^2 from there, by quadrature.

    The formula in closed form is a difference that loses the digits where the bounds are in a
    tail; F itself does not. 48 nodes on each side give ten digits.
    """
    return distribution._crps(value)


__all__ = ["TruncatedNormal"]
