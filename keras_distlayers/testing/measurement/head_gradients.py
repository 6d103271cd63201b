"""Derivatives by raw parameters: extreme ones, difference quotients, and through draws."""

import functools
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from keras import ops

from keras_distlayers._core.typing import Tensor
from keras_distlayers.layers.head import Head
from keras_distlayers.testing._backend import backend
from keras_distlayers.testing.measurement import paths, slopes
from keras_distlayers.testing.measurement.head_calls import build, distribution_for
from keras_distlayers.testing.measurement.record import Record, attempt, measured

Term: TypeAlias = Callable[[Head, Tensor, Tensor], Tensor]
"""A function of a head, raw parameters and a value."""

# ---------------------------------------------------------------- what a loss may be made of


def _log_prob(head: Head, raw: Tensor, value: Tensor) -> Tensor:
    return distribution_for(head, raw).log_prob(value)


def _entropy(head: Head, raw: Tensor, value: Tensor) -> Tensor:
    return distribution_for(head, raw).entropy()


def _kl_divergence(head: Head, raw: Tensor, value: Tensor) -> Tensor:
    """From the distribution for raw parameters of zero."""
    zeros = ops.zeros((1, raw.shape[-1]), raw.dtype)
    return distribution_for(head, raw).kl_divergence(distribution_for(head, zeros))


def _draw(head: Head, raw: Tensor, value: Tensor | None = None) -> Tensor:
    distribution = distribution_for(head, raw)
    if not distribution.reparameterized:
        raise NotImplementedError("draws carry no gradient")
    return distribution.sample(seed=3)


def _log_prob_of_draw(head: Head, raw: Tensor, value: Tensor) -> Tensor:
    """A term of a KL divergence by Monte Carlo."""
    return distribution_for(head, raw).log_prob(_draw(head, raw))


_OF_THE_DISTRIBUTION = {
    "log_prob": _log_prob,
    "the entropy": _entropy,
    "the KL divergence": _kl_divergence,
}
_OF_THE_DRAW = {"the draw": _draw, "log_prob of the draw": _log_prob_of_draw}


# ---------------------------------------------------------------- measurements


def extreme_parameters(size: int) -> np.ndarray:
    """All high, all low, and of mixed signs, at several magnitudes."""
    signs = np.random.default_rng(0).choice([-1.0, 1.0], (3, size))
    corners = np.stack([np.ones(size), -np.ones(size), *signs])
    magnitudes = (0.0, 100.0, 1e4)
    return np.concatenate([m * corners for m in magnitudes]).astype("float32")


def measure_extremes(head: Head, raw: Tensor, value: Tensor) -> Record:
    """Sums of what a loss may be made of, and their gradients, for rows of raw parameters.

    Args:
        head: The head.
        raw: Raw parameters, shape `(..., num_params)`.
        value: One event, whose log_prob is taken for each row.
    """
    raw = ops.reshape(ops.convert_to_tensor(raw), (-1, raw.shape[-1]))
    build(head, raw)
    return Record(
        measured(_totals_and_gradients, raw, value, head=head), raw=ops.convert_to_numpy(raw)
    )


def _totals_and_gradients(raw: Tensor, value: Tensor, *, head: Head) -> dict[str, Any]:
    """A function of the module: for further parameters of one head it is compiled already.

    With the weights, if it has any, that it had then: no check changes them.
    """
    functions = {**_OF_THE_DISTRIBUTION, **_OF_THE_DRAW}
    return {n: attempt(_with_gradient, f, head, raw, value) for n, f in functions.items()}


def _with_gradient(function: Term, head: Head, raw: Tensor, value: Tensor) -> dict[str, Tensor]:
    def total(raw: Tensor) -> Tensor:
        return ops.sum(function(head, raw, value))

    value_of_total, gradient = backend.value_and_gradient(total, raw)
    return {"total": value_of_total, "gradient": gradient}


def measure_slopes(head: Head, raw: Tensor, value: Tensor) -> Record:
    """Slopes in a random direction of what a loss may be made of, but for draws.

    A draw by rejection jumps as its parameters move; see `measure_paths`.
    """
    build(head, raw)
    functions = {
        name: functools.partial(_of_inputs, function, head)
        for name, function in _OF_THE_DISTRIBUTION.items()
    }
    return slopes.slopes(functions, [raw], value, factors=False)


def _of_inputs(function: Term, head: Head, inputs: list[Tensor], value: Tensor) -> Tensor:
    (raw,) = inputs
    return function(head, raw, value)


def measure_paths(head: Head, raw: Tensor, seed: int) -> Record | None:
    """Gradients through draws and by the score, for copies of one set of raw parameters."""
    if not distribution_for(head, raw).reparameterized:
        return None
    copies = ops.broadcast_to(raw, (paths.COPIES, raw.shape[-1]))

    def results(copies: Tensor) -> dict[str, Any]:
        return paths.path_gradients(lambda t: distribution_for(head, t[0]), [copies], seed)

    return measured(results, copies)


__all__ = ["extreme_parameters", "measure_extremes", "measure_paths", "measure_slopes"]
