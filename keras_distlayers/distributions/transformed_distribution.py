"""The distribution of a bijector's value where its argument is random."""

import math
from collections.abc import Callable

import keras
from keras import ops

from keras_distlayers._core import shapes
from keras_distlayers._core.sameness import is_same
from keras_distlayers._core.typing import DynamicShape, Seed, Shape, Tensor
from keras_distlayers.bijectors.bijector import Bijector, checked_bijector
from keras_distlayers.distributions._special import keep_nan
from keras_distlayers.distributions._transform_checks import check_base, check_event
from keras_distlayers.distributions.crps import closed_form_crps, register_crps
from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.distributions.kl import closed_form_kl, register_kl
from keras_distlayers.distributions.support import REAL, Support
from keras_distlayers.distributions.tempered import register_tempered, tempered


@keras.saving.register_keras_serializable("keras_distlayers.distributions")
class TransformedDistribution(Distribution):
    """The distribution of y = f(x) for x from a distribution and a bijector f.

    log p(y) = log p_x(f^-1(y)) + log |det df^-1/dy|, in nats.

    Where x is a scalar and f increases or decreases, there are a cdf and a quantile. An affine f
    has the mean, the mode and the entropy as well, as far as the distribution of x has them.

    Args:
        distribution: The distribution of x; a `RandomVariable` stands for its distribution.
        bijector: f. A bijector of vectors needs a distribution of vectors: wrap scalars in
            `Independent`. The batch axes of its parameters broadcast with the distribution's;
            those of a bijector of scalars come before the axes of an event.

    Raises:
        TypeError: if `distribution` is not a distribution, or `bijector` is not a bijector.
        ValueError: if the events of `distribution` have fewer axes than the bijector takes, or
            are of another size, or x is discrete or has a mass at a bound.

    Examples:
        >>> import keras_distlayers as kdl
        >>> normal = kdl.distributions.Normal(0.0, 1.0)
        >>> log_normal = kdl.distributions.TransformedDistribution(normal, kdl.bijectors.Exp())
        >>> round(float(log_normal.log_prob(2.0)), 4), float(log_normal.quantile(0.5))
        (-1.8523, 1.0)
        >>> log_normal.support
        the real numbers from 0.0

    Source: Papamakarios et al., Normalizing Flows for Probabilistic Modeling and Inference,
    Journal of Machine Learning Research 22 (2021), section 2.1.
    """

    component_names = ("distribution", "bijector")

    distribution: Distribution
    bijector: Bijector

    def __init__(self, distribution: Distribution, bijector: Bijector) -> None:
        checked_bijector("TransformedDistribution, argument `bijector`", bijector)
        super().__init__(distribution=distribution, bijector=bijector)
        check_base(self.distribution, bijector)
        check_event(self.distribution, bijector)

    def _extra_batch_ndims(self, name: str) -> int:
        return self._scalar_ndims() if name == "bijector" else 0

    def _scalar_ndims(self) -> int:
        """The number of axes of an event that the bijector does not take together."""
        return len(self.event_shape) - self.bijector.event_ndims

    @property
    def reparameterized(self) -> bool:
        return self.distribution.reparameterized

    @property
    def keeps_preimage(self) -> bool:
        return True

    @property
    def event_shape(self) -> Shape:
        return self.distribution.event_shape

    def dynamic_event_shape(self) -> DynamicShape:
        return self.distribution.dynamic_event_shape()

    @property
    def support(self) -> Support:
        """The interval of f's values; an interval around them where f mixes entries."""
        base = self.distribution.support
        return _interval(*self.bijector.image(base.lower, base.upper))

    # ---------------------------------------------------------------- draws and densities

    @property
    def base(self) -> Distribution:
        """The distribution of x, with the whole batch."""
        if self.batch_shape == self.distribution.batch_shape:
            return self.distribution
        return self.distribution.expand(self.dynamic_batch_shape())

    def _sample(self, sample_shape: tuple[int, ...], seed: Seed) -> Tensor:
        # The whole batch of x, so that each entry has its own draws.
        return self.bijector.forward(self.base.sample(sample_shape, seed))

    def _sample_and_log_prob(
        self, sample_shape: tuple[int, ...], seed: Seed
    ) -> tuple[Tensor, Tensor]:
        return self.value_and_log_prob(*self.base.sample_and_log_prob(sample_shape, seed))

    def value_and_log_prob(self, x: Tensor, log_prob: Tensor) -> tuple[Tensor, Tensor]:
        """f(x), and the log density there, from the log density of `base` at x."""
        y, log_det = self.bijector.forward_and_log_det(x)
        return y, log_prob - shapes.sum_last(log_det, self._scalar_ndims())

    def _log_prob(self, value: Tensor) -> Tensor:
        if self.bijector.covers_reals:
            return self._change_of_variables(value)
        has_preimage = self._has_preimage(value)
        # Both branches of `where` must be finite for its gradient to be.
        safe = ops.where(has_preimage, value, self._some_value(value))
        axes = tuple(range(-len(self.event_shape), 0))
        has_density = ops.all(has_preimage, axis=axes) if axes else has_preimage
        log_prob = ops.where(has_density, self._change_of_variables(safe), -math.inf)
        return keep_nan(value, log_prob, len(self.event_shape))

    def _change_of_variables(self, value: Tensor) -> Tensor:
        x, log_det = self.bijector.inverse_and_log_det(value)
        return self.distribution.log_prob(x) + shapes.sum_last(log_det, self._scalar_ndims())

    def _marginal_log_prob(self, value: Tensor, is_observed: Tensor) -> Tensor:
        """For a bijector of scalars, under which the marginals are those of x."""
        if self.bijector.event_ndims or not self.event_shape:
            return super()._marginal_log_prob(value, is_observed)
        has_preimage = self._has_preimage(value)
        is_used = ops.logical_and(is_observed, has_preimage)
        safe = ops.where(is_used, value, self._some_value(value))
        x, log_det = self.bijector.inverse_and_log_det(safe)
        log_prob = self.distribution.marginal_log_prob(x, is_observed)
        total = log_prob + shapes.sum_last(ops.where(is_used, log_det, 0.0), self._scalar_ndims())
        axes = tuple(range(-len(self.event_shape), 0))
        is_outside = ops.logical_and(is_observed, ops.logical_not(has_preimage))
        return ops.where(ops.any(is_outside, axis=axes), -math.inf, total)

    def _marginals(self) -> Distribution:
        if self.bijector.event_ndims:
            return super()._marginals()
        return TransformedDistribution(self.distribution.marginals(), self.bijector)

    def _has_preimage(self, value: Tensor) -> Tensor:
        """Whether each entry is the bijector's value of a finite number."""
        value = ops.stop_gradient(value)
        is_finite = ops.isfinite(self.bijector.inverse(value))
        # A compiler may take log(exp(x)) for x, also where exp(x) has rounded to a bound.
        lower, upper = self.bijector.codomain
        return ops.logical_and(is_finite, ops.logical_and(value > lower, value < upper))

    def _some_value(self, value: Tensor) -> Tensor:
        """The bijector's value of a number inside its domain, in the shape of `value`."""
        lower, upper = self.bijector.domain
        if math.isfinite(lower):
            inside = 0.5 * (lower + upper) if math.isfinite(upper) else lower + 1.0
        else:
            inside = upper - 1.0 if math.isfinite(upper) else 0.0
        return self.bijector.forward(ops.full_like(value, inside))

    # ---------------------------------------------------------------- statistics

    def _mean(self) -> Tensor:
        self._check_affine("mean")
        return self._fill(self.bijector.forward(self.distribution.mean()))

    def _mode(self) -> Tensor:
        self._check_affine("mode")
        return self._fill(self.bijector.forward(self.distribution.mode()))

    def _variance(self) -> Tensor:
        """For an affine f of each entry."""
        self._check_affine("variance")
        if self.bijector.event_ndims:
            raise self._unavailable("variance", f"{self.bijector!r} mixes the entries")
        return self._fill(self.distribution.variance() * ops.exp(2.0 * self._constant_log_det()))

    def _constant_log_det(self) -> Tensor:
        zeros = ops.zeros(self.dynamic_shape(), self.dtype)
        return self.bijector.forward_log_det_jacobian(zeros)

    def _entropy(self) -> Tensor:
        """That of x plus the log-determinant, which is the same everywhere for an affine f."""
        self._check_affine("entropy")
        log_det = shapes.sum_last(self._constant_log_det(), self._scalar_ndims())
        return self.distribution.entropy() + log_det

    def _check_affine(self, statistic: str) -> None:
        if not self.bijector.is_affine:
            raise self._unavailable(statistic, f"{self.bijector!r} is not affine")

    def _cdf(self, value: Tensor) -> Tensor:
        return self._tail(value, "cdf", "survival_function", 0.0, 1.0)

    def _survival_function(self, value: Tensor) -> Tensor:
        return self._tail(value, "survival_function", "cdf", 1.0, 0.0)

    def _log_cdf(self, value: Tensor) -> Tensor:
        return self._tail(value, "log_cdf", "log_survival_function", -math.inf, 0.0)

    def _log_survival_function(self, value: Tensor) -> Tensor:
        return self._tail(value, "log_survival_function", "log_cdf", 0.0, -math.inf)

    def _tail(
        self, value: Tensor, statistic: str, opposite: str, below: float, above: float
    ) -> Tensor:
        """The statistic of x at the value's preimage, or the opposite one for a decreasing f.

        Args:
            value: The value of f.
            statistic: "cdf" or "survival_function", or the logarithm of one.
            opposite: The other one of the two.
            below: The result for a value below the support.
            above: The result for a value above it.
        """
        is_increasing = self._direction(statistic)
        has_preimage = self._has_preimage(value)
        x = self.bijector.inverse(ops.where(has_preimage, value, self._some_value(value)))
        inside = _select(
            is_increasing,
            lambda: getattr(self.distribution, statistic)(x),
            lambda: getattr(self.distribution, opposite)(x),
        )
        result = ops.where(value <= self.support.lower, ops.full_like(inside, below), inside)
        return ops.where(value >= self.support.upper, ops.full_like(inside, above), result)

    def _quantile(self, p: Tensor) -> Tensor:
        return self._at_quantile(p, "_quantile", "_upper_quantile")

    def _upper_quantile(self, p: Tensor) -> Tensor:
        return self._at_quantile(p, "_upper_quantile", "_quantile")

    def _at_quantile(self, p: Tensor, name: str, opposite: str) -> Tensor:
        """The value of f at a quantile of x; what is not used sees 1/2: no gradient is NaN."""
        increases, p = self._direction("quantile"), ops.cast(p, self.distribution.dtype)
        x = _select(
            increases,
            lambda: getattr(self.distribution, name)(ops.where(increases, p, 0.5)),
            lambda: getattr(self.distribution, opposite)(ops.where(increases, 0.5, p)),
        )
        return self.bijector.forward(x)

    def _direction(self, statistic: str) -> bool | Tensor:
        """Whether f increases; raises where it has no direction."""
        if self.event_shape:
            raise self._unavailable(statistic, "the event is not a scalar")
        is_increasing = self.bijector.is_increasing
        if is_increasing is None:
            raise self._unavailable(statistic, f"{self.bijector!r} is not monotone")
        return is_increasing


@register_kl(TransformedDistribution, TransformedDistribution)
def _(a: TransformedDistribution, b: TransformedDistribution) -> Tensor | None:
    """That of the distributions of x, if both are transformed by the same bijector."""
    return closed_form_kl(a.base, b.base) if is_same(a.bijector, b.bijector) else None


def _select(
    condition: bool | Tensor, if_true: Callable[[], Tensor], if_false: Callable[[], Tensor]
) -> Tensor:
    """One of two results, for a condition that is a bool or a tensor."""
    if isinstance(condition, bool):
        return if_true() if condition else if_false()
    return ops.where(condition, if_true(), if_false())


def _interval(lower: float | Tensor, upper: float | Tensor) -> Support:
    return REAL if (REAL.lower is lower and REAL.upper is upper) else Support(lower, upper)


@register_crps(TransformedDistribution)
def _(distribution: TransformedDistribution, value: Tensor) -> Tensor | None:
    """|scale| times that of x, for an affine f."""
    if not distribution.bijector.is_affine or distribution.bijector.event_ndims:
        return None
    crps = closed_form_crps(distribution.base, distribution.bijector.inverse(value))
    return None if crps is None else ops.exp(distribution._constant_log_det()) * crps


@register_tempered(TransformedDistribution)
def _(distribution: TransformedDistribution, temperature: Tensor) -> TransformedDistribution:
    """That of x, transformed."""
    base = tempered(distribution.distribution, temperature)
    return TransformedDistribution(base, distribution.bijector)


__all__ = ["TransformedDistribution"]
