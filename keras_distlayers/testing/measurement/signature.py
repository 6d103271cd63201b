"""Shapes and dtypes: no number is computed where the backend can do without."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import keras
import numpy as np

from keras_distlayers._core.typing import Tensor
from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.testing._backend import backend
from keras_distlayers.testing._evaluation import STATISTICS, batch_of
from keras_distlayers.testing.measurement.record import Raised, Record, attempt

SAMPLE_SHAPES = ((), (1,), (2, 3), 2)


def measure(distribution: Distribution) -> Record:
    """Shapes by sample shape and by statistic, dtypes, and what wrong shapes of a value led to."""
    return Record(
        draws=Record({shape: _shapes(distribution, shape) for shape in SAMPLE_SHAPES}),
        statistics=of_each(shape_of, backend.eval_shape(_statistics, distribution)),
        dtypes=_dtypes(distribution),
        wrong_shapes=Record(
            {shape: _answer(distribution, shape) for shape in _wrong_shapes(distribution)}
        ),
    )


def _statistics(distribution: Distribution) -> dict[str, Any]:
    return {name: attempt(getattr(distribution, name)) for name in STATISTICS}


def _shapes(distribution: Distribution, sample_shape: int | tuple[int, ...]) -> Record | Raised:
    """The shapes of draws and of their log_prob."""
    return of_each(
        shape_of, attempt(backend.eval_shape, _draw, distribution, sample_shape=sample_shape)
    )


def _draw(distribution: Distribution, *, sample_shape: int | tuple[int, ...]) -> dict[str, Tensor]:
    draw = distribution.sample(sample_shape, seed=0)
    return {"draw": draw, "log_prob": distribution.log_prob(draw)}


def _dtypes(distribution: Distribution) -> Record | Raised:
    # Where the backend has no float64 unless asked, a leak into it would not show.
    with backend.float64():
        return of_each(dtype_of, backend.eval_shape(_all_results, distribution))


def _all_results(distribution: Distribution) -> dict[str, Any]:
    draw = distribution.sample(seed=0)
    at_draw = {
        name: attempt(getattr(distribution, name), draw)
        for name in ("log_prob", "cdf", "survival_function")
    }
    return {"sample": draw, **at_draw, **_statistics(distribution)}


def of_each(
    function: Callable[[Tensor], Any], results: Mapping[str, Any] | Raised
) -> Record | Raised:
    """A record with the function of each tensor."""
    if isinstance(results, Raised):
        return results
    return Record(
        {n: r if r is None or isinstance(r, Raised) else function(r) for n, r in results.items()}
    )


def shape_of(tensor: Tensor) -> tuple[int, ...]:
    """The shape of a result."""
    return tuple(tensor.shape)


def dtype_of(tensor: Tensor) -> str:
    """The dtype of a result, as Keras names it."""
    return keras.backend.standardize_dtype(tensor.dtype)


def _wrong_shapes(distribution: Distribution) -> Iterator[tuple[int, ...]]:
    """Of values that do not fit the event, or the batch."""
    batch, event = batch_of(distribution), distribution.event_shape
    if event:
        yield (*batch, *event[:-1], event[-1] + 1)
        yield event[1:]
    if batch and batch[-1] > 1:
        yield (*batch[:-1], batch[-1] + 1, *event)


def _answer(distribution: Distribution, shape: tuple[int, ...]) -> tuple[int, ...] | Raised | None:
    """The shape of log_prob for a value of a wrong shape, or None where it is refused."""
    value = np.zeros(shape, distribution.event_dtype)
    try:
        return shape_of(backend.eval_shape(_log_prob, distribution, value))
    except ValueError:
        return None
    except Exception as error:
        return Raised(error)


def _log_prob(distribution: Distribution, value: Tensor) -> Tensor:
    return distribution.log_prob(value)
