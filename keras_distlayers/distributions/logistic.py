"""The logistic distribution of a scalar."""

import math

import keras
from keras import ops

from keras_distlayers._core.typing import Tensor
from keras_distlayers.distributions._special import safe_log, safe_log1m
from keras_distlayers.distributions.crps import register_crps
from keras_distlayers.distributions.location_scale import SymmetricLocationScale


@keras.saving.register_keras_serializable("keras_distlayers.distributions")
class Logistic(SymmetricLocationScale):
    """The logistic distribution of a scalar.

    log p(x) = -z - 2 log(1 + exp(-z)) - log(scale) for z = (x - loc) / scale, in nats.

    Args:
        loc: The mean; any shape.
        scale: Positive; the standard deviation is pi / sqrt(3) times as large.

    Raises:
        ValueError: if the shapes of the parameters do not broadcast.

    Examples:
        >>> import keras_distlayers as kdl
        >>> distribution = kdl.distributions.Logistic(0.0, 1.0)
        >>> float(distribution.cdf(0.0)), round(float(distribution.entropy()), 4)
        (0.5, 2.0)

    Source: Johnson, Kotz and Balakrishnan, Continuous Univariate Distributions 2, ch. 23.
    """

    def _standard_log_prob(self, z: Tensor) -> Tensor:
        return -ops.softplus(z) - ops.softplus(-z)  # also where z is infinite

    def _standard_variance(self) -> Tensor:
        return math.pi**2 / 3.0

    def _standard_entropy(self) -> Tensor:
        return 2.0

    def _standard_cdf(self, z: Tensor) -> Tensor:
        return ops.sigmoid(z)

    def _standard_log_cdf(self, z: Tensor) -> Tensor:
        return -ops.softplus(-z)

    def _standard_quantile(self, p: Tensor) -> Tensor:
        return safe_log(p) - safe_log1m(p)


@register_crps(Logistic)
def _(distribution: Logistic, value: Tensor) -> Tensor:
    """|y - loc| + scale (2 log(1 + exp(-|z|)) - 1).

    Source: Jordan, Krueger and Lerch, Journal of Statistical Software 90 (2019), appendix A.
    """
    distance = ops.abs(value - distribution.loc)
    rest = 2.0 * ops.log1p(ops.exp(-distance / distribution.scale)) - 1.0
    return distance + distribution.scale * rest


__all__ = ["Logistic"]
