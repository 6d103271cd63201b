"""The normal distribution of a scalar."""

import math

import keras
from keras import ops

from keras_distlayers._backend import backend
from keras_distlayers._core.ops import erfc, maximum, minimum
from keras_distlayers._core.typing import DynamicShape, Seed, Tensor
from keras_distlayers.distributions._normal_tail import log_ndtr, quantile_error
from keras_distlayers.distributions._special import HALF_LOG_2PI, TINY, at_end, at_value
from keras_distlayers.distributions.crps import register_crps
from keras_distlayers.distributions.kl import register_kl
from keras_distlayers.distributions.location_scale import SymmetricLocationScale


@keras.saving.register_keras_serializable("keras_distlayers.distributions")
class Normal(SymmetricLocationScale):
    """The normal distribution of a scalar.

    log p(x) = -((x - loc) / scale)^2 / 2 - log(scale) - log(2 pi) / 2, in nats.

    Args:
        loc: The mean; any shape.
        scale: The standard deviation, positive; a shape that broadcasts with that of `loc`.

    Raises:
        ValueError: if the shapes of the parameters do not broadcast.

    Examples:
        >>> import keras_distlayers as kdl
        >>> distribution = kdl.distributions.Normal([0.0, 1.0], 2.0)
        >>> distribution.batch_shape, distribution.event_shape
        ((2,), ())
        >>> round(float(distribution.log_prob([0.0, 1.0])[0]), 4)
        -1.6121

    Source: Johnson, Kotz and Balakrishnan, Continuous Univariate Distributions 1, ch. 13.
    """

    def _standard_sample(self, shape: DynamicShape, seed: Seed) -> Tensor:
        return keras.random.normal(shape, dtype=self.dtype, seed=seed)

    def _standard_log_prob(self, z: Tensor) -> Tensor:
        return -0.5 * ops.square(z) - HALF_LOG_2PI

    def _standard_variance(self) -> Tensor:
        return 1.0

    def _stddev(self) -> Tensor:
        return self._fill(self.scale)

    def _standard_entropy(self) -> Tensor:
        return 0.5 + HALF_LOG_2PI

    def _standard_cdf(self, z: Tensor) -> Tensor:
        # The complementary error function keeps the digits of the tail.
        return 0.5 * erfc(-z / math.sqrt(2.0))

    def _standard_log_cdf(self, z: Tensor) -> Tensor:
        above = ops.log1p(-0.5 * erfc(maximum(z, 0.0) / math.sqrt(2.0)))
        return ops.where(z > 0.0, above, log_ndtr(minimum(z, 0.0)))

    def _standard_quantile(self, p: Tensor) -> Tensor:
        is_inside = ops.logical_and(p > 0.0, p < 1.0)
        inner = ops.where(is_inside, p, 0.5)
        z = backend.ndtri(inner)
        if self.dtype != "float64":
            tail = minimum(inner, 1.0 - inner)
            z = at_value(z, ops.where(tail > TINY, z + quantile_error(z, tail), z))
        return ops.where(is_inside, z, at_end(p))


@register_kl(Normal, Normal)
def _(a: Normal, b: Normal) -> Tensor:
    """log(b.scale / a.scale) + (a.scale^2 + (a.loc - b.loc)^2) / (2 b.scale^2) - 1/2."""
    ratio = a.scale / b.scale
    distance = (a.loc - b.loc) / b.scale
    return 0.5 * (ops.square(ratio) + ops.square(distance) - 1.0) - ops.log(ratio)


@register_crps(Normal)
def _(distribution: Normal, value: Tensor) -> Tensor:
    """(y - loc) (2 Phi(z) - 1) + scale (2 phi(z) - 1 / sqrt(pi)).

    Not in units of the scale: far out, its slope by the scale would be a difference.

    Source: Gneiting and Raftery, Journal of the American Statistical Association 102 (2007).
    """
    distance = value - distribution.loc
    z = distance / distribution.scale
    density = ops.exp(-0.5 * ops.square(z) - HALF_LOG_2PI)
    distance = distance * ops.erf(z / math.sqrt(2.0))
    return distance + distribution.scale * (2.0 * density - 1.0 / math.sqrt(math.pi))


__all__ = ["Normal"]
