"""The distribution of a number that is certain."""

import keras
import numpy as np
from keras import ops

from keras_distlayers._core.typing import Seed, Tensor
from keras_distlayers.distributions.crps import register_crps
from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.distributions.kl import register_kl
from keras_distlayers.distributions.support import Support


@keras.saving.register_keras_serializable("keras_distlayers.distributions")
class Deterministic(Distribution):
    """The distribution of a number that is certain; Delta in other libraries.

    log p(x) = 0 at `loc`, minus infinity elsewhere: a mass, not a density. It is for a component
    of a `Mixture` that is one number, and for a quantity that a model with random variables
    knows. Gradients flow through a draw, which is `loc`; log_prob has none.

    Args:
        loc: The number; any shape.

    Examples:
        >>> import keras_distlayers as kdl
        >>> distribution = kdl.distributions.Deterministic(2.0)
        >>> float(distribution.sample()), float(distribution.log_prob(2.0))
        (2.0, 0.0)
        >>> float(distribution.log_prob(2.1))
        -inf

    Source: the name is that of `tfp.distributions.Deterministic`.
    """

    parameter_ndims = {"loc": 0}
    reparameterized = True

    loc: Tensor

    def __init__(self, loc: Tensor) -> None:
        super().__init__(loc=loc)

    @property
    def support(self) -> Support:
        return Support(self.loc, self.loc, has_atoms=True)

    def _sample(self, sample_shape: tuple[int, ...], seed: Seed) -> Tensor:
        return ops.broadcast_to(self.loc, (*sample_shape, *self.dynamic_shape()))

    def _log_prob(self, value: Tensor) -> Tensor:
        is_other = ops.logical_or(value < self.loc, value > self.loc)
        # Not -inf for a NaN, which is neither equal nor another number.
        return ops.where(is_other, -np.inf, ops.where(value == self.loc, 0.0, value - value))

    def _mean(self) -> Tensor:
        return self.loc

    def _mode(self) -> Tensor:
        return self.loc

    def _variance(self) -> Tensor:
        return ops.zeros_like(self.loc)

    def _stddev(self) -> Tensor:
        return ops.zeros_like(self.loc)

    def _entropy(self) -> Tensor:
        return ops.zeros_like(self.loc)

    def _cdf(self, value: Tensor) -> Tensor:
        return ops.cast(value >= self.loc, self.dtype)

    def _survival_function(self, value: Tensor) -> Tensor:
        return ops.cast(value < self.loc, self.dtype)

    def _quantile(self, p: Tensor) -> Tensor:
        return self.loc + ops.zeros_like(p)


@register_kl(Deterministic, Deterministic)
def _(a: Deterministic, b: Deterministic) -> Tensor:
    """0 where the two are equal, else infinite."""
    return ops.where(a.loc == b.loc, ops.zeros_like(a.loc), np.inf)


@register_crps(Deterministic)
def _(distribution: Deterministic, value: Tensor) -> Tensor:
    """|y - loc|."""
    return ops.abs(value - distribution.loc)


__all__ = ["Deterministic"]
