"""The map that makes the probability integral transform uniform."""

from typing import Any, Self

import keras
import numpy as np
from keras import ops

from keras_distlayers._core.errors import message
from keras_distlayers._core.shapes import checked_size
from keras_distlayers.distributions import Distribution
from keras_distlayers.distributions.recalibrated import independent_entries, recalibrated
from keras_distlayers.prediction import predict_distribution
from keras_distlayers.recalibration._calibration_data import (
    checked_distribution,
    checked_targets,
)
from keras_distlayers.recalibration._model_around import DistributionModel

_WHERE = "PITRecalibration.fit"

_ROWS_PER_PIECE = 10


@keras.saving.register_keras_serializable("keras_distlayers.recalibration")
class PITRecalibratedModel(DistributionModel):
    """A model whose output is that of another one, with its probabilities corrected.

    `PITRecalibration` makes it. The map is in weights that are not trained.

    Args:
        model: A model with one output, a RandomVariable.
        map_shape: The shape of an event, then the number of knots, at least 2.
        **kwargs: `name`, of `keras.Model`.

    Call arguments:
        inputs: What `model` takes.

    Output shape: that of `model`.

    Attributes:
        knots: Log odds of the model's cdf, increasing.
        values: The corrected log odds at the knots.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> model = keras.Sequential([keras.Input((2,)), kdl.layers.IndependentNormal(1)])
        >>> same = kdl.recalibration.PITRecalibratedModel(model, map_shape=(1, 2))
        >>> same.set_map([[-1.0, 1.0]], [[-1.0, 1.0]])
        >>> x = keras.ops.ones((3, 2))
        >>> abs(float(same(x).log_prob(x[:, :1])[0] - model(x).log_prob(x[:, :1])[0])) < 1e-5
        True
    """

    def __init__(self, model: keras.Model, map_shape: tuple[int, ...], **kwargs: Any) -> None:
        super().__init__(model, **kwargs)
        options = {"initializer": "zeros", "dtype": "float32", "trainable": False}
        self.knots = self.add_weight(tuple(map_shape), name="knots", **options)
        self.values = self.add_weight(tuple(map_shape), name="values", **options)

    def set_map(self, knots: Any, values: Any) -> None:
        """Sets the points of the map; both increase along the last axis."""
        self.knots.assign(knots)
        self.values.assign(values)

    def new_distribution(self, distribution: Distribution) -> Distribution:
        return recalibrated(distribution, self.knots.value, self.values.value)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "map_shape": list(self.knots.shape)}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Self:
        return super().from_config(
            {**config, "map_shape": tuple(config["map_shape"])}, custom_objects
        )


class PITRecalibration:
    """Finds the increasing map of a model's cdf that makes it uniform at the targets.

    If the cdf of n targets is u_1 < ... < u_n in order, the new cdf at the i-th is i / (n + 1).
    The map goes through some of these points, so that it does not follow chance: the first, the
    last, and one for each share of 1 / `num_pieces` between. Between them it is linear in log
    odds. Beyond the first and the last, the odds of a tail are those of the model, times a
    constant: the tails keep their mass and their shape, and the log_prob is finite wherever that
    of the model is.

    The result is a distribution again. Each entry of an event has a map of its own.

    Args:
        num_pieces: The number of pieces between the first and the last point; fewer for fewer
            than 10 rows for each.

    Raises:
        ValueError: if `num_pieces` is not positive.

    Examples:
        >>> import keras, numpy as np
        >>> import keras_distlayers as kdl
        >>> rng = np.random.default_rng(0)
        >>> x = np.zeros((500, 2))
        >>> y = rng.exponential(size=(500, 1))  # which the model holds for normal
        >>> model = keras.Sequential([keras.Input((2,)), kdl.layers.IndependentNormal(1)])
        >>> recalibrated = kdl.recalibration.PITRecalibration().fit(model, x, y, verbose=0)
        >>> median = recalibrated(x[:1]).distribution.distribution.quantile(0.5)
        >>> abs(float(median[0, 0]) - float(np.median(y))) < 0.01
        True

    Source: Kuleshov, Fenner and Ermon (2018), arXiv 1807.00263.
    """

    def __init__(self, num_pieces: int = 20) -> None:
        self.num_pieces = checked_size("PITRecalibration", "num_pieces", num_pieces, 1)

    def fit(
        self,
        model: keras.Model,
        x: Any,
        y: Any,
        batch_size: int | None = None,
        verbose: str | int = "auto",
    ) -> PITRecalibratedModel:
        """Finds the map.

        Args:
            model: A built model with one output, a RandomVariable. It stays as it is.
            x: Inputs that it was not trained on, in any form that `keras.Model.predict` takes.
            y: Their targets, an array in the shape of a draw: the number of rows, then the event.
            batch_size: As for `keras.Model.predict`.
            verbose: Likewise.

        Returns:
            A model around the given one.

        Raises:
            TypeError: if the model does not have one output that is a RandomVariable, or its
                distributions are discrete, have masses, or have entries that depend on each other.
            ValueError: if the shape of `y` does not fit, or a target is outside the support.
            NotImplementedError: if the distribution has no cdf.
        """
        found = predict_distribution(model, x, batch_size=batch_size, verbose=verbose)
        distribution = checked_distribution(_WHERE, model, found)
        entries = independent_entries(distribution)
        targets = ops.convert_to_tensor(checked_targets(_WHERE, distribution, y), entries.dtype)
        log_odds = entries.log_cdf(targets) - entries.log_survival_function(targets)
        log_odds = _checked(ops.convert_to_numpy(log_odds).astype("float32"))
        event_shape = distribution.event_shape
        columns = log_odds.reshape((-1, int(np.prod(event_shape, dtype=int)))).T
        maps = [_points(column, self.num_pieces) for column in columns]
        size = max(2, *(len(knots) for knots, _ in maps))
        arrays = [
            np.stack([_padded(part, size) for part in parts]) for parts in zip(*maps, strict=True)
        ]
        knots, values = (a.reshape((*event_shape, size)) for a in arrays)
        result = PITRecalibratedModel(model, knots.shape)
        result.set_map(knots, values)
        return result


def _checked(log_odds: np.ndarray) -> np.ndarray:
    count = int((~np.isfinite(log_odds)).sum())
    if not count:
        return log_odds
    raise ValueError(
        message(
            f"{_WHERE}, argument `y`",
            expected="targets inside the support",
            received=f"{count} of {log_odds.size} with a cdf of 0, of 1 or NaN",
            fix="Leave them out. If the model is far too sure, fit `TemperatureScaling` first.",
        )
    )


def _points(log_odds: np.ndarray, num_pieces: int) -> tuple[np.ndarray, np.ndarray]:
    """Knots and values of the map of one entry."""
    count = len(log_odds)
    pieces = max(1, min(num_pieces, count // _ROWS_PER_PIECE))
    knots, ties = np.unique(log_odds, return_counts=True)
    ranks = np.cumsum(ties) - 0.5 * (ties - 1)  # of equal ones the mean
    wanted = np.concatenate([[1.0], np.arange(1, pieces) * (count + 1) / pieces, [count]])
    nearest = np.unique([np.abs(ranks - rank).argmin() for rank in wanted])
    shares = ranks[nearest] / (count + 1)
    values = (np.log(shares) - np.log1p(-shares)).astype("float32")
    return knots[nearest], values


def _padded(points: np.ndarray, size: int) -> np.ndarray:
    """With further points on the line of slope 1 that follows."""
    more = np.arange(1, size - len(points) + 1, dtype="float32")
    return np.concatenate([points, points[-1] + more])


__all__ = ["PITRecalibratedModel", "PITRecalibration"]
