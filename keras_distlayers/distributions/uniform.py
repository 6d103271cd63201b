"""The uniform distribution on an interval."""

import keras
import numpy as np
from keras import ops

from keras_distlayers._core.ops import clip
from keras_distlayers._core.typing import Seed, Tensor
from keras_distlayers.distributions.crps import register_crps
from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.distributions.kl import register_kl
from keras_distlayers.distributions.support import Support


@keras.saving.register_keras_serializable("keras_distlayers.distributions")
class Uniform(Distribution):
    """The uniform distribution of a scalar on an interval.

    log p(x) = -log(high - low) from `low` to `high`, in nats, minus infinity outside. Its mode is
    the middle: the density is the same everywhere.

    As the output of a network it cannot be trained: its likelihood is largest where the interval
    ends at the targets, and minus infinity where a target is outside. So there is no head for it.

    Args:
        low: The lower bound; any shape.
        high: The upper bound, above `low`; a shape that broadcasts with that of `low`.

    Raises:
        ValueError: if the shapes of the parameters do not broadcast.

    Examples:
        >>> import keras_distlayers as kdl
        >>> distribution = kdl.distributions.Uniform(-1.0, 3.0)
        >>> float(distribution.mean()), float(distribution.cdf(0.0))
        (1.0, 0.25)

    Source: Johnson, Kotz and Balakrishnan, Continuous Univariate Distributions 2, ch. 26.
    """

    parameter_ndims = {"low": 0, "high": 0}
    # A draw has a gradient by them, but log_prob jumps there: its score has not the mean 0.
    bound_names = ("low", "high")
    reparameterized = True

    low: Tensor
    high: Tensor

    def __init__(self, low: Tensor, high: Tensor) -> None:
        super().__init__(low=low, high=high)

    @property
    def support(self) -> Support:
        return Support(self.low, self.high)

    def _width(self) -> Tensor:
        return self.high - self.low

    def _sample(self, sample_shape: tuple[int, ...], seed: Seed) -> Tensor:
        shape = (*sample_shape, *self.dynamic_shape())
        return self._quantile(keras.random.uniform(shape, dtype=self.dtype, seed=seed))

    def _log_prob(self, value: Tensor) -> Tensor:
        is_inside = ops.logical_and(value >= self.low, value <= self.high)
        # The value's part is 0, but for a NaN, which stays one.
        log_prob = -ops.log(self._width()) + ops.where(is_inside, 0.0, value - value)
        is_outside = ops.logical_or(value < self.low, value > self.high)
        return ops.where(is_outside, -np.inf, log_prob)

    def _mean(self) -> Tensor:
        return self._fill(self.low + 0.5 * self._width())

    def _mode(self) -> Tensor:
        return self._mean()

    def _variance(self) -> Tensor:
        return self._fill(ops.square(self._width()) / 12.0)

    def _entropy(self) -> Tensor:
        return self._fill(ops.log(self._width()))

    def _cdf(self, value: Tensor) -> Tensor:
        share = (clip(value, self.low, self.high) - self.low) / self._safe_width()
        is_reached = ops.logical_and(self._width() == 0.0, value >= self.high)
        return ops.where(is_reached, 1.0, share)

    def _survival_function(self, value: Tensor) -> Tensor:
        share = (self.high - clip(value, self.low, self.high)) / self._safe_width()
        is_beyond = ops.logical_and(self._width() == 0.0, value < self.low)
        return ops.where(is_beyond, 1.0, share)

    def _safe_width(self) -> Tensor:
        """The width, or 1 for an interval that is a single point, which takes all of the mass."""
        width = self._width()
        return ops.where(width == 0.0, 1.0, width)

    def _quantile(self, p: Tensor) -> Tensor:
        return self.low + self._width() * p

    def _upper_quantile(self, p: Tensor) -> Tensor:
        return self.high - self._width() * p


@register_kl(Uniform, Uniform)
def _(a: Uniform, b: Uniform) -> Tensor:
    """log(width of b / width of a); infinite where a is not within b."""
    is_within = ops.logical_and(a.low >= b.low, a.high <= b.high)
    return ops.where(is_within, ops.log(b._width() / a._width()), np.inf)


@register_crps(Uniform)
def _(distribution: Uniform, value: Tensor) -> Tensor:
    """(high - low) (F(y)^2 - F(y) + 1/3), and the distance of y from the interval.

    Source: Jordan, Krueger and Lerch, Journal of Statistical Software 90 (2019), appendix A.
    """
    share = distribution._cdf(value)
    outside = ops.abs(value - clip(value, distribution.low, distribution.high))
    return outside + distribution._width() * (share * (share - 1.0) + 1.0 / 3.0)


__all__ = ["Uniform"]
