"""The gamma distribution."""

import keras
import numpy as np
from keras import ops

from keras_distlayers import _backend
from keras_distlayers._core.ops import maximum
from keras_distlayers.distributions import _incomplete, _special
from keras_distlayers.distributions._positive import positive_or_one
from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.distributions.kl import register_kl
from keras_distlayers.distributions.support import POSITIVE

_SMALLEST_GAMMA = 1e-30
"""Draws of a Gamma of rate 1 end here, so that the density's slope there is a float32 too."""


@keras.saving.register_keras_serializable("keras_distlayers.distributions")
class Gamma(Distribution):
    """The gamma distribution.

    log p(x) = a log(b) + (a - 1) log(x) - b x - lgamma(a) for the concentration a, the rate
    b and x from 0, in nats; minus infinity below.

    Gradients flow through a draw: implicitly, by the cdf, for the concentration. Draws of a
    concentration below about 0.1 end at 1e-30 / rate.

    Args:
        concentration: Positive; any shape.
        rate: Positive; a shape that broadcasts with that of `concentration`.

    Examples:
        >>> import keras_distlayers as kdl
        >>> distribution = kdl.distributions.Gamma(concentration=3.0, rate=2.0)
        >>> float(distribution.mean()), float(distribution.variance()), float(distribution.mode())
        (1.5, 0.75, 1.0)

    Source: Johnson, Kotz and Balakrishnan, Continuous Univariate Distributions 1, ch. 17;
    Figurnov, Mohamed and Mnih, Implicit Reparameterization Gradients (2018).
    """

    parameter_ndims = {"concentration": 0, "rate": 0}
    reparameterized = True

    def __init__(self, concentration, rate):
        super().__init__(concentration=concentration, rate=rate)

    @property
    def support(self):
        return POSITIVE

    def _sample(self, sample_shape, seed):
        shape = (*sample_shape, *self.dynamic_shape())
        concentration = ops.broadcast_to(self.concentration, shape)
        draws = _backend.standard_gamma(shape, concentration, seed)
        return maximum(draws, _SMALLEST_GAMMA) / self.rate

    def _log_prob(self, value):
        is_inside, x = positive_or_one(value)
        inside = _special.log_gamma_mass(*self._by_ratio(value)) - ops.log(x)
        return ops.where(is_inside, inside, ops.where(value < 0.0, -np.inf, self._at_zero()))

    def _at_zero(self):
        """The density's limit at 0: of x^(a - 1)."""
        at_one = ops.where(self.concentration > 1.0, -np.inf, ops.log(self.rate))
        return ops.where(self.concentration < 1.0, np.inf, at_one)

    def _mean(self):
        return self._fill(self.concentration / self.rate)

    def _mode(self):
        return self._fill(maximum(self.concentration - 1.0, 0.0) / self.rate)

    def _variance(self):
        return self._fill(self.concentration / ops.square(self.rate))

    def _entropy(self):
        return self._fill(_special.gamma_entropy(self.concentration) - ops.log(self.rate))

    def _cdf(self, value):
        return ops.where(value > 0.0, _incomplete.gammainc(*self._by_ratio(value)), 0.0)

    def _survival_function(self, value):
        return ops.where(value > 0.0, _incomplete.gammaincc(*self._by_ratio(value)), 1.0)

    def _by_ratio(self, value):
        """The concentration, and how a value compares with the mean."""
        _, x = positive_or_one(value)
        return self.concentration, _special.log_ratio(x, self.concentration / self.rate)


@register_kl(Gamma, Gamma)
def _(a, b):
    """(a - b) psi(a) - lgamma(a) + lgamma(b) + b log(r / s) + a (s / r - 1).

    a, b are the concentrations, r, s the rates. Source: Penny, KL-Divergences of Normal,
    Gamma, Dirichlet and Wishart densities (2001). What is large in it is b (u - 1 - log(u)), for
    the ratio u of the means.
    """
    log_means = _special.log_ratio(a.concentration * b.rate, b.concentration * a.rate)
    main = b.concentration * _special.expm1mx(log_means)
    return main + _special.stirling_excess(b.concentration, a.concentration)


__all__ = ["Gamma"]
