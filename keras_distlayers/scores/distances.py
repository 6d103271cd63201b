"""Scores that are expected distances, in the units of the value: CRPS and energy score."""

from typing import Any

import keras
from keras import ops

from keras_distlayers._core import shapes
from keras_distlayers._core.ops import mean
from keras_distlayers._core.shapes import checked_size
from keras_distlayers._core.typing import Seed, Tensor
from keras_distlayers.distributions.crps import closed_form_crps
from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.scores.arguments import (
    checked_distribution,
    checked_value,
    entries_or_none,
)

NUM_DRAWS = 100

# Distances between draws are those of each draw to so many others. All pairs would take memory
# that grows with the square of the number of draws.
_SHIFTS = 8


def crps(
    distribution: Any, value: Tensor, num_draws: int | None = None, seed: Seed = None
) -> Tensor:
    """The continuous ranked probability score, in the units of the value; less is better.

    It is the integral of (F(x) - 1{value <= x})^2 over x, for the cdf F, which is
    E|X - value| - E|X - X'| / 2 for independent draws X and X'. For a point forecast it is the
    absolute error. Labels count as the numbers that they are: the ranked probability score.

    Of an event with several entries it is the sum of the scores of the entries, as `log_prob` of
    independent ones is a sum. It does not see how entries depend on each other; `energy_score`
    does.

    Most families have a closed form (`distributions.register_crps` adds one), and an affine
    transform of one has one too. For the others the score is estimated from draws, without bias,
    in O(m log m) for m draws. The gradient of the estimate is unbiased as well: through the draws,
    or by the score function where a draw has no gradient.

    Args:
        distribution: A `Distribution` or a `RandomVariable`.
        value: Tensor whose trailing axes are `event_shape`, and whose leading axes broadcast with
            `batch_shape`.
        num_draws: How many draws an estimate takes, at least 2; 100 by default. A closed form
            takes none.
        seed: Of these draws, as for `Distribution.sample`.

    Returns:
        Tensor of the broadcast shape without the event.

    Raises:
        TypeError: if `distribution` is not a distribution.
        ValueError: if the shape of the value does not fit, or `num_draws` is below 2.

    Examples:
        >>> import keras_distlayers as kdl
        >>> normal = kdl.distributions.Normal(0.0, 1.0)
        >>> round(float(kdl.scores.crps(normal, 0.0)), 4)
        0.2337
        >>> float(kdl.scores.crps(kdl.distributions.Deterministic(1.0), 3.0))
        2.0

    Source: Gneiting and Raftery, Journal of the American Statistical Association 102 (2007),
    section 4.2; the estimate: Zamo and Naveau, Mathematical Geosciences 50 (2018), "fair" there.
    """
    count = checked_size("crps", "num_draws", NUM_DRAWS if num_draws is None else num_draws, 2)
    distribution = checked_distribution("crps", distribution)
    value = checked_value("crps", distribution, value)
    entries = entries_or_none(distribution)
    score = None if entries is None else closed_form_crps(entries, value)
    if score is None:
        seed = distribution.default_seed if seed is None else seed
        score = _estimated_crps(distribution if entries is None else entries, value, count, seed)
    score = ops.where(ops.isnan(value), float("nan"), score)
    return shapes.sum_last(score, len(distribution.event_shape))


def energy_score(
    distribution: Any, value: Tensor, num_draws: int | None = None, seed: Seed = None
) -> Tensor:
    """The energy score, the CRPS of whole events, in the units of the value; less is better.

    It is E||X - value|| - E||X - X'|| / 2 for independent draws X and X' and the Euclidean norm
    over all axes of an event. It is estimated from draws, without bias, and so is its gradient.
    The estimate may be negative, its mean is not. Its memory is linear in the number of draws.

    Args:
        distribution: A `Distribution` or a `RandomVariable`.
        value: As for `crps`.
        num_draws: How many draws, at least 2; 100 by default.
        seed: Of these draws, as for `Distribution.sample`.

    Returns:
        Tensor of the broadcast shape without the event.

    Raises:
        TypeError: if `distribution` is not a distribution.
        ValueError: if the shape of the value does not fit, or `num_draws` is below 2.

    Examples:
        >>> import keras_distlayers as kdl
        >>> point = kdl.distributions.Deterministic([0.0, 0.0])
        >>> point = kdl.distributions.Independent(point, 1)
        >>> float(kdl.scores.energy_score(point, [3.0, 4.0]))
        5.0

    Source: Gneiting and Raftery, Journal of the American Statistical Association 102 (2007),
    section 4.3.
    """
    where = "energy_score"
    count = checked_size(where, "num_draws", NUM_DRAWS if num_draws is None else num_draws, 2)
    distribution = checked_distribution(where, distribution)
    value = checked_value(where, distribution, value)
    event_ndims = len(distribution.event_shape)
    draws = _draws(distribution, value, count, seed)
    to_value, between = _distances(draws, value, event_ndims)
    score = mean(to_value, axis=0) - 0.5 * mean(between, axis=0)
    return score + _score_function(distribution, draws, to_value, between)


def _draws(distribution: Distribution, value: Tensor, count: int, seed: Seed) -> Tensor:
    """Draws on a first axis, then the axes of the value; without a gradient or with all of it."""
    draws = distribution.sample(count, seed)
    if not distribution.reparameterized:
        draws = ops.stop_gradient(draws)
    if keras.backend.standardize_dtype(draws.dtype) != distribution.dtype:
        draws = ops.cast(draws, distribution.dtype)
    shape = tuple(ops.shape(draws))
    more = len(value.shape) - len(shape) + 1
    return ops.reshape(draws, (shape[0], *(1,) * max(0, more), *shape[1:]))


def _estimated_crps(distribution: Distribution, value: Tensor, count: int, seed: Seed) -> Tensor:
    """Of each entry: the mean of |x_i - y| less half of the mean of |x_i - x_j|, for i != j."""
    draws = _draws(distribution, value, count, seed)
    ranks = ops.arange(count, dtype=distribution.dtype)
    ranks = ops.reshape(ranks, (count, *(1,) * (len(draws.shape) - 1)))
    # A draw is added once for each that is smaller, and subtracted once for each that is larger.
    signed = (2.0 * ranks - (count - 1.0)) * ops.sort(draws, axis=0)
    half_between = ops.sum(signed, axis=0) / (count * (count - 1.0))
    score = mean(ops.abs(draws - value), axis=0) - half_between
    if distribution.reparameterized:
        return score
    to_value, between = _distances(draws, value, 0)
    return score + _score_function(distribution, draws, to_value, between)


def _distances(draws: Tensor, value: Tensor, event_ndims: int) -> tuple[Tensor, Tensor]:
    """Of each draw to the value, and the mean of its distances to other draws."""
    count = draws.shape[0]
    shifts = range(1, min(_SHIFTS, count // 2) + 1)
    to_value = _norm(draws - value, event_ndims)
    total = ops.zeros_like(to_value)
    for shift in shifts:
        gaps = _norm(draws - ops.roll(draws, shift, axis=0), event_ndims)
        total = total + 0.5 * (gaps + ops.roll(gaps, -shift, axis=0))
    return to_value, total / len(shifts)


def _norm(x: Tensor, event_ndims: int) -> Tensor:
    """The Euclidean norm over the event, with a gradient of 0 at 0."""
    if event_ndims == 0:
        return ops.abs(x)
    square = shapes.sum_last(ops.square(x), event_ndims)
    is_zero = square == 0.0
    return ops.where(is_zero, 0.0, ops.sqrt(ops.where(is_zero, 1.0, square)))


def _score_function(
    distribution: Distribution, draws: Tensor, to_value: Tensor, between: Tensor
) -> Tensor:
    """0, with the gradient of the score; nothing where draws have it.

    It is E[(|X - y| - |X - X'|) dlog p(X)]. From each distance its mean is subtracted, over what
    does not depend on the draw: other draws, and pairs of others.

    Args:
        distribution: The distribution that was drawn from.
        draws: On a first axis.
        to_value: The distance of each draw to the value, or of each of its entries.
        between: The mean of its distances to other draws; likewise.
    """
    if distribution.reparameterized:
        return ops.zeros_like(to_value[0])
    count = to_value.shape[0]
    own = (to_value - mean(to_value, axis=0)) * (count / (count - 1.0))
    pairs = (between - mean(between, axis=0)) * (count / max(count - 2.0, 1.0))
    log_prob = distribution.log_prob(draws)
    log_prob = ops.where(ops.isfinite(log_prob), log_prob, 0.0)
    score = log_prob - ops.stop_gradient(log_prob)
    more = len(to_value.shape) - len(score.shape)
    score = ops.reshape(score, (*tuple(ops.shape(score)), *(1,) * more))
    return mean(ops.stop_gradient(own - pairs) * score, axis=0)


__all__ = ["NUM_DRAWS", "crps", "energy_score"]
