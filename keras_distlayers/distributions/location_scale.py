"""The bases of families that are a standard distribution, moved by `loc` and scaled by `scale`."""

import abc

from keras import ops

from keras_distlayers._core.typing import DynamicShape, Seed, Tensor
from keras_distlayers.distributions._cumulative import log_probability
from keras_distlayers.distributions._random import open_uniform
from keras_distlayers.distributions._special import without_infinite_slope
from keras_distlayers.distributions.distribution import Distribution


class LocationScale(Distribution):
    """The distribution of loc + scale z, for z from a standard distribution on the real line.

    A family of your own writes the hooks of the standard distribution, those that it has in
    closed form; the rest follows:

    - `_standard_log_prob(z)`, always.
    - `_standard_quantile(p)`, from which draws are made, or `_standard_sample(shape, seed)`.
      Without the first, quantiles are searched on the cdf.
    - `_standard_cdf(z)` and `_standard_survival_function(z)`, which is 1 - cdf unless the family
      knows a form that keeps the digits of the tail.
    - `_standard_log_cdf(z)` and `_standard_log_survival_function(z)`, where the family knows a
      form for probabilities that are too small for a float.
    - `_standard_upper_quantile(p)`, the z whose survival function is p, likewise.
    - `_standard_mean()`, `_standard_mode()`, `_standard_variance()` and `_standard_entropy()`.

    A family with further parameters names them in `parameter_ndims`, beside `loc` and `scale`, and
    passes all of them to `Distribution.__init__` by name. Where z is symmetric around 0, derive
    from `SymmetricLocationScale`.

    Args:
        loc: Any shape.
        scale: Positive; a shape that broadcasts with that of `loc`.

    Raises:
        ValueError: if the shapes of the parameters do not broadcast.

    Examples:
        The Gumbel distribution of the smallest of many numbers, in a few lines:

        >>> from keras import ops
        >>> import keras_distlayers as kdl
        >>> class SmallestGumbel(kdl.distributions.LocationScale):
        ...     def _standard_log_prob(self, z):
        ...         return z - ops.exp(z)
        ...     def _standard_cdf(self, z):
        ...         return -ops.expm1(-ops.exp(z))
        ...     def _standard_quantile(self, p):
        ...         return ops.log(-ops.log1p(-p))
        >>> distribution = SmallestGumbel(loc=[0.0, 1.0], scale=2.0)
        >>> distribution.batch_shape, distribution.sample(3, seed=0).shape == (3, 2)
        ((2,), True)
        >>> [round(float(p), 4) for p in distribution.survival_function([0.0, 1.0])]
        [0.3679, 0.3679]
    """

    parameter_ndims = {"loc": 0, "scale": 0}
    reparameterized = True

    loc: Tensor
    scale: Tensor

    def __init__(self, loc: Tensor, scale: Tensor) -> None:
        super().__init__(loc=loc, scale=scale)

    # ---------------------------------------------------------------- hooks of a family

    @abc.abstractmethod
    def _standard_log_prob(self, z: Tensor) -> Tensor:
        """The log density of z."""

    def _standard_sample(self, shape: DynamicShape, seed: Seed) -> Tensor:
        """Draws of z, `shape` of them."""
        return self._standard_quantile(open_uniform(shape, self.dtype, seed))

    def _standard_cdf(self, z: Tensor) -> Tensor:
        raise self._unavailable("cdf")

    def _standard_survival_function(self, z: Tensor) -> Tensor:
        return 1.0 - self._standard_cdf(z)

    def _standard_log_cdf(self, z: Tensor) -> Tensor:
        return log_probability(self._standard_cdf(z), self._standard_survival_function(z))

    def _standard_log_survival_function(self, z: Tensor) -> Tensor:
        return log_probability(self._standard_survival_function(z), self._standard_cdf(z))

    def _standard_quantile(self, p: Tensor) -> Tensor:
        raise self._unavailable("quantile")

    def _standard_upper_quantile(self, p: Tensor) -> Tensor:
        return self._standard_quantile(1.0 - p)

    def _standard_mean(self) -> Tensor:
        raise self._unavailable("mean")

    def _standard_mode(self) -> Tensor:
        raise self._unavailable("mode")

    def _standard_variance(self) -> Tensor:
        raise self._unavailable("variance")

    def _standard_entropy(self) -> Tensor:
        raise self._unavailable("entropy")

    # ---------------------------------------------------------------- what follows from them

    def _standardize(self, value: Tensor) -> Tensor:
        return (value - self.loc) / self.scale

    def _sample(self, sample_shape: tuple[int, ...], seed: Seed) -> Tensor:
        z = self._standard_sample((*sample_shape, *self.dynamic_shape()), seed)
        return self.loc + self.scale * z

    def _log_prob(self, value: Tensor) -> Tensor:
        return self._standard_log_prob(self._standardize(value)) - ops.log(self.scale)

    def _cdf(self, value: Tensor) -> Tensor:
        return self._standard_cdf(self._standardize(value))

    def _survival_function(self, value: Tensor) -> Tensor:
        return self._standard_survival_function(self._standardize(value))

    def _log_cdf(self, value: Tensor) -> Tensor:
        return self._standard_log_cdf(self._standardize(value))

    def _log_survival_function(self, value: Tensor) -> Tensor:
        return self._standard_log_survival_function(self._standardize(value))

    @property
    def _has_quantile(self) -> bool:
        """Whether the family has one in closed form; else it is searched on the cdf."""
        return type(self)._standard_quantile is not LocationScale._standard_quantile

    def _quantile(self, p: Tensor) -> Tensor:
        if not self._has_quantile:
            return self._searched_quantile(p, is_upper=False)
        return self._moved(self._standard_quantile(p))

    def _upper_quantile(self, p: Tensor) -> Tensor:
        if not self._has_quantile:
            return self._searched_quantile(p, is_upper=True)
        return self._moved(self._standard_upper_quantile(p))

    def _moved(self, z: Tensor) -> Tensor:
        """A z moved and scaled."""
        return without_infinite_slope(lambda z: self.loc + self.scale * z, z)

    def _mean(self) -> Tensor:
        return self._fill(self.loc + self.scale * self._standard_mean())

    def _mode(self) -> Tensor:
        return self._fill(self.loc + self.scale * self._standard_mode())

    def _variance(self) -> Tensor:
        return self._fill(ops.square(self.scale) * self._standard_variance())

    def _entropy(self) -> Tensor:
        return self._fill(ops.log(self.scale) + self._standard_entropy())


class SymmetricLocationScale(LocationScale):
    """A `LocationScale` family whose standard distribution is symmetric, with its mode at 0.

    The mean and the mode are `loc`; the survival function is the cdf of -z, which keeps the digits
    of the upper tail.

    Args:
        loc: The mean, the median and the mode; any shape.
        scale: Positive; a shape that broadcasts with that of `loc`.

    Raises:
        ValueError: if the shapes of the parameters do not broadcast.

    Examples:
        >>> import math
        >>> from keras import ops
        >>> import keras_distlayers as kdl
        >>> class HyperbolicSecant(kdl.distributions.SymmetricLocationScale):
        ...     def _standard_log_prob(self, z):
        ...         x = 0.5 * math.pi * ops.abs(z)
        ...         return -x - ops.log1p(ops.exp(-2.0 * x))
        ...     def _standard_quantile(self, p):
        ...         return 2.0 / math.pi * ops.log(ops.tan(0.5 * math.pi * p))
        >>> distribution = HyperbolicSecant(loc=3.0, scale=1.0)
        >>> float(distribution.mean()), round(float(distribution.prob(3.0)), 4)
        (3.0, 0.5)
    """

    def _standard_survival_function(self, z: Tensor) -> Tensor:
        return self._standard_cdf(-z)

    def _standard_log_survival_function(self, z: Tensor) -> Tensor:
        return self._standard_log_cdf(-z)

    def _standard_upper_quantile(self, p: Tensor) -> Tensor:
        return -self._standard_quantile(p)

    def _mean(self) -> Tensor:
        return self._fill(self.loc)

    def _mode(self) -> Tensor:
        return self._fill(self.loc)


__all__ = ["LocationScale", "SymmetricLocationScale"]
