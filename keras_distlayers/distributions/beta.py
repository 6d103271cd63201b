"""The beta distribution on [0, 1]."""

import keras
import numpy as np
from keras import ops

from keras_distlayers._core.ops import minimum
from keras_distlayers.distributions import _incomplete, _special
from keras_distlayers.distributions.dirichlet import Dirichlet
from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.distributions.kl import closed_form_kl, register_kl
from keras_distlayers.distributions.support import UNIT_INTERVAL

_BELOW_ONE = 1.0 - 2.0**-24


@keras.saving.register_keras_serializable("keras_distlayers.distributions")
class Beta(Distribution):
    """The beta distribution on [0, 1].

    log p(x) = (a - 1) log(x) + (b - 1) log(1 - x) - log B(a, b), in nats, for a the
    concentration of 1 and b that of 0; minus infinity outside.

    Gradients flow through a draw, a ratio of implicitly reparameterized gamma draws.

    Args:
        concentration1: a, positive; any shape.
        concentration0: b, positive; a shape that broadcasts with that of a.

    Examples:
        >>> import keras_distlayers as kdl
        >>> distribution = kdl.distributions.Beta(concentration1=2.0, concentration0=3.0)
        >>> round(float(distribution.mean()), 4), round(float(distribution.mode()), 4)
        (0.4, 0.3333)

    Source: Johnson, Kotz and Balakrishnan, Continuous Univariate Distributions 2, ch. 25.
    """

    parameter_ndims = {"concentration1": 0, "concentration0": 0}
    reparameterized = True

    def __init__(self, concentration1, concentration0):
        super().__init__(concentration1=concentration1, concentration0=concentration0)

    @property
    def support(self):
        return UNIT_INTERVAL

    def _both(self):
        """The two concentrations, of the batch's shape."""
        shape = self.dynamic_shape()
        return (
            ops.broadcast_to(self.concentration1, shape),
            ops.broadcast_to(self.concentration0, shape),
        )

    def _sample(self, sample_shape, seed):
        draw = self._as_dirichlet()._sample(sample_shape, seed)
        return minimum(draw[..., 0], _BELOW_ONE)

    def _log_prob(self, value):
        a, b = self.concentration1, self.concentration0
        is_inside = ops.logical_and(value > 0.0, value < 1.0)
        x = ops.where(is_inside, value, 0.5)
        inside = _special.log_beta_mass(*self._by_ratio(value)) - ops.log(x) - ops.log1p(-x)
        # At an end the limit, of x^(a - 1) or (1 - x)^(b - 1).
        is_end = ops.logical_or(value == 0.0, value == 1.0)
        end = ops.where(is_end, value, 0.5)
        at_end = _special.xlogy(a - 1.0, end) + _special.xlogy(b - 1.0, 1.0 - end)
        at_end = at_end - _special.lbeta(a, b)
        return ops.where(is_inside, inside, ops.where(is_end, at_end, -np.inf))

    def _mean(self):
        a, b = self._both()
        return a / (a + b)

    def _mode(self):
        """In the middle where both exceed 1, else at the end where the density is larger."""
        a, b = self._both()
        is_humped = ops.logical_and(a > 1.0, b > 1.0)
        middle = (a - 1.0) / ops.where(is_humped, a + b - 2.0, 1.0)
        return ops.where(is_humped, middle, ops.where(a > b, 1.0, 0.0))

    def _variance(self):
        a, b = self._both()
        total = a + b
        return (a / total) * (b / total) / (total + 1.0)

    def _entropy(self):
        return self._as_dirichlet().entropy()

    def _as_dirichlet(self):
        """The distribution of x and 1 - x."""
        return Dirichlet(ops.stack(self._both(), axis=-1))

    def _cdf(self, value):
        inside = _incomplete.betainc(*self._by_ratio(value))
        return ops.where(value > 0.0, ops.where(value < 1.0, inside, 1.0), 0.0)

    def _survival_function(self, value):
        a, b, ratio, rest_ratio = self._by_ratio(value)
        inside = _incomplete.betainc(b, a, rest_ratio, ratio)
        return ops.where(value > 0.0, ops.where(value < 1.0, inside, 0.0), 1.0)

    def _by_ratio(self, value):
        """The concentrations, and how a value, and 1 less it, compare with their means."""
        is_inside = ops.logical_and(value > 0.0, value < 1.0)
        x = ops.where(is_inside, value, 0.5)
        a, b = self.concentration1, self.concentration0
        ratio = _special.log_ratio(x, a / (a + b))
        return a, b, ratio, _special.log_ratio(1.0 - x, b / (a + b))


@register_kl(Beta, Beta)
def _(p, q):
    """That of two Dirichlet distributions with two entries."""
    return closed_form_kl(p._as_dirichlet(), q._as_dirichlet())


__all__ = ["Beta"]
