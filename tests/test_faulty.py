"""The test of the toolkit: what is deliberately wrong is caught by the check that is meant to."""

import numpy as np
import pytest
from faulty_distributions import FAULTY_DISTRIBUTIONS, Exponential, exponential
from faulty_heads import FAULTY_HEADS, Rates

import keras_distlayers as kdl
from keras_distlayers._backend import backend

CHECKS = {
    check.name: check for check in (*kdl.testing.DISTRIBUTION_CHECKS, *kdl.testing.LAYER_CHECKS)
}


def test_what_they_break_is_whole():
    report = kdl.testing.check_distribution(Exponential(np.array([0.5, 2.0], "float32")))
    assert list(report.values()).count("holds") == len(report)


@pytest.mark.parametrize(
    ("make", "distribution", "message"), FAULTY_DISTRIBUTIONS.values(), ids=FAULTY_DISTRIBUTIONS
)
def test_a_broken_distribution_is_caught(make, distribution, message):
    subject = make()
    with pytest.raises(
        kdl.testing.CheckFailedError,
        match=rf"(?s){distribution}: .* on {backend.NAME}: .*{message}",
    ):
        CHECKS[distribution](subject)


def test_the_head_that_they_break_is_whole():
    report = kdl.testing.check_layer(lambda: Rates(2))
    assert report["draw_gradients"] == report["regularizer"] == "holds"


@pytest.mark.parametrize(
    ("make", "distribution", "message"), FAULTY_HEADS.values(), ids=FAULTY_HEADS
)
def test_a_broken_head_is_caught(make, distribution, message):
    make_layer = make()
    with pytest.raises(
        kdl.testing.CheckFailedError,
        match=rf"(?s){distribution}: .* on {backend.NAME}: .*{message}",
    ):
        CHECKS[distribution](make_layer)


def test_every_check_catches_something():
    caught = {
        distribution
        for _, distribution, _ in (*FAULTY_DISTRIBUTIONS.values(), *FAULTY_HEADS.values())
    }
    assert caught == set(CHECKS)


def test_all_that_is_broken_is_in_one_message():
    distribution = exponential(_mean=lambda self: self.rate, _mode=lambda self: 1.0 / self.rate)
    with pytest.raises(kdl.testing.CheckFailedError, match=r"(?s)mode: .*\nmoments: "):
        kdl.testing.check_distribution(distribution)


def test_distributions_can_be_left_out():
    distribution = exponential(_mode=lambda self: 1.0 / self.rate)
    assert kdl.testing.check_distribution(distribution, skip=["mode"])["mode"] == "skipped"
    with pytest.raises(ValueError, match=r"names of distributions.*Received: \{'moods'\}"):
        kdl.testing.check_distribution(distribution, skip=["moods"])
