"""Split conformal prediction: intervals and sets that hold the share that they promise."""

import math
import warnings
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from keras_distlayers._core.errors import message
from keras_distlayers._core.shapes import checked_size
from keras_distlayers._core.typing import Tensor
from keras_distlayers.distributions import Distribution
from keras_distlayers.prediction import predict_distribution
from keras_distlayers.recalibration._calibration_data import (
    checked_distribution,
    checked_targets,
)
from keras_distlayers.recalibration._conformal_score import (
    LABEL_SCORES,
    ConformalScore,
    checked_name,
    config_of,
)
from keras_distlayers.recalibration._number_scores import NUMBER_SCORES
from keras_distlayers.recalibration.conformal_model import ConformalModel, WithGroups
from keras_distlayers.recalibration.thresholds import conformal_threshold, needed_rank
from keras_distlayers.scores.arguments import checked_between

_WHERE = "SplitConformal.fit"


class SplitConformal:
    """Turns the distributions of a fitted model into intervals, or sets of labels, that hold.

    Each target of the calibration data gets a score that says how odd it is under its predicted
    distribution. The threshold is the `ceil((n + 1) * coverage)`-th smallest of n scores. An
    interval, or a set, has the values whose score is at most that. If new rows come from the same
    source as the calibration data, it holds at least `coverage` of their targets in the mean over
    calibration sets, whatever the model.

    Scores of numbers, for each entry of an event on its own:

    - `"quantile"`, the default: how far y is outside the equal-tailed interval of the model
      (CQR). Both ends of that interval are moved.
    - `"residual"`: |y - mean|. All intervals have one width.
    - `"scaled"`: |y - mean| / stddev.
    - `"cdf"`: how small the tail beyond y is. The ends are quantiles of the model.
    - `"density"`: the highest density over that at y. The interval is the smallest one that holds
      all values of so high a density.

    Scores of labels:

    - `"lac"`, the default: 1 - p. The sets are the smallest on average, and may be empty.
    - `"aps"`: the mass of the labels that are more probable, plus a part of the label's own.
    - `"raps"`: the same, with a penalty for each label after the first few.

    Args:
        coverage: The share, between 0 and 1.
        score: One of the above.
        groups: A function of the model's inputs, written in `keras.ops`, that returns an integer
            from 0 for each row. Each group has a threshold of its own, so that the promise holds
            for each. To be saved with the model it must be registered with Keras.
        randomized: Whether `"aps"` and `"raps"` draw the part of a label's own mass. Otherwise it
            is all of it: the same sets each time, which hold a little more.
        penalty: That of `"raps"`, for each label.
        num_free: For `"raps"`: how many labels have no penalty.
        seed: An int for the same draws each time.

    Raises:
        ValueError: if an argument is not one of the above.

    Examples:
        >>> import keras, numpy as np
        >>> import keras_distlayers as kdl
        >>> x = np.random.default_rng(0).normal(size=(500, 2)).astype("float32")
        >>> model = keras.Sequential([keras.Input((2,)), kdl.layers.Categorical(2)])
        >>> label = (x[:, 1] > x[:, 0]).astype(int)
        >>> conformal = kdl.recalibration.SplitConformal(coverage=0.9)
        >>> conformal = conformal.fit(model, x, label, verbose=0)
        >>> conformal.predict(x, verbose=0).shape
        (500, 2)
        >>> float(conformal.covers(x, label, verbose=0).mean())
        0.902

    Source: Angelopoulos and Bates, Conformal Prediction: A Gentle Introduction (2023). Scaled: Lei
    et al. (2018). Quantile: Romano, Patterson and Candes (2019). Cdf: Chernozhukov, Wuthrich and
    Zhu (2021). Density: Izbicki, Shimizu and Stern (2022). LAC: Sadinle, Lei and Wasserman (2019).
    APS: Romano, Sesia and Candes (2020). RAPS: Angelopoulos et al. (2021). Groups: Vovk (2012).
    """

    def __init__(
        self,
        coverage: float = 0.9,
        score: str | None = None,
        groups: Callable[[Any], Tensor] | None = None,
        randomized: bool = True,
        penalty: float = 0.01,
        num_free: int = 5,
        seed: int | None = None,
    ) -> None:
        self.coverage = checked_between("SplitConformal", "coverage", coverage)
        names = (*NUMBER_SCORES, *LABEL_SCORES)
        if score is not None and score not in names:
            raise ValueError(
                message(
                    "SplitConformal, argument `score`",
                    expected=f"one of {names}",
                    received=f"score={score!r}",
                )
            )
        self.score, self.groups, self.seed = score, groups, seed
        self.options = {
            "coverage": self.coverage,
            "randomized": bool(randomized),
            "penalty": float(penalty),
            "num_free": checked_size("SplitConformal", "num_free", num_free, 0),
        }

    def fit(
        self,
        model: keras.Model,
        x: Any,
        y: Any,
        batch_size: int | None = None,
        verbose: str | int = "auto",
    ) -> ConformalModel:
        """Finds the thresholds.

        Args:
            model: A built model with one output, a RandomVariable. It stays as it is.
            x: Inputs that it was not trained on, in any form that `keras.Model.predict` takes.
            y: Their targets, an array in the shape of a draw: the number of rows, then the event.
            batch_size: As for `keras.Model.predict`.
            verbose: Likewise.

        Returns:
            A model around the given one, whose output is a tuple `(lower, upper)`, or booleans
            that say which labels are in the set.

        Raises:
            TypeError: if the model does not have one output that is a RandomVariable.
            ValueError: if the distributions are not one for each row, if the score is not for
                them, or if the shape of `y` does not fit.
            NotImplementedError: if the distribution lacks what the score needs.

        Warns:
            UserWarning: if there are too few rows, in all or in a group. The intervals are then
                infinite, and the sets have all labels.
        """
        distribution, numbers = self._predicted(model, x, batch_size, verbose)
        targets = checked_targets(_WHERE, distribution, y)
        name = checked_name(self.score, distribution)
        config = config_of(name, distribution, **self.options)
        rng = np.random.default_rng(self.seed)
        scores = ConformalScore(**config).of_targets(distribution, targets, rng)
        thresholds = self._thresholds(scores, numbers)
        conformal = ConformalModel(model, config, thresholds.shape, self.groups, self.seed)
        conformal.set_thresholds(thresholds)
        return conformal

    def _predicted(
        self, model: keras.Model, x: Any, batch_size: int | None, verbose: str | int
    ) -> tuple[Distribution, np.ndarray | None]:
        """The distributions, and the numbers of the groups, in one pass over the data."""
        whole = model if self.groups is None else WithGroups(model, self.groups)
        found = predict_distribution(whole, x, batch_size=batch_size, verbose=verbose)
        numbers = None
        if self.groups is not None:
            found, numbers = found["y"], found["group"]
        distribution = checked_distribution(_WHERE, model, found)
        if len(distribution.batch_shape) != 1:
            raise ValueError(
                message(
                    f"{_WHERE}, argument `model`",
                    expected="one distribution for each row",
                    received=f"batch_shape={distribution.batch_shape}",
                    fix="Make the other axes part of the event, as Independent does.",
                )
            )
        return distribution, numbers

    def _thresholds(self, scores: np.ndarray, numbers: np.ndarray | None) -> np.ndarray:
        """Of each group."""
        if numbers is None:
            numbers = np.zeros(len(scores), int)
        of_groups = []
        for group in range(max(0, int(numbers.max())) + 1):
            own = scores[numbers == group]
            of_groups.append(conformal_threshold(own, self.coverage))
            if needed_rank(len(own), self.coverage) > len(own):
                self._warn(len(own), group)
        return np.stack(of_groups)

    def _warn(self, count: int, group: int) -> None:
        needed = math.ceil(self.coverage / (1.0 - self.coverage) * (1.0 - 1e-12))
        rows = "rows" if self.groups is None else f"rows in group {group}"
        warnings.warn(
            message(
                _WHERE,
                expected=f"at least {needed} {rows}, for a coverage of {self.coverage}",
                received=f"{count}",
                fix="Intervals are infinite, and sets have all labels.",
            ),
            UserWarning,
            stacklevel=4,
        )


__all__ = ["SplitConformal"]
