"""Checks of derivatives: the rounding of log_prob, its gradients, and those through a draw."""

import numpy as np

from keras_distlayers._core.typing import Tensor
from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.testing import _statistics
from keras_distlayers.testing._evaluation import (
    as_float64,
    evaluate,
    evaluate_statistic,
    log_prob,
)
from keras_distlayers.testing._reporting import check, not_applicable, require, require_close
from keras_distlayers.testing.measurement import Measurement, Record, digits, measure

_SUBNORMAL = float(np.finfo("float32").tiny)  # below it backends flush to 0


@check
def check_gradients(distribution: Distribution | Measurement) -> None:
    """Gradients of log_prob, entropy, mean and stddev equal central differences.

    In float64, along a random direction in which each parameter (and, for log_prob of a
    continuous distribution, the value) changes by a factor: what is zero stays zero, and what is
    positive positive. At the ends of `closed_ranges`, the gradient of log_prob is the limit of
    one-sided differences, at draws that are possible there.

    Examples:
        >>> import keras_distlayers as kdl
        >>> kdl.testing.check_gradients(kdl.distributions.Normal([0.5, 1.0], 1.0))
    """
    measurement = measure(distribution)
    slopes, edges = measurement.slopes, measurement.edges
    for name in slopes:
        if slopes[name] is not None and (name == "log_prob" or np.isfinite(slopes[name]["total"])):
            require_slopes(name, slopes[name])
    for where in edges:
        _require_slope_at_edge(f"log_prob where {where}", edges[where])


def _require_slope_at_edge(what: str, found: Record) -> None:
    is_finite = all(np.isfinite(gradient).all() for gradient in found["gradients"])
    require(is_finite, f"a finite gradient of {what}", f"{found['gradients']}")
    quotient = as_float64(found["quotient"])
    tolerance = 1e-4 * (1.0 + np.abs(quotient))
    require_close(f"the gradient of {what}", found["slope"], quotient, tolerance)


def require_slopes(what: str, found: Record) -> None:
    """The gradient along a random direction is the difference quotient, for each argument.

    Args:
        what: The name of the function's result.
        found: A record of `measurement.slopes`.
    """
    slopes = found["slopes"]
    require(np.isfinite(slopes).all(), f"a finite gradient of {what}", f"{slopes}")
    for i, (slope, quotient) in enumerate(zip(slopes, found["quotients"], strict=True)):
        # The quotient's rounding: 1e-16 of the function's value over the step.
        tolerance = 1e-5 * (1.0 + abs(quotient)) + 1e-9 * abs(found["total"])
        require_close(f"the gradient of {what}, argument {i},", slope, quotient, tolerance)


@check
def check_accuracy(distribution: Distribution | Measurement) -> None:
    """log_prob in float32 has the digits that float32 can give.

    Against float64, within 1e-5 of the largest of 1, |log_prob| and the sum of |x dlog_prob/dx|
    over parameters and value: what a rounding of the numbers that go in would do as well.

    Examples:
        >>> import keras_distlayers as kdl
        >>> kdl.testing.check_accuracy(kdl.distributions.Normal([0.5, 1.0], 1.0))
    """
    measurement = measure(distribution)
    received = as_float64(measurement.draws["log_prob"][0])
    require_digits("log_prob", received, measurement.digits, smallest=1.0)


def require_accuracy(distribution: Distribution, value: Tensor) -> None:
    """log_prob of an array in float32 is that in float64."""
    received = as_float64(evaluate(log_prob, distribution, value))
    found = digits.measure(distribution, value, received.shape)
    require_digits("log_prob", received, found, smallest=1.0)


def require_accurate_statistic(distribution: Distribution, name: str) -> None:
    """A statistic in float32 is that in float64; the entropy, a logarithm, as log_prob.

    A mean of a distribution that is not of positive numbers may be 0: it is relative to the
    spread.
    """
    received = as_float64(evaluate_statistic(distribution, name))
    found = digits.measure_statistic(distribution, name)
    smallest = as_float64(found["stddev"]) if "stddev" in found else float(name == "entropy")
    require_digits(name, received, found, smallest)


def require_digits(
    what: str, received: np.ndarray, found: Record, smallest: float | np.ndarray
) -> None:
    """Within 1e-5 of the largest of the value, `smallest` and what rounding the inputs does.

    Args:
        what: The name of the result.
        received: The result in float32.
        found: A record of `measurement.digits`.
        smallest: A number, or an array like the result.
    """
    expected, rounding = found["expected"], found["rounding"]
    scale = np.nan_to_num(np.maximum(smallest, np.maximum(np.abs(expected), rounding)))
    with np.errstate(over="ignore"):
        expected = np.where(np.isinf(np.float32(expected)), np.float32(expected), expected)
    require_close(f"{what} in float32", received, expected, 1e-5 * scale + _SUBNORMAL)


@check
def check_reparameterization(distribution: Distribution | Measurement, *, seed: int = 0) -> None:
    """The gradient through a draw is that of the expectation.

    For a bounded function f of a draw, E[df(x)/dp] by the draw's own gradient equals
    E[(f(x) - c) dlog p(x)/dp] by the score, for each parameter p. Source: Mohamed et al.,
    Journal of Machine Learning Research 21 (2020), sections 4 and 5.

    Examples:
        >>> import keras_distlayers as kdl
        >>> kdl.testing.check_reparameterization(kdl.distributions.Normal([0.5, 1.0], 1.0))
    """
    measurement = measure(distribution, seed=seed)
    if not measurement.distribution.reparameterized:
        raise not_applicable("draws carry no gradient")
    require_path_gradients(measurement.paths)


def require_path_gradients(paths: Record, factors: bool = True) -> None:
    """The draw's gradient and the score's have the same mean.

    Args:
        paths: A record of `measurement.paths`.
        factors: Whether the direction changes each entry by a factor, or by a number.
    """
    if not paths["varies"].any():
        raise not_applicable("all draws are the same")
    rng = np.random.default_rng(1)
    gradients = zip(paths["tensors"], paths["path"], paths["score"], strict=True)
    for i, (points, path, score) in enumerate(gradients):
        direction = rng.uniform(0.5, 1.5, points.shape[1:]) * (points if factors else 1.0)
        slopes = ((path - score) * direction).reshape(len(points), -1).sum(axis=1)
        _statistics.require_mean(
            f"the draw's gradient less the score's, parameter {i},", slopes, np.zeros(())
        )
