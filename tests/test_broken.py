"""The test of the toolkit: what is deliberately wrong is caught by the check that is meant to."""

import numpy as np
import pytest
from broken_heads import BROKEN_HEADS, Rates
from broken_laws import BROKEN_LAWS, Exponential, exponential

from keras_distlayers import _backend, testing

CHECKS = {check.law: check for check in (*testing.DISTRIBUTION_CHECKS, *testing.LAYER_CHECKS)}


def test_what_they_break_is_whole():
    report = testing.check_distribution(Exponential(np.array([0.5, 2.0], "float32")))
    assert list(report.values()).count("holds") == len(report)


@pytest.mark.parametrize(("make", "law", "message"), BROKEN_LAWS.values(), ids=BROKEN_LAWS)
def test_a_broken_law_is_caught(make, law, message):
    subject = make()
    with pytest.raises(
        testing.BrokenLawError, match=rf"(?s){law}: .* on {_backend.NAME}: .*{message}"
    ):
        CHECKS[law](subject)


def test_the_head_that_they_break_is_whole():
    report = testing.check_layer(lambda: Rates(2))
    assert report["draw_gradients"] == report["regularizer"] == "holds"


@pytest.mark.parametrize(("make", "law", "message"), BROKEN_HEADS.values(), ids=BROKEN_HEADS)
def test_a_broken_head_is_caught(make, law, message):
    make_layer = make()
    with pytest.raises(
        testing.BrokenLawError, match=rf"(?s){law}: .* on {_backend.NAME}: .*{message}"
    ):
        CHECKS[law](make_layer)


def test_every_check_catches_something():
    caught = {law for _, law, _ in (*BROKEN_LAWS.values(), *BROKEN_HEADS.values())}
    assert caught == set(CHECKS)


def test_all_that_is_broken_is_in_one_message():
    law = exponential(_mean=lambda self: self.rate, _mode=lambda self: 1.0 / self.rate)
    with pytest.raises(testing.BrokenLawError, match=r"(?s)mode: .*\nmoments: "):
        testing.check_distribution(law)


def test_laws_can_be_left_out():
    law = exponential(_mode=lambda self: 1.0 / self.rate)
    assert testing.check_distribution(law, skip=["mode"])["mode"] == "skipped"
    with pytest.raises(ValueError, match=r"names of laws.*Received: \{'moods'\}"):
        testing.check_distribution(law, skip=["moods"])
