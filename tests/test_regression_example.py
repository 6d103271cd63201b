"""The example of regression, run as a user would, and what it claims of its heads."""

import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest
from keras import ops

import keras_distlayers as kdl

EXAMPLE = pathlib.Path(__file__).parent.parent / "examples" / "regression.py"


@pytest.fixture
def example(monkeypatch):
    monkeypatch.syspath_prepend(str(EXAMPLE.parent))
    monkeypatch.setenv("MPLBACKEND", "agg")
    import regression

    return regression


@pytest.mark.slow
@pytest.mark.long
def test_it_leaves_its_pictures_and_its_table(tmp_path):
    done = subprocess.run(
        [sys.executable, str(EXAMPLE), "--epochs", "1", "--out", str(tmp_path)],
        env={**os.environ, "MPLBACKEND": "agg"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    for word in (
        "nats per example",
        "curve",
        "scale 1",
        "Student t",
        "mixture",
        "negative binomial",
        "uncertain weights",
    ):
        assert word in done.stdout
    for case in ("fixed", "aleatoric", "outliers", "mixture", "counts", "weights"):
        assert (tmp_path / f"regression_{case}.png").stat().st_size > 10_000


@pytest.mark.slow
@pytest.mark.parametrize(
    ("data", "better", "worse", "nats"),
    [
        ("curve", "normal", "normal, scale 1", 0.2),
        ("diabetes with outliers", "Student t", "normal", 0.1),
        ("inverse", "mixture of 5 normals", "normal", 0.5),
        ("ink", "negative binomial", "Poisson", 0.8),
    ],
)
def test_a_head_that_fits_the_noise_beats_its_baseline(example, data, better, worse, nats):
    fits = [example.fit(data, head, epochs=12, seed=1) for head in (better, worse)]
    assert fits[0].nll < fits[1].nll - nats


@pytest.mark.slow
def test_uncertain_weights_leave_more_open_far_from_the_data(example):
    fitted = example.fit("few points", example.UNCERTAIN + "normal", epochs=10, seed=1)
    predicted = fitted.predict(np.linspace(-20.0, 60.0, 41, dtype="float32")[:, None])
    stddev = ops.convert_to_numpy(kdl.uncertainty.epistemic_variance(predicted))[:, 0] ** 0.5
    inside = stddev[13:28].max()  # from x = 6 to x = 34; the data are from 0 to 40
    assert stddev[0] > inside
    assert stddev[-1] > inside


@pytest.mark.parametrize(
    "data", ["curve", "diabetes", "diabetes with outliers", "inverse", "ink", "few points"]
)
def test_data_are_finite_and_the_same_for_the_same_seed(example, data):
    first, again = (example.DATA[data](np.random.default_rng(3)) for _ in range(2))
    assert first.x.shape == first.y.shape == (len(first.x), 1)
    assert np.isfinite(first.x).all()
    np.testing.assert_array_equal(first.y, again.y)
    assert len(first.train[0]) + len(first.test[0]) == len(first.x)
