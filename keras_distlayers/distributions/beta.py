"""The beta distribution on [0, 1]."""

import keras
import numpy as np
from keras import ops

from keras_distlayers._core.ops import minimum
from keras_distlayers._core.typing import Seed, Tensor
from keras_distlayers.distributions._incomplete import betainc, log_betainc
from keras_distlayers.distributions._special import (
    keep_nan,
    lbeta,
    log_beta_prefix,
    log_ratio,
    xlogy,
)
from keras_distlayers.distributions.crps import register_crps
from keras_distlayers.distributions.dirichlet import Dirichlet
from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.distributions.kl import closed_form_kl, register_kl
from keras_distlayers.distributions.support import UNIT_INTERVAL, Support


@keras.saving.register_keras_serializable("keras_distlayers.distributions")
class Beta(Distribution):
    """The beta distribution on [0, 1].

    log p(x) = (a - 1) log(x) + (b - 1) log(1 - x) - log B(a, b), in nats, for a the
    concentration of 1 and b that of 0; minus infinity outside.

    Gradients flow through a draw, a ratio of implicitly reparameterized gamma draws.

    Args:
        concentration1: a, positive; any shape.
        concentration0: b, positive; a shape that broadcasts with that of a.

    Raises:
        ValueError: if the shapes of the parameters do not broadcast.

    Examples:
        >>> import keras_distlayers as kdl
        >>> distribution = kdl.distributions.Beta(concentration1=2.0, concentration0=3.0)
        >>> round(float(distribution.mean()), 4), round(float(distribution.mode()), 4)
        (0.4, 0.3333)

    Source: Johnson, Kotz and Balakrishnan, Continuous Univariate Distributions 2, ch. 25.
    """

    parameter_ndims = {"concentration1": 0, "concentration0": 0}
    reparameterized = True

    concentration1: Tensor
    concentration0: Tensor

    def __init__(self, concentration1: Tensor, concentration0: Tensor) -> None:
        super().__init__(concentration1=concentration1, concentration0=concentration0)

    @property
    def support(self) -> Support:
        return UNIT_INTERVAL

    def _concentrations(self) -> tuple[Tensor, Tensor]:
        """The two concentrations, of the batch's shape."""
        return self._fill(self.concentration1), self._fill(self.concentration0)

    def _as_dirichlet(self) -> Dirichlet:
        """The distribution of the vector of x and 1 - x."""
        return Dirichlet(ops.stack(self._concentrations(), axis=-1))

    def _sample(self, sample_shape: tuple[int, ...], seed: Seed) -> Tensor:
        draw = self._as_dirichlet().sample(sample_shape, seed)
        # To the largest float below 1.
        return minimum(draw[..., 0], 1.0 - 0.5 * float(np.finfo(self.dtype).eps))

    def _log_prob(self, value: Tensor) -> Tensor:
        a, b = self.concentration1, self.concentration0
        is_inside = ops.logical_and(value > 0.0, value < 1.0)
        x = ops.where(is_inside, value, 0.5)
        inside = log_beta_prefix(a, b, *self._log_ratios(value)) - ops.log(x) - ops.log1p(-x)
        # At an end the limit, of x^(a - 1) or (1 - x)^(b - 1).
        is_end = ops.logical_or(value == 0.0, value == 1.0)
        end = ops.where(is_end, value, 0.5)
        at_end = xlogy(a - 1.0, end) + xlogy(b - 1.0, 1.0 - end) - lbeta(a, b)
        log_prob = ops.where(is_inside, inside, ops.where(is_end, at_end, -np.inf))
        return keep_nan(value, log_prob)

    def _mean(self) -> Tensor:
        a, b = self._concentrations()
        return a / (a + b)

    def _mode(self) -> Tensor:
        """Inside where both concentrations exceed 1, else at the end of the larger one."""
        a, b = self._concentrations()
        is_inside = ops.logical_and(a > 1.0, b > 1.0)
        inside = (a - 1.0) / ops.where(is_inside, a + b - 2.0, 1.0)
        return ops.where(is_inside, inside, ops.cast(a > b, self.dtype))

    def _variance(self) -> Tensor:
        a, b = self._concentrations()
        total = a + b
        return (a / total) * (b / total) / (total + 1.0)

    def _entropy(self) -> Tensor:
        return self._as_dirichlet().entropy()

    def _cdf(self, value: Tensor) -> Tensor:
        ratio, ratio_1m = self._log_ratios(value)
        inside = betainc(self.concentration1, self.concentration0, ratio, ratio_1m)
        return ops.where(value > 0.0, ops.where(value < 1.0, inside, 1.0), 0.0)

    def _survival_function(self, value: Tensor) -> Tensor:
        ratio, ratio_1m = self._log_ratios(value)
        inside = betainc(self.concentration0, self.concentration1, ratio_1m, ratio)
        return ops.where(value > 0.0, ops.where(value < 1.0, inside, 0.0), 1.0)

    def _log_cdf(self, value: Tensor) -> Tensor:
        ratio, ratio_1m = self._log_ratios(value)
        inside = log_betainc(self.concentration1, self.concentration0, ratio, ratio_1m)
        return ops.where(value > 0.0, ops.where(value < 1.0, inside, 0.0), -np.inf)

    def _log_survival_function(self, value: Tensor) -> Tensor:
        ratio, ratio_1m = self._log_ratios(value)
        inside = log_betainc(self.concentration0, self.concentration1, ratio_1m, ratio)
        return ops.where(value > 0.0, ops.where(value < 1.0, inside, -np.inf), 0.0)

    def _log_ratios(self, value: Tensor) -> tuple[Tensor, Tensor]:
        """The logarithms of the ratios of x and 1 - x to their means, for x inside."""
        is_inside = ops.logical_and(value > 0.0, value < 1.0)
        x = ops.where(is_inside, value, 0.5)
        a, b = self.concentration1, self.concentration0
        return log_ratio(x, a / (a + b)), log_ratio(1.0 - x, b / (a + b))


@register_kl(Beta, Beta)
def _(a: Beta, b: Beta) -> Tensor | None:
    """That of two Dirichlet distributions with two entries."""
    return closed_form_kl(a._as_dirichlet(), b._as_dirichlet())


@register_crps(Beta)
def _(distribution: Beta, value: Tensor) -> Tensor:
    """(y - m) (2 F(y) - 1) + 2 / (a + b) (y (1 - y) f(y) - B(2a, 2b) / B(a, b)^2).

    m = a / (a + b) is the mean. Source: Taillardat et al., Monthly Weather Review 144 (2016), with
    F of the concentration a + 1 as F(y) - y (1 - y) f(y) / a.
    """
    a, b = distribution.concentration1, distribution.concentration0
    distance = (value - a / (a + b)) * (2.0 * distribution._cdf(value) - 1.0)
    inside = ops.exp(log_beta_prefix(a, b, *distribution._log_ratios(value)))
    is_inside = ops.logical_and(value > 0.0, value < 1.0)
    zeros = ops.zeros_like(a + b)
    # B(2a, 2b) / B(a, b)^2, without the large parts of the logarithms.
    once = log_beta_prefix(a, b, zeros, zeros)
    twice = log_beta_prefix(2.0 * a, 2.0 * b, zeros, zeros)
    spread = ops.exp(2.0 * once - twice)
    return distance + 2.0 / (a + b) * (ops.where(is_inside, inside, 0.0) - spread)


__all__ = ["Beta"]
