"""The marker each_backend, in a project of a user's."""

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow  # it chooses the backends itself

PROJECT = """
import keras
import pytest
from hypothesis import given, settings, strategies as st

@pytest.mark.each_backend
@pytest.mark.parametrize("n", [1, 2])
def test_is_run(n, keras_backend):
    assert keras.config.backend() == keras_backend
    assert n == 1 or keras_backend != "torch", "planted"

@pytest.mark.each_backend
@given(x=st.integers())
def test_is_left_out(x):
    if keras.config.backend() == "torch":
        pytest.skip("not here")

def test_the_profile():
    assert settings().deadline.total_seconds() == 60
"""

ON_TORCH = """
import os
import time

import pytest
from hypothesis import Phase, given, settings, strategies as st

@pytest.mark.each_backend
@pytest.mark.parametrize("n", range(6))
def test_of_one_process(n):
    with open("processes", "a") as file:
        file.write(f"{os.getpid()}\\n")

class TestOther:
    @pytest.mark.each_backend
    @pytest.mark.parametrize("n", range(6))
    def test_of_one_process(self, n):
        assert n < 6

@pytest.mark.each_backend
@given(x=st.integers())
def test_of_a_seed(x):
    with open("drawn", "a") as file:
        file.write(f"{x} ")

@pytest.mark.each_backend
# In a CI service Hypothesis has no deadline. Shrinking would sleep for a minute.
@settings(deadline=200, max_examples=1, phases=[Phase.generate])
@given(x=st.integers())
def test_that_is_slow(x):
    time.sleep(0.3)
"""


def run_pytest(folder, *arguments, project=PROJECT):
    (folder / "test_project.py").write_text(project)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-rA", "-p", "no:cacheprovider", *arguments],
        cwd=folder,
        env={k: v for k, v in os.environ.items() if not k.startswith("PYTEST")},
        capture_output=True, text=True,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


@pytest.mark.long
def test_each_backend_runs_in_a_process_of_its_own(tmp_path):
    code, printed = run_pytest(
        tmp_path, "--keras-backends=jax,torch", "--hypothesis-profile=keras_distlayers"
    )
    assert code == 1
    assert "1 failed, 5 passed, 1 skipped" in printed
    assert "FAILED test_project.py::test_is_run[torch-2]" in printed
    assert "AssertionError: planted" in printed
    assert "not here" in printed


def test_a_backend_that_is_not_installed_is_an_error(tmp_path):
    code, printed = run_pytest(tmp_path, "--keras-backends=jax,openvino")
    assert code == pytest.ExitCode.USAGE_ERROR
    assert "expected some of the installed" in printed
    assert "['openvino']" in printed


def test_the_marker_is_documented_in_the_command_line():
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--markers"], capture_output=True, text=True
    )
    assert "each_backend: run on each installed Keras backend" in done.stdout


@pytest.mark.long
def test_workers_share_a_process_that_gets_the_seed_and_a_late_test_hears_of_the_profile(tmp_path):
    drawn = []
    for workers in ("0", "2"):
        code, printed = run_pytest(
            tmp_path, "--keras-backends=torch", "--hypothesis-seed=5", f"-n{workers}",
            project=ON_TORCH,
        )  # fmt: skip
        assert code == 1
        assert "1 failed, 13 passed" in printed, printed
        assert "--hypothesis-profile=keras_distlayers" in printed
        processes = (tmp_path / "processes").read_text().split()
        assert len(processes) == 6
        assert len(set(processes)) == 1
        drawn.append((tmp_path / "drawn").read_text())
        for name in ("processes", "drawn"):
            (tmp_path / name).unlink()
    assert drawn[0] == drawn[1] != ""
