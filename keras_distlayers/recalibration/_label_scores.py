"""How odd a label is under predicted probabilities. A set holds the labels that are less odd."""

import abc

from keras import ops

from keras_distlayers._core.ops import cumsum, maximum
from keras_distlayers._core.typing import Tensor


class LabelScore(abc.ABC):
    """A score of labels.

    Attributes:
        draws: Whether it takes a uniform draw for each event.
    """

    draws = False

    @abc.abstractmethod
    def scores(self, probs: Tensor, uniform: Tensor | None) -> Tensor:
        """How odd each label is, of the shape of `probs`, whose last axis is that of the labels.

        Args:
            probs: The probabilities.
            uniform: Draws for each event, without the last axis; None for 1.
        """


class LeastAmbiguous(LabelScore):
    """1 - p: LAC."""

    def scores(self, probs: Tensor, uniform: Tensor | None) -> Tensor:
        return 1.0 - probs


class AdaptiveSets(LabelScore):
    """The mass of the labels that are more probable, and a share of the label's own: APS.

    Args:
        randomized: Whether that share is drawn, in place of 1.
    """

    def __init__(self, randomized: bool) -> None:
        self.draws = randomized

    def scores(self, probs: Tensor, uniform: Tensor | None) -> Tensor:
        order = ops.argsort(-probs, axis=-1)
        ranks = ops.argsort(order, axis=-1)
        in_order = ops.take_along_axis(probs, order, axis=-1)
        # Not from 0 by a difference, whose rounding would give the first label one.
        before = cumsum(in_order[..., :-1], axis=-1)
        before = ops.concatenate([ops.zeros_like(in_order[..., :1]), before], axis=-1)
        own = probs if uniform is None else probs * uniform[..., None]
        mass = ops.take_along_axis(before, ranks, axis=-1) + own
        return mass + self.penalties(ops.cast(ranks, probs.dtype))

    def penalties(self, ranks: Tensor) -> Tensor:
        """What is added for the number of labels that are more probable."""
        return ops.zeros_like(ranks)


class RegularizedSets(AdaptiveSets):
    """APS with a penalty for each label after the first few: RAPS.

    Args:
        randomized: As for `AdaptiveSets`.
        penalty: For each label.
        num_free: How many labels have none.
    """

    def __init__(self, randomized: bool, penalty: float, num_free: int) -> None:
        super().__init__(randomized)
        self.penalty, self.num_free = penalty, num_free

    def penalties(self, ranks: Tensor) -> Tensor:
        return self.penalty * maximum(ranks + (1.0 - self.num_free), 0.0)


__all__ = ["AdaptiveSets", "LabelScore", "LeastAmbiguous", "RegularizedSets"]
