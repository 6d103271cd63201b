"""One score, of numbers or of labels, from its configuration."""

from typing import Any

import numpy as np
from keras import ops

from keras_distlayers._core.errors import message
from keras_distlayers._core.typing import Tensor
from keras_distlayers.distributions import Distribution
from keras_distlayers.recalibration._label_scores import (
    AdaptiveSets,
    LabelScore,
    LeastAmbiguous,
    RegularizedSets,
)
from keras_distlayers.recalibration._number_scores import NUMBER_SCORES, Interval
from keras_distlayers.scores.labels import (
    label_distribution,
    label_probabilities,
    one_hot_value,
)

LABEL_SCORES = ("lac", "aps", "raps")

_WHERE = "SplitConformal, argument `score`"


class ConformalScore:
    """A score, and what it holds.

    Args:
        name: One of the scores of `SplitConformal`.
        coverage: As for `SplitConformal`.
        randomized: Likewise.
        penalty: Likewise.
        num_free: Likewise.
        first_label: The smallest label.
    """

    def __init__(
        self,
        name: str,
        coverage: float,
        randomized: bool,
        penalty: float,
        num_free: int,
        first_label: int = 0,
    ) -> None:
        self.first_label = first_label
        self.is_of_labels = name in LABEL_SCORES
        if self.is_of_labels:
            self._labels: LabelScore = {
                "lac": LeastAmbiguous,
                "aps": lambda: AdaptiveSets(randomized),
                "raps": lambda: RegularizedSets(randomized, penalty, num_free),
            }[name]()
        else:
            self._numbers = NUMBER_SCORES[name](coverage)

    @property
    def draws(self) -> bool:
        """Whether it takes a uniform draw for each event."""
        return self.is_of_labels and self._labels.draws

    def of_labels(self, probs: Tensor, uniform: Tensor | None) -> Tensor:
        """The scores of all labels, on the last axis."""
        return self._labels.scores(probs, uniform)

    def interval(self, entries: Distribution, threshold: Tensor) -> Interval:
        """The ends of the numbers whose score is at most the threshold."""
        return self._numbers.interval(entries, threshold)

    def of_targets(
        self, distribution: Distribution, targets: np.ndarray, rng: np.random.Generator
    ) -> np.ndarray:
        """The score of each target, or of each entry of one."""
        if not self.is_of_labels:
            entries = distribution.marginals()
            self._numbers.check(entries)
            y = ops.convert_to_tensor(targets, entries.dtype)
            return _checked(ops.convert_to_numpy(self._numbers.score(entries, y)))
        labels = label_distribution("SplitConformal", distribution)
        mask = one_hot_value(labels, ops.convert_to_tensor(targets, labels.dtype))
        is_own = ops.convert_to_numpy(mask) == 1.0
        probs = label_probabilities(labels)
        uniform = None
        if self.draws:
            draws = rng.random(tuple(probs.shape)[:-1])
            uniform = ops.convert_to_tensor(draws, labels.dtype)
        scores = ops.convert_to_numpy(self.of_labels(probs, uniform))
        is_label = is_own.sum(axis=-1) == 1
        return _checked(np.where(is_label, np.where(is_own, scores, 0.0).sum(axis=-1), np.nan))


def checked_name(name: str | None, distribution: Distribution) -> str:
    """The name of the score, by default one that fits the distribution, or an error."""
    has_labels = distribution.support.is_one_hot or distribution.event_dtype.startswith("int")
    names = LABEL_SCORES if has_labels else tuple(NUMBER_SCORES)
    if not has_labels and _has_label_distribution(distribution):
        # Numbers that are labels as well; what they are first and foremost has two of them.
        is_coin = (distribution.support.lower, distribution.support.upper) == (0, 1)
        names = (*LABEL_SCORES, *names) if is_coin else (*names, *LABEL_SCORES)
    default = "quantile" if names[0] == "residual" else "lac"
    if name is None or name in names:
        return name or default
    raise ValueError(
        message(
            _WHERE,
            expected=f"one of {names} for {distribution.family_name}",
            received=f"score={name!r}",
        )
    )


def _has_label_distribution(distribution: Distribution) -> bool:
    try:
        label_distribution("", distribution)
    except ValueError:
        return False
    return True


def _checked(scores: np.ndarray) -> np.ndarray:
    if np.isnan(scores).any():
        raise ValueError(
            message(
                "SplitConformal.fit, argument `y`",
                expected="targets that the distributions have scores for",
                received=f"{int(np.isnan(scores).sum())} of {scores.size} that are NaN, or labels "
                "that there are not",
            )
        )
    return scores


def config_of(name: str, distribution: Distribution, **options: Any) -> dict[str, Any]:
    """The configuration of a score for a distribution."""
    lower = distribution.support.lower
    first = int(lower) if name in LABEL_SCORES and isinstance(lower, int) else 0
    return {"name": name, "first_label": first, **options}


__all__ = ["LABEL_SCORES", "ConformalScore", "checked_name", "config_of"]
