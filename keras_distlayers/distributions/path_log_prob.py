"""Draws with their log density, whose gradient is that through the draws alone."""

import functools

from keras import ops

from keras_distlayers._core.typing import Seed, Tensor
from keras_distlayers.distributions.distribution import Distribution


@functools.singledispatch
def draws_with_path_log_prob(
    distribution: Distribution, num_samples: int, seed: Seed
) -> tuple[Tensor, Tensor]:
    """Draws, and the log density of each, with no gradient by the parameters but through the draw.

    The values are those of `sample_and_log_prob`, which for many families needs no inverse of what
    has made the draw. A family whose gradient needs none either registers a function of its own.

    Returns:
        The draws, of shape `(num_samples,) + batch_shape + event_shape`, and their log density in
        nats, of shape `(num_samples,) + batch_shape`.

    Source: Roeder, Wu and Duvenaud, Sticking the Landing (2017), equation 7.
    """
    draws, log_prob = distribution.sample_and_log_prob(num_samples, seed)
    through = distribution.map_tensors(ops.stop_gradient).log_prob(draws)
    along = through - ops.stop_gradient(through)  # 0 with a gradient
    return draws, ops.stop_gradient(log_prob) + ops.where(ops.isfinite(through), along, 0.0)


__all__ = ["draws_with_path_log_prob"]
