"""What layers know about the arguments of their constructors.

A subclass that takes `**options` hands them on to its base class. Here the signature of such a
constructor is spelled out, and its arguments go into the layer's config.
"""

import inspect
from collections.abc import Iterator
from typing import Any, ClassVar, Self

import keras

from keras_distlayers._core.errors import message
from keras_distlayers._core.saving import serialize


class SavedArguments:
    """A mixin for layers that keep each argument of the constructor as an attribute.

    It writes `get_config` and `from_config` for a layer whose arguments are attributes of the
    same names: numbers, strings, sequences of these, or anything that Keras can serialize. A
    class that writes its own `get_config` adds the arguments of its own constructor there.

    Attributes:
        saved_as: The class whose constructor takes what the config has; None for the layer's own.
    """

    saved_as: ClassVar[type | None] = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        _spell_out_options(cls)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()  # type: ignore[misc]
        for name in _saved_arguments(self.saved_as or type(self)):
            where = f"{type(self).__name__} '{self.name}', argument `{name}`"  # type: ignore[attr-defined]
            config[name] = serialize(self._argument_value(name), where=where)
        return config

    def _argument_value(self, name: str) -> Any:
        """The value of an argument, as the layer keeps it."""
        if hasattr(self, name):
            return getattr(self, name)
        raise AttributeError(
            message(
                f"{type(self).__name__}.get_config",
                expected=f"an attribute `{name}`, for the argument of the constructor",
                received="a layer without it",
                fix=f"Set `self.{name}` in the constructor, or write `get_config`.",
            )
        )

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        # The dtype is Keras's to deserialize.
        objects = {
            name: keras.saving.deserialize_keras_object(value)
            for name, value in config.items()
            if isinstance(value, dict) and name != "dtype"
        }
        return super().from_config({**config, **objects})  # type: ignore[misc]


def _saved_arguments(cls: type) -> list[str]:
    """The arguments of a class's constructor and of those of its bases, without positional ones.

    A positional-only argument is one that a subclass hands to its base by itself.
    """
    names: dict[str, None] = {}
    for base in layer_bases(cls):
        if "__init__" in vars(base) and "get_config" not in vars(base):
            names |= dict.fromkeys(_own_arguments(vars(base)["__init__"]))
    return list(names)


def layer_bases(cls: type) -> Iterator[type]:
    """A class and its bases, up to the mixin and without Keras's own."""
    return (
        base for base in cls.__mro__ if issubclass(base, SavedArguments) and base != SavedArguments
    )


def _own_arguments(init: Any) -> tuple[str, ...]:
    """The named arguments in a constructor's own code, without `self`."""
    code = init.__code__
    first = max(1, code.co_posonlyargcount)
    return code.co_varnames[first : code.co_argcount + code.co_kwonlyargcount]


def _spell_out_options(cls: type) -> None:
    """Puts the arguments of the base class's constructor in the place of `**options`.

    So `help`, editors at run time and the documentation show what the constructor takes.
    """
    init = vars(cls).get("__init__")
    base = next((b for b in layer_bases(cls) if b is not cls and "__init__" in vars(b)), None)
    if init is None or base is None:
        return
    own = inspect.signature(init)
    named = [p for p in own.parameters.values() if p.kind is not p.VAR_KEYWORD]
    if len(named) == len(own.parameters):
        return  # no options
    taken = {p.name for p in named}
    inherited = inspect.signature(vars(base)["__init__"]).parameters.values()
    by_keyword = [
        p.replace(kind=p.KEYWORD_ONLY)
        for p in inherited
        if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY) and p.name not in {"self", *taken}
    ]
    options = [p for p in inherited if p.kind is p.VAR_KEYWORD]
    init.__signature__ = own.replace(parameters=[*named, *by_keyword, *options])


__all__ = ["SavedArguments", "layer_bases"]
