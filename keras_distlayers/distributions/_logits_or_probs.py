"""The base of families that take either logits or probabilities."""

from keras import ops

from keras_distlayers._core.errors import message
from keras_distlayers.distributions.distribution import Distribution


class LogitsOrProbs(Distribution):
    """A discrete family that takes either logits or probabilities."""

    def __init__(self, logits=None, probs=None):
        check_exactly_one(type(self).__name__, logits=logits, probs=probs)
        super().__init__(logits=logits, probs=probs)


def check_exactly_one(family: str, **arguments) -> None:
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


def weighted(p, log_q):
    """P log(q), which is 0 where p is 0, whatever q is."""
    return p * ops.where(p == 0.0, 0.0, log_q)


__all__ = ["LogitsOrProbs", "check_exactly_one", "weighted"]
