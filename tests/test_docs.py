"""Runs the examples in docstrings, the README and the docs."""

import doctest
import importlib
import pathlib
import pkgutil
import re
import runpy
import sys
import types

import numpy as np
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
PUBLIC = ("bijectors", "callbacks", "distributions", "ensembles", "interop", "layers", "losses",
          "metrics", "plots", "recalibration", "regularizers", "schedules", "scores", "testing",
          "uncertainty", "variational")  # fmt: skip


if BACKEND != "jax":  # where each example would compile functions of its own, for a minute

    @pytest.mark.parametrize("name", MODULES)
    def test_docstring_examples_run(name):
        module = importlib.import_module(name)
        options = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
        failures, _ = doctest.testmod(module, optionflags=options)
        assert failures == 0


@pytest.mark.parametrize("page", ["README.md", "docs/index.md"])
def test_page_counts_the_checks_that_there_are(page):
    """As many as `check_layer` reports of a head."""
    count = len(kdl.testing.LAYER_CHECKS) + len(kdl.testing.DISTRIBUTION_CHECKS)
    assert f"{count} checks" in (ROOT / page).read_text()


@pytest.mark.parametrize("package", PUBLIC)
def test_public_names_have_an_example(package):
    module = importlib.import_module(f"keras_distlayers.{package}")
    for name in module.__all__:
        if not callable(getattr(module, name)):
            continue
        documented = getattr(module, name).__doc__
        assert ">>> " in documented, f"{package}.{name} has no example"


# The home page shows two lines of code per picture. Here they run with small untrained models.
BEFORE_HOME = """
import keras
import keras_distlayers as kdl
from keras import ops

prior = kdl.distributions.Independent(kdl.distributions.Normal(ops.zeros(2), 1.0), 1)
decoder = keras.Sequential([keras.layers.Dense(4), kdl.layers.IndependentBernoulli((2, 2, 1))])
mixture = kdl.layers.MixtureNormal(5, event_shape=1)
model = keras.Sequential([keras.layers.Dense(mixture.num_params), mixture])
x = ops.zeros((3, 1))
"""
SETUP = {ROOT / "docs" / "index.md": [BEFORE_HOME]}


def code_blocks(page):
    """Code blocks for this backend. The title of a block names its backends, if not all."""
    blocks = re.findall(r'^```python(?: title="(.*?)")?\n(.*?)^```', page.read_text(), re.S | re.M)
    return [code for title, code in blocks if not title or BACKEND in title.lower()]


@pytest.fixture(scope="module", autouse=True)
def _compilation_cache():
    """Turns off the shared compilation cache: docs/testing.md replaces a method after a check."""


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_page_code_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    module = types.ModuleType("page")
    monkeypatch.setitem(sys.modules, "page", module)  # some code looks up the module of a class
    for block in SETUP.get(page, []) + code_blocks(page):
        exec(compile(block, str(page), "exec"), vars(module))


@pytest.mark.slow  # the pages say the same on every backend
def test_heads_page_tables_match_the_code():
    make = runpy.run_path(str(ROOT / "docs" / "make_heads.py"))
    text = make["PAGE"].read_text(encoding="utf-8")
    assert make["page"](text) == text, "run python docs/make_heads.py"
    public = {name for name in kdl.layers.__all__ if not name.endswith("Head")}
    classes = {name for name in public if isinstance(getattr(kdl.layers, name), type)}
    heads = {name for name in classes if issubclass(getattr(kdl.layers, name), kdl.layers.Head)}
    assert {name for name in heads if f"`{name}`" not in text and f"[{name}]" not in text} == set()


@pytest.mark.slow  # the pages say the same on every backend
def test_plots_page_has_a_picture_by_every_function():
    make = runpy.run_path(str(ROOT / "docs" / "make_plots.py"))
    drawn, code = {}, ""
    for part in make["PARTS"].finditer(make["PAGE"].read_text(encoding="utf-8")):
        if part["image"]:
            drawn[part["image"]] = code
        code = part["code"]
    assert set(drawn) == {f"images/plots_{name}.png" for name in kdl.plots.__all__}
    for name in kdl.plots.__all__:
        assert f"kdl.plots.{name}(" in drawn[f"images/plots_{name}.png"]
        assert (ROOT / "docs" / "images" / f"plots_{name}.png").exists()


@pytest.mark.slow  # the pages say the same on every backend
@pytest.mark.parametrize(
    "estimator", ["reparameterization", "flipout", "local_reparameterization"]
)
def test_picture_of_the_estimators_has_the_noise_of_the_gradient(estimator):
    make = runpy.run_path(str(ROOT / "docs" / "make_plots.py"))
    x, _ = make["rows"](64)
    if estimator == "reparameterization":  # one draw for all rows
        expected = 2.0 * make["STDDEV"] * np.linalg.norm((x[:, :1] * x).mean(axis=0))
    else:  # rows are uncorrelated, and all inputs +-1
        expected = 2.0 * make["STDDEV"] * np.sqrt(make["INPUTS"] / 64)
    received, _ = make["noise_of"](estimator, 64)
    # Five standard errors of a standard deviation.
    assert received == pytest.approx(expected, rel=5 / np.sqrt(2 * make["DRAWS"]))


@pytest.mark.slow  # the pages say the same on every backend
def test_picture_of_the_bounds_estimators_has_their_slopes():
    make = runpy.run_path(str(ROOT / "docs" / "make_plots.py"))
    few, many = (np.array(make["signal_to_noise"](count)) for count in (40, 640))
    # By sqrt(K), up and down: sixteen times as many draws, a factor of four.
    np.testing.assert_allclose(np.log(many / few) / np.log(16.0), [0.5, -0.5], atol=0.1)


@pytest.mark.slow  # the pages say the same on every backend
def test_moving_page_has_every_name_of_tfp_layers():
    make = runpy.run_path(str(ROOT / "docs" / "make_moving.py"))
    text = make["PAGE"].read_text(encoding="utf-8")
    assert make["page"](text) == text, "run python docs/make_moving.py"
    assert len(make["NAMES"]) == 30
