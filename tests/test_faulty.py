"""The test of the toolkit: what is deliberately wrong is caught by the check that is meant to."""

import numpy as np
import pytest
from breaking import Exponential, exponential
from faulty_distributions import FAULTY_DISTRIBUTIONS, tiny_log_normal
from faulty_heads import FAULTY_HEADS, Rates

import keras_distlayers as kdl
from keras_distlayers._backend import backend

CHECKS = {check.name: check for check in kdl.testing.DISTRIBUTION_CHECKS} | {
    check.name: check for check in kdl.testing.LAYER_CHECKS
}


def fails(name, message):
    """Expects the report of a check: its name, the backend and what was expected."""
    return pytest.raises(
        kdl.testing.CheckFailedError, match=rf"(?s){name}: .* on {backend.NAME}: .*{message}"
    )


def test_check_distribution_passes_what_the_faulty_ones_break():
    report = kdl.testing.check_distribution(Exponential(np.array([0.5, 2.0], "float32")))
    assert {name for name in report if report[name] != "holds"} == {"sample_and_log_prob"}
    rounded = kdl.testing.measure(tiny_log_normal(), num_draws=500)
    assert kdl.testing.check_support(rounded) is None
    assert kdl.testing.check_sample_and_log_prob(rounded) is None


@pytest.mark.parametrize(
    ("make", "name", "message"), FAULTY_DISTRIBUTIONS.values(), ids=FAULTY_DISTRIBUTIONS
)
def test_check_catches_faulty_distribution(make, name, message):
    distribution = make()
    with fails(name, message):
        CHECKS[name](distribution)


def test_check_layer_passes_what_the_faulty_ones_break():
    report = kdl.testing.check_layer(lambda: Rates(2))
    assert report["draw_gradients"] == report["regularizer"] == report["jit"] == "holds"


@pytest.mark.parametrize(("make", "name", "message"), FAULTY_HEADS.values(), ids=FAULTY_HEADS)
def test_check_catches_faulty_head(make, name, message):
    make_layer = make()
    with fails(name, message):
        CHECKS[name](make_layer)


def test_every_check_catches_something():
    rows = (*FAULTY_DISTRIBUTIONS.values(), *FAULTY_HEADS.values())
    assert {name for _, name, _ in rows} == set(CHECKS)


def test_check_distribution_reports_all_that_failed():
    distribution = exponential(_mean=lambda self: self.rate, _mode=lambda self: 1.0 / self.rate)
    with pytest.raises(kdl.testing.CheckFailedError, match=r"(?s)mode: .*\nmoments: "):
        kdl.testing.check_distribution(distribution)


def test_check_distribution_skips_by_name():
    distribution = exponential(_mode=lambda self: 1.0 / self.rate)
    assert kdl.testing.check_distribution(distribution, skip=["mode"])["mode"] == "skipped"
    with pytest.raises(ValueError, match=r"names of checks.*Received: \{'moods'\}"):
        kdl.testing.check_distribution(distribution, skip=["moods"])
