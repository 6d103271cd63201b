"""One backend a process: the suite runs once for each, with KERAS_BACKEND set."""

import gc
import itertools
import os
import pathlib
import subprocess
import sys

# One thread a process, before torch is imported: the workers share the cores, and OpenMP's
# threads would wait for each other by spinning.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# For XLA as well. With two threads, two triangular solves of many columns can wait for each other
# for ever (JAX 0.10.2): each holds a thread of the pool whose help it waits for.
os.environ.setdefault("NPROC", "1")
# On JAX almost all of the time goes into compiling thousands of small functions, once each.
os.environ.setdefault(
    "XLA_FLAGS",
    "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true "
    "--xla_cpu_use_fusion_emitters=false --xla_cpu_parallel_codegen_split_count=1",
)
# Pictures are drawn, and shown nowhere.
os.environ.setdefault("MPLBACKEND", "agg")
# What was compiled stays on disk, for the other workers, for child processes and for the next run.
JAX_CACHE = pathlib.Path(__file__).parent.parent / ".cache" / "jax"
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(JAX_CACHE))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")

import hypothesis
import keras
import numpy as np
import pytest
from turns import is_due

from keras_distlayers.testing._evaluation import compilation_cache

# The profile of pytest_keras_distlayers, with the same examples in each run. On JAX
# each new shape is compiled anew, by the second: fewer of them there, and more in soak.py.
BACKEND = keras.config.backend()
hypothesis.settings.register_profile(
    "suite",
    hypothesis.settings.get_profile("keras_distlayers"),
    max_examples=8 if BACKEND == "jax" else 20,
    derandomize=True,
    print_blob=True,
)
hypothesis.settings.load_profile("suite")

# Searches over numbers, and tables of formulas, run where nothing compiles. Other tests hold the
# other backends to the results: test_replay.py, test_crps.py and test_score_metrics.py.
SEARCHES = [
    "test_crps_table.py",
    "test_oracles.py",
    "test_plot_bands.py",
    "test_scores.py",
    "test_tails.py",
    "test_recalibration_rules.py",
]
# What reads the sources sees the same on each backend.
OF_SOURCES = ["test_annotations.py", "test_architecture.py", "test_language.py"]
# What Keras does on Torch alone.
OF_TORCH = ["test_meta_device.py"]
collect_ignore = [] if BACKEND == "torch" else [*SEARCHES, *OF_SOURCES, *OF_TORCH]

# A short run, see turns.py.
TURN = os.environ.get("TURN", "")

# JAX makes millions of small objects, few of them in cycles: they are collected less often.
gc.set_threshold(100_000, 20, 100)


def pytest_report_header():
    turn = f", turn {TURN}" if TURN else ""
    return f"keras {keras.__version__} on the {BACKEND} backend{turn}"


def pytest_collection_modifyitems(config, items):
    due = {True: [], False: []}
    for item in items:
        due[_is_due(item)].append(item)
    config.hook.pytest_deselected(items=due[False])
    items[:] = due[True]
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


def _is_due(item):
    """Slow tests run on one backend anyway."""
    is_slow = item.get_closest_marker("slow") is not None
    return is_slow or is_due(item.nodeid, BACKEND, TURN)


@pytest.fixture(autouse=True)
def _seeded():
    keras.utils.set_random_seed(0)
    yield
    keras.config.set_dtype_policy("float32")


@pytest.fixture(scope="module", autouse=True)
def _compilation_cache():
    """On JAX the tests of a module share what they compile."""
    with compilation_cache():
        yield


@pytest.fixture(autouse=True)
def _steps_traced_once(request, monkeypatch):
    """On TensorFlow `fit` traces a step anew once the optimizer has made its variables.

    They are made before it here, which saves half of the time of `fit`. Tests marked `plain_fit`
    leave all to Keras.
    """
    if BACKEND != "tensorflow" or request.node.get_closest_marker("plain_fit"):
        return
    fit = keras.Model.fit

    def fit_with_built_optimizer(model, *args, **kwargs):
        optimizer = getattr(model, "optimizer", None)
        if model.built and optimizer is not None and not optimizer.built:
            optimizer.build(model.trainable_variables)
        return fit(model, *args, **kwargs)

    monkeypatch.setattr(keras.Model, "fit", fit_with_built_optimizer)


@pytest.fixture(autouse=True)
def _closed_figures():
    """Pyplot keeps all figures, and warns of more than twenty."""
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


TESTS_PER_CACHE = 150


@pytest.fixture(scope="session")
def _tests_run():
    return itertools.count(1)


@pytest.fixture(autouse=True)
def _bounded_memory(_tests_run):
    """JAX keeps all that it compiled, gigabytes for the whole suite, until it is cleared."""
    yield
    if BACKEND == "jax" and next(_tests_run) % TESTS_PER_CACHE == 0:
        import jax

        jax.clear_caches()
        gc.collect()


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def subprocess_python(tmp_path):
    """Runs code in a fresh process on this backend and returns the last line that it printed."""
    tests = pathlib.Path(__file__).parent

    def run(code, environment=()):
        script = tmp_path / "script.py"
        script.write_text(code)
        paths = os.pathsep.join([str(tests), str(tests.parent)])
        variables = {**os.environ, "PYTHONPATH": paths, **dict(environment)}
        done = subprocess.run(
            [sys.executable, str(script)], env=variables, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr[-4000:]
        return done.stdout.strip().splitlines()[-1] if done.stdout.strip() else ""

    return run
