"""Scalar families on an interval."""

import math

import keras
import numpy as np
from keras import ops

from keras_distlayers import _backend
from keras_distlayers._core.ops import arccos, cos, maximum, sin
from keras_distlayers.distributions import _incomplete, _special, simplex
from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.distributions.kl import register_kl
from keras_distlayers.distributions.supports import UNIT_INTERVAL, Support

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
        both = self._as_dirichlet()
        shape = (*sample_shape, *self.dynamic_shape(), 2)
        gammas = _backend.standard_gamma(shape, ops.broadcast_to(both, shape), seed)
        gammas = maximum(gammas, _special.TINY)
        return ops.clip(gammas[..., 0] / ops.sum(gammas, axis=-1), _special.TINY, _BELOW_ONE)

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
        return simplex.entropy(self._as_dirichlet())

    def _as_dirichlet(self):
        """The concentrations of a Dirichlet distribution with two entries."""
        return ops.stack(self._both(), axis=-1)

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
    """Of two Dirichlet distributions with two entries."""
    return simplex.divergence(p._as_dirichlet(), q._as_dirichlet())


@keras.saving.register_keras_serializable("keras_distlayers.distributions")
class VonMises(Distribution):
    """The von Mises distribution of an angle.

    log p(x) = k (cos(x - loc) - 1) - log(2 pi i0e(k)) for the concentration k, in nats:
    periodic in x. Draws lie within pi of `loc`; they carry no gradient.

    The mean is that of a draw, `loc`; the entropy is that over one turn.

    Args:
        loc: The direction, in radians; any shape.
        concentration: Positive; a shape that broadcasts with that of `loc`.

    Examples:
        >>> import keras_distlayers as kdl
        >>> distribution = kdl.distributions.VonMises(1.0, 4.0)
        >>> round(float(distribution.log_prob(1.0)), 4), round(float(distribution.entropy()), 4)
        (-0.2628, 0.8088)

    Source: Mardia and Jupp, Directional Statistics, ch. 3; Best and Fisher, Applied
    Statistics 28 (1979), for the draws.
    """

    parameter_ndims = {"loc": 0, "concentration": 0}

    # At least 0.65 of the proposals are accepted: all of 32 fail in one of 10^14 draws.
    _PROPOSALS = 32

    def __init__(self, loc, concentration):
        super().__init__(loc=loc, concentration=concentration)

    @property
    def support(self):
        return Support(self.loc - math.pi, self.loc + math.pi, relaxed=True)

    def _sample(self, sample_shape, seed):
        shape = (self._PROPOSALS, *sample_shape, *self.dynamic_shape())
        uniform = keras.random.uniform(
            (3, *shape), _special.TINY, 1.0, dtype=self.dtype, seed=seed
        )
        cosine, is_accepted = self._proposals(uniform[0], uniform[1])
        first = ops.argmax(ops.cast(is_accepted, "int32"), axis=0)
        chosen = ops.arange(self._PROPOSALS, dtype="int32")
        chosen = ops.reshape(chosen, (-1,) + (1,) * (len(shape) - 1)) == ops.cast(first, "int32")
        angle = arccos(ops.clip(cosine, -1.0, 1.0)) * ops.sign(uniform[2] - 0.5)
        return ops.stop_gradient(self.loc + ops.sum(ops.where(chosen, angle, 0.0), axis=0))

    def _proposals(self, u, v):
        """The cosine of wrapped Cauchy angles, and which of them are accepted."""
        k = self.concentration
        tau = 1.0 + ops.sqrt(1.0 + 4.0 * ops.square(k))
        rho = (tau - ops.sqrt(2.0 * tau)) / (2.0 * maximum(k, 1e-6))
        r = (1.0 + ops.square(rho)) / (2.0 * maximum(rho, 1e-6))
        z = cos(math.pi * u)
        cosine = (1.0 + r * z) / (r + z)
        c = k * (r - cosine)
        return cosine, ops.log(c) - ops.log(v) + 1.0 - c >= 0.0

    def _log_prob(self, value):
        return self.concentration * _cos_less_1(value - self.loc) - self._log_constant()

    def _log_constant(self):
        return math.log(2.0 * math.pi) + ops.log(_backend.i0e(self.concentration))

    def _spread(self):
        """The mean of 1 - cos(x - loc); by its series where that is small."""
        k = self.concentration
        r = 1.0 / maximum(k, 50.0)
        series = 0.125 + r * (0.125 + r * (25 / 128 + r * (13 / 32 + r * 1073 / 1024)))
        direct = 1.0 - _backend.i1e(k) / _backend.i0e(k)
        return ops.where(k > 50.0, r * (0.5 + r * series), direct)

    def _mean(self):
        return self._fill(self.loc)

    def _mode(self):
        return self._mean()

    def _entropy(self):
        nats = self._log_constant() + self.concentration * self._spread()
        return self._fill(nats)


def _cos_less_1(x):
    """cos(x) - 1, which keeps its digits near 0."""
    return -2.0 * ops.square(sin(0.5 * x))


@register_kl(VonMises, VonMises)
def _(a, b):
    """E[k cos(x - m) - l cos(x - n)] + log(I0(l) / I0(k)), by the mean resultant."""
    spread = a._spread()
    nats = (b.concentration - a.concentration) * spread
    nats = nats - b.concentration * _cos_less_1(a.loc - b.loc) * (1.0 - spread)
    return nats + b._log_constant() - a._log_constant()
