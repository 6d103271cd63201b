"""The von Mises distribution of an angle."""

import math

import keras
from keras import ops

from keras_distlayers import _backend
from keras_distlayers._core.ops import arccos, cos, maximum, sin
from keras_distlayers.distributions import _special
from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.distributions.kl import register_kl
from keras_distlayers.distributions.support import Support


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


__all__ = ["VonMises"]
