"""The mixture of distributions of different families."""

from collections.abc import Sequence

import keras
from keras import ops

from keras_distlayers._core.errors import message
from keras_distlayers._core.ops import maximum, minimum
from keras_distlayers._core.typing import DynamicShape, Seed, Shape, Tensor
from keras_distlayers.distributions._atoms import (
    most_atoms,
    stacked,
    without_densities_at_masses,
)
from keras_distlayers.distributions._cumulative import from_log_complement
from keras_distlayers.distributions._random import fold_in
from keras_distlayers.distributions._special import weighted
from keras_distlayers.distributions.categorical import Categorical
from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.distributions.labels import most_likely_label
from keras_distlayers.distributions.path_log_prob import draw_with_score_log_prob
from keras_distlayers.distributions.support import Support
from keras_distlayers.distributions.tempered import register_tempered, tempered


@keras.saving.register_keras_serializable("keras_distlayers.distributions")
class Mixture(Distribution):
    """A mixture of distributions that may be of different families.

    log p(x) = log sum_k exp(log w_k + log p_k(x)), in nats. Where some of the p_k are masses at x
    and others densities, the sum is over the masses, and the result is one. Draws carry no
    gradient: the label has none. For components of one family,
    `MixtureSameFamily` does the same with one call for all; its note on `sample_and_log_prob`
    holds here too.

    Args:
        mixture_distribution: A `Categorical` over K components.
        components: A sequence of K distributions over events of one shape and dtype; their
            batches broadcast with that of `mixture_distribution`.

    Raises:
        TypeError: if one of them is not a distribution.
        ValueError: if the numbers of components or the events differ, or if the batch axes do not
            broadcast.

    Examples:
        >>> import keras_distlayers as kdl
        >>> distribution = kdl.distributions.Mixture(
        ...     kdl.distributions.Categorical(probs=[0.25, 0.75]),
        ...     [kdl.distributions.Normal(-1.0, 0.5), kdl.distributions.Laplace(1.0, 0.5)],
        ... )
        >>> float(distribution.mean()), round(float(distribution.cdf(0.0)), 4)
        (0.5, 0.2951)

    Source: McLachlan and Peel, Finite Mixture Models, ch. 1.
    """

    component_names = ("mixture_distribution", "components")

    mixture_distribution: Categorical
    components: tuple[Distribution, ...]

    def __init__(
        self, mixture_distribution: Categorical, components: Sequence[Distribution]
    ) -> None:
        super().__init__(mixture_distribution=mixture_distribution, components=tuple(components))
        _check(self.mixture_distribution, self.components)

    @property
    def support(self) -> Support:
        """The least interval around the supports of the components."""
        supports = [component.support for component in self.components]
        lower, upper = supports[0].lower, supports[0].upper
        for support in supports[1:]:
            lower, upper = _least(lower, support.lower), _largest(upper, support.upper)
        return Support(
            lower,
            upper,
            is_discrete=all(support.is_discrete for support in supports),
            relaxed=any(support.relaxed for support in supports),
            is_simplex=all(support.is_simplex for support in supports),
            has_atoms=any(support.has_atoms for support in supports),
            is_one_hot=all(support.is_one_hot for support in supports),
        )

    @property
    def has_atoms(self) -> bool:
        is_count = (part.support.is_discrete for part in self.components)
        has_any = any(part.has_atoms for part in self.components) or any(is_count)
        return has_any and not self.support.is_discrete

    @property
    def event_dtype(self) -> str:
        return self.components[0].event_dtype

    @property
    def event_shape(self) -> Shape:
        return self.components[0].event_shape

    def dynamic_event_shape(self) -> DynamicShape:
        return self.components[0].dynamic_event_shape()

    @property
    def keeps_preimage(self) -> bool:
        return any(part.keeps_preimage for part in self.components)

    def _expanded(self) -> list[Distribution]:
        """The components, each for the whole batch."""
        batch = self.dynamic_batch_shape()
        return [part.expand(batch) for part in self.components]

    def _of_each(self, method: str, *args: Tensor) -> list[Tensor]:
        """What a method of each component gives, of equal shapes."""
        return [getattr(part, method)(*args) for part in self._expanded()]

    def _labels(self, sample_shape: tuple[int, ...], seed: Seed) -> Tensor:
        mixture = self.mixture_distribution.expand(self.dynamic_batch_shape())
        return mixture.sample(sample_shape, seed)

    def _chosen(self, draws: list[Tensor], labels: Tensor) -> Tensor:
        """Of the draws of all components, those of the labels."""
        labels = self._with_event_axes(labels)
        draw = ops.zeros((), self.event_dtype)
        for k, draws_of_part in enumerate(draws):
            draw = ops.where(labels == k, draws_of_part, draw)
        return ops.stop_gradient(draw)

    def _sample(self, sample_shape: tuple[int, ...], seed: Seed) -> Tensor:
        parts = enumerate(self._expanded())
        draws = [part.sample(sample_shape, fold_in(seed, k + 1)) for k, part in parts]
        return self._chosen(draws, self._labels(sample_shape, seed))

    def _sample_and_log_prob(
        self, sample_shape: tuple[int, ...], seed: Seed
    ) -> tuple[Tensor, Tensor]:
        """With the density of the component that was drawn from as its draw gives it."""
        if not self.keeps_preimage:
            return super()._sample_and_log_prob(sample_shape, seed)
        drawn = [
            draw_with_score_log_prob(part, sample_shape, fold_in(seed, k + 1))
            for k, part in enumerate(self._expanded())
        ]
        labels = self._labels(sample_shape, seed)
        draw = self._chosen([draws for draws, _ in drawn], labels)
        others = self._of_each("log_prob", draw)
        logs = [
            ops.where(labels == k, own, other)
            for k, ((_, own), other) in enumerate(zip(drawn, others, strict=True))
        ]
        return draw, self._log_density(logs, draw)

    def _with_event_axes(self, x: Tensor) -> Tensor:
        return ops.reshape(x, (*tuple(ops.shape(x)), *(1,) * len(self.event_shape)))

    def _log_prob(self, value: Tensor) -> Tensor:
        return self._log_density(self._of_each("log_prob", value), value)

    def _marginal_log_prob(self, value: Tensor, is_observed: Tensor) -> Tensor:
        logs = self._of_each("marginal_log_prob", value, is_observed)
        return self._log_density(logs, ops.where(is_observed, value, float("nan")))

    def _log_density(self, logs: list[Tensor], value: Tensor) -> Tensor:
        log_probs = ops.stack(logs, axis=-1)
        num_atoms = stacked(self._of_each("_num_atoms", value), log_probs)
        probs = self.mixture_distribution.probs_parameter()
        log_probs = without_densities_at_masses(log_probs, num_atoms, probs)
        return self.mixture_distribution.log_expectation(log_probs)

    def _num_atoms(self, value: Tensor) -> Tensor | int:
        log_probs = ops.stack(self._of_each("log_prob", value), axis=-1)
        num_atoms = stacked(self._of_each("_num_atoms", value), log_probs)
        if isinstance(num_atoms, int):
            return num_atoms
        probs = self.mixture_distribution.probs_parameter()
        return most_atoms(log_probs, num_atoms, probs)

    def _marginals(self) -> "Mixture":
        batch = self.dynamic_batch_shape()
        key = (..., *(None,) * len(self.event_shape))
        parts = [part.expand(batch).marginals() for part in self.components]
        return Mixture(self.mixture_distribution.expand(batch)[key], parts)

    def _log_average(self, logs: list[Tensor]) -> Tensor:
        """The logarithm of the weighted mean of what the components have the logarithms of."""
        return self.mixture_distribution.log_expectation(ops.stack(logs, axis=-1))

    def _average(self, statistics: list[Tensor], with_event: bool = True) -> Tensor:
        """The weighted mean of a statistic of the components."""
        probs = self.mixture_distribution.probs_parameter()
        weights = [probs[..., k] for k in range(len(statistics))]
        if with_event:
            weights = [self._with_event_axes(weight) for weight in weights]
        return sum(weighted(w, x) for w, x in zip(weights, statistics, strict=True))

    def _mean(self) -> Tensor:
        return self._fill(self._average(self._of_each("mean")))

    def _mode(self) -> Tensor:
        mode = most_likely_label(self)
        if mode is None:
            raise self._unavailable("mode", "only that of labels is known")
        return mode

    def _variance(self) -> Tensor:
        """The mean of the variances plus the variance of the means."""
        means = self._of_each("mean")
        mean = self._average(means)
        parts = zip(self._of_each("variance"), means, strict=True)
        return self._fill(self._average([v + ops.square(m - mean) for v, m in parts]))

    def _cdf(self, value: Tensor) -> Tensor:
        self._check_scalar("cdf")
        return self._average(self._of_each("cdf", value), with_event=False)

    def _survival_function(self, value: Tensor) -> Tensor:
        self._check_scalar("survival_function")
        return self._average(self._of_each("survival_function", value), with_event=False)

    def _log_cdf(self, value: Tensor) -> Tensor:
        return from_log_complement(*self._log_tails(value))

    def _log_survival_function(self, value: Tensor) -> Tensor:
        return from_log_complement(*reversed(self._log_tails(value)))

    def _log_tails(self, value: Tensor) -> tuple[Tensor, Tensor]:
        """The logarithms of the probabilities at or below a value, and above it."""
        self._check_scalar("log_cdf")
        below, above = (
            self._log_average(self._of_each(name, value))
            for name in ("log_cdf", "log_survival_function")
        )
        return below, above

    def _check_scalar(self, method: str) -> None:
        if self.event_shape:
            raise self._unavailable(method, "the event is not a scalar")


def _least(a: Tensor, b: Tensor) -> Tensor:
    return min(a, b) if _are_numbers(a, b) else minimum(a, b)


def _largest(a: Tensor, b: Tensor) -> Tensor:
    return max(a, b) if _are_numbers(a, b) else maximum(a, b)


def _are_numbers(a: Tensor, b: Tensor) -> bool:
    return isinstance(a, int | float) and isinstance(b, int | float)


def _check(mixture: Distribution, components: Sequence[Distribution]) -> None:
    expected = mixture.num_categories if isinstance(mixture, Categorical) else None
    if expected is None or len(components) != expected:
        raise ValueError(
            message(
                "Mixture",
                expected="a Categorical over K components, and a sequence of K distributions",
                received=f"{mixture!r} and {len(components)} components",
            )
        )
    events = {(component.event_shape, component.event_dtype) for component in components}
    if len(events) > 1:
        raise ValueError(
            message(
                "Mixture, argument `components`",
                expected="distributions over events of one shape and dtype",
                received=f"event_shape and dtype of {sorted(events)}",
            )
        )


@register_tempered(Mixture)
def _(distribution: Mixture, temperature: Tensor) -> Mixture:
    """The mixture of the components with that temperature."""
    components = [tempered(component, temperature) for component in distribution.components]
    return Mixture(distribution.mixture_distribution, components)


__all__ = ["Mixture"]
