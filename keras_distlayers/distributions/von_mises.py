"""The von Mises distribution of an angle."""

import math

import keras
from keras import ops

from keras_distlayers._backend import backend
from keras_distlayers._core.ops import arctan, cos, maximum, minimum, sin
from keras_distlayers._core.typing import Seed, Tensor
from keras_distlayers.distributions._random import open_uniform
from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.distributions.kl import register_kl
from keras_distlayers.distributions.support import Support

_PROPOSALS = 32
"""At least 0.65 of the proposals are accepted: all of 32 fail in one of 10^14 draws."""


@keras.saving.register_keras_serializable("keras_distlayers.distributions")
class VonMises(Distribution):
    """The von Mises distribution of an angle.

    log p(x) = k (cos(x - loc) - 1) - log(2 pi i0e(k)) for the concentration k, in nats:
    periodic in x. Draws lie within pi of `loc`; they carry no gradient.

    The mean is that of a draw, `loc`; the entropy is that over one turn.

    Args:
        loc: The direction, in radians; any shape.
        concentration: Positive; a shape that broadcasts with that of `loc`.

    Raises:
        ValueError: if the shapes of the parameters do not broadcast.

    Examples:
        >>> import keras_distlayers as kdl
        >>> distribution = kdl.distributions.VonMises(1.0, 4.0)
        >>> round(float(distribution.log_prob(1.0)), 4), round(float(distribution.entropy()), 4)
        (-0.2628, 0.8088)

    Source: Mardia and Jupp, Directional Statistics, ch. 3; Best and Fisher, Applied
    Statistics 28 (1979), for the draws.
    """

    parameter_ndims = {"loc": 0, "concentration": 0}

    loc: Tensor
    concentration: Tensor

    def __init__(self, loc: Tensor, concentration: Tensor) -> None:
        super().__init__(loc=loc, concentration=concentration)

    @property
    def support(self) -> Support:
        return Support(self.loc - math.pi, self.loc + math.pi, relaxed=True)

    def _sample(self, sample_shape: tuple[int, ...], seed: Seed) -> Tensor:
        """The first of a fixed number of proposals that is accepted."""
        shape = (_PROPOSALS, *sample_shape, *self.dynamic_shape())
        uniform = open_uniform((3, *shape), self.dtype, seed)
        angle, is_accepted = self._proposals(uniform[0], uniform[1])
        first = ops.cast(ops.argmax(ops.cast(is_accepted, "int32"), axis=0), "int32")
        index = ops.arange(_PROPOSALS, dtype="int32")
        is_first = ops.reshape(index, (-1,) + (1,) * (len(shape) - 1)) == first
        angle = ops.where(uniform[2] < 0.5, -angle, angle)
        return ops.stop_gradient(self.loc + ops.sum(ops.where(is_first, angle, 0.0), axis=0))

    def _proposals(self, u: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """The sizes of wrapped Cauchy angles, and which of them are accepted.

        By the tangents of the half angles: a cosine has no digits where the angle is small.
        """
        k = self.concentration
        unit = maximum(2.0 * k, 1.0)  # whose square may be beyond floats
        root = unit * ops.sqrt(ops.square(1.0 / unit) + ops.square(2.0 * k / unit))
        excess = 1.0 + 1.0 / (root + 2.0 * k)  # 1 + root - 2 k, where the terms cancel
        # The tangent of pi u / 2, that of a uniform half angle.
        quarter = 0.5 * math.pi * minimum(u, 1.0 - u)
        small = sin(quarter) / cos(quarter)
        tangent = ops.where(u < 0.5, small, 1.0 / small)
        tangent = ops.sqrt(excess / (1.0 + root + 2.0 * k)) * tangent
        square = ops.square(tangent)
        c = 0.5 * excess + 2.0 * k * square / (1.0 + square)
        return 2.0 * arctan(tangent), ops.log(c) - ops.log(v) + 1.0 - c >= 0.0

    def _log_prob(self, value: Tensor) -> Tensor:
        return self.concentration * _cosm1(value - self.loc) - self._log_constant()

    def _log_constant(self) -> Tensor:
        return math.log(2.0 * math.pi) + ops.log(backend.i0e(self.concentration))

    def _circular_variance(self) -> Tensor:
        """The mean of 1 - cos(x - loc); by its series where that is small."""
        k = self.concentration
        r = 1.0 / maximum(k, 50.0)
        series = 0.125 + r * (0.125 + r * (25 / 128 + r * (13 / 32 + r * 1073 / 1024)))
        direct = 1.0 - backend.i1e(k) / backend.i0e(k)
        return ops.where(k > 50.0, r * (0.5 + r * series), direct)

    def _mean(self) -> Tensor:
        return self._fill(self.loc)

    def _mode(self) -> Tensor:
        return self._fill(self.loc)

    def _entropy(self) -> Tensor:
        nats = self._log_constant() + self.concentration * self._circular_variance()
        return self._fill(nats)


def _cosm1(x: Tensor) -> Tensor:
    """cos(x) - 1, which keeps its digits near 0; as `scipy.special.cosm1`."""
    return -2.0 * ops.square(sin(0.5 * x))


@register_kl(VonMises, VonMises)
def _(a: VonMises, b: VonMises) -> Tensor:
    """E[k cos(x - m) - l cos(x - n)] + log(I0(l) / I0(k)) for x from a.

    m and n are the directions, k and l the concentrations of a and b.
    """
    variance = a._circular_variance()
    nats = (b.concentration - a.concentration) * variance
    nats = nats - b.concentration * _cosm1(a.loc - b.loc) * (1.0 - variance)
    return nats + b._log_constant() - a._log_constant()


__all__ = ["VonMises"]
