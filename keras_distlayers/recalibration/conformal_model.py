"""The model that split conformal prediction returns."""

from collections.abc import Callable
from typing import Any, Self

import keras
import numpy as np
from keras import ops

from keras_distlayers._core.errors import message
from keras_distlayers._core.ops import maximum, minimum
from keras_distlayers._core.saving import serialize
from keras_distlayers._core.typing import Tensor
from keras_distlayers.random_variable import RandomVariable
from keras_distlayers.recalibration._conformal_score import ConformalScore
from keras_distlayers.recalibration._model_around import ModelAround
from keras_distlayers.scores.labels import label_distribution, label_probabilities

_WHERE = "SplitConformal"


@keras.saving.register_keras_serializable("keras_distlayers.recalibration")
class ConformalModel(ModelAround):
    """A model that gives intervals, or sets of labels, in place of another one's distributions.

    `SplitConformal` makes it. Its thresholds are weights that are not trained.

    Args:
        model: A model with one output, a RandomVariable.
        score: The configuration of the score.
        thresholds_shape: The number of groups, then the shape of an event.
        groups: A function of the inputs that returns an integer for each row; None for one group.
        seed: Of the draws of a randomized score.
        **kwargs: `name`, of `keras.Model`.

    Call arguments:
        inputs: What `model` takes.

    Output shape: for numbers a tuple `(lower, upper)` of tensors of shape `(rows, *event_shape)`.
    For labels a tensor of booleans, of shape `(rows, *event_shape, number of labels)`; for one-hot
    vectors `(rows, *event_shape)`.

    Attributes:
        thresholds: The largest score of what is held, a NumPy array of shape
            `(groups, *event_shape)`.

    Examples:
        >>> import keras, numpy as np
        >>> import keras_distlayers as kdl
        >>> model = keras.Sequential([keras.Input((2,)), kdl.layers.IndependentNormal(1)])
        >>> x, y = np.zeros((99, 2)), np.arange(-49.0, 50.0)[:, None]
        >>> conformal = kdl.recalibration.SplitConformal(0.9, score="residual")
        >>> conformal = conformal.fit(model, x, y, verbose=0)
        >>> conformal.thresholds.tolist()
        [[45.0]]
        >>> lower, upper = conformal(x[:5])
        >>> float(lower[0, 0]), float(upper[0, 0])
        (-45.0, 45.0)
    """

    def __init__(
        self,
        model: keras.Model,
        score: dict[str, Any],
        thresholds_shape: tuple[int, ...],
        groups: Callable[[Any], Tensor] | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(model, **kwargs)
        self.score_config, self.groups, self.seed = dict(score), groups, seed
        self.score = ConformalScore(**score)
        self.seed_generator = keras.random.SeedGenerator(seed)
        self._thresholds = self.add_weight(
            tuple(thresholds_shape), "zeros", dtype="float32", trainable=False, name="thresholds"
        )

    @property
    def thresholds(self) -> np.ndarray:
        """The largest score of what is held, for each group and each entry of an event."""
        return ops.convert_to_numpy(self._thresholds.value)

    def set_thresholds(self, thresholds: np.ndarray) -> None:
        """Keeps thresholds; a number between two floats is rounded up."""
        rounded = thresholds.astype("float32")
        rounded = np.where(
            rounded < thresholds, np.nextafter(rounded, np.float32(np.inf)), rounded
        )
        self._thresholds.assign(rounded)

    def output_for(self, rv: RandomVariable, inputs: Any) -> Any:
        distribution = rv.distribution
        thresholds = ops.cast(self._thresholds_of_rows(inputs), distribution.dtype)
        if self.score.is_of_labels:
            labels = label_distribution(_WHERE, distribution)
            probs = label_probabilities(labels)
            uniform = None
            if self.score.draws:
                shape = tuple(ops.shape(probs))[:-1]
                uniform = keras.random.uniform(shape, dtype=probs.dtype, seed=self.seed_generator)
            scores = self.score.of_labels(probs, uniform)
            return scores <= thresholds[..., None]
        lower, upper = self.score.interval(distribution.marginals(), thresholds)
        # Ends that cross, where no value has so small a score, are exchanged.
        return minimum(lower, upper), maximum(lower, upper)

    def _thresholds_of_rows(self, inputs: Any) -> Tensor:
        """Of shape `(rows or 1, *event)`; infinite for a group that was not calibrated."""
        thresholds = ops.convert_to_tensor(self._thresholds.value)
        if self.groups is None:
            return thresholds
        number = group_numbers(self.groups, inputs)
        is_known = ops.logical_and(number >= 0, number < thresholds.shape[0])
        rows = ops.take(thresholds, ops.where(is_known, number, 0), axis=0)
        is_known = ops.reshape(is_known, (-1, *(1,) * (len(thresholds.shape) - 1)))
        return ops.where(is_known, rows, np.inf)

    def covers(self, x: Any, y: Any, **options: Any) -> np.ndarray:
        """Whether each target is in its interval, or its set.

        Args:
            x: Inputs, as for `keras.Model.predict`.
            y: Targets, in the shape of a draw of the given model.
            **options: Those of `keras.Model.predict`, such as `batch_size` and `verbose`.

        Returns:
            An array of booleans, one for each entry of an event, or for each label.

        Raises:
            ValueError: if the targets have another shape, or are NaN or labels that there are not.
        """
        y = ops.convert_to_numpy(y) if ops.is_tensor(y) else np.asarray(y)
        output = self.predict(x, **options)
        if self.score.is_of_labels:
            is_own = _is_own_label(y, output.shape, self.score.first_label)
            return (output & is_own).any(axis=-1)
        lower, upper = output
        _check_targets(y.shape == lower.shape, y, f"targets of shape {lower.shape}")
        _check_targets(not np.isnan(y).any(), y, "targets that were observed, without NaN")
        y = y.astype(lower.dtype)
        return (lower <= y) & (y <= upper)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        where = f"ConformalModel '{self.name}', argument `groups`"
        return {
            **config,
            "score": self.score_config,
            "thresholds_shape": list(self._thresholds.shape),
            "groups": serialize(self.groups, where=where),
            "seed": self.seed,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Self:
        groups = keras.saving.deserialize_keras_object(
            config["groups"], custom_objects=custom_objects
        )
        return super().from_config({**config, "groups": groups}, custom_objects)


def _is_own_label(y: np.ndarray, shape: tuple[int, ...], first_label: int) -> np.ndarray:
    """Booleans of that shape, for labels or one-hot vectors, or an error."""
    is_one_hot = y.shape == shape
    expected = f"labels of shape {shape[:-1]}, or one-hot vectors of shape {shape}"
    _check_targets(is_one_hot or y.shape == shape[:-1], y, expected)
    is_own = y == 1 if is_one_hot else y[..., None] == first_label + np.arange(shape[-1])
    _check_targets((is_own.sum(axis=-1) == 1).all(), y, "labels that there are")
    return is_own


def _check_targets(is_right: bool, y: np.ndarray, expected: str) -> None:
    if not is_right:
        received = f"shape={y.shape}, from {y.min()} to {y.max()}" if y.size else "no targets"
        raise ValueError(
            message("ConformalModel.covers, argument `y`", expected=expected, received=received)
        )


class WithGroups(ModelAround):
    """The random variable, and the number of each row's group."""

    def __init__(self, model: keras.Model, groups: Callable[[Any], Tensor]) -> None:
        super().__init__(model)
        self.groups = groups

    def output_for(self, rv: RandomVariable, inputs: Any) -> dict[str, Any]:
        return {"y": rv, "group": group_numbers(self.groups, inputs)}


def group_numbers(groups: Callable[[Any], Tensor], inputs: Any) -> Tensor:
    """The numbers of the groups of the rows, or an error."""
    numbers = ops.convert_to_tensor(groups(inputs))
    is_float = keras.backend.is_float_dtype(keras.backend.standardize_dtype(numbers.dtype))
    if len(numbers.shape) == 1 and not is_float:
        return ops.cast(numbers, "int32")
    raise ValueError(
        message(
            f"{_WHERE}, argument `groups`",
            expected="a function that returns one integer for each row",
            received=f"a result of shape {tuple(numbers.shape)} and dtype {numbers.dtype}",
        )
    )


__all__ = ["ConformalModel", "WithGroups", "group_numbers"]
