"""What a function reads besides its arguments: variables and layers that Keras cannot track.

Keras trains and saves the variables that it finds in the attributes of layers. A variable in a
function's closure, or a global one, is not among them: it is never trained, and JAX compiles its
first value into the step.
"""

import functools
import inspect
import types
from collections.abc import Callable, Iterator
from typing import Any

import keras


def captured_state(
    function: Callable,
) -> Iterator[tuple[str, keras.Variable | keras.layers.Layer]]:
    """The variables and layers that a function, or an object with `__call__`, reads.

    Looks into closures, globals, defaults, `functools.partial`, bound methods, lists, tuples,
    dicts, attributes, and the functions of the same module. Does not look into layers, whose
    variables Keras tracks.

    Yields:
        The name under which each is read, and the variable or the layer.
    """
    yield from _search("", function, names=None, module=_module(function), seen=set())


def untracked(function: Callable, owner: keras.layers.Layer | None = None) -> str | None:
    """The name of the first thing that a function reads and that would not be trained.

    Args:
        function: The function.
        owner: The layer that calls the function. A model that has the layer inside, `self` in a
            subclassed model, is trained together with it.

    Returns:
        The name of a trainable variable, or of a layer with trainable weights; None if the
        function reads neither.
    """
    for name, state in captured_state(function):
        is_variable = isinstance(state, keras.Variable)
        if state.trainable if is_variable else _would_train(state) and not _has(state, owner):
            return name
    return None


def _would_train(layer: keras.layers.Layer) -> bool:
    return not layer.built or bool(layer.trainable_weights)


def _has(model: keras.layers.Layer, layer: keras.layers.Layer | None) -> bool:
    own = {id(variable) for variable in layer.variables} if layer is not None else set()
    return any(id(variable) in own for variable in model.variables)


def _search(
    name: str, value: Any, names: set[str] | None, module: str | None, seen: set[int]
) -> Iterator[tuple[str, Any]]:
    """Searches one value; of an object's attributes only `names`, where they are known."""
    if id(value) in seen or isinstance(value, types.ModuleType | type):
        return
    seen.add(id(value))
    if isinstance(value, keras.Variable | keras.layers.Layer):
        yield name, value
        return
    for part_name, part, part_names in _parts(name, value, names, module):
        yield from _search(part_name, part, part_names, module, seen)


def _parts(
    name: str, value: Any, names: set[str] | None, module: str | None
) -> Iterator[tuple[str, Any, set[str] | None]]:
    """What to search in a value: the name of each part, the part, the attributes to look at."""
    if isinstance(value, types.FunctionType):
        if name == "" or value.__module__ == module or value.__closure__:
            read, names = _read_by(value)
            yield from ((part, read[part], names) for part in read)
    elif isinstance(value, types.MethodType):
        yield name, value.__func__, None
        yield "self", value.__self__, _names_in(value.__func__.__code__)
    elif isinstance(value, functools.partial):
        yield "", value.func, None
        arguments = [*value.args, *value.keywords.values()]
        yield from ((f"{name}argument", part, names) for part in arguments)
    elif isinstance(value, list | tuple | dict):
        parts = value.values() if isinstance(value, dict) else value
        yield from ((name, part, names) for part in parts)
    else:
        attributes = getattr(value, "__dict__", {})
        for attribute in attributes if names is None else names & attributes.keys():
            yield f"{name}.{attribute}".lstrip("."), attributes[attribute], names


def _read_by(function: types.FunctionType) -> tuple[dict[str, Any], set[str]]:
    """The values that a function reads by name, and all names in its code."""
    names = _names_in(function.__code__)
    read = {n: function.__globals__[n] for n in names if n in function.__globals__}
    read |= inspect.getclosurevars(function).nonlocals
    defaults = inspect.signature(function).parameters.values()
    read |= {p.name: p.default for p in defaults if p.default is not p.empty}
    return read, names


def _names_in(code: types.CodeType) -> set[str]:
    """The names of globals and attributes in a function's code, inner functions included."""
    inner = [_names_in(c) for c in code.co_consts if isinstance(c, types.CodeType)]
    return set(code.co_names).union(*inner)


def _module(function: Callable) -> str | None:
    return getattr(function, "__module__", None)


__all__ = ["captured_state", "untracked"]
