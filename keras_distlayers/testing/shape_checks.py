"""Checks of a distribution's shapes and dtypes."""

import keras
from keras import ops

from keras_distlayers import _backend
from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.testing._evaluation import (
    FEW_DRAWS,
    as_float64,
    draw,
    draw_and_density,
    evaluate,
    largest,
    log_prob,
    statistics,
)
from keras_distlayers.testing._reporting import (
    Failed,
    check,
    not_applicable,
    require_close,
    require_equal,
)

_STATISTICS = ("mean", "mode", "variance", "stddev", "covariance", "entropy")
_ROUNDING = 1e-5


def _shape(x) -> tuple:
    return tuple(x.shape)


@check
def check_shapes(distribution: Distribution) -> None:
    """A draw has shape sample_shape + batch_shape + event_shape; every result follows.

    log_prob drops the event, entropy has the batch's shape, mean, mode, variance and stddev
    that of one draw, the covariance the event's twice.

    Examples:
        >>> import keras_distlayers as kdl
        >>> kdl.testing.check_shapes(kdl.distributions.Normal([0.0, 1.0], 1.0))
    """
    batch, event = distribution.batch_shape, distribution.event_shape
    for sample_shape in ((), (1,), (2, 3)):
        value, density = _backend.eval_shape(draw_and_density, distribution, shape=sample_shape)
        require_equal("a draw of shape", _shape(value), (*sample_shape, *batch, *event))
        require_equal("log_prob of shape", _shape(density), (*sample_shape, *batch))
    require_equal(
        "sample(2) of shape", _shape(distribution.sample(2, seed=0)), (2, *batch, *event)
    )
    expected = {"entropy": batch, "covariance": (*batch, *event, *event)}
    for name, value in _backend.eval_shape(statistics, distribution, names=_STATISTICS).items():
        if value is not None:
            shape = expected.get(name, (*batch, *event))
            require_equal(f"{name}() of shape", _shape(value), shape)


@check
def check_broadcasting(distribution: Distribution) -> None:
    """log_prob of many values is that of each; a wrong shape is refused, never broadcast.

    Examples:
        >>> import keras_distlayers as kdl
        >>> kdl.testing.check_broadcasting(kdl.distributions.Normal([0.0, 1.0], 1.0))
    """
    batch = distribution.batch_shape
    draws, _ = evaluate(draw_and_density, distribution, shape=(FEW_DRAWS,))
    values = ops.reshape(draws[:6], (2, 3, *draws.shape[1:]))
    densities = as_float64(evaluate(log_prob, distribution, values))
    rounding = _ROUNDING * largest(densities)
    for i in ((0, 0), (1, 2)):
        alone = evaluate(log_prob, distribution, values[i])
        require_close(f"log_prob(values[{i}])", alone, densities[i], rounding)
    if batch:
        event = ops.reshape(values, (-1, *distribution.event_shape))[0]
        whole = ops.broadcast_to(event, (*batch, *distribution.event_shape))
        single, each = (
            evaluate(log_prob, distribution, event),
            evaluate(log_prob, distribution, whole),
        )
        require_equal("log_prob of one event of shape", _shape(single), batch)
        require_close("log_prob of one event", single, each, rounding)
    for wrong in _wrong_shapes(distribution):
        _require_refused(distribution, wrong)


def _wrong_shapes(distribution: Distribution):
    """Of values that do not fit the event, or the batch."""
    batch, event = distribution.batch_shape, distribution.event_shape
    if event:
        yield (*batch, *event[:-1], event[-1] + 1)
        yield event[1:]
    if batch and batch[-1] > 1:
        yield (*batch[:-1], batch[-1] + 1, *event)


def _require_refused(distribution: Distribution, shape: tuple) -> None:
    value = ops.zeros(shape, dtype=distribution.event_dtype)
    try:
        result = distribution.log_prob(value)
    except ValueError:
        return
    raise Failed(
        f"a ValueError from log_prob for a value of shape {shape}",
        f"a result of shape {_shape(result)}",
    )


@check
def check_slicing(distribution: Distribution) -> None:
    """`distribution[i]` is the i-th distribution of the batch, and does not depend on the others.

    Examples:
        >>> import keras_distlayers as kdl
        >>> kdl.testing.check_slicing(kdl.distributions.Normal([0.0, 1.0], 1.0))
    """
    batch = distribution.batch_shape
    if not batch:
        raise not_applicable("there is one distribution, without a batch")
    values = evaluate(draw, distribution)
    whole = evaluate(_slice_results, distribution, values)
    for axis in range(len(batch)):
        for i in {0, batch[axis] - 1}:
            key = (slice(None),) * axis + (i,)
            part = distribution[key]
            expected_shape = (*batch[:axis], *batch[axis + 1 :])
            require_equal(f"distribution[{key}].batch_shape", part.batch_shape, expected_shape)
            results = evaluate(_slice_results, part, values[key])
            for name, received in results.items():
                expected = as_float64(whole[name])
                tolerance = _ROUNDING * largest(expected)
                require_close(f"distribution[{key}].{name}", received, expected[key], tolerance)


def _slice_results(distribution: Distribution, value) -> dict:
    """What depends on each distribution of a batch, as far as there is a closed form."""
    results = {"log_prob": distribution.log_prob(value)}
    results |= statistics(distribution, names=("mean", "stddev", "entropy"))
    return {name: result for name, result in results.items() if result is not None}


@check
def check_dtypes(distribution: Distribution) -> None:
    """Every result has the dtype of the parameters; nothing leaks into float64, or out of it.

    Examples:
        >>> import keras_distlayers as kdl
        >>> kdl.testing.check_dtypes(kdl.distributions.Normal([0.0, 1.0], 1.0))
    """
    # Where the backend has no float64 unless asked, a leak into it would not show.
    with _backend.float64():
        for name, value in _backend.eval_shape(_results, distribution).items():
            if value is not None:
                received = keras.backend.standardize_dtype(value.dtype)
                dtype = (
                    distribution.event_dtype if name in ("sample", "mode") else distribution.dtype
                )
                require_equal(f"{name} of dtype", received, dtype)


def _results(distribution: Distribution) -> dict:
    """What the distribution's methods return."""
    value, density = draw_and_density(distribution)
    results = {"sample": value, "log_prob": density, **statistics(distribution, names=_STATISTICS)}
    return results | statistics(distribution, value, names=("cdf", "survival_function"))
