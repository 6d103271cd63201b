"""The Gumbel distribution of a scalar."""

import math

import keras
import numpy as np
from keras import ops

from keras_distlayers import _backend
from keras_distlayers._core.ops import maximum
from keras_distlayers.distributions.kl import register_kl
from keras_distlayers.distributions.location_scale import LocationScale


@keras.saving.register_keras_serializable("keras_distlayers.distributions")
class Gumbel(LocationScale):
    """The Gumbel distribution of a scalar: the largest of many numbers.

    log p(x) = -z - exp(-z) - log(scale) for z = (x - loc) / scale, in nats: minus infinity in
    float32 for z below -88.

    Args:
        loc: The mode; any shape.
        scale: Positive; the standard deviation is pi / sqrt(6) times as large.

    Examples:
        >>> import keras_distlayers as kdl
        >>> float(kdl.distributions.Gumbel(0.0, 1.0).log_prob(0.0))
        -1.0

    Source: Johnson, Kotz and Balakrishnan, Continuous Univariate Distributions 2, ch. 22.
    """

    def _standard_log_prob(self, z):
        return -z - ops.exp(-z)

    def _mean(self):
        return self._fill(self.loc + np.euler_gamma * self.scale)

    def _standard_variance(self):
        return math.pi**2 / 6.0

    def _standard_entropy(self):
        return 1.0 + np.euler_gamma

    def _standard_cdf(self, z):
        return ops.exp(-ops.exp(-maximum(z, -80.0)))  # 0 times infinity is no gradient

    def _survival_function(self, value):
        z = maximum(self._standardize(value), -80.0)
        return -ops.expm1(-ops.exp(-z))

    def _standard_quantile(self, p):
        return -ops.log(-ops.log(p))


@register_kl(Gumbel, Gumbel)
def _(a, b):
    """Exp(-d) Gamma(1 + r) - 1 + d + g (r - 1) - log(r), for Euler's constant g.

    r = a.scale / b.scale and d = (a.loc - b.loc) / b.scale. Source: Bauckhage,
    arXiv:1402.3807 (2014).
    """
    ratio = a.scale / b.scale
    distance = (a.loc - b.loc) / b.scale
    excess = ops.expm1(_backend.lgamma(1.0 + ratio) - distance)
    return np.euler_gamma * (ratio - 1.0) - ops.log(ratio) + distance + excess


__all__ = ["Gumbel"]
