"""The example of the UCI data sets, on made-up data: its splits, its units, and what it leaves."""

import csv
import pathlib
import sys

import numpy as np
import pytest

EXAMPLE = pathlib.Path(__file__).parent.parent / "examples" / "uci.py"


@pytest.fixture
def example(monkeypatch):
    monkeypatch.syspath_prepend(str(EXAMPLE.parent))
    import uci

    return uci


def made_up(data_name):
    """A line with noise of 3, far from 0."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 2)).astype("float32")
    return x, (500.0 + 20.0 * x[:, :1] + 3.0 * rng.normal(size=(200, 1))).astype("float32")


def test_splits_are_those_of_the_protocol(example):
    rng = np.random.RandomState(1)  # its seed is set once
    orders = [rng.choice(range(506), 506, replace=False) for _ in range(3)]
    for order, (train, test) in zip(orders, example.splits(506, 3), strict=True):
        np.testing.assert_array_equal(train, order[:455])
        np.testing.assert_array_equal(test, order[455:])


def test_it_prints_its_table_and_leaves_its_figures(example, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(example, "load", made_up)
    monkeypatch.setattr(example, "MEMBERS", 2)
    monkeypatch.setattr(example, "PASSES", 5)
    arguments = ["--data", "concrete", "--splits", "1", "--epochs", "10", "--out", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", ["uci.py", *arguments])
    example.main()
    assert "concrete: 1 splits" in capsys.readouterr().out
    with (tmp_path / "uci.csv").open() as file:
        rows = {row["method"]: row for row in csv.DictReader(file)}
    assert sorted(rows) == ["dropout", "ensemble", "variational"]
    for row in rows.values():
        # The noise alone has a scale of 3 and 2.52 nats; who does not see x has 20 and 4.42.
        assert 2.2 < float(row["nll"]) < 4.0
        assert 2.0 < float(row["rmse"]) < 10.0
