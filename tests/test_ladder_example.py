"""The ladder of examples/mnist_ladder.py, with tiny networks on few of the bundled digits."""

import dataclasses
import pathlib

import keras
import numpy as np
import pytest
from helpers import numpy

import keras_distlayers as kdl

EXAMPLES = pathlib.Path(__file__).parent.parent / "examples"


@pytest.fixture
def example(monkeypatch):
    monkeypatch.syspath_prepend(str(EXAMPLES))
    monkeypatch.setenv("MPLBACKEND", "agg")
    import mnist_ladder

    return mnist_ladder


NETWORKS = {"dense": (16, 8), "conv": (2, 3, 4)}


@pytest.fixture
def preset(example):
    return make_preset(example, "dense")


def make_preset(example, network):
    return example.Preset(
        network,
        NETWORKS[network],
        latent_size=4,
        num_samples=2,
        epochs=2,
        components=3,
        test_images=20,
        batch_size=10,
    )


def images():
    rng = np.random.default_rng(0)
    return tuple(rng.random((n, 28, 28, 1)).astype("float32") for n in (40, 30))


@pytest.mark.slow
@pytest.mark.parametrize("network", NETWORKS)
def test_each_rung_changes_its_model(example, network):
    preset = make_preset(example, network)
    sizes = {}
    for name, rung in example.rungs(2).items():
        model = example.make_model(rung, preset, evidence_samples=3)
        train, _ = example.data_of(rung, preset, images(), seed=0)
        x, _ = train[0]
        rv = model(x)
        assert rv.event_shape == (28, 28, 1)
        assert np.isfinite(numpy(rv.log_prob(x))).all()
        assert rv.log_weights(x).shape[1] == 3
        sizes[name] = model.count_params()
    same = {"elbo", "warm-up", "free-bits", "iwae", "dreg"}
    assert len({sizes[name] for name in same}) == 1
    assert len(set(sizes.values())) == len(sizes) - len(same) + 1


def test_a_rung_that_is_cut_off_goes_on_where_it_was(example, preset, tmp_path):
    rung = example.rungs(2)["iwae"]
    train, _ = example.data_of(rung, preset, images(), seed=0)
    epochs = []

    class CutOff(example.EpochTimes):
        def on_epoch_begin(self, epoch, logs=None):
            super().on_epoch_begin(epoch, logs)
            epochs.append(epoch)
            if epochs == [0, 1]:
                raise KeyboardInterrupt

    example.EpochTimes, whole = CutOff, example.EpochTimes
    try:
        model = example.make_model(rung, preset, evidence_samples=3)
        with pytest.raises(KeyboardInterrupt):
            example.fit(model, rung, train, tmp_path / "checkpoint", preset)
        again = example.make_model(rung, preset, evidence_samples=3)
        example.fit(again, rung, train, tmp_path / "checkpoint", preset)
    finally:
        example.EpochTimes = whole
    assert epochs == [0, 1, 1]
    assert int(again.optimizer.iterations.numpy()) == preset.epochs * len(train)


def test_training_ends_where_the_loss_is_not_a_number(example, preset, tmp_path):
    rung = example.rungs(2)["elbo"]
    preset = dataclasses.replace(preset, learning_rate=1e30)
    train, _ = example.data_of(rung, preset, images(), seed=0)
    model = example.make_model(rung, preset, evidence_samples=3)
    with pytest.raises(SystemExit, match="smaller --learning-rate"):
        example.fit(model, rung, train, tmp_path / "checkpoint", preset)


@pytest.mark.slow
@pytest.mark.parametrize("network", NETWORKS)
def test_a_finished_rung_is_read_and_one_of_other_settings_refused(
    example, network, tmp_path, monkeypatch
):
    preset = make_preset(example, network)
    options = type("Options", (), {})()
    options.out, options.seed, options.data, options.evidence_samples = tmp_path, 0, "x", 3
    rung = example.rungs(2)["elbo"]
    row = example.climb("elbo", rung, preset, images(), options)
    assert row["-elbo"] == pytest.approx(row["nll"] + row["kl"])
    assert row["-log p"] < row["-elbo"]
    assert (tmp_path / "elbo.png").stat().st_size > 1000
    loaded = keras.models.load_model(tmp_path / "elbo.keras")
    assert type(loaded.layers[-1]) is kdl.layers.VariationalBound
    monkeypatch.setattr(example, "make_model", None)
    assert example.climb("elbo", rung, preset, images(), options) == row
    options.seed = 1
    with pytest.raises(SystemExit, match="other settings"):
        example.climb("elbo", rung, preset, images(), options)
