"""Checks of arguments that are bijectors."""

from keras_distlayers._core.errors import message
from keras_distlayers.bijectors.bijector import Bijector


def checked_bijector(where: str, value) -> Bijector:
    """The value, or an error that names the argument."""
    if isinstance(value, Bijector):
        return value
    raise TypeError(
        message(
            where,
            expected="a keras_distlayers bijector",
            received=f"a {type(value).__name__}",
        )
    )


__all__ = ["checked_bijector"]
