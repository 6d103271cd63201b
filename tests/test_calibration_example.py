"""The example of recalibration, as a user runs it: each method repairs what it is for."""

import pathlib
import re
import sys

import pytest

EXAMPLE = pathlib.Path(__file__).parent.parent / "examples" / "calibration.py"


@pytest.fixture
def figures(monkeypatch, tmp_path, capsys):
    """Runs the example and returns its table: the method's numbers by its first word."""
    monkeypatch.setenv("MPLBACKEND", "agg")
    monkeypatch.syspath_prepend(str(EXAMPLE.parent))
    import calibration

    def run(case):
        arguments = ["--cases", case, "--epochs", "30", "--out", str(tmp_path)]
        monkeypatch.setattr(sys, "argv", ["calibration.py", *arguments])
        monkeypatch.setattr(calibration.console, "width", 120)
        calibration.main()
        assert (tmp_path / f"calibration_{case}.png").stat().st_size > 10_000
        rows = re.findall(r"│ ([a-zA-Z, ]+?)[ \d.]*│(.*)│", capsys.readouterr().out)
        return {name: [float(n) for n in re.findall(r"\d+\.\d+", row)] for name, row in rows}

    return run


@pytest.mark.slow
def test_digits_are_too_sure_until_they_are_recalibrated(figures):
    rows = figures("digits")
    nll, brier, ece, accuracy = rows["as trained"]
    tempered = rows["temperature"]
    assert tempered[0] < nll - 0.2
    assert tempered[1] < brier
    assert tempered[2] < 0.5 * ece
    assert tempered[3] == accuracy
    for score in ("lac", "aps"):
        held, size = rows[f"conformal, {score}"]
        assert 0.86 < held < 0.94
        assert size < 3.0


@pytest.mark.slow
def test_regression_is_skewed_until_its_cdf_is_corrected(figures):
    rows = figures("regression")
    (nll, crps, _, width), by_pit = rows["as trained"], rows["PIT"]
    assert by_pit[0] < nll - 0.1
    assert by_pit[1] < crps
    assert 0.86 < by_pit[2] < 0.94
    held, conformal_width = rows["conformal, quantile"]
    assert 0.86 < held < 0.94
    assert conformal_width < width
