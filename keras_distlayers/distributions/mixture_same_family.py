"""The mixture of distributions of one family."""

import keras
from keras import ops

from keras_distlayers._core.errors import message
from keras_distlayers.distributions._seeds import fold_in
from keras_distlayers.distributions.categorical import Categorical
from keras_distlayers.distributions.distribution import Distribution


@keras.saving.register_keras_serializable("keras_distlayers.distributions")
class MixtureSameFamily(Distribution):
    """A mixture of distributions of one family: a label is drawn, then an event of that component.

    log p(x) = log sum_k exp(log w_k + log p_k(x)), in nats. Draws carry no gradient: the
    label has none.

    Args:
        mixture_distribution: A `Categorical` over K components.
        components_distribution: A `Distribution` whose last batch axis, of size K, is that
            of the components; the axes in front broadcast with the batch of the mixture.

    Raises:
        ValueError: if the numbers of components differ.

    Examples:
        >>> import keras_distlayers as kdl
        >>> distribution = kdl.distributions.MixtureSameFamily(
        ...     kdl.distributions.Categorical(probs=[0.25, 0.75]), kdl.distributions.Normal([-1.0, 1.0], 0.5)
        ... )
        >>> distribution.batch_shape, distribution.event_shape, float(distribution.mean()), float(distribution.variance())
        ((), (), 0.5, 1.0)

    Source: McLachlan and Peel, Finite Mixture Models, ch. 1.
    """

    component_names = ("mixture_distribution", "components_distribution")

    def __init__(self, mixture_distribution, components_distribution):
        super().__init__(
            mixture_distribution=mixture_distribution,
            components_distribution=components_distribution,
        )
        _check_components(self.mixture_distribution, self.components_distribution)

    @property
    def support(self):
        return self.components_distribution.support

    @property
    def _event_dtype(self):
        return self.components_distribution._event_dtype

    def _extra_batch_ndims(self, component):
        return int(component == "components_distribution")

    @property
    def event_shape(self):
        return self.components_distribution.event_shape

    def dynamic_event_shape(self):
        return self.components_distribution.dynamic_event_shape()

    def _axis(self):
        """Where the components stand in a value of theirs, from the right."""
        return -1 - len(self.event_shape)

    def _log_weights(self):
        return self.mixture_distribution._log_probs()

    def _weights(self):
        """The components' probabilities, with an axis for each of the event's."""
        weights = self.mixture_distribution._probs()
        return ops.reshape(weights, (*tuple(ops.shape(weights)), *(1,) * len(self.event_shape)))

    def _sample(self, sample_shape, seed):
        first, second = seed, fold_in(seed, 1)
        batch = self.dynamic_batch_shape()
        count = self.mixture_distribution.num_categories
        draws = self.components_distribution.expand((*batch, count))._sample(sample_shape, first)
        labels = self.mixture_distribution.expand(batch)._sample(sample_shape, second)
        chosen = labels[..., None] == ops.arange(count, dtype="int32")
        chosen = ops.reshape(chosen, (*tuple(ops.shape(chosen)), *(1,) * len(self.event_shape)))
        draw = ops.sum(ops.where(chosen, draws, ops.zeros_like(draws)), axis=self._axis())
        return ops.stop_gradient(ops.cast(draw, self._event_dtype))

    def _log_prob(self, value):
        value = ops.expand_dims(value, self._axis())
        return ops.logsumexp(
            self._log_weights() + self.components_distribution.log_prob(value), axis=-1
        )

    def _average(self, statistic):
        """The components' statistic, weighted."""
        return ops.broadcast_to(
            ops.sum(self._weights() * statistic, axis=self._axis()), self.dynamic_shape()
        )

    def _mean(self):
        return self._average(self.components_distribution.mean())

    def _variance(self):
        """The mean of the variances, and the variance of the means."""
        means = self.components_distribution.mean()
        distance = means - ops.expand_dims(self._mean(), self._axis())
        return self._average(self.components_distribution.variance() + ops.square(distance))

    def _covariance(self):
        components = self.components_distribution
        distance = components.mean() - ops.expand_dims(self._mean(), self._axis())
        outer = distance[..., :, None] * distance[..., None, :]
        weights = self._weights()[..., None]
        total = ops.sum(weights * (components.covariance() + outer), axis=-3)
        return ops.broadcast_to(total, (*self.dynamic_shape(), self.event_shape[0]))

    def _mode(self):
        raise self._unavailable("mode")

    def _cdf(self, value):
        return self._of_tail("cdf", value)

    def _survival_function(self, value):
        return self._of_tail("survival_function", value)

    def _of_tail(self, name, value):
        if self.event_shape:
            raise self._unavailable(name, "the event is not a scalar")
        tail = getattr(self.components_distribution, name)(ops.expand_dims(value, -1))
        return ops.sum(self.mixture_distribution._probs() * tail, axis=-1)


def _check_components(mixture, components) -> None:
    expected = mixture.num_categories if isinstance(mixture, Categorical) else None
    received = components.batch_shape[-1] if components.batch_shape else None
    if expected is None or received != expected:
        raise ValueError(
            message(
                "MixtureSameFamily",
                expected="a Categorical over K components, and components whose last batch "
                "axis has size K",
                received=f"{mixture!r} and {components!r}",
            )
        )


__all__ = ["MixtureSameFamily"]
