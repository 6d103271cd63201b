"""The outputs of a model as tensors that can be joined along the rows, and put together again."""

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_distlayers._backend import backend
from keras_distlayers._core.batches import map_batch
from keras_distlayers._core.errors import message
from keras_distlayers._core.typing import Tensor
from keras_distlayers.distributions import Distribution
from keras_distlayers.random_variable import RandomVariable


def output_of(output: Any) -> "TensorOutput":
    """What keeps a tensor or a RandomVariable that a model returns."""
    if not isinstance(output, RandomVariable):
        return TensorOutput(output)
    if output.source is not None:
        return ForeignOutput(*output.source)
    return DistributionOutput(output.distribution.predictive())


def check_has_distribution(outputs: Any, model: keras.Model) -> None:
    """Raises TypeError for a model whose outputs are all tensors."""
    if all(type(output) is TensorOutput for output in keras.tree.flatten(outputs)):
        raise TypeError(
            message(
                "predict_distribution, argument `model`",
                expected="a model with a RandomVariable as an output",
                received=f"the model '{model.name}', whose outputs are tensors",
                fix="End the model with a head of keras_distlayers.layers; a layer after the "
                "head turns its output into a tensor.",
            )
        )


class TensorOutput:
    """An output that is a tensor, which comes back as an array.

    Attributes:
        of_rows: The tensors that it is made of whose first axis is that of the rows.
        shared: Those that do not depend on the rows.
    """

    def __init__(self, tensor: Tensor) -> None:
        self.of_rows: list[Tensor] = [tensor]
        self.shared: list[Tensor] = []

    def put_together(self, of_rows: Iterator[np.ndarray], shared: Iterator[np.ndarray]) -> Any:
        """The output for all rows; it takes its tensors off those of all outputs."""
        return next(of_rows)


class DistributionOutput(TensorOutput):
    """A distribution: its tensors, broadcast to the whole batch where they have batch axes."""

    def __init__(self, distribution: Distribution) -> None:
        if not distribution.batch_shape:
            raise ValueError(
                message(
                    "predict_distribution, argument `model`",
                    expected="distributions with an entry for each row",
                    received=f"{distribution!r}",
                )
            )
        self.of_rows, self.shared = [], []
        # In the outline, each tensor is replaced by the list that has it.
        self.outline = map_batch(
            distribution.seeded_by(None),
            distribution.dynamic_batch_shape(),
            lambda tensor: _put(tensor, self.of_rows),
            shared=lambda tensor: _put(tensor, self.shared),
        )

    def put_together(self, of_rows: Iterator[np.ndarray], shared: Iterator[np.ndarray]) -> Any:
        def joined(place: list[Tensor]) -> Tensor:
            return backend.as_tensor(next(of_rows if place is self.of_rows else shared))

        return self.outline.map_tensors(joined)


def _put(tensor: Tensor, place: list[Tensor]) -> list[Tensor]:
    place.append(tensor)
    return place


class ForeignOutput(TensorOutput):
    """A distribution of another library, which only its head can make for other rows."""

    def __init__(self, head: Any, inputs: Any) -> None:
        self.head, self.inputs = head, inputs
        self.of_rows, self.shared = keras.tree.flatten(inputs), []

    def put_together(self, of_rows: Iterator[np.ndarray], shared: Iterator[np.ndarray]) -> Any:
        joined = [ops.convert_to_tensor(next(of_rows)) for _ in self.of_rows]
        inputs = keras.tree.pack_sequence_as(self.inputs, joined)
        return self.head.distribution(inputs).seeded_by(None)


__all__ = ["TensorOutput", "check_has_distribution", "output_of"]
