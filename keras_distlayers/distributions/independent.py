"""Independent: batch axes of a distribution taken as part of the event."""

import keras
from keras import ops

from keras_distlayers._core import shapes
from keras_distlayers._core.errors import message
from keras_distlayers._core.ops import prod
from keras_distlayers._core.typing import DynamicShape, Seed, Shape, Tensor
from keras_distlayers.distributions.crps import closed_form_crps, register_crps
from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.distributions.kl import closed_form_kl, register_kl
from keras_distlayers.distributions.path_log_prob import draw_with_path
from keras_distlayers.distributions.support import Support, num_entries
from keras_distlayers.distributions.tempered import register_tempered, tempered


@keras.saving.register_keras_serializable("keras_distlayers.distributions")
class Independent(Distribution):
    """Takes the last axes of a distribution's batch as part of the event.

    log p(x) is the sum of the distribution's own over those axes, in nats.

    Args:
        distribution: The `Distribution` of the entries, or a `RandomVariable`.
        reinterpreted_batch_ndims: How many of its last batch axes belong to one event; by default
            all but the first, as in TensorFlow Probability.

    Raises:
        TypeError: if `distribution` is not a distribution.
        ValueError: if the batch of `distribution` has fewer axes than that.

    Examples:
        >>> import keras_distlayers as kdl
        >>> entries = kdl.distributions.Normal([[0.0, 0.0, 0.0]], 1.0)
        >>> distribution = kdl.distributions.Independent(entries, reinterpreted_batch_ndims=1)
        >>> distribution.batch_shape, distribution.event_shape
        ((1,), (3,))

    Source: the idea and the names are those of `tfp.distributions.Independent`.
    """

    component_names = ("distribution",)
    static_names = ("reinterpreted_batch_ndims",)

    distribution: Distribution
    reinterpreted_batch_ndims: int

    def __init__(
        self, distribution: Distribution, reinterpreted_batch_ndims: int | None = None
    ) -> None:
        if reinterpreted_batch_ndims is None:
            batch_shape = getattr(distribution, "batch_shape", ())
            reinterpreted_batch_ndims = max(0, len(batch_shape) - 1)
        ndims = shapes.as_int(reinterpreted_batch_ndims)
        super().__init__(
            distribution=distribution, reinterpreted_batch_ndims=-1 if ndims is None else ndims
        )
        base = self.distribution
        if not 0 <= self.reinterpreted_batch_ndims <= len(base.batch_shape):
            raise ValueError(
                message(
                    "Independent, argument `reinterpreted_batch_ndims`",
                    expected=f"0 to {len(base.batch_shape)}, the batch axes of {base!r}",
                    received=f"reinterpreted_batch_ndims={reinterpreted_batch_ndims!r}",
                )
            )

    def _extra_batch_ndims(self, name: str) -> int:
        return self.reinterpreted_batch_ndims

    @property
    def reparameterized(self) -> bool:
        return self.distribution.reparameterized

    @property
    def keeps_preimage(self) -> bool:
        return self.distribution.keeps_preimage

    @property
    def support(self) -> Support:
        return self.distribution.support

    @property
    def has_atoms(self) -> bool:
        return self.distribution.has_atoms

    def _num_atoms(self, value: Tensor) -> Tensor | int:
        of_each = self.distribution._num_atoms(value)
        if isinstance(of_each, int):
            return num_entries(self.event_shape) if of_each else 0
        return self._sum_over_event(of_each)

    @property
    def event_dtype(self) -> str:
        return self.distribution.event_dtype

    @property
    def event_shape(self) -> Shape:
        base = self.distribution
        return (*base.batch_shape, *base.event_shape)[self._batch_ndims() :]

    def dynamic_event_shape(self) -> DynamicShape:
        return self.distribution.dynamic_shape()[self._batch_ndims() :]

    def _batch_ndims(self) -> int:
        return len(self.distribution.batch_shape) - self.reinterpreted_batch_ndims

    def _sum_over_event(self, values: Tensor) -> Tensor:
        """The sum over the entries of an event, of one value for each entry."""
        return shapes.sum_last(values, self.reinterpreted_batch_ndims)

    def _sample(self, sample_shape: tuple[int, ...], seed: Seed) -> Tensor:
        return self.distribution.sample(sample_shape, seed)

    def _sample_and_log_prob(
        self, sample_shape: tuple[int, ...], seed: Seed
    ) -> tuple[Tensor, Tensor]:
        draw, log_prob = self.distribution.sample_and_log_prob(sample_shape, seed)
        return draw, self._sum_over_event(log_prob)

    def _log_prob(self, value: Tensor) -> Tensor:
        base, ndims = self.distribution, self.reinterpreted_batch_ndims
        if ndims < 2 or not _is_elementwise(base):
            return self._sum_over_event(base.log_prob(value))
        # One axis of 784 in place of 28, 28 and 1: the same numbers in the same order, which
        # XLA vectorizes, where it sums over several axes that end in a 1 slowly on a CPU.
        shape = base.dynamic_shape()
        flat = base.map_tensors(lambda x: _merge_last(ops.broadcast_to(x, shape), ndims))
        return ops.sum(flat.log_prob(_merge_last(value, ndims)), axis=-1)

    def _marginal_log_prob(self, value: Tensor, is_observed: Tensor) -> Tensor:
        return self._sum_over_event(self.distribution.marginal_log_prob(value, is_observed))

    def _marginals(self) -> Distribution:
        return self.distribution.marginals()

    def _mean(self) -> Tensor:
        return self.distribution.mean()

    def _mode(self) -> Tensor:
        return self.distribution.mode()

    def _variance(self) -> Tensor:
        return self.distribution.variance()

    def _stddev(self) -> Tensor:
        return self.distribution.stddev()

    def _covariance(self) -> Tensor:
        """The diagonal matrix of the variances, where the event is a vector of scalars."""
        if len(self.event_shape) != 1 or self.distribution.event_shape:
            return super()._covariance()
        variance = self.variance()
        return variance[..., None] * ops.eye(self.event_shape[0], dtype=self.dtype)

    def _entropy(self) -> Tensor:
        return self._sum_over_event(self.distribution.entropy())

    def _cdf(self, value: Tensor) -> Tensor:
        """The joint cdf: the product over the entries."""
        axes = tuple(range(-self.reinterpreted_batch_ndims, 0))
        return prod(self.distribution.cdf(value), axis=axes)

    def _log_cdf(self, value: Tensor) -> Tensor:
        return self._sum_over_event(self.distribution.log_cdf(value))

    def _survival_function(self, value: Tensor) -> Tensor:
        if self.event_shape:
            raise self._unavailable("survival_function", "the event is not a scalar")
        return self.distribution.survival_function(value)

    def _log_survival_function(self, value: Tensor) -> Tensor:
        if self.event_shape:
            raise self._unavailable("log_survival_function", "the event is not a scalar")
        return self.distribution.log_survival_function(value)

    def _quantile(self, p: Tensor) -> Tensor:
        if self.event_shape:
            raise self._unavailable("quantile", "the event is not a scalar")
        return self.distribution._quantile(p)

    def _upper_quantile(self, p: Tensor) -> Tensor:
        if self.event_shape:
            raise self._unavailable("quantile", "the event is not a scalar")
        return self.distribution._upper_quantile(p)


def _is_elementwise(distribution: Distribution) -> bool:
    """Whether each parameter has one entry for each entry of the batch."""
    ndims = distribution.parameter_ndims.values()
    return bool(ndims) and not distribution.component_names and not any(ndims)


def _merge_last(x: Tensor, ndims: int) -> Tensor:
    """The last axes as one."""
    shape = tuple(ops.shape(x))
    # The size is multiplied out: where the batch is empty, it does not follow from the rest.
    return ops.reshape(x, (*shape[:-ndims], shapes.size(shape[-ndims:])))


@register_kl(Independent, Independent)
def _(a: Independent, b: Independent) -> Tensor | None:
    """The sum of the divergences of the entries."""
    divergence = closed_form_kl(a.distribution, b.distribution)
    if divergence is None:
        return None
    # The event shapes are equal, so what may differ is how they are split between the base's
    # batch and the base's event.
    if a.reinterpreted_batch_ndims != b.reinterpreted_batch_ndims:
        raise ValueError(
            message(
                "kl_divergence",
                expected="two Independent with equal reinterpreted_batch_ndims",
                received=f"{a.reinterpreted_batch_ndims} and {b.reinterpreted_batch_ndims}",
            )
        )
    return a._sum_over_event(divergence)


@register_crps(Independent)
def _(distribution: Independent, value: Tensor) -> Tensor | None:
    """That of the entries themselves, where an event is a single one."""
    return closed_form_crps(distribution.distribution, value)


@register_kl(Independent, Distribution)
def _(a: Independent, b: Distribution) -> Tensor | None:
    """That of the distribution inside, where no axis is taken."""
    return None if a.reinterpreted_batch_ndims else closed_form_kl(a.distribution, b)


@register_kl(Distribution, Independent)
def _(a: Distribution, b: Independent) -> Tensor | None:
    """Likewise."""
    return None if b.reinterpreted_batch_ndims else closed_form_kl(a, b.distribution)


@draw_with_path.register
def _(
    distribution: Independent, sample_shape: tuple[int, ...], seed: Seed
) -> tuple[Tensor, Tensor, Tensor]:
    """Those of the entries, of which each has a path of its own."""
    draws, *logs = draw_with_path(distribution.distribution, sample_shape, seed)
    log_prob, path = map(distribution._sum_over_event, logs)
    return draws, log_prob, path


@register_tempered(Independent)
def _(distribution: Independent, temperature: Tensor) -> Independent:
    """That of the entries."""
    entries = tempered(distribution.distribution, temperature)
    return Independent(entries, distribution.reinterpreted_batch_ndims)


__all__ = ["Independent"]
