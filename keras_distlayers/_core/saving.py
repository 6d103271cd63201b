"""What goes into a config, with a warning for what could not be loaded from it."""

import inspect
import warnings
from typing import Any

import keras

from keras_distlayers._core.errors import message


def serialize(value: Any, *, where: str) -> Any:
    """`keras.saving.serialize_keras_object`; warns of a function that Keras would not find.

    Keras saves a lambda as its bytecode, which it refuses to load, and another function as its
    name. Both would be noticed only as the file is loaded.

    Args:
        value: Anything that Keras serializes.
        where: Whose value it is, for the warning.
    """
    with warnings.catch_warnings():  # Keras warns of a lambda without saying what to do
        warnings.filterwarnings("ignore", message="The object being serialized includes a `lambda")
        serialized = keras.saving.serialize_keras_object(value)
    if inspect.isroutine(value) and not _is_found(value, serialized):
        text = message(
            where,
            expected="a function that can be found as the model is loaded",
            received=f"{value!r}, which is not registered with Keras",
            fix="Keras will refuse it then. Define it with `def`, and decorate it "
            "with `@keras.saving.register_keras_serializable()`.",
        )
        warnings.warn(text, UserWarning, stacklevel=3)
    return serialized


def _is_found(function: Any, serialized: Any) -> bool:
    """Whether Keras finds this function, and not another of its name."""
    if getattr(function, "__name__", "") == "<lambda>":
        return False
    try:
        found = keras.saving.deserialize_keras_object(serialized)
    except (TypeError, ValueError):
        return False
    # Keras has some of its own functions under several names.
    return found is function or (function.__module__ or "").startswith("keras.")


__all__ = ["serialize"]
