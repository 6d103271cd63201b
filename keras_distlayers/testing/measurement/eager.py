"""A few results as they come, operation by operation, and the same under jit."""

from typing import Any

from keras import ops

from keras_distlayers._core.typing import Tensor
from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.testing._backend import backend
from keras_distlayers.testing.measurement.record import Record, as_record, attempt

DRAWS = 64
"""One number for all that runs eagerly: on JAX each operation is compiled anew for a new shape."""


def measure(distribution: Distribution) -> Record:
    """Results without compilation, and draws with a seed, with another one and without."""
    return as_record(
        {
            **results(distribution),
            "draw_again": attempt(_draw, distribution),
            "other_draw": attempt(distribution.sample, DRAWS, seed=6),
            "unseeded": attempt(lambda: [distribution.sample(DRAWS) for _ in range(2)]),
        }
    )


def results(distribution: Distribution) -> dict[str, Any]:
    """What tells whether two distributions are the same."""
    draw = _draw(distribution)
    return {
        "draw": draw,
        "log_prob": attempt(distribution.log_prob, draw),
        "mean": attempt(distribution.mean),
    }


def _draw(distribution: Distribution) -> Tensor:
    return distribution.sample(DRAWS, seed=5)


def measure_jitted(distribution: Distribution, eager: Record) -> Record:
    """The results under the framework's jit, as far as there are any without."""
    has_mean = eager["mean"] is not None

    def function(draw: Tensor) -> dict[str, Tensor]:
        mean = {"mean": distribution.mean()} if has_mean else {}
        return {"draw": _draw(distribution), "log_prob": distribution.log_prob(draw), **mean}

    return as_record(backend.jit(function)(ops.convert_to_tensor(eager["draw"])))


__all__ = ["DRAWS", "measure", "measure_jitted", "results"]
