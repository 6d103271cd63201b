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


def run_pytest(folder, *arguments):
    (folder / "test_project.py").write_text(PROJECT)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-rA", "-p", "no:cacheprovider", *arguments],
        cwd=folder,
        env={k: v for k, v in os.environ.items() if not k.startswith("PYTEST")},
        capture_output=True, text=True,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


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
