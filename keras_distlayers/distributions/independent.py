"""Independent: batch axes of a distribution taken as part of the event."""

import keras
from keras import ops

from keras_distlayers._core import shapes
from keras_distlayers._core.errors import message
from keras_distlayers._core.ops import prod
from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.distributions.kl import closed_form_kl, register_kl


@keras.saving.register_keras_serializable("keras_distlayers.distributions")
class Independent(Distribution):
    """Takes the last axes of a distribution's batch as part of the event.

    log p(x) is the sum of the distribution's own over those axes, in nats.

    Args:
        distribution: The `Distribution` of the entries.
        reinterpreted_batch_ndims: How many of its last batch axes belong to one event.

    Raises:
        ValueError: if the batch of `distribution` has fewer axes than that.

    Examples:
        >>> import keras_distlayers as kdl
        >>> distribution = kdl.distributions.Independent(kdl.distributions.Normal([[0.0, 0.0, 0.0]], 1.0), reinterpreted_batch_ndims=1)
        >>> distribution.batch_shape, distribution.event_shape
        ((1,), (3,))
    """

    component_names = ("distribution",)
    static_names = ("reinterpreted_batch_ndims",)

    def __init__(self, distribution, reinterpreted_batch_ndims):
        super().__init__(
            distribution=distribution, reinterpreted_batch_ndims=int(reinterpreted_batch_ndims)
        )
        base = self.distribution
        if not 0 <= reinterpreted_batch_ndims <= len(base.batch_shape):
            raise ValueError(
                message(
                    "Independent, argument `reinterpreted_batch_ndims`",
                    expected=f"0 to {len(base.batch_shape)}, the batch axes of {base!r}",
                    received=f"reinterpreted_batch_ndims={reinterpreted_batch_ndims}",
                )
            )

    @property
    def reparameterized(self):
        return self.distribution.reparameterized

    @property
    def support(self):
        return self.distribution.support

    @property
    def _event_dtype(self):
        return self.distribution._event_dtype

    def _extra_batch_ndims(self, component):
        return self.reinterpreted_batch_ndims

    @property
    def event_shape(self):
        base = self.distribution
        batch_ndims = len(base.batch_shape) - self.reinterpreted_batch_ndims
        return (*base.batch_shape, *base.event_shape)[batch_ndims:]

    def dynamic_event_shape(self):
        batch_ndims = len(self.distribution.batch_shape) - self.reinterpreted_batch_ndims
        return self.distribution.dynamic_shape()[batch_ndims:]

    def _sum(self, values):
        return shapes.sum_last(values, self.reinterpreted_batch_ndims)

    def _sample(self, sample_shape, seed):
        return self.distribution._sample(sample_shape, seed)

    def _log_prob(self, value):
        base, ndims = self.distribution, self.reinterpreted_batch_ndims
        if ndims < 2 or not _is_elementwise(base):
            return self._sum(base.log_prob(value))
        # One axis of 784 in place of 28, 28 and 1: the same numbers in the same order, which
        # XLA vectorizes, where it sums over several axes that end in a 1 slowly on a CPU.
        sizes = base.dynamic_shape()
        flat = base.map_tensors(lambda x: _merge_last(ops.broadcast_to(x, sizes), ndims))
        return ops.sum(flat.log_prob(_merge_last(value, ndims)), axis=-1)

    def _mean(self):
        return self.distribution.mean()

    def _mode(self):
        return self.distribution.mode()

    def _variance(self):
        return self.distribution.variance()

    def _stddev(self):
        return self.distribution.stddev()

    def _covariance(self):
        """The diagonal matrix of the variances, where the event is a vector of scalars."""
        if len(self.event_shape) != 1 or self.distribution.event_shape:
            return super()._covariance()
        variance = self.variance()
        return variance[..., None] * ops.eye(self.event_shape[0], dtype=self.dtype)

    def _entropy(self):
        return self._sum(self.distribution.entropy())

    def _cdf(self, value):
        """The joint cdf: the product over the entries."""
        axes = tuple(range(-self.reinterpreted_batch_ndims, 0))
        return prod(self.distribution.cdf(value), axis=axes)

    def _survival_function(self, value):
        if self.event_shape:
            raise self._unavailable("survival_function", "the event is not a scalar")
        return self.distribution.survival_function(value)

    def _quantile(self, p):
        if self.event_shape:
            raise self._unavailable("quantile", "the event is not a scalar")
        return self.distribution.quantile(p)


def _is_elementwise(distribution) -> bool:
    """Whether each parameter has one entry for each entry of the batch."""
    ndims = distribution.parameter_ndims.values()
    return bool(ndims) and not distribution.component_names and not any(ndims)


def _merge_last(x, ndims: int):
    """The last axes as one."""
    return ops.reshape(x, (*tuple(ops.shape(x))[:-ndims], -1))


@register_kl(Independent, Independent)
def _(a, b):
    """The sum of the entries' divergences."""
    divergence = closed_form_kl(a.distribution, b.distribution)
    if divergence is None:
        return None
    # The event shapes are equal, so what the two do not share is how they are split
    # between the base's batch and the base's event.
    if a.reinterpreted_batch_ndims != b.reinterpreted_batch_ndims:
        raise ValueError(
            message(
                "kl_divergence",
                expected="two Independent with equal reinterpreted_batch_ndims",
                received=f"{a.reinterpreted_batch_ndims} and {b.reinterpreted_batch_ndims}",
            )
        )
    return a._sum(divergence)


__all__ = ["Independent"]
