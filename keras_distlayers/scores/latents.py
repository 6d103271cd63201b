"""What a model's latents are used for: functions of their posterior."""

from typing import Any

from keras import ops

from keras_distlayers._core import shapes
from keras_distlayers._core.errors import message
from keras_distlayers._core.ops import maximum
from keras_distlayers._core.typing import Tensor
from keras_distlayers.distributions.kl import kl_divergence
from keras_distlayers.scores.arguments import checked_distribution


def active_units(distribution: Any, threshold: float = 0.01) -> Tensor:
    """How many latents say something about the data.

    A latent is active if the mean of its posterior varies over the data by more than the
    threshold. A latent that the decoder does not use has the same posterior, the prior, for each
    example. For a prior of variance 1, the variance of the mean is between 0 and 1.

    Args:
        distribution: The posterior of each example, a `Distribution` or a `RandomVariable` with
            a mean; all axes of its batch count as examples.
        threshold: What the variance must exceed.

    Returns:
        A scalar integer tensor: the number of active entries of the event.

    Raises:
        TypeError: if `distribution` is not a distribution.
        NotImplementedError: if it has no mean in closed form.

    Examples:
        >>> import keras_distlayers as kdl
        >>> loc = [[1.0, 0.0], [-1.0, 0.01]]
        >>> posterior = kdl.distributions.Independent(kdl.distributions.Normal(loc, 0.1), 1)
        >>> int(kdl.scores.active_units(posterior))
        1

    Source: Burda, Grosse and Salakhutdinov (2016), arXiv 1509.00519, section 5.2.
    """
    rows = mean_of_entries("active_units", distribution)
    count, _, squares = moments(rows, ops.ones(tuple(ops.shape(rows))[:1], rows.dtype))
    return count_active(count, squares, threshold)


def kl_per_dimension(distribution: Any, prior: Any) -> Tensor:
    """The KL divergence of each entry of a latent from its prior.

    It is that of the marginal distributions. Where the entries are independent in both, their sum
    is the whole KL. Where the posterior is correlated, the whole is larger, if the prior is
    independent: what is missing is what the entries say about each other.

    Args:
        distribution: The posterior, a `Distribution` or a `RandomVariable`.
        prior: A distribution over the same events.

    Returns:
        Tensor of nats, of shape `batch_shape + event_shape`.

    Raises:
        TypeError: if an argument is not a distribution.
        ValueError: if the events have different shapes.
        NotImplementedError: if there are no marginals, or no closed form for their KL.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> def normals(loc):
        ...     return kdl.distributions.Independent(kdl.distributions.Normal(loc, 1.0), 1)
        >>> kl = kdl.scores.kl_per_dimension(normals([[0.0, 2.0]]), normals([0.0, 0.0]))
        >>> keras.ops.convert_to_numpy(kl).tolist()
        [[0.0, 2.0]]
    """
    where = "kl_per_dimension"
    posterior, prior = (
        checked_distribution(where, distribution),
        checked_distribution(where, prior),
    )
    if posterior.event_shape != prior.event_shape:
        raise ValueError(
            message(
                f"{where}, argument `prior`",
                expected=f"a distribution over events of shape {posterior.event_shape}",
                received=f"event_shape={prior.event_shape}",
            )
        )
    return kl_divergence(posterior.marginals(), prior.marginals())


def mean_of_entries(where: str, distribution: Any) -> Tensor:
    """The means of all examples, of shape `(examples,) + event_shape`."""
    distribution = checked_distribution(where, distribution)
    shape = (-1, *distribution.event_shape)
    batch = shapes.broadcast(distribution.dynamic_batch_shape())
    return ops.reshape(ops.broadcast_to(distribution.mean(), (*batch, *shape[1:])), shape)


def moments(rows: Tensor, weights: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The sum of the weights, and of each entry the mean and the sum of squares around it."""
    weights = ops.reshape(weights, (-1, *(1,) * (len(rows.shape) - 1)))
    rows = ops.where(weights > 0.0, rows, 0.0)  # what does not count may be NaN
    count = ops.sum(weights)
    loc = ops.sum(weights * rows, axis=0) / maximum(count, 1e-30)
    return count, loc, ops.sum(weights * (rows - loc) ** 2, axis=0)


def count_active(count: Tensor, squares: Tensor, threshold: float) -> Tensor:
    """The number of entries whose variance is above the threshold."""
    return ops.sum(ops.cast(squares > threshold * count, "int32"))


__all__ = ["active_units", "count_active", "kl_per_dimension", "mean_of_entries", "moments"]
