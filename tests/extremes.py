"""Parameters and values far from the center: logits of 1e4, counts of a million, 30 scales."""

import numpy as np
from oracles import oracle

import keras_distlayers as kdl
from keras_distlayers.testing._evaluation import (
    as_float64,
    double_precision,
    evaluate_statistic,
    in_float64,
)

SCALES, COUNT, LOGIT = 30.0, 1e6, 1e4

# ---------------------------------------------------------------- parameters


def is_count(distribution):
    upper = distribution.support.upper
    return distribution.support.is_discrete and isinstance(upper, float) and upper == np.inf


def largest_raw_number(row, name):
    """The largest magnitude of a parameter's raw numbers."""
    counts = {"log_rate": np.log(COUNT), "rate": COUNT, "total_count": COUNT}
    if is_count(row.example()) and name in counts:
        return counts[name]
    return LOGIT if "logits" in name else 4.0


def arguments_of(row, raw):
    """The arguments of a row's distribution; its mean stays below `COUNT` times total_count."""
    if "count_logits" in raw:
        raw = {**raw, "count_logits": np.minimum(raw["count_logits"], np.log(COUNT))}
    return row.arguments(raw)


# ---------------------------------------------------------------- values


def value_at(row, arguments, steps):
    """A float32 value of the support of a continuous distribution, `steps` scales from its center.

    A step that would leave the support goes part of the way to its bound.
    """
    distribution = row.make(**arguments)
    if distribution.support.is_simplex:
        powers = np.exp(steps - steps.max(axis=-1, keepdims=True))
        return np.float32(powers / powers.sum(axis=-1, keepdims=True))
    center, scale = center_and_scale(row, arguments, distribution)
    return np.float32(moved_inside(center, scale * steps, steps, distribution.support))


def center_and_scale(row, arguments, distribution):
    with double_precision():
        exact = in_float64(distribution)
        own = [evaluate_statistic(exact, name) for name in ("mean", "stddev")]
    if None not in own:
        return [as_float64(x) for x in own]
    lower, upper = as_float64(distribution.support.lower), as_float64(distribution.support.upper)
    if np.isfinite(upper - lower).all():
        return 0.5 * (lower + upper), 0.5 * (upper - lower)
    return [oracle(row, "scipy", arguments)(name) for name in ("mean", "stddev")]


def moved_inside(center, move, steps, support):
    """The center, moved; towards a bound that it would pass, by a share 1 - exp(-|steps|)."""
    lower, upper = as_float64(support.lower), as_float64(support.upper)
    moved, left = center + move, np.exp(-np.abs(steps))
    with np.errstate(invalid="ignore"):
        moved = np.where(moved <= lower, lower + (center - lower) * left, moved)
        return np.where(moved >= upper, upper + (center - upper) * left, moved)


# ---------------------------------------------------------------- sizes of cdfs

# The cdfs of these are incomplete gamma and beta functions, whose formulas depend on the size.
SIZES = np.array([0.05, 0.5, 2.0, 30.0, 1e3, 1e5, 1e6])
TAILS = np.array([1e-25, 1e-12, 1e-4, 0.02, 0.2, 0.45])

SIZED_ARGUMENTS = {
    "Gamma": {"concentration": SIZES, "rate": 3.0},
    "Poisson": {"rate": SIZES},
    "Poisson-log_rate": {"log_rate": np.log(SIZES)},
    "Beta": {"concentration1": SIZES, "concentration0": 3.0 * SIZES},
    "Beta, one large": {"concentration1": SIZES, "concentration0": 7.0},
    "NegativeBinomial-logits": {"total_count": SIZES, "logits": -0.5},
    "NegativeBinomial-logits, few failures": {"total_count": 1.5, "logits": np.log(SIZES)},
}


def sized(name, dtype, sizes=SIZES):
    """The row, its arguments, and values from one tail of each distribution to the other."""
    (row,) = (r for r in kdl.testing.FAMILIES if r.name == name.partition(",")[0])
    arguments = {
        k: np.full(len(SIZES), v, dtype)[: len(sizes)] for k, v in SIZED_ARGUMENTS[name].items()
    }
    exact = row.scipy(**{k: v.astype("float64") for k, v in arguments.items()})
    lower, upper = exact.ppf(TAILS[:, None]), exact.isf(TAILS[:, None])
    # SciPy knows no count with less than 1e-16 above it.
    upper = np.where(np.isfinite(upper), upper, exact.mean() + 20.0 * exact.std())
    values = np.concatenate([lower, upper]).astype(dtype)
    # Without the subnormal numbers, which some backends take for 0.
    return row, arguments, np.where(values < np.finfo(dtype).tiny, 0.0, values).astype(dtype)
