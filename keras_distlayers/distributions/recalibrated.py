"""A distribution whose probabilities are corrected by an increasing map."""

import math

import keras
import numpy as np
from keras import ops

from keras_distlayers._core.errors import message
from keras_distlayers._core.ops import clip, maximum, minimum
from keras_distlayers._core.typing import Seed, Tensor
from keras_distlayers.distributions._random import open_uniform
from keras_distlayers.distributions._special import safe_log, safe_log1m
from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.distributions.independent import Independent
from keras_distlayers.distributions.support import Support
from keras_distlayers.distributions.transformed_distribution import TransformedDistribution

_FARTHEST = 1e4
"""Stands for the log odds of a probability of 0 or 1."""

_REPRESENTABLE = 80.0
"""Quantiles are those of probabilities from exp(-80), which float32 has."""


def _gauss_legendre(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights on (0, 1)."""
    nodes, weights = np.polynomial.legendre.leggauss(count)
    return 0.5 * (nodes + 1.0), 0.5 * weights


_NODES, _WEIGHTS = _gauss_legendre(4)
"""For each piece of the map."""

# Beyond the outermost knot, in panels of the log odds that grow.
_PANELS = np.array([0.0, 1.0, 3.0, 7.0, 15.0, 31.0, 70.0])
_TAIL_NODES = (_PANELS[:-1, None] + np.diff(_PANELS)[:, None] * _gauss_legendre(6)[0]).ravel()
_TAIL_WEIGHTS = (np.diff(_PANELS)[:, None] * _gauss_legendre(6)[1]).ravel()


@keras.saving.register_keras_serializable("keras_distlayers.distributions")
class Recalibrated(Distribution):
    """A distribution of a number whose cdf is an increasing function of another one's.

    With F the cdf of the given distribution, logit of the new cdf is L(logit F), where L is linear
    between the points `(knots, values)` and has the slope 1 beyond them. There, the odds of a
    tail are those of the given distribution times a constant. The density is that of the given
    distribution times the derivative, in closed form, with the digits of both tails.

    Mean and variance are integrals of the quantile, by quadrature, to about 4 digits. Where the
    given distribution has no mean or variance, neither has this one, and the result is not one.
    Draws are quantiles; they carry no gradient. Quantiles do not go beyond those of a probability
    of exp(-80) under the given distribution.

    Args:
        distribution: A `Distribution` over numbers with a density, a cdf and a survival function.
        knots: Increasing log odds of F, shape `(..., K)`.
        values: Increasing log odds of the new cdf at the knots, shape `(..., K)`.

    Raises:
        TypeError: if `distribution` is not a distribution.
        ValueError: if its events are not scalars, or are discrete, or have a mass at a bound.

    Examples:
        >>> import keras_distlayers as kdl
        >>> logistic = kdl.distributions.Logistic(0.0, 1.0)
        >>> wider = kdl.recalibration.Recalibrated(logistic, [-4.0, 4.0], [-2.0, 2.0])
        >>> [round(float(wider.quantile(p)), 4) for p in (0.5, 0.75)]
        [0.0, 2.1972]
        >>> round(float(wider.log_prob(0.0)), 4), round(float(logistic.log_prob(0.0)), 4)
        (-2.0794, -1.3863)

    Source: the map of the cdf: Kuleshov, Fenner and Ermon (2018), arXiv 1807.00263, section 3.
    """

    parameter_ndims = {"knots": 1, "values": 1}
    event_axes = {"knots": "K", "values": "K"}
    component_names = ("distribution",)

    distribution: Distribution
    knots: Tensor
    values: Tensor

    def __init__(self, distribution: Distribution, knots: Tensor, values: Tensor) -> None:
        super().__init__(distribution=distribution, knots=knots, values=values)
        base = self.distribution
        if base.event_shape or base.support.is_discrete or base.has_atoms:
            raise ValueError(
                message(
                    "Recalibrated, argument `distribution`",
                    expected="a distribution of scalars with a density everywhere",
                    received=f"{base!r}, whose support is {base.support}",
                )
            )

    @property
    def support(self) -> Support:
        return self.distribution.support

    # ---------------------------------------------------------------- densities

    def _log_odds(self, value: Tensor) -> Tensor:
        """Those of the given cdf."""
        base = self.distribution
        return _bounded(base.log_cdf(value) - base.log_survival_function(value))

    def _mapped(self, value: Tensor) -> Tensor:
        """The log odds of the new cdf."""
        return _piecewise(self._log_odds(value), self.knots, self.values)[0]

    def _log_prob(self, value: Tensor) -> Tensor:
        log_odds = self._log_odds(value)
        mapped, slope = _piecewise(log_odds, self.knots, self.values)
        # The derivative of the logistic function is exp(-spread).
        log_ratio = ops.log(slope) + _spread(log_odds) - _spread(mapped)
        return self.distribution.log_prob(value) + log_ratio

    def _cdf(self, value: Tensor) -> Tensor:
        return _probability(self._mapped(value))

    def _survival_function(self, value: Tensor) -> Tensor:
        return _probability(-self._mapped(value))

    def _log_cdf(self, value: Tensor) -> Tensor:
        mapped = self._mapped(value)
        return ops.where(mapped < -0.5 * _FARTHEST, -math.inf, -ops.softplus(-mapped))

    def _log_survival_function(self, value: Tensor) -> Tensor:
        mapped = self._mapped(value)
        return ops.where(mapped > 0.5 * _FARTHEST, -math.inf, -ops.softplus(mapped))

    # ---------------------------------------------------------------- quantiles and draws

    def _quantile(self, p: Tensor) -> Tensor:
        return self._at_log_odds(_bounded(safe_log(p) - safe_log1m(p)))

    def _upper_quantile(self, p: Tensor) -> Tensor:
        return self._at_log_odds(_bounded(safe_log1m(p) - safe_log(p)))

    def _at_log_odds(self, mapped: Tensor) -> Tensor:
        """The quantile, for the log odds of the new cdf."""
        log_odds = _piecewise(mapped, self.values, self.knots)[0]
        is_end = ops.abs(mapped) >= _FARTHEST
        limit = ops.where(is_end, _FARTHEST, _REPRESENTABLE)
        log_odds = clip(log_odds, -limit, limit)
        lower = self.distribution.quantile(_probability(minimum(log_odds, 0.0)))
        upper = self.distribution.upper_quantile(_probability(-maximum(log_odds, 0.0)))
        return ops.where(log_odds < 0.0, lower, upper)

    def _sample(self, sample_shape: tuple[int, ...], seed: Seed) -> Tensor:
        uniform = open_uniform((*sample_shape, *self.dynamic_shape()), self.dtype, seed)
        return ops.stop_gradient(self._quantile(uniform))

    # ---------------------------------------------------------------- moments

    def _nodes(self) -> tuple[Tensor, Tensor]:
        """Quantiles and their weights, on a first axis: the sum over them is an integral."""
        values = ops.moveaxis(self.values, -1, 0)
        ndims = len(values.shape)

        def along(numbers: np.ndarray, axis: int) -> Tensor:
            shape = [1] * (ndims + 1 - (axis == 0))
            shape[axis] = -1
            return ops.reshape(ops.convert_to_tensor(numbers, self.dtype), shape)

        widths = ops.expand_dims(values[1:] - values[:-1], 1)
        inner = ops.expand_dims(values[:-1], 1) + widths * along(_NODES, 1)
        weights = widths * along(_WEIGHTS, 1)
        count = (self.values.shape[-1] - 1) * len(_NODES)
        flat = (count, *tuple(ops.shape(values))[1:])
        beyond, outer = along(_TAIL_NODES, 0), along(_TAIL_WEIGHTS, 0)
        outer = outer + ops.zeros_like(values[:1])
        nodes = [values[:1] - beyond, ops.reshape(inner, flat), values[-1:] + beyond]
        weights = ops.concatenate([outer, ops.reshape(weights, flat), outer], axis=0)
        mapped = ops.concatenate(nodes, axis=0)
        # Before the axes of the batch that the knots lack.
        more = len(self.batch_shape) - ndims + 1
        shape = (count + 2 * len(_TAIL_NODES), *(1,) * more, *flat[1:])
        mapped, weights = ops.reshape(mapped, shape), ops.reshape(weights, shape)
        return self._at_log_odds(mapped), weights * ops.exp(-_spread(mapped))

    def _mean(self) -> Tensor:
        quantiles, weights = self._nodes()
        return self._fill(ops.sum(weights * quantiles, axis=0))

    def _variance(self) -> Tensor:
        quantiles, weights = self._nodes()
        mean = ops.sum(weights * quantiles, axis=0)
        return self._fill(ops.sum(weights * ops.square(quantiles - mean), axis=0))


def recalibrated(distribution: Distribution, knots: Tensor, values: Tensor) -> Distribution:
    """The distribution with the map of each entry of an event; see `Recalibrated`.

    Args:
        distribution: One whose entries are independent; see `independent_entries`.
        knots: Shape `event_shape + (K,)`.
        values: Likewise.
    """
    entries = Recalibrated(independent_entries(distribution), knots, values)
    ndims = len(distribution.event_shape)
    return Independent(entries, ndims) if ndims else entries


def independent_entries(distribution: Distribution) -> Distribution:
    """The distribution of each entry of an event, or an error if they depend on each other.

    Raises:
        TypeError: if they may, or if it is not a distribution of numbers with a density.
    """
    support = distribution.support
    if support.is_discrete or distribution.has_atoms:
        reason = "has masses, at which the cdf jumps"
    elif not _has_independent_entries(distribution):
        reason = "has entries that depend on each other, of which a map for each says nothing"
    else:
        return distribution.marginals()
    raise TypeError(
        message(
            "PITRecalibration",
            expected="a distribution of numbers with a density and independent entries",
            received=f"{distribution.family_name}, which {reason}",
            fix="Take `SplitConformal`, which gives intervals, or `TemperatureScaling`.",
        )
    )


def _has_independent_entries(distribution: Distribution) -> bool:
    if math.prod(n or 0 for n in distribution.event_shape) == 1:  # of a scalar too
        return True
    if isinstance(distribution, TransformedDistribution):
        is_of_scalars = distribution.bijector.event_ndims == 0
        return is_of_scalars and _has_independent_entries(distribution.distribution)
    return isinstance(distribution, Independent) and not distribution.distribution.event_shape


def _piecewise(x: Tensor, knots: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
    """The function that is linear between points and has the slope 1 beyond, and its slope."""
    ones = ops.ones_like(knots[..., :1])
    inner = (values[..., 1:] - values[..., :-1]) / (knots[..., 1:] - knots[..., :-1])
    slopes = ops.concatenate([ones, inner, ones], axis=-1)
    from_knots = ops.concatenate([knots[..., :1], knots], axis=-1)
    from_values = ops.concatenate([values[..., :1], values], axis=-1)
    number = ops.sum(ops.cast(x[..., None] >= knots, "int32"), axis=-1, keepdims=True)
    is_piece = number == ops.arange(knots.shape[-1] + 1, dtype="int32")

    def chosen(of_pieces: Tensor) -> Tensor:
        return ops.sum(ops.where(is_piece, of_pieces, 0.0), axis=-1)

    slope = chosen(slopes)
    return chosen(from_values) + slope * (x - chosen(from_knots)), slope


def _spread(log_odds: Tensor) -> Tensor:
    """-log(p (1 - p)) for the log odds of p."""
    size = ops.abs(log_odds)
    return size + 2.0 * ops.log1p(ops.exp(-size))


def _probability(log_odds: Tensor) -> Tensor:
    """Not by a hyperbolic tangent, as XLA has it, which loses the digits of a small one."""
    return ops.exp(-ops.softplus(-log_odds))


def _bounded(log_odds: Tensor) -> Tensor:
    return clip(log_odds, -_FARTHEST, _FARTHEST)


__all__ = ["Recalibrated", "independent_entries", "recalibrated"]
