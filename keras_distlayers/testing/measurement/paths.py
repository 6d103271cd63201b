"""The gradient of an expectation, through draws and by the score, in float64."""

from collections.abc import Callable, Iterable
from typing import Any

from keras import ops

from keras_distlayers._core.ops import mean, minimum, tanh
from keras_distlayers._core.typing import Tensor
from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.testing._backend import backend
from keras_distlayers.testing._evaluation import (
    double_precision,
    in_float64,
    is_bound,
    tensors_of,
    with_tensors,
)
from keras_distlayers.testing.measurement.record import Record, measured

COPIES = 4_000


def measure(distribution: Distribution, seed: int) -> Record:
    """Both gradients by each parameter, for many copies of the distribution."""
    with double_precision():
        copies = in_float64(distribution).expand((COPIES, *distribution.batch_shape))
        return measured(_parameter_gradients, copies, seed=seed)


def _parameter_gradients(copies: Distribution, *, seed: int) -> dict[str, Any]:
    """By the parameters that do not bound the support."""
    tensors, bounds = tensors_of(copies), is_bound(copies)

    def distribution_of(free: Iterable[Tensor]) -> Distribution:
        rest = iter(free)
        whole = [t if b else next(rest) for t, b in zip(tensors, bounds, strict=True)]
        return with_tensors(copies, whole)

    free = [t for t, b in zip(tensors, bounds, strict=True) if not b]
    return path_gradients(distribution_of, free, seed)


def path_gradients(
    distribution_of: Callable[[list[Tensor]], Distribution], tensors: list[Tensor], seed: int
) -> dict[str, Any]:
    """Gradients of the mean of a bounded function of a draw, for copies of a distribution.

    E[df(x)/dp] by the draw's own gradient equals E[(f(x) - c) dlog p(x)/dp] by the score, for
    each parameter p. Source: Mohamed et al., Journal of Machine Learning Research 21 (2020),
    sections 4 and 5.

    Args:
        distribution_of: A function of a list of tensors, each with a leading axis of independent
            copies, that returns the distribution.
        tensors: Where; float64.
        seed: Of the draws.
    """
    distribution = distribution_of(tensors)
    draws = ops.stop_gradient(distribution.sample(seed=seed))
    feature = _Feature(draws)
    totals = feature(draws)
    for _ in distribution.event_shape:
        totals = ops.sum(totals, axis=-1)
    weights = totals - mean(totals, axis=0)

    def path(tensors: list[Tensor]) -> Tensor:
        return ops.sum(feature(distribution_of(tensors).sample(seed=seed)))

    def score(tensors: list[Tensor]) -> Tensor:
        return ops.sum(weights * distribution_of(tensors).log_prob(draws))

    return {
        "tensors": tensors,
        "path": backend.value_and_gradient(path, tensors)[1],
        "score": backend.value_and_gradient(score, tensors)[1],
        "varies": feature.varies,
    }


class _Feature:
    """A bounded function of an entry that is neither odd nor even around the draws' centre."""

    def __init__(self, draws: Tensor) -> None:
        n = draws.shape[0]
        ordered = ops.sort(draws, axis=0)
        low, centre, high = (ordered[(n * quarter) // 4] for quarter in (1, 2, 3))
        # Where a quartile of the draws or more is one atom, the function would nearly be a step.
        is_wide = minimum(centre - low, high - centre) > 0.0
        self.centre = centre
        self.width = ops.where(is_wide, high - low, ops.std(draws, axis=0) + 1e-12)
        # An entry whose draws are all at one atom is left out: the others are too rare.
        self.varies = ops.cast(ops.any(draws != draws[0], axis=0), "float64")

    def __call__(self, x: Tensor) -> Tensor:
        return self.varies * tanh((x - self.centre) / self.width - 0.5)


__all__ = ["COPIES", "measure", "path_gradients"]
