"""The checks as functions of records that are written by hand: nothing is computed for them."""

import numpy as np
import pytest
from hand_records import draws, head, normal, paths, points
from wrong_records import WRONG_HEADS, WRONG_RECORDS

import keras_distlayers as kdl
from keras_distlayers.testing import Measurement, Record
from keras_distlayers.testing.measurement.record import Raised, after, attempt


@pytest.mark.parametrize("check", kdl.testing.DISTRIBUTION_CHECKS, ids=lambda check: check.name)
def test_check_passes_right_record(check):
    assert check(normal()) is None


CHECKS = {check.name: check for check in kdl.testing.DISTRIBUTION_CHECKS} | {
    check.name: check for check in kdl.testing.LAYER_CHECKS
}


@pytest.mark.parametrize(
    ("name", "records", "message"), WRONG_RECORDS.values(), ids=WRONG_RECORDS.keys()
)
def test_check_fails_wrong_record(name, records, message):
    with pytest.raises(kdl.testing.CheckFailedError, match=rf"(?s){name}: Normal.*{message}"):
        CHECKS[name](normal(**records()))


def test_wrong_records_are_of_every_check():
    checks = {check.name for check in kdl.testing.DISTRIBUTION_CHECKS}
    assert {name for name, _, _ in WRONG_RECORDS.values()} == checks


# ---------------------------------------------------------------- what a check has no say about

NOT_APPLICABLE = {
    "mode": (lambda: {"draws": draws(mode=None)}, "there is no mode"),
    "moments": (lambda: {"draws": draws(mean=None)}, "there is no mean"),
    "entropy": (lambda: {"draws": draws(entropy=None)}, "there is no entropy"),
    "kl": (lambda: {"draws": draws(kl_to_itself=None)}, "there is no KL divergence"),
    "pit": (lambda: {"draws": draws(cdf=None)}, "there is no cdf"),
    "quantile": (lambda: {"points": points(quantile=None)}, "there is no quantile"),
    "normalization": (lambda: {"points": Record(method=None, reason="too many")}, "too many"),
    "sample_and_log_prob": (
        lambda: {"pairs": Record(log_prob=None)},
        "it is sample, then log_prob",
    ),
    "reparameterization": (lambda: {"paths": paths(varies=False)}, "all draws are the same"),
}


@pytest.mark.parametrize("name", NOT_APPLICABLE)
def test_check_says_why_it_does_not_apply(name):
    records, reason = NOT_APPLICABLE[name]
    assert reason in CHECKS[name](normal(**records()))


def test_quantile_of_labels_is_the_first_at_or_above():
    p, ones = np.array([1e-3, 0.1, 0.37, 0.5, 0.81, 0.999]), np.ones((6, 2))
    right = {
        "quantile": ones,
        "cdf": ones,
        "cdf_at_quantile": ones,
        "cdf_before_quantile": 0 * ones,
    }
    check = kdl.testing.check_quantile
    labels = kdl.distributions.Categorical(logits=np.zeros((2, 3), "float32"))
    assert check(Measurement(labels, points=Record(right))) is None
    too_high = Record(right, cdf_before_quantile=p[:, None] * ones + 0.1)
    with pytest.raises(kdl.testing.CheckFailedError, match="the first value whose cdf"):
        check(Measurement(labels, points=too_high))


# ---------------------------------------------------------------- heads


@pytest.mark.parametrize(
    ("name", "records", "message"), WRONG_HEADS.values(), ids=WRONG_HEADS.keys()
)
def test_check_fails_wrong_record_of_head(name, records, message):
    report = rf"(?s){name}: IndependentNormal 'head' .*{message}"
    with pytest.raises(kdl.testing.CheckFailedError, match=report):
        CHECKS[name](head(**records()))


def test_wrong_records_are_of_every_check_of_heads():
    checks = {check.name for check in kdl.testing.LAYER_CHECKS}
    assert {name for name, _, _ in WRONG_HEADS.values()} == checks


# ---------------------------------------------------------------- records


def test_attempt_keeps_results_absences_and_errors():
    def absent():
        raise NotImplementedError

    error = ValueError("broken")

    def broken():
        raise error

    record = Record(right=attempt(lambda: 1), absent=attempt(absent), broken=attempt(broken))
    assert record["right"] == 1
    assert record["absent"] is None
    with pytest.raises(ValueError, match="broken"):
        record["broken"]


def test_after_goes_on_with_results_alone():
    raised = Raised(ValueError())
    assert after(1, lambda x: x + 1) == 2
    assert after(None, len) is None
    assert after(raised, len) is raised


def test_error_of_one_method_fails_the_checks_that_need_it_alone():
    class NoEntropy(kdl.distributions.Normal):
        def _entropy(self):
            raise TypeError("no entropy")

    measurement = kdl.testing.measure(NoEntropy([0.0, 1.0], 1.0))
    assert kdl.testing.check_mode(measurement) is None
    with pytest.raises(kdl.testing.CheckFailedError, match="TypeError: no entropy"):
        kdl.testing.check_entropy(measurement)


def test_measurement_computes_each_group_once():
    class Counting(kdl.distributions.Normal):
        calls = 0

        def _sample(self, sample_shape, seed):
            Counting.calls += 1
            return super()._sample(sample_shape, seed)

    measurement = kdl.testing.measure(Counting([0.0, 1.0], 1.0))
    kdl.testing.check_mode(measurement)
    before = Counting.calls
    for check in (kdl.testing.check_support, kdl.testing.check_entropy, kdl.testing.check_pit):
        check(measurement)
    assert Counting.calls == before
    assert kdl.testing.measure(measurement) is measurement
