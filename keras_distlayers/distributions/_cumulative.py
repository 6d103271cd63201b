"""The cdf, its relatives and its inverse, and logarithms with the digits of both tails."""

import math
from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from keras_distlayers._core.ops import maximum
from keras_distlayers._core.typing import Tensor
from keras_distlayers.distributions import _quantile_search
from keras_distlayers.distributions._special import TINY, keep_nan

_INSIDE = 0.5
"""Neither at the end of a unit interval nor at that of the positive numbers."""


class Cumulative:
    """A mixin of `Distribution`: probabilities below and above a value, and their hooks.

    The logarithms follow from the cdf and the survival function. A family whose tails
    are below the smallest float, exp(-87) in float32, writes them in closed form.
    """

    def cdf(self: Any, value: Tensor) -> Tensor:
        """The probability of an event at or below `value`."""
        return self._probability("cdf", value, 0.0, 1.0)

    def survival_function(self: Any, value: Tensor) -> Tensor:
        """The probability of an event above `value`."""
        return self._probability("survival_function", value, 1.0, 0.0)

    def quantile(self: Any, p: Tensor) -> Tensor:
        """The value whose cdf is `p`, a tensor of probabilities that broadcasts with the batch.

        NaN where `p` is not between 0 and 1.
        """
        return self._at_probability(p, self._quantile)

    def upper_quantile(self: Any, p: Tensor) -> Tensor:
        """The value whose survival function is `p`: `quantile(1 - p)`, without its rounding.

        Args:
            p: Probabilities, which broadcast with the batch. Families with a quantile in closed
                form keep the digits of a small one.

        Returns:
            Tensor of the broadcast shape; NaN where `p` is not between 0 and 1.

        Raises:
            NotImplementedError: as for `quantile`.

        Examples:
            >>> import keras_distlayers as kdl
            >>> normal = kdl.distributions.Normal(0.0, 1.0)
            >>> round(float(normal.upper_quantile(1e-12)), 4), float(normal.quantile(1.0 - 1e-12))
            (7.0345, inf)
        """
        return self._at_probability(p, self._upper_quantile)

    def _at_probability(self: Any, p: Tensor, hook: Callable[[Tensor], Tensor]) -> Tensor:
        p = ops.convert_to_tensor(p, self.dtype)
        is_probability = ops.logical_and(p >= 0.0, p <= 1.0)
        value = hook(ops.where(is_probability, p, 0.5))
        return ops.where(is_probability, value, math.nan)

    def log_cdf(self: Any, value: Tensor) -> Tensor:
        """The logarithm of the probability of an event at or below `value`, in nats.

        Where that probability is nearly 1, it is computed from that of the rest, and most
        families have all digits where it is too small for a float.

        Args:
            value: As for `cdf`.

        Raises:
            NotImplementedError: if the family has no cdf in closed form.

        Examples:
            >>> import keras_distlayers as kdl
            >>> normal = kdl.distributions.Normal(0.0, 1.0)
            >>> float(normal.cdf(-20.0)), round(float(normal.log_cdf(-20.0)), 3)
            (0.0, -203.917)
        """
        return self._probability("log_cdf", value, -math.inf, 0.0)

    def log_survival_function(self: Any, value: Tensor) -> Tensor:
        """The logarithm of the probability of an event above `value`, in nats.

        It is the likelihood of a lifetime that was still going on at `value`.

        Args:
            value: As for `survival_function`.

        Raises:
            NotImplementedError: if the family has no survival function in closed form.

        Examples:
            >>> import keras_distlayers as kdl
            >>> float(kdl.distributions.Exponential(2.0).log_survival_function(100.0))
            -200.0
        """
        return self._probability("log_survival_function", value, 0.0, -math.inf)

    def _probability(
        self: Any, statistic: str, value: Tensor, lowest: float, highest: float
    ) -> Tensor:
        """The hook's result for a value, or what it is at minus infinity and at infinity.

        There the hook sees another number: infinity less infinity is not a number, and neither
        is the gradient's 0 times infinity. A NaN stays one.
        """
        number = self._as_event(value, statistic)
        hook = getattr(self, f"_{statistic}")
        if self.event_shape:  # a vector's entries come here one by one
            return keep_nan(number, hook(number), len(self.event_shape))
        given = number if _is_float(number) else ops.convert_to_tensor(value)
        if not _is_float(given):
            return hook(number)
        is_finite = ops.isfinite(given)
        result = hook(ops.where(is_finite, number, ops.cast(_INSIDE, number.dtype)))
        limit = ops.where(given > 0.0, ops.full_like(result, highest), lowest)
        return keep_nan(given, ops.where(is_finite, result, limit))

    def _cdf(self: Any, value: Tensor) -> Tensor:
        raise self._unavailable("cdf")

    def _survival_function(self: Any, value: Tensor) -> Tensor:
        return 1.0 - self._cdf(value)

    def _quantile(self: Any, p: Tensor) -> Tensor:
        return self._searched_quantile(p, is_upper=False)

    def _upper_quantile(self: Any, p: Tensor) -> Tensor:
        """The value whose survival function is p; by a hook of its own for a small p."""
        if type(self)._quantile is Cumulative._quantile:
            return self._searched_quantile(p, is_upper=True)
        return self._quantile(1.0 - p)

    def _searched_quantile(self: Any, p: Tensor, is_upper: bool) -> Tensor:
        if self.event_shape:
            raise self._unavailable("quantile", "the event is not a scalar")
        try:
            return _quantile_search.quantile(self, p, is_upper=is_upper)
        except NotImplementedError as error:
            raise self._unavailable("quantile", "it has no cdf in closed form") from error

    def _log_cdf(self: Any, value: Tensor) -> Tensor:
        return log_probability(self._cdf(value), self._survival_function(value))

    def _log_survival_function(self: Any, value: Tensor) -> Tensor:
        return log_probability(self._survival_function(value), self._cdf(value))


def _is_float(x: Tensor) -> bool:
    return keras.backend.is_float_dtype(x.dtype)


def log_probability(p: Tensor, complement: Tensor) -> Tensor:
    """log(p), from the complement 1 - p where p is above 1/2; -inf at 0, with a gradient of 0."""
    is_small = p < 0.5
    small = ops.log(maximum(ops.where(is_small, p, 0.5), TINY))
    large = ops.log1p(-ops.where(is_small, 0.0, complement))
    return ops.where(p <= 0.0, -math.inf, ops.where(is_small, small, large))


def from_log_complement(log_p: Tensor, log_complement: Tensor) -> Tensor:
    """log(p), from that of the complement where p is above 1/2."""
    is_small = log_p < -math.log(2.0)
    # Not by a minimum, which has no whole gradient at the median.
    large = ops.log1p(-ops.exp(ops.where(is_small, -math.log(2.0), log_complement)))
    return ops.where(is_small, log_p, large)


__all__ = ["Cumulative", "from_log_complement", "log_probability"]
