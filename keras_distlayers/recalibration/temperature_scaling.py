"""One temperature for a model: logits divided by it, or scales multiplied by it."""

import math
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_distlayers._backend import backend
from keras_distlayers._core.errors import message
from keras_distlayers._core.ops import mean
from keras_distlayers._core.typing import Tensor
from keras_distlayers.distributions import Distribution, tempered
from keras_distlayers.prediction import predict_distribution
from keras_distlayers.recalibration._calibration_data import (
    check_density,
    checked_distribution,
    checked_targets,
    checked_weights,
    rows_of,
)
from keras_distlayers.recalibration._model_around import DistributionModel

_WHERE = "TemperatureScaling.fit"

_BOUNDS = (1e-6, 1e6)
"""A temperature is looked for between these."""

_HALVINGS = 32


@keras.saving.register_keras_serializable("keras_distlayers.recalibration")
class TemperatureScaledModel(DistributionModel):
    """A model whose output is that of another one, with a temperature.

    `TemperatureScaling` makes it. The temperature is a weight that is not trained.

    Args:
        model: A model with one output, a RandomVariable.
        temperature: A positive number; see `distributions.tempered`.
        **kwargs: `name`, of `keras.Model`.

    Call arguments:
        inputs: What `model` takes.

    Output shape: that of `model`.

    Raises:
        TypeError: if `model` is not a `keras.Model`; when it is called, if its output is not a
            RandomVariable, or one with neither logits nor a scale.

    Attributes:
        model: The given model.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> model = keras.Sequential([keras.Input((2,)), kdl.layers.IndependentNormal(1)])
        >>> warmer = kdl.recalibration.TemperatureScaledModel(model, temperature=2.0)
        >>> x = keras.ops.zeros((3, 2))
        >>> round(float(warmer(x).stddev()[0, 0] / model(x).stddev()[0, 0]), 4)
        2.0
    """

    def __init__(self, model: keras.Model, temperature: float = 1.0, **kwargs: Any) -> None:
        super().__init__(model, **kwargs)
        self.log_temperature = self.add_weight(
            (),
            keras.initializers.Constant(math.log(temperature)),
            dtype="float32",
            trainable=False,
            name="log_temperature",
        )

    @property
    def temperature(self) -> float:
        """The temperature; above 1 where the model was too sure of itself."""
        return math.exp(float(ops.convert_to_numpy(self.log_temperature.value)))

    def new_distribution(self, distribution: Distribution) -> Distribution:
        return tempered(distribution, ops.exp(self.log_temperature.value))


class TemperatureScaling:
    """Finds the temperature with which a model fits data best that it was not trained on.

    Logits are divided by the temperature, scales are multiplied by it: `distributions.tempered`
    says which. The mode of a label stays the same.

    Examples:
        >>> import keras, numpy as np
        >>> import keras_distlayers as kdl
        >>> rng = np.random.default_rng(0)
        >>> x = rng.normal(size=(400, 2)).astype("float32")  # loc, and what becomes the scale
        >>> model = keras.Sequential([keras.Input((2,)), kdl.layers.IndependentNormal(1)])
        >>> scale = np.log1p(np.exp(x[:, 1:]))
        >>> y = x[:, :1] + 3.0 * scale * rng.normal(size=(400, 1))
        >>> calibrated = kdl.recalibration.TemperatureScaling().fit(model, x, y, verbose=0)
        >>> round(calibrated.temperature)
        3

    Source: Guo et al., On Calibration of Modern Neural Networks (2017).
    """

    def fit(
        self,
        model: keras.Model,
        x: Any,
        y: Any,
        sample_weight: Any = None,
        batch_size: int | None = None,
        verbose: str | int = "auto",
    ) -> TemperatureScaledModel:
        """Finds the temperature with the smallest negative log-likelihood.

        The model predicts once. Then the root of the derivative by the logarithm of the
        temperature is found by halving a bracket.

        Args:
            model: A built model with one output, a RandomVariable. It stays as it is.
            x: Inputs that it was not trained on, in any form that `keras.Model.predict` takes.
            y: Their targets, an array in the shape of a draw: the number of rows, then the event.
            sample_weight: A number for each row.
            batch_size: As for `keras.Model.predict`.
            verbose: Likewise.

        Returns:
            A model around the given one.

        Raises:
            TypeError: if the model does not have one output that is a RandomVariable, or its
                family has neither logits nor a scale.
            ValueError: if the shape of `y` or of the weights does not fit, if the model holds a
                target for impossible, or if no finite temperature is the best.
            NotImplementedError: on Keras's NumPy backend, which has no gradients.
        """
        found = predict_distribution(model, x, batch_size=batch_size, verbose=verbose)
        distribution = checked_distribution(_WHERE, model, found)
        targets = checked_targets(_WHERE, distribution, y)
        weights = checked_weights(_WHERE, sample_weight, len(targets))
        if not weights.all():
            kept = np.flatnonzero(weights)
            distribution, targets = rows_of(distribution, kept), targets[kept]
            weights = weights[kept]
        tempered(distribution, 1.0)  # an error for a family without one comes first
        check_density(_WHERE, distribution.log_prob(targets))
        return TemperatureScaledModel(model, best_temperature(distribution, targets, weights))


def best_temperature(distribution: Distribution, targets: Any, weights: np.ndarray) -> float:
    """The temperature with the smallest weighted mean of the negative log-likelihood.

    Args:
        distribution: With an entry for each row on the first axis of its batch.
        targets: In the shape of a draw.
        weights: One for each row.
    """
    relative = ops.convert_to_tensor(weights / weights.mean(), distribution.dtype)
    relative = ops.reshape(relative, (-1, *(1,) * (len(distribution.batch_shape) - 1)))
    targets = ops.convert_to_tensor(targets)

    def loss(log_temperature: Tensor) -> Tensor:
        log_prob = tempered(distribution, ops.exp(log_temperature)).log_prob(targets)
        return -mean(relative * log_prob)

    def slope(log_temperature: float) -> float:
        at = ops.convert_to_tensor(log_temperature, distribution.dtype)
        return float(backend.value_and_gradient(loss, at)[1])

    low, high = map(math.log, _BOUNDS)
    if not slope(low) < 0.0 < slope(high):
        raise ValueError(
            message(
                _WHERE,
                expected="calibration data for which some temperature is the best",
                received="data for which the negative log-likelihood falls without end, or is "
                "constant",
                fix="Take more rows: the model is right for all of these, or says nothing of "
                "them.",
            )
        )
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if slope(middle) < 0.0 else (low, middle)
    return math.exp(0.5 * (low + high))


__all__ = ["TemperatureScaledModel", "TemperatureScaling"]
