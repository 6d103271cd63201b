"""The Laplace distribution of a scalar."""

import math

import keras
from keras import ops

from keras_distlayers._core.ops import maximum, minimum
from keras_distlayers._core.typing import Tensor
from keras_distlayers.distributions._special import safe_log
from keras_distlayers.distributions.crps import register_crps
from keras_distlayers.distributions.kl import register_kl
from keras_distlayers.distributions.location_scale import SymmetricLocationScale


@keras.saving.register_keras_serializable("keras_distlayers.distributions")
class Laplace(SymmetricLocationScale):
    """The Laplace distribution of a scalar.

    log p(x) = -|x - loc| / scale - log(2 scale), in nats.

    Args:
        loc: The mean; any shape.
        scale: Positive; the standard deviation is sqrt(2) times as large.

    Raises:
        ValueError: if the shapes of the parameters do not broadcast.

    Examples:
        >>> import keras_distlayers as kdl
        >>> float(kdl.distributions.Laplace(0.0, 0.5).log_prob(1.0))
        -2.0

    Source: Johnson, Kotz and Balakrishnan, Continuous Univariate Distributions 2, ch. 24.
    """

    def _standard_log_prob(self, z: Tensor) -> Tensor:
        return -ops.abs(z) - math.log(2.0)

    def _standard_variance(self) -> Tensor:
        return 2.0

    def _standard_entropy(self) -> Tensor:
        return 1.0 + math.log(2.0)

    def _standard_cdf(self, z: Tensor) -> Tensor:
        tail = 0.5 * ops.exp(-ops.abs(z))
        return ops.where(z < 0.0, tail, 1.0 - tail)

    def _standard_log_cdf(self, z: Tensor) -> Tensor:
        above = ops.log1p(-0.5 * ops.exp(-maximum(z, 0.0)))
        return ops.where(z < 0.0, z - math.log(2.0), above)

    def _standard_quantile(self, p: Tensor) -> Tensor:
        return ops.where(
            p < 0.5,
            safe_log(2.0 * minimum(p, 0.5)),
            -safe_log(2.0 - 2.0 * maximum(p, 0.5)),
        )


@register_kl(Laplace, Laplace)
def _(a: Laplace, b: Laplace) -> Tensor:
    """With r = a.scale / b.scale: d / b.scale + r exp(-d / a.scale) - 1 - log(r).

    d = |a.loc - b.loc|.
    """
    ratio, distance = a.scale / b.scale, ops.abs(a.loc - b.loc)
    tail = ratio * ops.exp(-distance / a.scale)
    return distance / b.scale + tail - 1.0 - ops.log(ratio)


@register_crps(Laplace)
def _(distribution: Laplace, value: Tensor) -> Tensor:
    """|y - loc| + scale (exp(-|z|) - 3 / 4).

    Source: Jordan, Krueger and Lerch, Journal of Statistical Software 90 (2019), appendix A.
    """
    distance = ops.abs(value - distribution.loc)
    return distance + distribution.scale * (ops.exp(-distance / distribution.scale) - 0.75)


__all__ = ["Laplace"]
