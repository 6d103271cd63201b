"""What an import of the package brings along, and which backend runs."""

import json

import keras
import pytest
from helpers import BACKEND

import keras_distlayers
from keras_distlayers import _backend
from keras_distlayers._backend import backend

FRAMEWORKS = {"jax", "jaxlib", "tensorflow", "torch", "tensorflow_probability", "numpyro"}


def test_requested_backend_is_the_one_that_runs():
    assert keras.config.backend() == BACKEND == backend.NAME
    kind = type(keras.ops.ones(1)).__module__.split(".")[0]
    assert kind == {"jax": "jaxlib"}.get(BACKEND, BACKEND)


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
    lazy = tuple(f"keras_distlayers.{name}" for name in ("interop", "plots", "testing"))
    assert {"keras_distlayers.layers", "keras_distlayers.schedules"} <= ours
    assert not [name for name in ours if name.startswith(lazy)]
    packages = {name.split(".")[0] for name in new}
    assert not packages & {
        *("tensorflow_probability", "hypothesis", "matplotlib", "tf_keras", "numpyro")
    }
    assert not packages & (FRAMEWORKS - {BACKEND})


@pytest.mark.slow
@pytest.mark.parametrize("name", ["interop", "plots", "testing"])
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


@pytest.mark.slow
def test_the_plugin_brings_no_keras(subprocess_python):
    """Pytest imports it in every project whose environment has this package."""
    code = "import sys, pytest_keras_distlayers; print('keras' in sys.modules)"
    assert subprocess_python(code) == "False"


@pytest.mark.slow
@pytest.mark.parametrize(("name", "library"), [("testing", "hypothesis"), ("plots", "matplotlib")])
def test_package_without_its_library_says_how_to_install_it(name, library, subprocess_python):
    code = f"""
import sys
sys.modules[{library!r}] = None  # as if it were not installed
import keras_distlayers as kdl
try:
    kdl.{name}
except ImportError as error:
    print(error)
"""
    assert f'pip install "keras-distlayers[{name}]"' in subprocess_python(code)


def test_unknown_backend_is_refused_by_name(monkeypatch):
    with pytest.raises(ImportError, match=r"expected one of the Keras backends.*'openvino'"):
        _backend._load("openvino")
