"""The example of uncertain weights on MNIST, on few of the bundled digits."""

import pathlib
import re
import sys

import numpy as np
import pytest
from helpers import numpy

import keras_distlayers as kdl

EXAMPLE = pathlib.Path(__file__).parent.parent / "examples" / "bayesian_mnist.py"


@pytest.fixture
def example(monkeypatch):
    monkeypatch.syspath_prepend(str(EXAMPLE.parent))
    monkeypatch.setenv("MPLBACKEND", "agg")
    import bayesian_mnist

    return bayesian_mnist


def test_figures_are_those_of_a_small_mixture(example):
    logs = np.full((2, 2, 10), -np.inf, "float32")  # images, passes, labels
    logs[0, :, 3] = 0.0  # both passes are sure of 3
    logs[1, 0, 4] = logs[1, 1, 7] = 0.0  # one is sure of 4, the other of 7
    mixture = kdl.distributions.MixtureSameFamily(
        kdl.distributions.Categorical(probs=np.full((2, 2), 0.5, "float32")),
        kdl.distributions.Categorical(logits=np.maximum(logs, -100.0)),
    )
    labels = np.array([3, 4], "int32")
    nll, accuracy, error, *parts = map(float, example.figures(mixture, labels))
    assert (nll, accuracy) == pytest.approx((np.log(2.0) / 2, 1.0), abs=1e-4)
    assert error == pytest.approx(0.25, abs=1e-4)  # of two bins, one says 0.5 and is right
    assert parts == pytest.approx([np.log(2.0) / 2, 0.0, np.log(2.0) / 2], abs=1e-4)


def test_the_loss_has_the_kl_once_for_the_data_set(example, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["bayesian_mnist.py", "--prior-scale", "0.01"])
    options = example.parse_options()
    model = example.make_uncertain(example.make_lenet(), 100, "flipout", options)
    uncertain = [layer for layer in model.layers if isinstance(layer, kdl.layers.Variational)]
    assert len(uncertain) == 5
    for layer in uncertain:
        layer.layer.kernel.assign(np.zeros(layer.layer.kernel.shape))
    uncertain[-1].layer.bias.assign(np.ones(10))  # fixed, so not in the KL
    uncertain[-1].layer.kernel.assign(np.full((84, 10), 0.02))
    model(np.zeros((4, *example.IMAGE_SHAPE), "float32"))
    # The others are at the prior. 840 weights are two standard deviations off: 840 * 2^2 / 2 nats
    # for 100 images.
    assert sum(float(numpy(loss)) for loss in model.losses) == pytest.approx(16.8, rel=1e-3)


@pytest.mark.slow
def test_it_leaves_its_table_and_its_picture(example, monkeypatch, tmp_path, capsys):
    arguments = ["--data", "digits", "--epochs", "12", "--num-samples", "5", "--kl-weight", "0.1"]
    monkeypatch.setattr(sys, "argv", ["bayesian_mnist.py", *arguments, "--out", str(tmp_path)])
    monkeypatch.setattr(example.console, "width", 160)
    example.main()
    assert (tmp_path / "bayesian_mnist_flipout.png").stat().st_size > 10_000
    rows = re.findall(r"│ (\w+) +│ upright │(.*)│", capsys.readouterr().out)
    found = {name: [float(n) for n in re.findall(r"[\d.]+", row)] for name, row in rows}
    assert sorted(found) == ["deterministic", "flipout"]
    for nll, accuracy, _, entropy, aleatoric, epistemic, _ in found.values():
        assert nll < 0.7
        assert accuracy > 0.8
        assert entropy == pytest.approx(aleatoric + epistemic, abs=2e-4)
    assert found["deterministic"][5] == 0.0 < found["flipout"][5]
