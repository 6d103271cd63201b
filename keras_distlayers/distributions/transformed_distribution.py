"""The distribution of a bijector's value where its argument is random."""

import math

import keras
from keras import ops

from keras_distlayers._core import shapes
from keras_distlayers._core.errors import message
from keras_distlayers.bijectors import Bijector
from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.distributions.support import REAL, Support


@keras.saving.register_keras_serializable("keras_distlayers.distributions")
class TransformedDistribution(Distribution):
    """The distribution of y = f(x) for x from a distribution and a bijector f.

    log p(y) = log p_x(f^-1(y)) + log |det df^-1/dy|, in nats.

    A scalar distribution has its cdf and its quantile where f increases or decreases; an affine f has
    the mean, the mode and the entropy as well, as far as the base has them.

    Args:
        distribution: The distribution of x; a `RandomVariable` stands for its distribution.
        bijector: f. One of vectors asks for a distribution of vectors: wrap scalars in `Independent`.
            The batch axes of its parameters broadcast with the distribution's; those of a bijector of
            scalars come in front of the entries of an event.

    Raises:
        TypeError: if `bijector` is none.
        ValueError: if the events of `distribution` have fewer axes than the bijector takes, or
            are of another size, or x is discrete.

    Examples:
        >>> import keras_distlayers as kdl
        >>> log_normal = kdl.distributions.TransformedDistribution(kdl.distributions.Normal(0.0, 1.0), kdl.bijectors.Exp())
        >>> round(float(log_normal.log_prob(2.0)), 4), float(log_normal.quantile(0.5))
        (-1.8523, 1.0)
        >>> log_normal.support
        the real numbers from 0.0

    Source: Papamakarios et al., Normalizing Flows for Probabilistic Modeling and Inference,
    Journal of Machine Learning Research 22 (2021), section 2.1.
    """

    component_names = ("distribution", "bijector")

    def __init__(self, distribution, bijector):
        _check_bijector(bijector)
        super().__init__(distribution=distribution, bijector=bijector)
        _check_parts(self.distribution, bijector)

    @property
    def reparameterized(self):
        return self.distribution.reparameterized

    @property
    def event_shape(self):
        return self.distribution.event_shape

    def dynamic_event_shape(self):
        return self.distribution.dynamic_event_shape()

    @property
    def support(self):
        """The interval that f takes the base's to; for a mixing f, the one around its values."""
        base = self.distribution.support
        return _interval(*self.bijector.image(base.lower, base.upper))

    def _extra_batch_ndims(self, component):
        return self._scalar_axes() if component == "bijector" else 0

    def _scalar_axes(self):
        """The axes of an event that the bijector does not take together."""
        return len(self.event_shape) - self.bijector.event_ndims

    # ---------------------------------------------------------------- draws and densities

    def _sample(self, sample_shape, seed):
        base = self.distribution
        if self.batch_shape != base.batch_shape:  # each distribution of the batch draws for itself
            base = base.expand(self.dynamic_batch_shape())
        return self.bijector.forward(base._sample(sample_shape, seed))

    def _log_prob(self, value):
        if self.bijector.covers_reals:
            return self._change_of_variables(value)
        has_preimage = self._in_range(value)
        # Both branches of `where` must be finite for its gradient to be.
        safe = ops.where(has_preimage, value, self._some_value(value))
        axes = tuple(range(-len(self.event_shape), 0))
        has_density = ops.all(has_preimage, axis=axes) if axes else has_preimage
        return ops.where(has_density, self._change_of_variables(safe), -math.inf)

    def _change_of_variables(self, value):
        x, log_det = self.bijector.inverse_and_log_det(value)
        return self.distribution.log_prob(x) + shapes.sum_last(log_det, self._scalar_axes())

    def _some_value(self, value):
        """A value that the bijector has."""
        lower, upper = self.bijector.domain
        if math.isfinite(lower):
            inside = 0.5 * (lower + upper) if math.isfinite(upper) else lower + 1.0
        else:
            inside = upper - 1.0 if math.isfinite(upper) else 0.0
        return self.bijector.forward(ops.full_like(value, inside))

    # ---------------------------------------------------------------- statistics

    def _mean(self):
        return self._of_affine("mean", lambda base: base.mean())

    def _mode(self):
        return self._of_affine("mode", lambda base: base.mode())

    def _of_affine(self, statistic, of_base):
        if not self.bijector.is_affine:
            raise self._unavailable(statistic, f"{self.bijector!r} is not affine")
        of_base = of_base(self.distribution)
        return self._fill(self.bijector.forward(of_base))

    def _entropy(self):
        """The base's, plus the log-determinant, which an affine bijector has everywhere."""
        if not self.bijector.is_affine:
            raise self._unavailable("entropy", f"{self.bijector!r} is not affine")
        zeros = ops.zeros(self.dynamic_shape(), self.dtype)
        log_det = self.bijector.forward_log_det_jacobian(zeros)
        return self.distribution.entropy() + shapes.sum_last(log_det, self._scalar_axes())

    def _cdf(self, value):
        return self._tail(value, "cdf", "cdf", "survival_function")

    def _survival_function(self, value):
        return self._tail(value, "survival_function", "survival_function", "cdf")

    def _tail(self, value, statistic, rising, falling):
        """The probability of the base's tail that the bijector takes to this one."""
        increasing = self._direction(statistic)
        lower, upper = self.support.lower, self.support.upper
        x = self.bijector.inverse(ops.where(self._in_range(value), value, self._some_value(value)))
        inside = _choose(
            increasing,
            lambda: getattr(self.distribution, rising)(x),
            lambda: getattr(self.distribution, falling)(x),
        )
        below, above = (0.0, 1.0) if statistic == "cdf" else (1.0, 0.0)
        result = ops.where(value <= lower, ops.full_like(inside, below), inside)
        return ops.where(value >= upper, ops.full_like(inside, above), result)

    def _in_range(self, value):
        value = ops.stop_gradient(value)
        is_finite = ops.isfinite(self.bijector.inverse(value))
        # A compiler may take log(exp(x)) for x, also where exp(x) has rounded to a bound.
        lower, upper = self.bijector.codomain
        return ops.logical_and(is_finite, ops.logical_and(value > lower, value < upper))

    def _quantile(self, p):
        increasing = self._direction("quantile")
        quantile = self.distribution.quantile
        x = _choose(increasing, lambda: quantile(p), lambda: quantile(1.0 - p))
        return self.bijector.forward(x)

    def _direction(self, statistic):
        if self.event_shape:
            raise self._unavailable(statistic, "the event is not a scalar")
        increasing = self.bijector.is_increasing
        if increasing is None:
            raise self._unavailable(statistic, f"{self.bijector!r} may go up and down")
        return increasing


def _choose(condition, yes, no):
    """One of two, for a condition that is a bool or a tensor."""
    if isinstance(condition, bool):
        return yes() if condition else no()
    return ops.where(condition, yes(), no())


def _interval(lower, upper) -> Support:
    return REAL if (REAL.lower is lower and REAL.upper is upper) else Support(lower, upper)


def _check_bijector(bijector) -> None:
    if not isinstance(bijector, Bijector):
        raise TypeError(
            message(
                "TransformedDistribution, argument `bijector`",
                expected="a keras_distlayers bijector",
                received=f"a {type(bijector).__name__}",
            )
        )


def _check_parts(base, bijector) -> None:
    where = "TransformedDistribution"
    if base.support.is_discrete:
        raise ValueError(
            message(
                f"{where}, argument `distribution`",
                expected="a continuous distribution: a change of variables is one of densities",
                received=repr(base),
            )
        )
    missing = bijector.event_ndims - len(base.event_shape)
    if missing > 0:
        raise ValueError(
            message(
                f"{where}, argument `distribution`",
                expected=f"events of at least {bijector.event_ndims} axes for {bijector!r}",
                received=f"event_shape={base.event_shape}",
                fix=f"Wrap it: Independent(distribution, {missing}).",
            )
        )
    _check_event(base, bijector)


def _check_event(base, bijector) -> None:
    """An event never grows because a parameter of the bijector has more entries."""
    own = () if bijector.event_size is None else (bijector.event_size,)
    scalar_axes = len(base.event_shape) - bijector.event_ndims
    batch = bijector.batch_shape
    shape = (*batch[max(0, len(batch) - scalar_axes) :], *own)
    try:
        fits = shapes.broadcast(base.event_shape, shape) == base.event_shape
    except ValueError:
        fits = False
    if (own and base.event_shape[-1] not in (None, *own)) or not fits:
        raise ValueError(
            message(
                "TransformedDistribution",
                expected=f"a bijector for events of event_shape={base.event_shape}",
                received=f"{bijector!r}, whose parameters are for events of shape {shape}",
            )
        )


__all__ = ["TransformedDistribution"]
