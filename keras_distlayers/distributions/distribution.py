"""The base class: shapes, broadcasting, checks, pytrees and configs of every family."""

import abc
import copy
from collections.abc import Mapping
from typing import Any, ClassVar, Self

from keras import ops

from keras_distlayers._core import shapes
from keras_distlayers._core.parameterized import Parameterized
from keras_distlayers._core.typing import DynamicShape, Seed, Shape, Tensor
from keras_distlayers.distributions._cumulative import Cumulative
from keras_distlayers.distributions._labels import as_event_number
from keras_distlayers.distributions._marginals import Marginals
from keras_distlayers.distributions._special import safe_sqrt
from keras_distlayers.distributions.kl import kl_divergence
from keras_distlayers.distributions.support import REAL, Support


class Distribution(Cumulative, Marginals, Parameterized, abc.ABC):
    """A probability distribution over events, one for each entry of a batch.

    Three shapes describe it, as in TensorFlow Probability: a draw has shape
    `sample_shape + batch_shape + event_shape`, and `log_prob` sums over the event, so that
    its result has shape `sample_shape + batch_shape`. All logarithms are natural: entropies,
    divergences and log probabilities are in nats.

    A family of your own names its parameters and writes the hooks `_log_prob(value)`,
    `_sample(sample_shape, seed)`, and those of `_mean()`, `_mode()`, `_variance()`,
    `_covariance()`, `_entropy()`, `_cdf(value)`, `_survival_function(value)`, `_log_cdf(value)`,
    `_log_survival_function(value)`, `_quantile(p)` and, for vectors,
    `_marginal_log_prob(value, is_observed)` that it has in closed form. Where it is a standard
    distribution, moved and scaled, it derives from `LocationScale`.

    Args:
        **arguments: The arguments of the family's constructor, by name: those that
            `parameter_ndims`, `component_names` and `static_names` declare.

    Raises:
        ValueError: if a parameter has too few axes, or if the batch axes do not broadcast.
        TypeError: if a component is not a distribution.

    Examples:
        >>> import keras_distlayers as kdl
        >>> from keras import ops, random
        >>> class Rayleigh(kdl.distributions.Distribution):
        ...     parameter_ndims = {"scale": 0}
        ...     reparameterized = True
        ...     def __init__(self, scale):
        ...         super().__init__(scale=scale)
        ...     def _log_prob(self, value):
        ...         z = value / self.scale
        ...         return ops.log(z) - 0.5 * z**2 - ops.log(self.scale)
        ...     def _sample(self, sample_shape, seed):
        ...         shape = (*sample_shape, *self.dynamic_shape())
        ...         uniform = random.uniform(shape, dtype=self.dtype, seed=seed)
        ...         return self.scale * ops.sqrt(-2.0 * ops.log1p(-uniform))
        ...     def _mean(self):
        ...         return 1.2533141 * self.scale
        >>> distribution = Rayleigh([1.0, 2.0])
        >>> distribution.batch_shape, distribution.event_shape
        ((2,), ())
        >>> tuple(distribution.sample(5, seed=0).shape)
        (5, 2)

    Attributes:
        parameter_ndims: For each parameter that is a tensor, how many of its trailing axes
            belong to one event; the axes before them are the batch.
        component_names: The arguments of the constructor that are distributions or bijectors.
        static_names: The other arguments of the constructor; they must be hashable.
        bound_names: The parameters that bound the support; a draw has no gradient by them.
        closed_ranges: For each parameter that may be at an end of its range, as a probability of
            0, the two ends; infinite where there is none.
        dtype: The dtype of the parameters: float32, or float64 where one of them has it.
        default_seed: The seed of `sample()` without one; see `seeded_by`.
    """

    bound_names: ClassVar[tuple[str, ...]] = ()
    closed_ranges: ClassVar[Mapping[str, tuple[float, float]]] = {}
    default_seed: Seed = None

    @property
    def reparameterized(self) -> bool:
        """Whether gradients flow through a draw to the parameters."""
        return False

    @property
    def keeps_preimage(self) -> bool:
        """Whether a draw is a bijector's value, so that `sample_and_log_prob` needs no inverse."""
        return False

    # ---------------------------------------------------------------- shapes

    @property
    def event_shape(self) -> Shape:
        """The shape of one event; () for a scalar."""
        return ()

    @property
    def support(self) -> Support:
        """Where the distribution has its mass: a set that each entry of an event lies in."""
        return REAL

    @property
    def has_atoms(self) -> bool:
        """Whether single values at the ends of the support have a mass, not a density."""
        return self.support.has_atoms

    def _num_atoms(self, value: Tensor) -> Tensor | int:
        """How many entries of each event are where there is a mass, not a density."""
        return self.support.num_atoms(value, self.event_shape)

    @property
    def event_dtype(self) -> str:
        """The dtype of an event: draws have it, and values are converted to it."""
        return self.dtype

    def dynamic_event_shape(self) -> DynamicShape:
        """`event_shape` while a graph runs: ints, or scalar tensors on TensorFlow."""
        return self.event_shape

    def dynamic_shape(self) -> DynamicShape:
        """`batch_shape + event_shape` while a graph runs."""
        return (*self.dynamic_batch_shape(), *self.dynamic_event_shape())

    # ---------------------------------------------------------------- draws and densities

    def sample(self, sample_shape: int | tuple[int, ...] = (), seed: Seed = None) -> Tensor:
        """Draws events.

        Args:
            sample_shape: An int or a tuple: how many draws of the whole batch.
            seed: An int (the same draw each time), a `keras.random.SeedGenerator`, or None:
                the generator of the head that made this distribution, else Keras's own.

        Returns:
            Tensor of shape `sample_shape + batch_shape + event_shape`.

        Raises:
            ValueError: if a size is not an integer, or is negative.
        """
        seed = self.default_seed if seed is None else seed
        where = f"{type(self).__name__}.sample"
        return self._sample(shapes.as_sample_shape(where, sample_shape), seed)

    def sample_and_log_prob(
        self, sample_shape: int | tuple[int, ...] = (), seed: Seed = None
    ) -> tuple[Tensor, Tensor]:
        """Draws events, with the log density of each.

        Where the distribution is transformed, a normal of vectors with a square scale, or a
        mixture of such, the log density is that before the draw has rounded, as to a bound, where
        `log_prob` is -inf. It needs no inverse. Arguments and draws as for `sample`.

        Returns:
            The draws, of shape `sample_shape + batch_shape + event_shape`, and their log density
            or log mass in nats, of shape `sample_shape + batch_shape`.
        """
        seed = self.default_seed if seed is None else seed
        where = f"{type(self).__name__}.sample_and_log_prob"
        return self._sample_and_log_prob(shapes.as_sample_shape(where, sample_shape), seed)

    def log_prob(self, value: Tensor) -> Tensor:
        """The log density, or log mass, at `value`, in nats.

        Args:
            value: Tensor whose trailing axes are exactly `event_shape`; its leading axes
                broadcast with `batch_shape`.

        Returns:
            Tensor of the broadcast shape without the event.

        Raises:
            ValueError: if the trailing axes of `value` are not `event_shape`, or if the leading
                ones do not broadcast with `batch_shape`.
        """
        return self._log_prob(self._as_event(value, "log_prob"))

    def prob(self, value: Tensor) -> Tensor:
        """The density, or mass, at `value`: `exp(log_prob(value))`."""
        return ops.exp(self.log_prob(value))

    def _as_event(self, value: Tensor, method: str) -> Tensor:
        """The value as a tensor, or an error."""
        value = as_event_number(value, self.event_dtype, has_mass="log_prob" in method)
        shape, batch_shape, event_shape = value.shape, self.batch_shape, self.event_shape
        if tuple(shape) != (*batch_shape, *event_shape):  # rare: no text is made up for it before
            where = f"{type(self).__name__}.{method}, argument `value`"
            shapes.check_value(where, tuple(shape), batch_shape, event_shape)
        return value

    # ---------------------------------------------------------------- statistics

    def mean(self) -> Tensor:
        """The mean, of shape `batch_shape + event_shape`."""
        return self._mean()

    def mode(self) -> Tensor:
        """A value of highest density, of shape `batch_shape + event_shape`."""
        return self._mode()

    def variance(self) -> Tensor:
        """The variance of each entry of the event, of shape `batch_shape + event_shape`."""
        return self._variance()

    def stddev(self) -> Tensor:
        """The standard deviation of each entry of the event."""
        return self._stddev()

    def covariance(self) -> Tensor:
        """The covariance of a vector event, of shape `batch_shape + event_shape * 2`."""
        return self._covariance()

    def entropy(self) -> Tensor:
        """The entropy in nats, of shape `batch_shape`."""
        return self._entropy()

    def kl_divergence(self, other: "Distribution") -> Tensor:
        """KL(self || other) in nats, of the broadcast `batch_shape`, in closed form.

        Args:
            other: A distribution over the same events, or a RandomVariable.

        Raises:
            NotImplementedError: if no closed form is registered for the two families.
            ValueError: if the event shapes differ.
        """
        return kl_divergence(self, other)

    def cross_entropy(self, other: "Distribution") -> Tensor:
        """-E[log other(x)] for x from self, in nats: the entropy plus the KL divergence."""
        return self.entropy() + self.kl_divergence(other)

    def _fill(self, statistic: Tensor) -> Tensor:
        """A statistic of the parameters, broadcast to `batch_shape + event_shape`."""
        return ops.broadcast_to(statistic, self.dynamic_shape())

    # ---------------------------------------------------------------- hooks of a family

    @abc.abstractmethod
    def _sample(self, sample_shape: tuple[int, ...], seed: Seed) -> Tensor:
        """Draws of shape `(*sample_shape, *self.dynamic_shape())`."""

    @abc.abstractmethod
    def _log_prob(self, value: Tensor) -> Tensor:
        """The log density of a value whose shape has been checked."""

    def _sample_and_log_prob(
        self, sample_shape: tuple[int, ...], seed: Seed
    ) -> tuple[Tensor, Tensor]:
        draw = self._sample(sample_shape, seed)
        return draw, self._log_prob(draw)

    def _mean(self) -> Tensor:
        raise self._unavailable("mean")

    def _mode(self) -> Tensor:
        raise self._unavailable("mode")

    def _variance(self) -> Tensor:
        raise self._unavailable("variance")

    def _stddev(self) -> Tensor:
        return safe_sqrt(self._variance())

    def _covariance(self) -> Tensor:
        is_vector = len(self.event_shape) == 1
        reason = "it has no closed form" if is_vector else "a covariance is that of a vector event"
        raise self._unavailable("covariance", reason)

    def _entropy(self) -> Tensor:
        raise self._unavailable("entropy")

    def _unavailable(
        self, statistic: str, reason: str = "it has no closed form"
    ) -> NotImplementedError:
        """The error of a statistic that this family does not have."""
        return NotImplementedError(f"{type(self).__name__}.{statistic}: {reason}.")

    # ---------------------------------------------------------------- copies

    def seeded_by(self, seed: Seed) -> Self:
        """A copy whose `sample()` without a seed draws from `seed`.

        A head hands in its generator: inside a jitted step a draw needs one.
        """
        copied = copy.copy(self)
        copied.default_seed = seed
        return copied

    def __getstate__(self) -> dict[str, Any]:
        """For pickle and `copy.deepcopy`: without the generator of a head, which stays there."""
        return {name: value for name, value in vars(self).items() if name != "default_seed"}

    def predictive(self) -> "Distribution":
        """What `predict_distribution` gives: this, but for a bound (`layers.VariationalBound`)."""
        return self

    def unwrapped(self) -> "Distribution":
        """The distribution itself, without the tensor that a RandomVariable adds to it."""
        return self

    @property
    def family_name(self) -> str:
        """The name of the family, with the names of its components in brackets."""
        inner = ", ".join(
            part.family_name if isinstance(part, Distribution) else type(part).__name__
            for part, _ in self._components()
        )
        return f"{type(self).__name__}({inner})" if inner else type(self).__name__

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(batch_shape={self.batch_shape}, "
            f"event_shape={self.event_shape}, dtype={self.dtype})"
        )


__all__ = ["Distribution"]
