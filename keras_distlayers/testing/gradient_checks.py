"""Checks of a distribution's derivatives: its rounding, its gradients, and those through a draw."""

import numpy as np
from keras import ops

from keras_distlayers._core.ops import tanh
from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.testing import _statistics
from keras_distlayers.testing._evaluation import (
    as_float64,
    as_numpy,
    double_precision,
    draw,
    evaluate,
    evaluate_statistic,
    gradient,
    in_float64,
    is_bound,
    log_prob,
    tensors_of,
    with_tensors,
)
from keras_distlayers.testing._reporting import check, not_applicable, require, require_close

_STEP = 1e-6
_SUBNORMAL = float(np.finfo("float32").tiny)  # below it backends flush to 0
COPIES = 4_000


@check
def check_gradients(distribution: Distribution) -> None:
    """Gradients of log_prob, entropy, mean and stddev equal central differences.

    In float64, along a random direction in which each parameter (and, for log_prob of a
    continuous distribution, the value) changes by a factor: what is zero stays zero, and what is
    positive positive.

    Examples:
        >>> import keras_distlayers as kdl
        >>> kdl.testing.check_gradients(kdl.distributions.Normal([0.5, 1.0], 1.0))
    """
    with double_precision():
        distribution = in_float64(distribution)
        tensors, value = tensors_of(distribution), evaluate(draw, distribution)
        if distribution.support.is_discrete:
            require_slope("log_prob", _total, tensors, distribution, value, name="log_prob")
        else:
            value = _off_atoms(distribution, value)
            require_slope("log_prob", _total, [value, *tensors], distribution, name="log_prob")
        for name in ("entropy", "mean", "stddev"):
            result = evaluate_statistic(distribution, name)
            if result is not None and np.isfinite(as_float64(result)).all():
                require_slope(name, _total, tensors, distribution, name=name)


def _off_atoms(distribution: Distribution, value):
    """Values between the bounds, where those have a mass: log_prob jumps there."""
    if not distribution.support.has_atoms:
        return value
    lower, upper = as_float64(distribution.support.lower), as_float64(distribution.support.upper)
    margin = 0.1 * np.minimum(1.0, upper - lower)
    return np.clip(as_float64(value), lower + margin, upper - margin)


def _total(tensors, distribution: Distribution, *given, name: str):
    """The sum of a method's results: of a distribution of other parameters, and of values if any.

    The values are those in front of the parameters, and those given besides.
    """
    n = len(tensors) - len(tensors_of(distribution))
    result = getattr(with_tensors(distribution, tensors[n:]), name)(*tensors[:n], *given)
    return ops.sum(ops.cast(result, "float64"))  # labels, as modes, are ints


def require_slope(what: str, function, tensors, *given, factors=True, **options) -> None:
    """The gradient along a random direction is the difference quotient.

    Args:
        what: The name of the function's result.
        function: Scalar, of a list of float64 tensors, and of what follows.
        tensors: Where.
        *given: The function's other arguments, distributions and tensors.
        factors: Whether the direction changes each entry by a factor, or by a number.
        **options: The function's keywords.
    """
    rng = np.random.default_rng(0)
    points = [as_float64(t) for t in tensors]
    directions = [
        rng.uniform(0.5, 1.5, p.shape)
        * rng.choice([-1, 1], p.shape)
        * (np.where(np.isfinite(p), p, 0.0) if factors else 1.0)  # an infinite bound stays
        for p in points
    ]
    gradients = gradient(function, _tensors(points), *given, **options)
    slopes = [
        np.where(d == 0.0, 0.0, as_float64(g) * d).sum()
        for g, d in zip(gradients, directions, strict=True)
    ]
    require(np.isfinite(slopes).all(), f"a finite gradient of {what}", f"{slopes}")

    def value_at(i, step):
        at = [p + step * d * (j == i) for j, (p, d) in enumerate(zip(points, directions))]  # noqa: B905
        return float(as_float64(evaluate(function, _tensors(at), *given, **options)))

    for i, slope in enumerate(slopes):
        moved = [value_at(i, step) for step in (_STEP, -_STEP)]
        quotient = (moved[0] - moved[1]) / (2 * _STEP)
        # The quotient's rounding: 1e-16 of the function's value over the step.
        tolerance = 1e-5 * (1.0 + abs(quotient)) + 1e-9 * abs(moved[0])
        require_close(f"the gradient of {what}, argument {i},", slope, quotient, tolerance)


def _tensors(arrays) -> list:
    return [ops.convert_to_tensor(x) for x in arrays]


@check
def check_accuracy(distribution: Distribution) -> None:
    """log_prob in float32 has the digits that float32 can give.

    Against float64, within 1e-5 of the largest of 1, |log_prob| and the sum of |x dlog_prob/dx|
    over parameters and value: what a rounding of the numbers that go in would do as well.

    Examples:
        >>> import keras_distlayers as kdl
        >>> kdl.testing.check_accuracy(kdl.distributions.Normal([0.5, 1.0], 1.0))
    """
    require_accuracy(distribution, as_numpy(evaluate(draw, distribution)))


def require_accuracy(distribution: Distribution, value) -> None:
    """log_prob of an array in float32 is that in float64."""
    received = as_float64(evaluate(log_prob, distribution, value))
    with double_precision():
        exact = in_float64(distribution)
        whole = exact.expand(received.shape)
        points = ops.convert_to_tensor(value, exact.event_dtype)
        both = _with_rounding(whole, "log_prob", points)
    _require_digits("log_prob", received, both, smallest=1.0)


def require_accurate_statistic(distribution: Distribution, name: str) -> None:
    """A statistic in float32 is that in float64; the entropy, a logarithm, as log_prob.

    A mean of a distribution that is not of positive numbers may be 0: it is relative to the spread.
    """
    received = as_float64(evaluate_statistic(distribution, name))
    with double_precision():
        whole = in_float64(distribution).expand(distribution.batch_shape)
        both = _with_rounding(whole, name)
        spread = (
            evaluate_statistic(whole, "stddev")
            if name == "mean" and _is_signed(distribution)
            else None
        )
    smallest = as_float64(spread) if spread is not None else float(name == "entropy")
    _require_digits(name, received, both, smallest)


def _is_signed(distribution) -> bool:
    return bool((as_float64(distribution.support.lower) < 0.0).any())


def _with_rounding(distribution, name, *values):
    """A method's results, and the sum of |x df/dx| for each distribution of the batch."""
    expected = as_float64(evaluate_statistic(distribution, name, *values))
    given, moving = (values, ()) if distribution.support.is_discrete else ((), values)
    inputs = [*moving, *tensors_of(distribution)]
    gradients = gradient(_total, inputs, distribution, *given, name=name)
    batch = distribution.batch_shape
    with np.errstate(invalid="ignore"):  # 0 times the infinite slope at an edge
        rounding = sum(
            np.abs(as_float64(x) * as_float64(g)).reshape((*batch, -1)).sum(axis=-1)
            for x, g in zip(inputs, gradients, strict=True)
        )
    entries = (1,) * (expected.ndim - len(batch))
    return expected, np.nan_to_num(rounding).reshape((*batch, *entries))


def _require_digits(what: str, received, both, smallest) -> None:
    """Within 1e-5 of the largest of the value, `smallest` and what rounding the inputs does."""
    expected, rounding = both
    scale = np.nan_to_num(np.maximum(smallest, np.maximum(np.abs(expected), rounding)))
    with np.errstate(over="ignore"):
        expected = np.where(np.isinf(np.float32(expected)), np.float32(expected), expected)
    require_close(f"{what} in float32", received, expected, 1e-5 * scale + _SUBNORMAL)


@check
def check_reparameterization(distribution: Distribution, *, seed: int = 0) -> None:
    """The gradient through a draw is that of the expectation.

    For a bounded function f of a draw, E[df(x)/dp] by the draw's own gradient equals
    E[(f(x) - c) dlog p(x)/dp] by the score, for each parameter p. Source: Mohamed et al.,
    Journal of Machine Learning Research 21 (2020), sections 4 and 5.

    Examples:
        >>> import keras_distlayers as kdl
        >>> kdl.testing.check_reparameterization(kdl.distributions.Normal([0.5, 1.0], 1.0))
    """
    if not distribution.reparameterized:
        raise not_applicable("draws carry no gradient")
    with double_precision():
        copies = in_float64(distribution).expand((COPIES, *distribution.batch_shape))
        tensors, bounds = tensors_of(copies), is_bound(copies)

        def distribution_of(*free):
            rest = iter(free)
            whole = [t if b else next(rest) for t, b in zip(tensors, bounds, strict=True)]
            return with_tensors(copies, whole)

        free = [t for t, b in zip(tensors, bounds, strict=True) if not b]
        require_path_gradient(distribution_of, free, seed)


def require_path_gradient(distribution_of, tensors, seed: int, factors=True) -> None:
    """The draw's gradient and the score's have the same mean.

    Args:
        distribution_of: A function of tensors, each with an axis of independent copies in front, that
            returns the distribution.
        tensors: Where; float64.
        seed: Of the draws.
        factors: Whether the direction changes each entry by a factor, or by a number.
    """
    distribution = distribution_of(*tensors)
    draws = as_float64(evaluate(draw, distribution, seed=seed))
    if not _varies(draws).any():
        raise not_applicable("all draws are the same")
    feature = _feature(draws)
    path = gradient(lambda t: ops.sum(feature(distribution_of(*t).sample(seed=seed))), tensors)
    x = ops.convert_to_tensor(draws)
    totals = as_float64(feature(x))
    totals = totals.sum(
        axis=tuple(range(totals.ndim - len(distribution.event_shape), totals.ndim))
    )
    weights = ops.convert_to_tensor(totals - totals.mean(axis=0))
    score = gradient(lambda t: ops.sum(weights * distribution_of(*t).log_prob(x)), tensors)
    difference = [as_float64(a) - as_float64(b) for a, b in zip(path, score, strict=True)]
    for i, slopes in enumerate(_along_a_direction(tensors, difference, factors)):
        _statistics.require_mean(
            f"the draw's gradient less the score's, parameter {i},", slopes, np.zeros(())
        )


def _along_a_direction(tensors, gradients, factors):
    """For each tensor, the derivative of each copy along one random direction."""
    rng = np.random.default_rng(1)
    for tensor, slope in zip(tensors, gradients, strict=True):
        point = as_float64(tensor)
        direction = rng.uniform(0.5, 1.5, point.shape[1:]) * (point if factors else 1.0)
        yield (slope * direction).reshape(len(slope), -1).sum(axis=1)


def _feature(draws):
    """A bounded function of an entry that is neither odd nor even around the draws' centre."""
    low, centre, high = (np.quantile(draws, q, axis=0) for q in (0.25, 0.5, 0.75))
    # Where the draws of a quartile or more are one atom the function would be a step, or nearly.
    is_wide = np.minimum(centre - low, high - centre) > 0.0
    width = np.where(is_wide, high - low, draws.std(axis=0) + 1e-12)
    centre, width = ops.convert_to_tensor(centre), ops.convert_to_tensor(width)
    # An entry whose draws are all at one atom says nothing: the others are too rare.
    varies = ops.cast(_varies(draws), "float64")

    def feature(x):
        return varies * tanh((x - centre) / width - 0.5)

    return feature


def _varies(draws):
    return (draws != draws[0]).any(axis=0)
