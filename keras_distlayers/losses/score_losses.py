"""Proper scores as losses, beside the negative log-likelihood."""

from collections.abc import Callable
from typing import Any

import keras

from keras_distlayers import scores
from keras_distlayers._core.typing import Seed, Tensor
from keras_distlayers.losses.distribution_loss import DistributionLoss, LossFunction
from keras_distlayers.random_variable import RandomVariable


class _DrawnScore(DistributionLoss):
    """The loss of a score that may be estimated from draws."""

    def __init__(
        self,
        score: Callable[..., Tensor],
        name: str,
        reduction: str | None,
        dtype: Any,
        num_draws: int | None,
        seed: int | None,
    ):
        super().__init__(score_function(score, num_draws, seed), name, reduction, dtype)
        self.num_draws, self.seed = num_draws, seed

    def get_config(self) -> dict[str, Any]:
        # Without the function, which the class knows.
        config = super(DistributionLoss, self).get_config()
        return {**config, "num_draws": self.num_draws, "seed": self.seed}


@keras.saving.register_keras_serializable("keras_distlayers.losses")
class CRPS(_DrawnScore):
    """The CRPS of the model's output, in the units of the target.

    Beside `NegativeLogLikelihood` it is robust: far from the target it grows like the absolute
    error, whatever the family. Of an event with several entries it is the sum of theirs; see
    `scores.crps`, also for the families of which it is estimated from draws.

    Args:
        name: The name of the loss.
        reduction: As for `DistributionLoss`.
        dtype: As for `DistributionLoss`.
        num_draws: How many draws an estimate takes, at least 2; 100 by default.
        seed: An int for the same draws at each step; None for new ones, from the head's generator.

    Raises:
        TypeError: when it is called on an output that is not a RandomVariable.
        ValueError: if the target's shape is not that of the distribution's batch and event.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> head = kdl.layers.DistributionLambda(lambda t: kdl.distributions.Normal(t, 1.0))
        >>> loss = kdl.losses.CRPS()
        >>> round(float(loss(keras.ops.zeros((4,)), head(keras.ops.zeros((4,))))), 4)
        0.2337
    """

    def __init__(
        self,
        name: str = "crps",
        reduction: str | None = "sum_over_batch_size",
        dtype: Any = None,
        num_draws: int | None = None,
        seed: int | None = None,
    ):
        super().__init__(scores.crps, name, reduction, dtype, num_draws, seed)


@keras.saving.register_keras_serializable("keras_distlayers.losses")
class EnergyScore(_DrawnScore):
    """The energy score of the model's output, in the units of the target.

    It is the CRPS of whole events: it sees how the entries depend on each other. It is estimated
    from draws; see `scores.energy_score`. It needs no density, so it trains any head with draws.

    Args:
        name: The name of the loss.
        reduction: As for `DistributionLoss`.
        dtype: As for `DistributionLoss`.
        num_draws: How many draws, at least 2; 100 by default.
        seed: An int for the same draws at each step; None for new ones, from the head's generator.

    Raises:
        TypeError: when it is called on an output that is not a RandomVariable.
        ValueError: if the target's shape is not that of the distribution's batch and event.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> rv = kdl.layers.MultivariateNormalTriL(2)(keras.ops.zeros((4, 5)))
        >>> loss = kdl.losses.EnergyScore(num_draws=20)
        >>> 0.0 < float(loss(keras.ops.ones((4, 2)), rv)) < 4.0
        True
    """

    def __init__(
        self,
        name: str = "energy_score",
        reduction: str | None = "sum_over_batch_size",
        dtype: Any = None,
        num_draws: int | None = None,
        seed: int | None = None,
    ):
        super().__init__(scores.energy_score, name, reduction, dtype, num_draws, seed)


def score_function(
    score: Callable[..., Tensor], num_draws: int | None, seed: Seed
) -> LossFunction:
    """A score that may take draws, as a function of the target and the RandomVariable."""

    def function(y_true: Tensor, rv: RandomVariable) -> Tensor:
        return score(rv, y_true, num_draws=num_draws, seed=seed)

    return function


__all__ = ["CRPS", "EnergyScore", "score_function"]
