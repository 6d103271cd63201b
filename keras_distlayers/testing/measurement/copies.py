"""Copies of a distribution, and whether they are the same."""

import json
from typing import Any

import keras
from keras import ops

from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.testing._backend import backend
from keras_distlayers.testing.measurement import eager
from keras_distlayers.testing.measurement.record import Record, as_record


def measure(distribution: Distribution) -> Record:
    """A copy taken apart and put together as jit does it, and one with copied tensors."""
    return Record(
        tree=_identity(backend.tree_roundtrip(distribution)),
        tensors=_identity(distribution.map_tensors(ops.copy)),
    )


def measure_reloaded(distribution: Distribution) -> Record:
    """The distribution that the config describes, as a `.keras` file holds it."""
    config = json.dumps(keras.saving.serialize_keras_object(distribution))
    return _identity(keras.saving.deserialize_keras_object(json.loads(config)))


def _identity(distribution: Distribution) -> Record:
    return Record(as_record(eager.results(distribution)), **identity(distribution))


def identity(distribution: Distribution) -> dict[str, Any]:
    """What a copy has in common with the distribution, besides its numbers."""
    return {
        "type": type(distribution),
        "batch_shape": distribution.batch_shape,
        "event_shape": distribution.event_shape,
        "dtype": distribution.dtype,
    }


__all__ = ["identity", "measure", "measure_reloaded"]
