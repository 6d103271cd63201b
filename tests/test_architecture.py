"""The packages and which way the imports run; what an import brings along."""

import ast
import json
import pathlib

import keras
import pytest
from helpers import BACKEND

import keras_distlayers
from keras_distlayers import _backend

PACKAGE = pathlib.Path(keras_distlayers.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))
FRAMEWORKS = {"jax", "jaxlib", "tensorflow", "torch", "tensorflow_probability", "numpyro"}

# A module imports from the packages of its own line, or from lines below it.
ROOMS = [
    {"_pytest"},
    {"testing"},
    {"callbacks"},
    {"layers", "metrics"},
    {"losses", "regularizers", "schedules"},
    {"symbolic"},
    {"random_variable"},
    {"interop"},
    {"distributions"},
    {"bijectors"},
    {"distribution_methods"},
    {"_core"},
    {"_backend", "_kl_state"},
]
LEVEL = {package: level for level, packages in enumerate(ROOMS) for package in packages}


def package(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(path):
    """The full names of what a module imports, relative ones refused."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_the_backend_that_was_asked_for_is_the_one_that_runs():
    assert keras.config.backend() == BACKEND == _backend.NAME
    kind = type(keras.ops.ones(1)).__module__.split(".")[0]
    assert kind == {"jax": "jaxlib"}.get(BACKEND, BACKEND)


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_only_point_down(path):
    for name in imported(path):
        parts = name.split(".")
        assert not name.startswith("keras.src"), name
        if parts[0] in FRAMEWORKS:
            assert package(path) in ("_backend", "interop"), name
        if parts[0] == "hypothesis":
            assert package(path) in ("testing", "_pytest"), name
        if parts[0] == "keras_distlayers" and len(parts) > 1 and package(path) != "__init__":
            assert LEVEL[parts[1]] >= LEVEL[package(path)], f"{path.name} imports {name}"


def test_every_backend_module_has_the_same_names():
    def names(path):
        tree = ast.parse(path.read_text())
        assignments = [n for n in tree.body if isinstance(n, ast.Assign)]
        (exported,) = (n for n in assignments if n.targets[0].id == "__all__")
        return set(ast.literal_eval(exported.value))

    modules = [
        PACKAGE / "_backend" / f"{name}.py" for name in ("jax", "tensorflow", "torch", "numpy")
    ]
    assert all(names(path) == set(_backend.__all__) for path in modules)


def test_files_and_functions_stay_small():
    lengths = []
    for path in MODULES:
        assert len(path.read_text().splitlines()) <= 320, path
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                body = node.body[1:] if ast.get_docstring(node) else node.body
                lengths.append(body[-1].end_lineno - body[0].lineno + 1 if body else 1)
    lengths.sort()
    assert lengths[len(lengths) // 2] <= 6
    assert lengths[int(len(lengths) * 0.9)] <= 20


IMPORT = """
import json, sys
import keras
before = set(sys.modules)
import keras_distlayers as kdl
new = {name.split(".")[0] for name in set(sys.modules) - before}
new -= {name.split(".")[0] for name in before}
print(json.dumps(sorted(new)))
"""


def test_the_import_is_light(subprocess_python):
    new = set(json.loads(subprocess_python(IMPORT)))
    assert not new & {"tensorflow_probability", "hypothesis", "tf_keras", "numpyro"}
    assert not new & (FRAMEWORKS - {BACKEND})


def test_the_plugin_brings_no_keras(subprocess_python):
    """Pytest imports it in every project whose environment has this package."""
    code = "import sys, pytest_keras_distlayers; print('keras' in sys.modules)"
    assert subprocess_python(code) == "False"


def test_testing_says_how_to_get_hypothesis(subprocess_python):
    code = """
import sys
sys.modules["hypothesis"] = None  # as if it were not installed
import keras_distlayers.layers
try:
    import keras_distlayers.testing
except ImportError as error:
    print(error)
"""
    assert 'pip install "keras-distlayers[testing]"' in subprocess_python(code)


def test_another_backend_is_refused_by_name(monkeypatch):
    with pytest.raises(ImportError, match=r"expected one of the Keras backends.*'openvino'"):
        _backend._load("openvino")
