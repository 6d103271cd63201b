"""Batches of arrays, joined along their rows as they come."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from keras_distlayers._backend import backend
from keras_distlayers._core.typing import Tensor


class JoinedRows:
    """Arrays that grow by a batch at a time, with no second copy of what they have.

    Args:
        num_rows: For how many rows to allocate, which takes no memory until they come; where
            more come, twice as many.
    """

    def __init__(self, num_rows: int) -> None:
        self._num_rows = num_rows
        self._arrays: list[np.ndarray] = []
        self._filled: list[int] = []
        self._last: Sequence[Tensor] = []

    def add(self, batch: Sequence[Tensor]) -> None:
        """A batch of each array. Those before it are read while the device works on it."""
        before, self._last = self._last, batch
        self._write(before)

    def arrays(self) -> list[np.ndarray]:
        """All rows of each array, which are then not kept here."""
        self.add([])
        for array, filled in zip(self._arrays, self._filled, strict=True):
            _resize(array, filled)
        arrays, self._arrays, self._filled = self._arrays, [], []
        return arrays

    def _write(self, batch: Sequence[Tensor]) -> None:
        rows = [backend.as_array(tensor) for tensor in batch]
        if rows and not self._arrays:
            self._arrays = [np.empty((self._num_rows, *x.shape[1:]), x.dtype) for x in rows]
            self._filled = [0 for _ in rows]
        for i, new in enumerate(rows):
            start, end = self._filled[i], self._filled[i] + len(new)
            if end > len(self._arrays[i]):
                _resize(self._arrays[i], 2 * end)
            self._arrays[i][start:end] = new
            self._filled[i] = end


def _resize(array: np.ndarray, num_rows: int) -> None:
    """In place; nothing else looks at the array."""
    if num_rows != len(array):
        array.resize((num_rows, *array.shape[1:]), refcheck=False)


def num_rows(x: Any) -> int:
    """Of arrays; 0 where it shows only as the data come."""
    shapes = (getattr(part, "shape", None) for part in keras.tree.flatten(x))
    return next((shape[0] for shape in shapes if shape), 0)


__all__ = ["JoinedRows", "num_rows"]
