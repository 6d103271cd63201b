"""The packages and which way the imports run; what an import brings along."""

import ast
import json
import pathlib

import keras
import pytest
from helpers import BACKEND

import keras_distlayers
from keras_distlayers import _backend
from keras_distlayers._core import ops as own_ops

PACKAGE = pathlib.Path(keras_distlayers.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))
FRAMEWORKS = {"jax", "jaxlib", "tensorflow", "torch", "tensorflow_probability", "numpyro"}

# A module imports from the packages of its own line, or from lines below it. Nothing imports
# interop: `distributions.as_distribution` loads it by name for the first foreign distribution.
PACKAGES = [
    {"interop"},
    {"_pytest"},
    {"testing"},
    {"callbacks"},
    {"layers", "metrics"},
    {"losses", "regularizers", "schedules"},
    {"symbolic"},
    {"random_variable"},
    {"distributions"},
    {"bijectors"},
    {"distribution_methods"},
    {"_core"},
    {"_backend"},
]
LEVEL = {package: level for level, packages in enumerate(PACKAGES) for package in packages}


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


def test_requested_backend_is_the_one_that_runs():
    assert keras.config.backend() == BACKEND == _backend.NAME
    kind = type(keras.ops.ones(1)).__module__.split(".")[0]
    assert kind == {"jax": "jaxlib"}.get(BACKEND, BACKEND)


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_module_imports_only_from_below(path):
    for name in imported(path):
        parts = name.split(".")
        assert not name.startswith("keras.src"), name
        if parts[0] in FRAMEWORKS:
            assert package(path) in ("_backend", "interop"), name
        if parts[0] == "hypothesis":
            assert package(path) in ("testing", "_pytest"), name
        if parts[0] == "keras_distlayers" and len(parts) > 1 and package(path) != "__init__":
            assert LEVEL[parts[1]] >= LEVEL[package(path)], f"{path.name} imports {name}"


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_module_calls_no_keras_op_that_loses_float64(path):
    if path == PACKAGE / "_core" / "ops.py":
        return
    # Keras's einsum keeps float64; ours multiplies float32 with all digits too.
    replaced = set(own_ops.__all__) - {"einsum"}
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            assert node.value.id != "ops" or node.attr not in replaced, f"ops.{node.attr}"


def private_names_of_others(tree):
    """The names with an underscore that a module reads and does not define itself."""
    own = {n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.ClassDef)}
    own |= {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)}
    attributes = [n for n in ast.walk(tree) if isinstance(n, ast.Attribute)]
    own |= {n.attr for n in attributes if isinstance(n.ctx, ast.Store)}
    for node in attributes:
        is_private = node.attr.startswith("_") and not node.attr.startswith("__")
        is_inherited = ast.unparse(node.value) in ("self", "cls", "super()")
        if is_private and not is_inherited and node.attr not in own:
            yield ast.unparse(node)


@pytest.mark.parametrize(
    "path",
    [p for p in MODULES if package(p) != "_backend"],
    ids=lambda p: str(p.relative_to(PACKAGE)),
)
def test_module_reads_no_private_name_of_another(path):
    assert list(private_names_of_others(ast.parse(path.read_text()))) == []


def test_backend_modules_have_the_same_names():
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


NEW_MODULES = """
import json, sys
import keras
before = set(sys.modules)
import keras_distlayers as kdl
print(json.dumps(sorted(set(sys.modules) - before)))
"""


def test_import_brings_nothing_foreign(subprocess_python):
    new = json.loads(subprocess_python(NEW_MODULES))
    ours = {name for name in new if name.startswith("keras_distlayers.")}
    lazy = ("keras_distlayers.interop", "keras_distlayers.testing")
    assert {"keras_distlayers.layers", "keras_distlayers.schedules"} <= ours
    assert not [name for name in ours if name.startswith(lazy)]
    packages = {name.split(".")[0] for name in new}
    assert not packages & {"tensorflow_probability", "hypothesis", "tf_keras", "numpyro"}
    assert not packages & (FRAMEWORKS - {BACKEND})


@pytest.mark.parametrize("name", ["interop", "testing"])
def test_lazy_package_is_imported_on_first_use(name, subprocess_python):
    code = f"""
import sys
import keras_distlayers as kdl
assert {name!r} in dir(kdl) and "keras_distlayers.{name}" not in sys.modules
assert kdl.{name} is sys.modules["keras_distlayers.{name}"]
"""
    assert subprocess_python(code) == ""


def test_unknown_attribute_is_an_error():
    with pytest.raises(AttributeError, match="'keras_distlayers' has no attribute 'layer'"):
        _ = keras_distlayers.layer


def test_the_plugin_brings_no_keras(subprocess_python):
    """Pytest imports it in every project whose environment has this package."""
    code = "import sys, pytest_keras_distlayers; print('keras' in sys.modules)"
    assert subprocess_python(code) == "False"


def test_testing_without_hypothesis_says_how_to_install_it(subprocess_python):
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


def test_unknown_backend_is_refused_by_name(monkeypatch):
    with pytest.raises(ImportError, match=r"expected one of the Keras backends.*'openvino'"):
        _backend._load("openvino")
