"""The base of families that take either logits or probabilities."""

from keras_distlayers._core.errors import message
from keras_distlayers._core.typing import Tensor
from keras_distlayers.distributions.distribution import Distribution


class LogitsOrProbs(Distribution):
    """A discrete family that takes either logits or probabilities."""

    closed_ranges = {"probs": (0.0, 1.0)}

    logits: Tensor
    probs: Tensor

    def __init__(self, logits: Tensor | None = None, probs: Tensor | None = None) -> None:
        check_exactly_one(type(self).__name__, logits=logits, probs=probs)
        super().__init__(logits=logits, probs=probs)


def check_exactly_one(family: str, **arguments: Tensor | None) -> None:
    """Raises ValueError unless one of two arguments is given."""
    given = [name for name, value in arguments.items() if value is not None]
    if len(given) != 1:
        raise ValueError(
            message(
                family,
                expected=f"exactly one of {' and '.join(f'`{name}`' for name in arguments)}",
                received="both" if given else "neither",
            )
        )


__all__ = ["LogitsOrProbs", "check_exactly_one"]
