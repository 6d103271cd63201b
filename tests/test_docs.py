"""The examples in docstrings, the README and the docs are run."""

import doctest
import importlib
import pathlib
import pkgutil
import re
import runpy
import sys
import types

import pytest
from helpers import BACKEND

import keras_distlayers
import keras_distlayers as kdl

ROOT = pathlib.Path(__file__).parent.parent
MODULES = [
    name
    for _, name, _ in pkgutil.walk_packages(keras_distlayers.__path__, "keras_distlayers.")
    if "_backend." not in name
]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
PUBLIC = ("bijectors", "callbacks", "distributions", "interop", "layers", "losses", "metrics",
          "regularizers", "schedules", "testing")  # fmt: skip


@pytest.mark.parametrize("name", MODULES)
def test_docstrings(name):
    module = importlib.import_module(name)
    options = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    failures, _ = doctest.testmod(module, optionflags=options)
    assert failures == 0


@pytest.mark.parametrize("package", PUBLIC)
def test_every_public_name_has_an_example(package):
    module = importlib.import_module(f"keras_distlayers.{package}")
    for name in module.__all__:
        if not callable(getattr(module, name)):
            continue
        documented = getattr(module, name).__doc__
        assert ">>> " in documented, f"{package}.{name} has no example"


def code_blocks(page):
    """Those of this backend: a title names the backends of a block that is not for all."""
    blocks = re.findall(r'^```python(?: title="(.*?)")?\n(.*?)^```', page.read_text(), re.S | re.M)
    return [code for title, code in blocks if not title or BACKEND in title.lower()]


@pytest.fixture(scope="module", autouse=True)
def _kept():
    """Nothing is kept: docs/testing.md fixes a class after a check has found the mistake."""


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_the_code_of_a_page_runs_from_top_to_bottom(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    module = types.ModuleType("page")
    monkeypatch.setitem(sys.modules, "page", module)  # for who looks a class's module up
    for block in code_blocks(page):
        exec(compile(block, str(page), "exec"), vars(module))


def test_the_tables_of_heads_are_those_of_the_code():
    make = runpy.run_path(str(ROOT / "docs" / "make_heads.py"))
    text = make["PAGE"].read_text(encoding="utf-8")
    assert make["page"](text) == text, "to make them anew: python docs/make_heads.py"
    public = {name for name in kdl.layers.__all__ if name not in ("Head", "ParametricHead")}
    classes = {name for name in public if isinstance(getattr(kdl.layers, name), type)}
    heads = {name for name in classes if issubclass(getattr(kdl.layers, name), kdl.layers.Head)}
    assert {name for name in heads if f"`{name}`" not in text and f"[{name}]" not in text} == set()
