"""A head that another head is made of."""

from typing import Any

import keras

from keras_distlayers._core.errors import message
from keras_distlayers.layers.head import Head
from keras_distlayers.layers.parametric_head import ParametricHead


def check_has_no_regularizer(where: str, head: Head, owner: str) -> None:
    """An error for the regularizer of a head that is never called."""
    if head.activity_regularizer is not None:
        raise ValueError(
            message(
                where,
                expected="a head without a regularizer, which would never be called",
                received=f"activity_regularizer={head.activity_regularizer!r}",
                fix=f"Give the regularizer to {owner}.",
            )
        )


class Component:
    """The head that was given as an argument of another head, and is never called.

    A plain object: as an attribute of a layer, the head would count among its sublayers.

    Args:
        head: A `ParametricHead` without a regularizer.
        owner: The name of the layer that takes it, for errors.
        argument: The name of its argument, for errors.

    Attributes:
        reader: Makes the head's distributions.
    """

    def __init__(self, head: Any, owner: str, argument: str) -> None:
        where = f"{owner}, argument `{argument}`"
        if not isinstance(head, ParametricHead):
            raise TypeError(
                message(
                    where,
                    expected="a ParametricHead, such as IndependentPoisson(3)",
                    received=f"{argument}={head!r}",
                )
            )
        check_has_no_regularizer(where, head, owner)
        self._head, self.reader = head, head.reader

    def get_config(self) -> dict[str, Any]:
        """The config of the head, as Keras serializes it."""
        return keras.saving.serialize_keras_object(self._head)


__all__ = ["Component", "check_has_no_regularizer"]
