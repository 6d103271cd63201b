"""The example, run as a user would, on the bundled digits."""

import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest
from helpers import binary, numpy

import keras_distlayers as kdl

EXAMPLE = pathlib.Path(__file__).parent.parent / "examples" / "mnist_vae.py"


def run(out, *arguments):
    """The example's output, in a process without a cache of Keras's, so without MNIST."""
    done = subprocess.run(
        [sys.executable, str(EXAMPLE), "--out", str(out), *arguments],
        env={**os.environ, "KERAS_HOME": str(out / "keras"), "MPLBACKEND": "agg"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


@pytest.mark.slow
@pytest.mark.long
def test_it_trains_on_the_digits_and_leaves_its_results(tmp_path):
    printed = run(tmp_path, "--data", "digits", "--epochs", "8", "--seed", "3")
    for word in ("NLL", "KL", "-ELBO", "-log p", "samples", "epoch", "weights equal: True"):
        assert word in printed
    for name in (
        "reconstructions.png",
        "prior_samples.png",
        "latents.png",
        "training.png",
        "vae.keras",
    ):
        assert (tmp_path / name).stat().st_size > 1000


@pytest.fixture
def example(monkeypatch):
    monkeypatch.syspath_prepend(str(EXAMPLE.parent))
    monkeypatch.setenv("MPLBACKEND", "agg")
    import mnist_vae

    return mnist_vae


@pytest.mark.parametrize("network", ["conv", "dense"])
def test_both_networks_take_a_step(example, network):
    _, _, _, vae = example.make_vae(network, beta=1.0)
    x = binary((4, 28, 28, 1))
    vae.compile("adam", example.kdl.losses.NegativeLogLikelihood())
    vae.fit(x, x, verbose=0)
    assert tuple(vae(x).log_prob(x).shape) == (4,)


def test_binarized_draws_anew_each_epoch(example):
    grey = binary((10, 28, 28, 1)) * 0.5
    data = example.Binarized(grey, 4, seed=0)
    first, target = data[0]
    assert target is first
    first = numpy(first)
    data.on_epoch_end()
    again = numpy(data[0][0])
    assert (first != again).any()
    for x in (first, again):
        assert set(x.ravel()) == {0.0, 1.0}
        assert (x[grey[:4] == 0.0] == 0.0).all()
    assert [len(data[i][0]) for i in range(len(data))] == [4, 4]


def test_binarized_draws_with_the_grey_value_as_probability(example):
    grey = np.tile(np.array([0.0, 0.25, 0.8, 1.0], "float32"), 196).reshape(1, 28, 28, 1)
    data = example.Binarized(np.repeat(grey, 20, axis=0), 10, seed=0)
    x = np.concatenate([numpy(data[i][0]) for i in range(len(data))])
    np.testing.assert_allclose(x.reshape(-1, 4).mean(0), [0.0, 0.25, 0.8, 1.0], atol=0.03)


def test_binarized_shuffles_and_keeps_one_batch_size(example):
    images = np.zeros((10, 28 * 28), "float32")
    images[np.arange(10), np.arange(10)] = 1.0
    data = example.Binarized(images.reshape(10, 28, 28, 1), 4, seed=0, shuffle=True)

    def epoch():
        batches = [numpy(data[i][0]) for i in range(len(data))]
        assert [len(batch) for batch in batches] == [4, 4]
        return list(np.concatenate(batches).reshape(8, -1).argmax(1))

    first = epoch()
    data.on_epoch_end()
    again = epoch()
    assert first != again
    assert len(set(first)) == len(set(again)) == 8


def test_no_network_means_digits_and_one_clear_line(example, monkeypatch, capsys):
    def refuse():
        raise OSError("no route to host")

    monkeypatch.setattr(example.keras.datasets.mnist, "load_data", refuse)
    train, test = example.load_images("mnist", example.console)
    assert (train.shape, test.shape) == ((1497, 28, 28, 1), (300, 28, 28, 1))
    assert "MNIST could not be downloaded" in capsys.readouterr().out


@pytest.mark.slow
def test_the_evidence_is_above_the_elbo(example):
    prior, encoder, decoder, vae = example.make_vae("dense", beta=1.0)
    vae.compile(
        loss=kdl.losses.NegativeLogLikelihood(),
        metrics=[kdl.metrics.NegativeLogLikelihood(name="nll")],
    )
    test = example.Binarized(np.full((20, 28, 28, 1), 0.3, "float32"), 10, seed=0)
    figures = example.evaluate(vae, example.with_evidence(prior, encoder, decoder), test)
    assert figures["-elbo"] == pytest.approx(figures["nll"] + figures["kl"])
    # By 50 draws of an untrained model: the noise of 20 images is a tenth of the distance.
    assert figures["-log p"] < figures["-elbo"] - 1.0
