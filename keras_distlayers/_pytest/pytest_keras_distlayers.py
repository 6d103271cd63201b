"""What pytest and Hypothesis get from keras-distlayers when it is installed.

Constraint: both import this module in every project whose environment has the package, before
a conftest.py can choose a backend. So it is a module outside the package, which imports Keras,
and it imports neither Keras nor a framework.

The marker `each_backend` runs a test once on each installed backend, in a process of its
own:

    @pytest.mark.each_backend
    def test_my_head():
        kdl.testing.check_layer(lambda: MyHead(3))

The tests of a module that have the marker share one process for each backend, under pytest-xdist
too. `pytest --keras-backends=jax,torch` asks for some by name; one that is not installed is an
error.

The Hypothesis profile `keras_distlayers` has a deadline that suits jitted code, whose first
call compiles: `pytest --hypothesis-profile=keras_distlayers`. That option and `--hypothesis-seed`
reach the processes of the backends. A test that fails by its deadline says so.
"""

import contextlib
import datetime
import hashlib
import importlib.util
import json
import os
import pathlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from typing import Any

import pytest

BACKENDS = ("jax", "tensorflow", "torch")
_CHILD = "KERAS_DISTLAYERS_REPORT"
_HANDED_ON = ("--hypothesis-profile", "--hypothesis-seed")
_RESULTS = pytest.StashKey[dict]()
_SHARED = pytest.StashKey[tempfile.TemporaryDirectory]()
_WORKER_INPUT = "keras_distlayers_results"
_DEADLINE = (
    "Where a first call compiles, Hypothesis's default deadline is too short: "
    "`pytest --hypothesis-profile=keras_distlayers` has one of a minute."
)


# ---------------------------------------------------------------- Hypothesis


def register_hypothesis_profiles() -> None:
    """Registers the profiles; Hypothesis calls this as it is imported."""
    import hypothesis

    patient = hypothesis.settings(
        deadline=datetime.timedelta(seconds=60),
        suppress_health_check=[hypothesis.HealthCheck.too_slow],
    )
    hypothesis.settings.register_profile("keras_distlayers", patient)
    hypothesis.settings.register_profile("keras_distlayers_soak", patient, max_examples=10_000)


# ---------------------------------------------------------------- pytest


def installed_backends() -> tuple[str, ...]:
    """The backends of Keras whose framework can be imported here."""
    return tuple(name for name in BACKENDS if importlib.util.find_spec(name))


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds `--keras-backends`."""
    group = parser.getgroup("keras_distlayers")
    group.addoption(
        "--keras-backends",
        default=None,
        help="Backends for tests marked each_backend, such as jax,torch; the installed ones.",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Adds the marker, and refuses backends that are not there."""
    config.addinivalue_line(
        "markers", "each_backend: run on each installed Keras backend, in a process of its own"
    )
    config.stash[_RESULTS] = {}
    _chosen(config)  # a backend that is missing is an error before any test


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tells a worker of pytest-xdist where all of them keep the results of child processes."""
    stash = node.config.stash
    if _SHARED not in stash:
        stash[_SHARED] = tempfile.TemporaryDirectory(prefix="keras-distlayers-")
    node.workerinput[_WORKER_INPUT] = stash[_SHARED].name


def pytest_unconfigure(config: pytest.Config) -> None:
    """Removes what the workers shared."""
    if _SHARED in config.stash:
        config.stash[_SHARED].cleanup()


def _chosen(config: pytest.Config) -> tuple[str, ...]:
    """The backends of the command line, all of which have to be there."""
    asked = config.getoption("--keras-backends")
    if asked is None:
        return installed_backends()
    names = tuple(asked.split(","))
    missing = [name for name in names if name not in installed_backends()]
    if missing:
        raise pytest.UsageError(
            f"--keras-backends: expected some of the installed {installed_backends()}. "
            f"Received: {missing}."
        )
    return names


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Makes one item for each backend; in a child process for its own."""
    if metafunc.definition.get_closest_marker("each_backend"):
        metafunc.fixturenames.append("keras_backend")
        child = os.environ.get("KERAS_BACKEND") if _CHILD in os.environ else None
        metafunc.parametrize("keras_backend", [child] if child else _chosen(metafunc.config))


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Takes, in the parent, the outcome of the child process in place of a call."""
    if not pyfuncitem.get_closest_marker("each_backend") or _CHILD in os.environ:
        return None
    outcome = _outcome(pyfuncitem)
    if outcome["outcome"] == "skipped":
        pytest.skip(outcome["text"])
    if outcome["outcome"] != "passed":
        pytest.fail(outcome["text"], pytrace=False)
    return True


def _outcome(item: pytest.Function) -> dict[str, str]:
    """What the child process of this item's module and backend said of it."""
    backend = str(item.callspec.params["keras_backend"])
    results = item.config.stash[_RESULTS]
    key = (item.path, backend)
    if key not in results:
        results[key] = _shared_child(item, backend)
    found, log = results[key]
    return found.get(
        _name(item.nodeid), {"outcome": "failed", "text": f"no result on {backend}:\n{log}"}
    )


def _shared_child(item: pytest.Function, backend: str) -> tuple[dict[str, dict[str, str]], str]:
    """The child's results; of the workers of pytest-xdist the first runs it for all of them."""
    folder = getattr(item.config, "workerinput", {}).get(_WORKER_INPUT)
    if folder is None:
        return _run_child(item, backend)
    name = hashlib.sha256(f"{item.path} {backend}".encode()).hexdigest()
    file = pathlib.Path(folder, name)
    with _locked(file.with_suffix(".lock")):
        if not file.exists():
            file.write_text(json.dumps(_run_child(item, backend)))
        found, log = json.loads(file.read_text())
        return found, log


@contextlib.contextmanager
def _locked(path: pathlib.Path) -> Iterator[None]:
    """One process at a time; not on Windows, where workers may run the same child twice."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # given back when the file is closed, or by a crash
        yield


def _name(nodeid: str) -> str:
    """The part of a test's id after its file."""
    return nodeid.split("::", 1)[1]


def _run_child(item: pytest.Function, backend: str) -> tuple[dict[str, dict[str, str]], str]:
    """Runs the marked tests of one module that were selected, on one backend."""
    session = [
        f"{other.path}::{_name(other.nodeid)}"
        for other in item.session.items
        if other.path == item.path
        and other.get_closest_marker("each_backend")
        and other.callspec.params["keras_backend"] == backend  # type: ignore[attr-defined]
    ]
    with tempfile.NamedTemporaryFile("r", suffix=".jsonl") as report:
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *session]
        for option in _HANDED_ON:
            if (value := item.config.getoption(option, None)) is not None:
                command.append(f"{option}={value}")
        environment = {**os.environ, "KERAS_BACKEND": backend, _CHILD: report.name}
        # Workers of pytest-xdist mark their environment, which a child must not believe.
        environment = {k: v for k, v in environment.items() if not k.startswith("PYTEST_XDIST")}
        done = subprocess.run(
            command, cwd=item.config.invocation_params.dir, env=environment,
            capture_output=True, text=True,
        )  # fmt: skip
        lines = [json.loads(line) for line in report]
    return {line["name"]: line for line in lines}, (done.stdout + done.stderr)[-4000:]


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    """Names the profile where a test of this package failed by Hypothesis's deadline."""
    report = (yield).get_result()
    is_ours = "keras_distlayers" in sys.modules or item.get_closest_marker("each_backend")
    if is_ours and report.failed and "the deadline of" in report.longreprtext:
        report.sections.append(("Hypothesis", _DEADLINE))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Writes, in the child, one line of the report for each test."""
    path = os.environ.get(_CHILD)
    if path is None or (report.when != "call" and report.passed):
        return
    text = report.longreprtext if report.failed else _reason(report)
    line = {"name": _name(report.nodeid), "outcome": report.outcome, "text": text}
    with open(path, "a") as file:
        file.write(json.dumps(line) + "\n")


def _reason(report: pytest.TestReport) -> str:
    return str(report.longrepr[-1]) if report.skipped else ""  # type: ignore[index]
