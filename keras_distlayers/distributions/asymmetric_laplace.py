"""The asymmetric Laplace distribution of a scalar."""

import math

import keras
from keras import ops

from keras_distlayers._core.ops import maximum, minimum
from keras_distlayers._core.typing import Tensor
from keras_distlayers.distributions.crps import register_crps
from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.distributions.location_scale import LocationScale


@keras.saving.register_keras_serializable("keras_distlayers.distributions")
class AsymmetricLaplace(LocationScale):
    """The asymmetric Laplace distribution, whose `level`-quantile is `loc`.

    log p(x) = log(q (1 - q) / scale) - z (q - [z < 0]), for z = (x - loc) / scale and q the
    level, in nats: the pinball loss as a likelihood. Its maximum likelihood estimate of `loc`
    is the regression of that quantile.

    Args:
        loc: The quantile; any shape.
        scale: Positive; a shape that broadcasts with that of `loc`.
        level: In (0, 1); likewise.

    Raises:
        ValueError: if the shapes of the parameters do not broadcast.

    Examples:
        >>> import keras_distlayers as kdl
        >>> distribution = kdl.distributions.AsymmetricLaplace(2.0, 1.0, level=0.9)
        >>> round(float(distribution.cdf(2.0)), 4), round(float(distribution.quantile(0.9)), 4)
        (0.9, 2.0)

    Source: Yu and Moyeed, Statistics and Probability Letters 54 (2001).
    """

    parameter_ndims = {"loc": 0, "scale": 0, "level": 0}

    level: Tensor

    def __init__(self, loc: Tensor, scale: Tensor, level: Tensor) -> None:
        Distribution.__init__(self, loc=loc, scale=scale, level=level)

    def _standard_log_prob(self, z: Tensor) -> Tensor:
        q = self.level
        slope = ops.where(z < 0.0, 1.0 - q, -q)
        return ops.log(q) + ops.log1p(-q) + z * slope

    def _tails(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """The mass below z, right for z < 0, and that above it, right for z >= 0."""
        q = self.level
        below = q * ops.exp((1.0 - q) * minimum(z, 0.0))
        above = (1.0 - q) * ops.exp(-q * maximum(z, 0.0))
        return below, above

    def _standard_cdf(self, z: Tensor) -> Tensor:
        below, above = self._tails(z)
        return ops.where(z < 0.0, below, 1.0 - above)

    def _standard_survival_function(self, z: Tensor) -> Tensor:
        below, above = self._tails(z)
        return ops.where(z < 0.0, 1.0 - below, above)

    def _log_tails(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """The logarithms of `_tails`."""
        q = self.level
        below = ops.log(q) + (1.0 - q) * minimum(z, 0.0)
        above = ops.log1p(-q) - q * maximum(z, 0.0)
        return below, above

    def _standard_log_cdf(self, z: Tensor) -> Tensor:
        below, above = self._log_tails(z)
        return ops.where(z < 0.0, below, ops.log1p(-ops.exp(above)))

    def _standard_log_survival_function(self, z: Tensor) -> Tensor:
        below, above = self._log_tails(z)
        return ops.where(z < 0.0, ops.log1p(-ops.exp(below)), above)

    def _standard_quantile(self, p: Tensor) -> Tensor:
        return self._quantile_of(p, 1.0 - p)

    def _standard_upper_quantile(self, p: Tensor) -> Tensor:
        return self._quantile_of(1.0 - p, p)

    def _quantile_of(self, below: Tensor, above: Tensor) -> Tensor:
        """The z with the given masses below and above it."""
        q = self.level
        is_inside = ops.logical_and(below > 0.0, above > 0.0)
        low, high = ops.where(is_inside, below, 0.5), ops.where(is_inside, above, 0.5)
        negative = ops.log(minimum(low / q, 1.0)) / (1.0 - q)
        positive = -ops.log(minimum(high / (1.0 - q), 1.0)) / q
        inside = ops.where(low < q, negative, positive)
        end = ops.where(below < above, ops.full_like(below, -math.inf), math.inf)
        return ops.where(is_inside, inside, end)

    def _standard_mean(self) -> Tensor:
        q = self.level
        return (1.0 - 2.0 * q) / (q * (1.0 - q))

    def _standard_mode(self) -> Tensor:
        return 0.0

    def _standard_variance(self) -> Tensor:
        q = self.level
        return (1.0 - 2.0 * q + 2.0 * ops.square(q)) / ops.square(q * (1.0 - q))

    def _standard_entropy(self) -> Tensor:
        return 1.0 - ops.log(self.level) - ops.log1p(-self.level)


@register_crps(AsymmetricLaplace)
def _(distribution: AsymmetricLaplace, value: Tensor) -> Tensor:
    """That of two exponential distributions that meet at `loc`, of the mean distances a and b.

    For z from 0 it is z + (a^2 - b^2 + 2 b^2 exp(-z / b)) / (a + b), less half of the mean
    distance of two draws; below 0 with a and b exchanged.

    Source: Jordan, Krueger and Lerch, Journal of Statistical Software 90 (2019), appendix A.
    """
    distance, q = value - distribution.loc, distribution.level
    z = distance / distribution.scale
    a, b = 1.0 / (1.0 - q), 1.0 / q
    above = a - b + 2.0 * ops.square(b) / (a + b) * ops.exp(-maximum(z, 0.0) / b)
    below = b - a + 2.0 * ops.square(a) / (a + b) * ops.exp(minimum(z, 0.0) / a)
    spread = 0.5 * (a**3 + b**3) / ops.square(a + b) + a * b / (a + b)
    distance = ops.where(z < 0.0, -distance, distance)
    return distance + distribution.scale * (ops.where(z < 0.0, below, above) - spread)


__all__ = ["AsymmetricLaplace"]
