"""Docstrings of heads that are complete, though each part is written once.

A class says what is its own: a summary, its arguments, an example, a source. The sections that
it leaves out are those of its base classes, argument by argument.
"""

import inspect
import re

from keras_distlayers.layers._arguments import layer_bases

_TITLES = (
    "Args", "Call arguments", "Input shape", "Output shape", "Raises", "Attributes", "Examples",
    "Source",
)  # fmt: skip
_INHERITED = ("Call arguments", "Input shape", "Output shape")
_HEADING = re.compile(rf"^(?=(?:{'|'.join(_TITLES)}):)", re.MULTILINE)
_ENTRY = re.compile(r"^(?= {4}\S)", re.MULTILINE)


def complete_docstring(cls: type, description: str = "") -> None:
    """Adds to a class's own docstring what its bases say of the rest.

    Args:
        cls: A class; without a docstring of its own it stays as it is.
        description: A paragraph that follows the text before the first section.
    """
    if not vars(cls).get("__doc__"):
        return
    own, *bases = [_sections(base.__doc__) for base in layer_bases(cls) if base.__doc__]
    for title in _INHERITED:
        own.setdefault(title, next((base[title] for base in bases if title in base), ""))
    own["Args"] = _arguments(cls, [own, *bases])
    own["Raises"] = _entries_of("Raises", [own, *bases])
    text = [own.pop("").rstrip(), description]
    text += [own[title].rstrip() for title in _TITLES if own.get(title)]
    cls.__doc__ = "\n\n".join(part for part in text if part) + "\n"


def _sections(docstring: str) -> dict[str, str]:
    """The text of each section by its title; that before the first under ""."""
    first, *rest = _HEADING.split(inspect.cleandoc(docstring))
    return {"": first, **{text.partition(":")[0]: text for text in rest}}


def _entries(section: str) -> list[str]:
    """The indented entries of a section such as Args."""
    return [entry.rstrip() for entry in _ENTRY.split(section)[1:]]


def _arguments(cls: type, classes: list[dict[str, str]]) -> str:
    """The arguments of the constructor, each as the nearest class describes it."""
    described: dict[str, str] = {}
    for sections in classes:
        for entry in _entries(sections.get("Args", "")):
            described.setdefault(entry.strip().partition(":")[0].lstrip("*"), entry)
    names = inspect.signature(cls).parameters
    return "\n".join(["Args:", *(described[name] for name in names if name in described)])


def _entries_of(title: str, classes: list[dict[str, str]]) -> str:
    entries = [entry for sections in classes for entry in _entries(sections.get(title, ""))]
    return "\n".join([f"{title}:", *dict.fromkeys(entries)]) if entries else ""


__all__ = ["complete_docstring"]
