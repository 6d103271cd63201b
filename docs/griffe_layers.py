"""An extension of griffe: the reference of layers shows what `help` shows.

The docstring of a head is completed as Python makes its class, and `**options` of a constructor
stands for arguments of its base class. griffe reads the source, which has neither.
"""

import importlib
import inspect
import os

import griffe

os.environ.setdefault("KERAS_BACKEND", "jax")  # the one that is always installed


class LayersExtension(griffe.Extension):
    """Completes the docstrings and the signatures of layers, once the package is loaded."""

    def on_package(self, *, pkg, loader, **kwargs):
        if pkg.path != "keras_distlayers":
            return
        for module in pkg["layers"].modules.values():
            for cls in module.classes.values():
                if not cls.is_alias and cls.docstring:
                    complete(cls)


def complete(cls) -> None:
    layer = getattr(importlib.import_module(cls.module.path), cls.name)
    cls.docstring.value = inspect.getdoc(layer)
    if "__init__" in cls.members:
        cls.members["__init__"].parameters = griffe.Parameters(*parameters(cls))


def parameters(cls) -> list:
    """Those of the constructor; `**options` spelled out by the constructor of the base class."""
    own = list(cls.members["__init__"].parameters)
    base = next((base for base in cls.mro() if "__init__" in base.members), None)
    if base is None or own[-1].kind is not griffe.ParameterKind.var_keyword:
        return own
    inherited = parameters(base)
    names = {"self", *(p.name for p in own[:-1])}
    by_keyword = [
        griffe.Parameter(
            p.name,
            annotation=p.annotation,
            kind=griffe.ParameterKind.keyword_only,
            default=p.default,
        )
        for p in inherited[:-1]
        if p.name not in names and p.kind is not griffe.ParameterKind.positional_only
    ]
    return [*own[:-1], *by_keyword, inherited[-1]]
