"""What a result is in float64, and what a rounding of the numbers that go in does to it."""

import numpy as np
from keras import ops

from keras_distlayers._core.typing import Tensor
from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.testing._evaluation import (
    as_float64,
    double_precision,
    evaluate_statistic,
    gradient,
    in_float64,
    tensors_of,
    with_tensors,
)
from keras_distlayers.testing.measurement.record import Record


def measure(distribution: Distribution, value: Tensor, batch_shape: tuple[int, ...]) -> Record:
    """log_prob at a value, for a batch that the value and the distribution broadcast to."""
    with double_precision():
        exact = in_float64(distribution)
        points = ops.convert_to_tensor(value, exact.event_dtype)
        return _with_rounding(exact.expand(batch_shape), "log_prob", points)


def measure_statistic(distribution: Distribution, name: str) -> Record:
    """A statistic, and the standard deviation that a mean near 0 is compared with."""
    with double_precision():
        exact = in_float64(distribution).expand(distribution.batch_shape)
        record = _with_rounding(exact, name)
        if name == "mean" and _is_signed(distribution):
            record["stddev"] = evaluate_statistic(exact, "stddev")
        return record


def _is_signed(distribution: Distribution) -> bool:
    return bool((as_float64(distribution.support.lower) < 0.0).any())


def _with_rounding(distribution: Distribution, name: str, *values: Tensor) -> Record:
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
    return Record(expected=expected, rounding=np.nan_to_num(rounding).reshape((*batch, *entries)))


def _total(tensors: list[Tensor], distribution: Distribution, *given: Tensor, name: str) -> Tensor:
    """The sum of a method's results: of a distribution of other parameters, and of values if any.

    The values are those that precede the parameters, and those given besides.
    """
    n = len(tensors) - len(tensors_of(distribution))
    result = getattr(with_tensors(distribution, tensors[n:]), name)(*tensors[:n], *given)
    return ops.sum(ops.cast(result, "float64"))  # labels, as modes, are ints


__all__ = ["measure", "measure_statistic"]
