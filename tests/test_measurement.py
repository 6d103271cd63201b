"""The checks as functions of records that are written by hand: nothing is computed for them."""

import functools

import numpy as np
import pytest
from scipy import stats

import keras_distlayers as kdl
from keras_distlayers.testing import HeadMeasurement, Measurement, Record
from keras_distlayers.testing.measurement.record import Raised, after, attempt


@functools.cache
def standard_normals():
    return kdl.distributions.Normal(np.zeros(2, "float32"), 1.0)


# ---------------------------------------------------------------- records of two standard normals


def draws(**changes):
    values = np.random.default_rng(0).normal(size=(20_000, 2))
    log_prob = stats.norm.logpdf(values)
    ones, zeros = np.ones(2), np.zeros(2)
    return Record(
        {
            "values": values,
            "values_as_drawn": values,
            "log_prob_as_drawn": log_prob,
            "log_prob": log_prob,
            "inside": np.ones(values.shape, bool),
            "outside": np.zeros((0, 2)),
            "log_prob_outside": np.zeros((0, 2)),
            "log_prob_at_nan": np.full((1, 2), np.nan),
            "cdf_at_nan": np.full((1, 2), np.nan),
            "cdf": stats.norm.cdf(values),
            "mean": zeros,
            "mode": zeros,
            "variance": ones,
            "stddev": ones,
            "covariance": None,
            "entropy": np.full(2, stats.norm.entropy()),
            "log_prob_at_mode": stats.norm.logpdf(zeros)[None],
            "grid": log_prob[:6].reshape(2, 3, 2),
            "log_prob_of_event": log_prob[0],
            "log_prob_of_event_for_each": log_prob[:1],
            "kl_to_itself": zeros,
            "kl": zeros,
            "log_prob_of_other": log_prob,
            "parts": Record(
                whole=Record(mean=zeros),
                parts=[Record(batch_shape=[], mean=0.0, log_prob=log_prob[0, i]) for i in (0, 1)],
            ),
            **changes,
        }
    )


def points(**changes):
    values, spacing = np.linspace(-8.0, 8.0, 4001, retstep=True)
    chosen, p = np.linspace(-2.0, 2.0, 101), np.array([1e-3, 0.1, 0.37, 0.5, 0.81, 0.999])
    neighbours = [chosen + 1e-4, chosen - 1e-4]
    record = {
        "method": "quadrature",
        "values": values,
        "weights": np.full(4001, spacing),
        "log_prob": stats.norm.logpdf(values),
        "draws": chosen,
        "steps": np.full(101, 1e-4),
        "log_prob_at_draws": stats.norm.logpdf(chosen),
        "cdf": stats.norm.cdf(np.concatenate([chosen, *neighbours, [0.0, 0.0]])),
        "survival": stats.norm.sf(chosen),
        "quantile": stats.norm.ppf(p),
        "cdf_at_quantile": p,
        **changes,
    }
    both = {name: _for_both(x) for name, x in record.items()}
    return Record(both)


def _for_both(x):
    return np.stack([x, x], axis=-1) if isinstance(x, np.ndarray) else x


def signature(**changes):
    return Record(
        {
            "draws": Record({(2,): Record(draw=(2, 2), log_prob=(2, 2))}),
            "statistics": Record(mean=(2,), entropy=(2,), covariance=None),
            "dtypes": Record(sample="float32", mean="float32", cdf=None),
            "wrong_shapes": Record({(3,): None}),
            **changes,
        }
    )


def slopes(**changes):
    right = {"total": 1.0, "slopes": [2.0, 3.0], "quotients": [2.0, 3.0]}
    return Record(log_prob=Record({**right, **changes}), entropy=None)


def paths(shift=0.0, varies=True):
    rng = np.random.default_rng(0)
    path, score = rng.normal(size=(2, 4000, 2))
    tensors = [np.ones((4000, 2))]
    return Record(
        tensors=tensors, path=[path + shift], score=[score], varies=np.full(2, float(varies))
    )


def pairs(**changes):
    log_prob = draws()["log_prob"][:200]
    return Record({"log_prob": log_prob, "log_prob_of_draws": np.stack([log_prob] * 3), **changes})


def eager(**changes):
    first, other, one, two = np.random.default_rng(0).normal(size=(4, 64, 2))
    results = {"draw": first, "log_prob": stats.norm.logpdf(first), "mean": np.zeros(2)}
    results |= {"draw_again": first, "other_draw": other, "unseeded": [one, two]}
    return Record({**results, **changes})


def copy(**changes):
    same = {
        "type": kdl.distributions.Normal,
        "batch_shape": (2,),
        "event_shape": (),
        "dtype": "float32",
    }
    return Record({**eager(), **same, **changes})


def normal(**records):
    made = {
        "signature": signature(),
        "draws": draws(),
        "points": points(),
        "digits": Record(expected=draws()["log_prob"][0], rounding=np.zeros(2)),
        "slopes": slopes(),
        "paths": paths(),
        "pairs": pairs(),
        "eager": eager(),
        "jitted": Record(draw=eager()["draw"], mean=np.zeros(2)),
        "copies": Record(tree=copy()),
        "reloaded": copy(),
    }
    return Measurement(standard_normals(), **{**made, **records})


@pytest.mark.parametrize("check", kdl.testing.DISTRIBUTION_CHECKS, ids=lambda check: check.name)
def test_check_passes_right_record(check):
    assert check(normal()) is None


def variants(**records):
    return Record({"no_draws": Record(), "no_rows": Record(), "float64": Record(), **records})


WRONG_RECORDS = {
    "a draw without its batch": (
        "shapes",
        lambda: {"signature": signature(draws=Record({(2,): Record(draw=(2,), log_prob=(2, 2))}))},
        r"a draw of shape \(2, 2\)\. Received: \(2,\)",
    ),
    "a covariance of scalars": (
        "shapes",
        lambda: {"signature": signature(statistics=Record(covariance=(2, 1)))},
        "covariance",
    ),
    "a wrong shape that is not refused": (
        "broadcasting",
        lambda: {"signature": signature(wrong_shapes=Record({(3,): (3,)}))},
        r"a ValueError .* shape \(3,\)",
    ),
    "a grid that is not its values": (
        "broadcasting",
        lambda: {"draws": draws(grid=np.zeros((2, 3, 2)))},
        "a grid of values",
    ),
    "one event that differs from many": (
        "broadcasting",
        lambda: {"draws": draws(log_prob_of_event=np.zeros(2))},
        "log_prob of one event",
    ),
    "a part with the mean of another": (
        "slicing",
        lambda: {
            "draws": draws(
                parts=Record(
                    whole=Record(mean=np.array([0.0, 1.0])), parts=draws()["parts"]["parts"]
                )
            )
        },
        r"distribution\[\(1,\)\]\.mean of 1",
    ),
    "a result in float64": (
        "dtypes",
        lambda: {"signature": signature(dtypes=Record(mean="float64"))},
        "mean of dtype float32",
    ),
    "a draw outside": (
        "support",
        lambda: {"draws": draws(inside=np.zeros((20_000, 2), bool))},
        "draws in the support",
    ),
    "a draw without a density": (
        "support",
        lambda: {"draws": draws(log_prob=np.full((20_000, 2), -np.inf), log_prob_as_drawn=None)},
        "above minus infinity",
    ),
    "a draw without a density as it is drawn": (
        "support",
        lambda: {"draws": draws(log_prob_as_drawn=np.full((20_000, 2), -np.inf))},
        "above minus infinity",
    ),
    "another draw with its log_prob than without": (
        "sample_and_log_prob",
        lambda: {"draws": draws(values_as_drawn=np.zeros((20_000, 2)))},
        "a draw with its log_prob",
    ),
    "the log_prob of another draw": (
        "sample_and_log_prob",
        lambda: {"pairs": pairs(log_prob=pairs()["log_prob"][::-1])},
        "the log_prob with a draw",
    ),
    "no log_prob with a draw that has one": (
        "sample_and_log_prob",
        lambda: {
            "pairs": pairs(
                log_prob=np.full((200, 2), -np.inf),
                log_prob_of_draws=np.full((3, 200, 2), -np.inf),
            )
        },
        "a finite log_prob with every draw",
    ),
    "a density outside": (
        "support",
        lambda: {"draws": draws(outside=np.full((1, 2), -1.0), log_prob_outside=np.zeros((1, 2)))},
        "minus infinity at -1",
    ),
    "a NaN above everything": (
        "support",
        lambda: {"draws": draws(cdf_at_nan=np.ones((1, 2)))},
        "a cdf of NaN at NaN",
    ),
    "a noise that is taken twice": (
        "independence",
        lambda: {"draws": draws(values=np.repeat(draws()["values"][:, :1] + 1.0, 2, axis=1))},
        "a rank correlation of neighbours on axis 0 .*Received: 1 ",
    ),
    "a noise of the other sign": (
        "independence",
        lambda: {"draws": draws(values=draws()["values"][:, :1] * [1.0, -1.0])},
        "a rank correlation of neighbours on axis 0 .*Received: -1 ",
    ),
    "a total mass of 2": (
        "normalization",
        lambda: {"points": points(weights=np.full(4001, 0.008))},
        "a total mass of 1 ",
    ),
    "importance weights of 2": (
        "normalization",
        lambda: {
            "points": Record(
                method="importance",
                log_prob=np.full((500, 2), np.log(2.0)),
                log_densities=np.zeros((500, 2)),
                inside=np.ones((500, 2), bool),
            )
        },
        "a total mass of 1 ",
    ),
    "a cdf that falls": (
        "cdf",
        lambda: {"points": points(cdf=points()["cdf"][::-1, 0])},
        "never falls",
    ),
    "a survival function of 1": (
        "cdf",
        lambda: {"points": points(survival=np.ones(101))},
        r"cdf \+ survival_function",
    ),
    "a density of twice the slope": (
        "cdf",
        lambda: {"points": points(log_prob_at_draws=np.log(2.0) * np.ones(101))},
        "the slope",
    ),
    "a quantile that does not invert the cdf": (
        "quantile",
        lambda: {"points": points(cdf_at_quantile=np.full(6, 0.5))},
        r"cdf\(quantile\(p\)\)",
    ),
    "a mode that is not the highest": (
        "mode",
        lambda: {"draws": draws(log_prob_at_mode=np.full((1, 2), -2.0))},
        "at the mode",
    ),
    "another draw for the same seed": (
        "seed",
        lambda: {"eager": eager(draw_again=np.zeros((64, 2)))},
        "the same draws for the same seed",
    ),
    "the same draw for another seed": (
        "seed",
        lambda: {"eager": eager(other_draw=eager()["draw"])},
        "other draws for another seed",
    ),
    "the same draw without a seed": (
        "seed",
        lambda: {"eager": eager(unseeded=[np.zeros((64, 2))] * 2)},
        "new draws without a seed",
    ),
    "a mean of the draws that is off": (
        "moments",
        lambda: {"draws": draws(values=draws()["values"] + 0.1)},
        "a mean of 0 ",
    ),
    "a variance of the density that is off": (
        "moments",
        lambda: {"draws": draws(variance=np.full(2, 2.0), stddev=np.full(2, 2**0.5))},
        "a variance by quadrature of 2",
    ),
    "a stddev that is the variance": (
        "moments",
        lambda: {"draws": draws(stddev=np.full(2, 1.1))},
        r"stddev\(\)",
    ),
    "draws that do not follow the cdf": (
        "pit",
        lambda: {"draws": draws(cdf=stats.norm.cdf(0.5 * draws()["values"]))},
        "of the draws up to",
    ),
    "an entropy that is off": (
        "entropy",
        lambda: {"draws": draws(entropy=np.full(2, 1.0))},
        "an entropy of 1 ",
    ),
    "a KL divergence to itself": (
        "kl",
        lambda: {"draws": draws(kl_to_itself=np.ones(2))},
        r"KL\(distribution \|\| distribution\)",
    ),
    "a KL divergence that is off": (
        "kl",
        lambda: {"draws": draws(kl=np.ones(2))},
        "a KL divergence of 1 ",
    ),
    "a density that lost digits": (
        "accuracy",
        lambda: {"digits": Record(expected=draws()["log_prob"][0] + 1e-3, rounding=np.ones(2))},
        "log_prob in float32",
    ),
    "a gradient that is off": (
        "gradients",
        lambda: {"slopes": slopes(quotients=[2.0, 3.1])},
        "log_prob, argument 1",
    ),
    "a gradient that is not finite": (
        "gradients",
        lambda: {"slopes": slopes(slopes=[np.nan, 3.0])},
        "a finite gradient",
    ),
    "a gradient through draws that is off": (
        "reparameterization",
        lambda: {"paths": paths(shift=0.5)},
        "parameter 0",
    ),
    "another mean under jit": (
        "jit",
        lambda: {"jitted": Record(mean=np.ones(2))},
        "mean under jit",
    ),
    "no rows that have rows": (
        "no_rows",
        lambda: {"variants": variants(no_rows=Record(log_prob=(1,)))},
        r"a log_prob of shape \(0,\)\. Received: \(1,\)",
    ),
    "a result that is not float64": (
        "float64",
        lambda: {"variants": variants(float64=Record(cdf="float32"))},
        "cdf in float64",
    ),
    "a copy of another class": (
        "pytree",
        lambda: {"copies": Record(tree=copy(type=object))},
        "type",
    ),
    "a copy with another draw": (
        "config",
        lambda: {"reloaded": copy(draw=np.zeros((64, 2)))},
        "the same draw",
    ),
}
CHECKS = {c.name: c for c in (*kdl.testing.DISTRIBUTION_CHECKS, *kdl.testing.LAYER_CHECKS)}


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


def head(**records):
    return HeadMeasurement(lambda: kdl.layers.IndependentNormal(2, name="head"), **records)


WRONG_HEADS = {
    "a result that is not a RandomVariable": (
        "batch_shapes",
        lambda: {"shapes": Record({(): Record(type=float)})},
        "a RandomVariable",
    ),
    "rows that depend on each other": (
        "rows",
        lambda: {
            "calls": Record(log_prob=np.zeros(2), log_prob_of_rows=[np.zeros(1), np.ones(1)])
        },
        "log_prob of row 1 alone",
    ),
    "a symbolic shape that is not the result's": (
        "symbolic_call",
        lambda: {
            "calls": Record(
                symbolic={"draw": ((None, 7), "float32")},
                outputs=Record(draw=np.zeros((3, 2), "float32")),
            )
        },
        r"draw of symbolic shape \(None, 2\)\. Received: \(None, 7\)",
    ),
    "a tensor that is not the mean": (
        "tensor",
        lambda: {
            "calls": Record(mean=np.zeros(2), tensors=Record(mean=Record(tensor=np.ones(2))))
        },
        "the mean as the tensor",
    ),
    "half precision": (
        "precision",
        lambda: {"dtypes": Record(mixed_float16=Record(draw_dtype="float16"))},
        "a float32 draw under mixed_float16. Received: float16",
    ),
    "an infinite gradient": (
        "extremes",
        lambda: {
            "extremes": Record(
                raw=np.ones((1, 2)), log_prob=Record(total=0.0, gradient=[[np.inf, 0.0]])
            )
        },
        "a finite gradient of log_prob",
    ),
    "a gradient that is off": (
        "raw_gradients",
        lambda: {"slopes": slopes(quotients=[2.0, 3.1])},
        "log_prob, argument 1",
    ),
    "a gradient through draws that is off": (
        "draw_gradients",
        lambda: {"paths": paths(shift=0.5)},
        "parameter 0",
    ),
    "a config that changes": (
        "layer_config",
        lambda: {"configs": Record(given={"seed": 1}, copy={"seed": 2})},
        "the config",
    ),
    "a file with another head": (
        "saving",
        lambda: {"saved": Record(log_prob=[np.zeros(3), np.ones(3)])},
        "after the reload",
    ),
    "weights that do not change": (
        "training",
        lambda: {
            "trained": Record(
                evaluated=1.0, expected=1.0, history=[1.0], changed=np.zeros(2, bool)
            )
        },
        "weights that fit changes",
    ),
    "a loss that is not the likelihood": (
        "training",
        lambda: {"trained": Record(evaluated=2.0, expected=1.0, history=[1.0])},
        r"evaluate\(\)",
    ),
    "the same draw twice": (
        "layer_seed",
        lambda: {"sequence": Record(first=[np.ones(3)] * 2, second=[np.ones(3)] * 2)},
        "a new draw for each call",
    ),
    "a KL for each row": (
        "regularizer",
        lambda: {"terms": Record(kept={}, exact=np.array([2.0]), losses=[[1.0], [3.0]])},
        "for 3 rows",
    ),
    "a wrong size that is not refused": (
        "params_size",
        lambda: {
            "calls": Record(gradient=np.ones((3, 4))),
            "refused": Record({3: False}),
            "raw": np.ones((3, 4)),
        },
        "a ValueError for a last axis of 3",
    ),
}


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
