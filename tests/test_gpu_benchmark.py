"""`make gpu`, small and on a CPU: it measures every row, and the report agrees with them."""

import json
import os
import pathlib
import subprocess
import sys

import pytest

BENCHMARKS = pathlib.Path(__file__).parent / "benchmarks"
# Libraries that a machine with a GPU may lack; Keras itself imports TensorFlow where it is.
ABSENT = {"tensorflow_probability", "torch", "numpyro", "hypothesis"}

SMALL = (
    "--data", "digits", "--network", "dense", "--small", "64", "--epochs", "1", "--samples", "20",
    "--sampling-seconds", "1", "--row-seconds", "0.01", "--budget", "1000",
)  # fmt: skip
PAGE = "before\n<!-- gpu table: made by make gpu -->\nold\n<!-- end of the gpu table -->\nafter\n"


def run(out, *arguments):
    """The benchmark on JAX, in a process of its own; it may not import what may be absent."""
    script = (
        f"import runpy, sys; sys.path.insert(0, {str(BENCHMARKS)!r}); "
        f"runpy.run_path({str(BENCHMARKS / 'gpu.py')!r}, None, '__main__'); "
        f"assert not {ABSENT!r} & set(sys.modules), {ABSENT!r} & set(sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *SMALL, "--out", str(out), *arguments],
        env={**os.environ, "KERAS_BACKEND": "jax", "MPLBACKEND": "agg"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return json.loads((out / "gpu.json").read_text())


@pytest.mark.slow
@pytest.mark.long
def test_gpu_benchmark_measures_every_row(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    results = run(tmp_path, "--docs", str(page))
    assert results["finished"]
    assert (results["errors"], results["skipped"]) == ({}, [])
    assert len(results["rows"]) == 12
    for row in results["rows"]:
        assert row["images_per_second"] > 0.0
        assert row["flops_per_step"] > 1e6
    # The same model on the same images: only the draws of the latents differ.
    for precision in ("float32", "mixed_bfloat16"):
        losses = [
            row["first_epoch_loss"] for row in results["rows"] if row["precision"] == precision
        ]
        assert max(losses[:4]) - min(losses[:4]) < 2.0
    assert results["digits"]["largest_relative_error"] < 1e-5
    example = results["example"]
    assert 100.0 < example["-log p"] < example["-elbo"] < 600.0
    written = page.read_text()
    assert written.startswith("before\n")
    assert written.endswith("after\n")
    assert "old" not in written
    assert "under `lax.scan`" in written


@pytest.mark.slow
def test_gpu_benchmark_leaves_out_what_it_has_no_time_for(tmp_path):
    results = run(tmp_path, "--budget", "0")
    assert results["rows"] == []
    assert results["finished"]
    assert len(results["skipped"]) == 4
    assert "Left out, the budget was spent: float32" in (tmp_path / "gpu.md").read_text()


@pytest.fixture
def report(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import gpu_report

    return gpu_report


def results_of(ratio, images_per_second, device="NVIDIA H100 80GB HBM3"):
    """Results as the benchmark writes them, with one row."""
    row = {
        "precision": "float32", "batch_size": 256, "way": "ours, the jitted training step",
        "ratio": ratio, "images_per_second": images_per_second, "flops_per_step": 100e9,
        "seconds_per_step": 256 / images_per_second, "compile_seconds": 3.0, "memory_bytes": 2**30,
    }  # fmt: skip
    return {
        "device": device, "versions": {"JAX": "1"}, "date": "today", "network": "conv",
        "seconds": 1.0, "rows": [row], "skipped": [], "errors": {"a row": "why"}, "finished": True,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("ratio", "speed", "answers"),
    [(1.01, 2e5, ["yes", "yes"]), (1.03, 2e5, ["no", "yes"]), (1.0, 9e4, ["yes", "no"])],
    ids=["met", "slower than by hand", "too few images"],
)
def test_gpu_report_holds_figures_against_their_bars(report, ratio, speed, answers):
    text = report.markdown(results_of(ratio, speed))
    assert [
        line.split("|")[-2].strip() for line in text.splitlines() if "| at " in line
    ] == answers


def test_gpu_report_gives_the_share_of_the_peak_of_known_cards_only(report):
    # 100 GFLOP in 256 / 200,000 s are 78.1 TFLOP/s, of 494.7 in TF32.
    assert "| 15.8% |" in report.markdown(results_of(1.0, 2e5))
    assert "%" not in report.markdown(results_of(1.0, 2e5, device="another card"))


def test_gpu_report_names_what_failed(report):
    assert "- Failed: a row: why" in report.markdown(results_of(1.0, 2e5))


def test_gpu_report_refuses_a_page_without_its_place(report):
    with pytest.raises(ValueError, match="Expected the comments"):
        report.put_into("a page", "text")
