"""The cdf, its relatives and its inverse, and logarithms with the digits of both tails."""

import math
from typing import Any

from keras import ops

from keras_distlayers._core.ops import maximum, minimum
from keras_distlayers._core.typing import Tensor
from keras_distlayers.distributions import _quantile_search
from keras_distlayers.distributions._special import TINY, keep_nan


class Cumulative:
    """A mixin of `Distribution`: probabilities below and above a value, and their hooks.

    The logarithms follow from the cdf and the survival function. A family whose tails
    are below the smallest float, exp(-87) in float32, writes them in closed form.
    """

    def cdf(self: Any, value: Tensor) -> Tensor:
        """The probability of an event at or below `value`."""
        value = self._as_event(value, "cdf")
        return keep_nan(value, self._cdf(value), len(self.event_shape))

    def survival_function(self: Any, value: Tensor) -> Tensor:
        """The probability of an event above `value`."""
        value = self._as_event(value, "survival_function")
        return keep_nan(value, self._survival_function(value), len(self.event_shape))

    def quantile(self: Any, p: Tensor) -> Tensor:
        """The value whose cdf is `p`, a tensor of probabilities that broadcasts with the batch."""
        return self._quantile(ops.convert_to_tensor(p, self.dtype))

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
        value = self._as_event(value, "log_cdf")
        return keep_nan(value, self._log_cdf(value), len(self.event_shape))

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
        value = self._as_event(value, "log_survival_function")
        return keep_nan(value, self._log_survival_function(value), len(self.event_shape))

    def _cdf(self: Any, value: Tensor) -> Tensor:
        raise self._unavailable("cdf")

    def _survival_function(self: Any, value: Tensor) -> Tensor:
        return 1.0 - self._cdf(value)

    def _quantile(self: Any, p: Tensor) -> Tensor:
        if self.event_shape:
            raise self._unavailable("quantile", "the event is not a scalar")
        try:
            return _quantile_search.quantile(self, p)
        except NotImplementedError as error:
            raise self._unavailable("quantile", "it has no cdf in closed form") from error

    def _log_cdf(self: Any, value: Tensor) -> Tensor:
        return log_probability(self._cdf(value), self._survival_function(value))

    def _log_survival_function(self: Any, value: Tensor) -> Tensor:
        return log_probability(self._survival_function(value), self._cdf(value))


def log_probability(p: Tensor, complement: Tensor) -> Tensor:
    """log(p), from the complement 1 - p where p is above 1/2; -inf at 0, with a gradient of 0."""
    is_small = p < 0.5
    small = ops.log(maximum(ops.where(is_small, p, 0.5), TINY))
    large = ops.log1p(-ops.where(is_small, 0.0, complement))
    return ops.where(p <= 0.0, -math.inf, ops.where(is_small, small, large))


def from_log_complement(log_p: Tensor, log_complement: Tensor) -> Tensor:
    """log(p), from that of the complement where p is above 1/2."""
    is_small = log_p < -math.log(2.0)
    large = ops.log1p(-ops.exp(minimum(log_complement, -math.log(2.0))))
    return ops.where(is_small, log_p, large)


__all__ = ["Cumulative", "from_log_complement", "log_probability"]
