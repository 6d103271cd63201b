"""The mixture of distributions of one family."""

import dataclasses
import math
from typing import Any

import keras
from keras import ops

from keras_distlayers._core.batches import map_batch
from keras_distlayers._core.errors import message
from keras_distlayers._core.ops import broadcast_tensors, largest
from keras_distlayers._core.typing import DynamicShape, Seed, Shape, Tensor
from keras_distlayers.distributions._atoms import most_atoms, without_densities_at_masses
from keras_distlayers.distributions._cumulative import from_log_complement
from keras_distlayers.distributions._random import fold_in
from keras_distlayers.distributions._special import HALF_LOG_2PI, weighted
from keras_distlayers.distributions.categorical import Categorical
from keras_distlayers.distributions.crps import register_crps
from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.distributions.labels import most_likely_label
from keras_distlayers.distributions.normal import Normal
from keras_distlayers.distributions.path_log_prob import draw_with_score_log_prob
from keras_distlayers.distributions.support import Support
from keras_distlayers.distributions.tempered import register_tempered, tempered


@keras.saving.register_keras_serializable("keras_distlayers.distributions")
class MixtureSameFamily(Distribution):
    """A mixture of distributions of one family: a label is drawn, then an event of that component.

    log p(x) = log sum_k exp(log w_k + log p_k(x)), in nats. Draws carry no gradient: the
    label has none. (A KL term estimated from them has one, by the score function.)

    `sample_and_log_prob` takes the density of the component that a draw is of from that draw. It
    is within -log w_k of the truth where the others lose theirs to rounding. For components that
    are transformed by one bijector, transform the mixture, which loses nothing:
    `TransformedDistribution(mixture, Tanh())`.

    Args:
        mixture_distribution: A `Categorical` over K components.
        components_distribution: A `Distribution` whose last batch axis, of size K, is the axis of
            the components; the axes before it broadcast with the batch of the mixture.

    Raises:
        TypeError: if one of the two is not a distribution.
        ValueError: if the numbers of components differ, or if the batch axes do not broadcast.

    Examples:
        >>> import keras_distlayers as kdl
        >>> distribution = kdl.distributions.MixtureSameFamily(
        ...     kdl.distributions.Categorical(probs=[0.25, 0.75]),
        ...     kdl.distributions.Normal([-1.0, 1.0], 0.5),
        ... )
        >>> distribution.batch_shape, distribution.event_shape
        ((), ())
        >>> float(distribution.mean()), float(distribution.variance())
        (0.5, 1.0)

    Source: McLachlan and Peel, Finite Mixture Models, ch. 1.
    """

    component_names = ("mixture_distribution", "components_distribution")

    mixture_distribution: Categorical
    components_distribution: Distribution

    def __init__(
        self, mixture_distribution: Categorical, components_distribution: Distribution
    ) -> None:
        super().__init__(
            mixture_distribution=mixture_distribution,
            components_distribution=components_distribution,
        )
        _check_components(self.mixture_distribution, self.components_distribution)

    def _extra_batch_ndims(self, name: str) -> int:
        return int(name == "components_distribution")

    @property
    def keeps_preimage(self) -> bool:
        return self.components_distribution.keeps_preimage

    @property
    def support(self) -> Support:
        """The least interval around the supports of the components."""
        support = self.components_distribution.support
        lower, upper = -self._largest_bound(-support.lower), self._largest_bound(support.upper)
        return dataclasses.replace(support, lower=lower, upper=upper)

    def _largest_bound(self, bound: Any) -> Any:
        """Of the bounds of the components; one that all of them share has no axis for them."""
        axis = self._component_axis()
        return largest(bound, axis) if len(getattr(bound, "shape", ())) >= -axis else bound

    @property
    def event_dtype(self) -> str:
        return self.components_distribution.event_dtype

    @property
    def event_shape(self) -> Shape:
        return self.components_distribution.event_shape

    def dynamic_event_shape(self) -> DynamicShape:
        return self.components_distribution.dynamic_event_shape()

    def _component_axis(self) -> int:
        """The axis of the components in their values, counted from the end."""
        return -1 - len(self.event_shape)

    def _weights(self) -> Tensor:
        """The components' probabilities, with an axis for each of the event's."""
        return self._with_event_axes(self.mixture_distribution.probs_parameter())

    def _with_event_axes(self, x: Tensor) -> Tensor:
        return ops.reshape(x, (*tuple(ops.shape(x)), *(1,) * len(self.event_shape)))

    def _expanded(self) -> Distribution:
        """The components, for each entry of the batch."""
        batch, count = self.dynamic_batch_shape(), self.mixture_distribution.num_categories
        return self.components_distribution.expand((*batch, count))

    def _is_label(self, sample_shape: tuple[int, ...], seed: Seed) -> Tensor:
        """Whether a component is the one of a draw; the last axis is that of the components."""
        mixture = self.mixture_distribution.expand(self.dynamic_batch_shape())
        labels = mixture.sample(sample_shape, fold_in(seed, 1))
        return labels[..., None] == ops.arange(mixture.num_categories, dtype="int32")

    def _chosen(self, draws: Tensor, is_label: Tensor) -> Tensor:
        """Of the draws of all components, those of the labels."""
        chosen = ops.where(self._with_event_axes(is_label), draws, ops.zeros_like(draws))
        draw = ops.sum(chosen, axis=self._component_axis())
        return ops.stop_gradient(ops.cast(draw, self.event_dtype))

    def _sample(self, sample_shape: tuple[int, ...], seed: Seed) -> Tensor:
        draws = self._expanded().sample(sample_shape, seed)
        return self._chosen(draws, self._is_label(sample_shape, seed))

    def _sample_and_log_prob(
        self, sample_shape: tuple[int, ...], seed: Seed
    ) -> tuple[Tensor, Tensor]:
        """With the density of the component that was drawn from as its draw gives it."""
        if not self.keeps_preimage:
            return super()._sample_and_log_prob(sample_shape, seed)
        draws, own = draw_with_score_log_prob(self._expanded(), sample_shape, seed)
        is_label = self._is_label(sample_shape, seed)
        draw = self._chosen(draws, is_label)
        value = ops.expand_dims(draw, self._component_axis())
        others = self.components_distribution.log_prob(value)
        return draw, self._log_density(ops.where(is_label, own, others), value)

    def _log_prob(self, value: Tensor) -> Tensor:
        value = ops.expand_dims(value, self._component_axis())
        log_probs = self.components_distribution.log_prob(value)
        return self._log_density(log_probs, value)

    def _marginal_log_prob(self, value: Tensor, is_observed: Tensor) -> Tensor:
        value, is_observed = (
            ops.expand_dims(x, self._component_axis()) for x in (value, is_observed)
        )
        log_probs = self.components_distribution.marginal_log_prob(value, is_observed)
        return self._log_density(log_probs, ops.where(is_observed, value, float("nan")))

    def _log_density(self, log_probs: Tensor, value: Tensor) -> Tensor:
        num_atoms = self.components_distribution._num_atoms(value)
        probs = self.mixture_distribution.probs_parameter()
        log_probs = without_densities_at_masses(log_probs, num_atoms, probs)
        return self.mixture_distribution.log_expectation(log_probs)

    def _num_atoms(self, value: Tensor) -> Tensor | int:
        value = ops.expand_dims(value, self._component_axis())
        num_atoms = self.components_distribution._num_atoms(value)
        if isinstance(num_atoms, int):
            return num_atoms
        log_probs = self.components_distribution.log_prob(value)
        return most_atoms(log_probs, num_atoms, self.mixture_distribution.probs_parameter())

    def _marginals(self) -> "MixtureSameFamily":
        batch, event_ndims = self.dynamic_batch_shape(), len(self.event_shape)
        weights = self.mixture_distribution.expand(batch)[(..., *(None,) * event_ndims)]
        parts = self._expanded().marginals()
        # The axis of the components goes after those of the event's entries.
        last = len(batch) + event_ndims
        parts = map_batch(
            parts, parts.dynamic_batch_shape(), lambda x: ops.moveaxis(x, len(batch), last)
        )
        return MixtureSameFamily(weights, parts)

    def _average(self, statistic: Tensor) -> Tensor:
        """The weighted mean of a statistic of the components."""
        # A component of weight 0 may have an infinite variance, or no mean.
        terms = weighted(self._weights(), statistic)
        return self._fill(ops.sum(terms, axis=self._component_axis()))

    def _mean(self) -> Tensor:
        return self._average(self.components_distribution.mean())

    def _mode(self) -> Tensor:
        mode = most_likely_label(self)
        if mode is None:
            raise self._unavailable("mode", "only that of labels is known")
        return mode

    def _variance(self) -> Tensor:
        """The mean of the variances plus the variance of the means."""
        squares = ops.square(self._distances())
        return self._average(self.components_distribution.variance() + squares)

    def _covariance(self) -> Tensor:
        """The mean of the covariances plus the covariance of the means."""
        distance = self._distances()
        outer = distance[..., :, None] * distance[..., None, :]
        covariances = self.components_distribution.covariance() + outer
        total = ops.sum(weighted(self._weights()[..., None], covariances), axis=-3)
        return ops.broadcast_to(total, (*self.dynamic_shape(), self.event_shape[0]))

    def _distances(self) -> Tensor:
        """The means of the components less the mean."""
        means = self.components_distribution.mean()
        return means - ops.expand_dims(self._average(means), self._component_axis())

    def _cdf(self, value: Tensor) -> Tensor:
        return self._tail("cdf", value)

    def _survival_function(self, value: Tensor) -> Tensor:
        return self._tail("survival_function", value)

    def _log_cdf(self, value: Tensor) -> Tensor:
        names = ("log_cdf", "log_survival_function")
        return from_log_complement(*(self._log_tail(name, value) for name in names))

    def _log_survival_function(self, value: Tensor) -> Tensor:
        names = ("log_survival_function", "log_cdf")
        return from_log_complement(*(self._log_tail(name, value) for name in names))

    def _log_tail(self, name: str, value: Tensor) -> Tensor:
        if self.event_shape:
            raise self._unavailable(name, "the event is not a scalar")
        log_tails = getattr(self.components_distribution, name)(ops.expand_dims(value, -1))
        return self.mixture_distribution.log_expectation(log_tails)

    def _tail(self, name: str, value: Tensor) -> Tensor:
        if self.event_shape:
            raise self._unavailable(name, "the event is not a scalar")
        tails = getattr(self.components_distribution, name)(ops.expand_dims(value, -1))
        return ops.sum(self.mixture_distribution.probs_parameter() * tails, axis=-1)


def _check_components(mixture: Distribution, components: Distribution) -> None:
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


@register_crps(MixtureSameFamily)
def _(distribution: MixtureSameFamily, value: Tensor) -> Tensor | None:
    """Of normals: the mean of E|X_i - y| less half of the mean of E|X_i - X_j|.

    Source: Grimit et al., Quarterly Journal of the Royal Meteorological Society 132 (2006).
    """
    parts = distribution.components_distribution
    if type(parts) is not Normal:
        return None
    weights = distribution.mixture_distribution.probs_parameter()
    loc, scale = broadcast_tensors(parts.loc, parts.scale)
    to_value = _mean_size(value[..., None] - loc, scale)
    gaps = loc[..., :, None] - loc[..., None, :]
    squares = ops.square(scale)
    between = _mean_size(gaps, ops.sqrt(squares[..., :, None] + squares[..., None, :]))
    inner = ops.sum(weights[..., None, :] * between, axis=-1)
    return ops.sum(weights * (to_value - 0.5 * inner), axis=-1)


def _mean_size(loc: Tensor, scale: Tensor) -> Tensor:
    """E|X| of a normal."""
    z = loc / scale
    density = ops.exp(-0.5 * ops.square(z) - HALF_LOG_2PI)
    return loc * ops.erf(z / math.sqrt(2.0)) + 2.0 * scale * density


@register_tempered(MixtureSameFamily)
def _(distribution: MixtureSameFamily, temperature: Tensor) -> MixtureSameFamily:
    """The mixture of the components with that temperature."""
    components = tempered(distribution.components_distribution, temperature)
    return MixtureSameFamily(distribution.mixture_distribution, components)


__all__ = ["MixtureSameFamily"]
