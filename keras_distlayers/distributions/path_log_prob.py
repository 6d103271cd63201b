"""Draws with their log density, whose gradient is one of the two parts of the whole.

The log density log p(x; theta) of a draw x(theta) depends on the parameters through the draw, and
by itself. The first part is the path derivative, the second the score.
"""

import functools

from keras import ops

from keras_distlayers._core.typing import Seed, Tensor
from keras_distlayers.distributions.distribution import Distribution


@functools.singledispatch
def draw_with_path(
    distribution: Distribution, sample_shape: tuple[int, ...], seed: Seed
) -> tuple[Tensor, Tensor, Tensor]:
    """What `sample_and_log_prob` gives, and zeros whose gradient is the path derivative.

    A family that needs no inverse of what has made the draw registers a function of its own.

    Returns:
        The draws, of shape `sample_shape + batch_shape + event_shape`, their log density in nats,
        and the zeros, both of shape `sample_shape + batch_shape`.
    """
    draws, log_prob = distribution.sample_and_log_prob(sample_shape, seed)
    through = distribution.map_tensors(ops.stop_gradient).log_prob(draws)
    path = through - ops.stop_gradient(through)
    # At a draw that has rounded to a bound the path is not known, and nor is the score.
    is_known = ops.isfinite(through)
    log_prob = ops.where(is_known, log_prob, ops.stop_gradient(log_prob))
    return draws, log_prob, ops.where(is_known, path, 0.0)


def draw_with_path_log_prob(
    distribution: Distribution, sample_shape: tuple[int, ...], seed: Seed
) -> tuple[Tensor, Tensor]:
    """Draws, and the log density of each, with no gradient by the parameters but through the draw.

    Returns:
        Draws and values of `sample_and_log_prob`.

    Source: Roeder, Wu and Duvenaud, Sticking the Landing (2017), equation 7.
    """
    draws, log_prob, path = draw_with_path(distribution, sample_shape, seed)
    return draws, ops.stop_gradient(log_prob) + path


def draw_with_score_log_prob(
    distribution: Distribution, sample_shape: tuple[int, ...], seed: Seed
) -> tuple[Tensor, Tensor]:
    """Draws without a gradient, and the log density of each, whose gradient is the score.

    Returns:
        Draws and values of `sample_and_log_prob`.
    """
    if not distribution.reparameterized:
        return distribution.sample_and_log_prob(sample_shape, seed)
    if not distribution.keeps_preimage:
        draws = ops.stop_gradient(distribution.sample(sample_shape, seed))
        return draws, distribution.log_prob(draws)
    draws, log_prob, path = draw_with_path(distribution, sample_shape, seed)
    return ops.stop_gradient(draws), log_prob - path


__all__ = ["draw_with_path", "draw_with_path_log_prob", "draw_with_score_log_prob"]
