"""For each check a record that it has to refuse, and what it then says."""

import numpy as np
from hand_records import copy, draws, eager, pairs, paths, points, signature, slopes, variants
from scipy import stats

from keras_distlayers.testing import Record

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
        lambda: {"trained": Record(expected=1.0, history=[1.0], changed=np.zeros(2, bool))},
        "weights that fit changes",
    ),
    "a loss that is not the likelihood": (
        "training",
        lambda: {"trained": Record(expected=1.0, history=[2.0])},
        "the first loss of fit",
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
