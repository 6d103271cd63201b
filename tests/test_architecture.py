"""The packages and which way the imports run, read from the sources."""

import ast
import pathlib

import pytest

import keras_distlayers
from keras_distlayers import _backend
from keras_distlayers._core import ops as own_ops
from keras_distlayers.testing import _backend as testing_backend

PACKAGE = pathlib.Path(keras_distlayers.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))
FRAMEWORKS = {"jax", "jaxlib", "tensorflow", "torch", "tensorflow_probability", "numpyro"}

# A module imports from the packages of its own line, or from lines below it. Nothing imports
# interop: `distributions.as_distribution` loads it by name for the first foreign distribution.
PACKAGES = [
    {"interop"},
    {"_pytest"},
    {"plots", "testing"},
    {"recalibration"},
    {"callbacks", "ensembles", "prediction", "variational"},
    {"layers", "metrics"},
    {"losses", "regularizers", "schedules", "uncertainty"},
    {"symbolic"},
    {"random_variable"},
    {"scores"},
    {"distributions"},
    {"bijectors"},
    {"distribution_methods"},
    {"_core"},
    {"_backend"},
    {"_core.typing"},
]
LEVEL = {package: level for level, packages in enumerate(PACKAGES) for package in packages}


def module_name(path):
    """`keras_distlayers.layers.head` for its file."""
    return ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)


def package(name):
    """The entry of `PACKAGES` that a full name belongs to; None for the package as a whole."""
    parts = name.split(".")[1:]
    return next((p for p in (".".join(parts[:2]), *parts[:1]) if p in LEVEL), None)


def imports(path):
    """For each import of a module the name that it gets there and its full name."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((alias.asname or alias.name, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            for alias in node.names:
                yield alias.asname or alias.name, f"{node.module}.{alias.name}"


def private_names(path):
    """The private names of this package that a module imports, or reads of a module."""
    known = dict(imports(path))
    names = list(known.values())
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            names.append(f"{known.get(node.value.id, '')}.{node.attr}")
    for name in names:
        if name.startswith("keras_distlayers."):
            parts = name.split(".")
            for i, part in enumerate(parts):
                if part.startswith("_") and not part.startswith("__"):
                    yield name, ".".join(parts[:i])


def private_attributes_of_others(tree):
    """The attributes with an underscore that a module reads and does not define itself."""
    own = {n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.ClassDef)}
    own |= {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)}
    attributes = [n for n in ast.walk(tree) if isinstance(n, ast.Attribute)]
    own |= {n.attr for n in attributes if isinstance(n.ctx, ast.Store)}
    for node in attributes:
        is_private = node.attr.startswith("_") and not node.attr.startswith("__")
        is_inherited = ast.unparse(node.value) in ("self", "cls", "super()")
        if is_private and not is_inherited and node.attr not in own:
            yield ast.unparse(node)


each_module = pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))


@each_module
def test_module_imports_only_from_below(path):
    own = package(module_name(path))
    for _, name in imports(path):
        root = name.split(".")[0]
        assert not name.startswith("keras.src"), name
        if root in FRAMEWORKS:
            assert own == "interop" or "_backend" in path.parts, name
        if root == "matplotlib":
            assert own == "plots", name
        if root == "hypothesis":
            assert own in ("testing", "_pytest"), name
        if root == "keras_distlayers" and own is not None:
            assert package(name) is not None, f"{name} is not in PACKAGES"
            assert LEVEL[package(name)] >= LEVEL[own], f"{path.name} imports {name}"


@each_module
def test_module_uses_private_names_of_its_own_package_alone(path):
    for name, owner in private_names(path):
        assert f"{module_name(path)}.".startswith(f"{owner}."), name


@each_module
def test_module_reads_no_private_attribute_of_another(path):
    if "_backend" not in path.parts:
        assert list(private_attributes_of_others(ast.parse(path.read_text()))) == []


@each_module
def test_module_calls_no_keras_op_that_loses_float64(path):
    if path == PACKAGE / "_core" / "ops.py":
        return
    # Keras's einsum keeps float64; ours multiplies float32 with all digits too.
    replaced = set(own_ops.__all__) - {"einsum"}
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            assert node.value.id != "ops" or node.attr not in replaced, f"ops.{node.attr}"


@each_module
def test_module_names_the_dtype_of_each_range(path):
    """Its default is int64 on TensorFlow where Keras's floats are float64: no int32 equals it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "ops.arange":
            named = [keyword.arg for keyword in node.keywords]
            assert "dtype" in named or len(node.args) == 4, ast.unparse(node)


@pytest.mark.parametrize("name", ["jax", "numpy", "tensorflow", "torch"])
@pytest.mark.parametrize(
    ("folder", "protocol"),
    [
        (PACKAGE / "_backend", _backend.Backend),
        (PACKAGE / "testing" / "_backend", testing_backend.Backend),
    ],
    ids=["package", "testing"],
)
def test_backend_module_has_the_names_that_are_declared(folder, protocol, name):
    """Read, not imported: no process imports all frameworks."""
    path = folder / f"{name}.py"
    body = ast.parse(path.read_text()).body
    functions = {node.name for node in body if isinstance(node, ast.FunctionDef)}
    defined = {node.name for node in body if isinstance(node, ast.ClassDef)} | functions
    defined |= {node.targets[0].id for node in body if isinstance(node, ast.Assign)}
    declared = {name for name in {*vars(protocol), *protocol.__annotations__} if name[0] != "_"}
    assert declared <= defined | {name for name, _ in imports(path)}
    assert {name for name in functions if name[0] != "_"} <= declared


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
