"""Records of two standard normals and of a head, written by hand: what the checks should pass."""

import functools

import numpy as np
from scipy import stats

import keras_distlayers as kdl
from keras_distlayers.testing import HeadMeasurement, Measurement, Record


@functools.cache
def standard_normals():
    return kdl.distributions.Normal(np.zeros(2, "float32"), 1.0)


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


def variants(**records):
    return Record({"no_draws": Record(), "no_rows": Record(), "float64": Record(), **records})


def head(**records):
    return HeadMeasurement(lambda: kdl.layers.IndependentNormal(2, name="head"), **records)
