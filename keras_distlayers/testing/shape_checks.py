"""Checks of a law's shapes and dtypes."""

import keras
from keras import ops

from keras_distlayers import _backend
from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.testing._evaluation import (
    FEW_DRAWS,
    as_float64,
    draw,
    draw_and_density,
    evaluated,
    largest,
    log_prob,
    statistics,
)
from keras_distlayers.testing._evidence import (
    Broken,
    check,
    does_not_apply,
    require_close,
    require_equal,
)

_STATISTICS = ("mean", "mode", "variance", "stddev", "covariance", "entropy")
_ROUNDING = 1e-5


def _shape(x) -> tuple:
    return tuple(x.shape)


@check
def check_shapes(law: Distribution) -> None:
    """A draw has shape sample_shape + batch_shape + event_shape; every result follows.

    log_prob drops the event, entropy has the batch's shape, mean, mode, variance and stddev
    that of one draw, the covariance the event's twice.

    Examples:
        >>> from keras_distlayers import distributions as kd, testing
        >>> testing.check_shapes(kd.Normal([0.0, 1.0], 1.0))
    """
    batch, event = law.batch_shape, law.event_shape
    for sample_shape in ((), (1,), (2, 3)):
        value, density = _backend.outline(draw_and_density, law, shape=sample_shape)
        require_equal("a draw of shape", _shape(value), (*sample_shape, *batch, *event))
        require_equal("log_prob of shape", _shape(density), (*sample_shape, *batch))
    require_equal("sample(2) of shape", _shape(law.sample(2, seed=0)), (2, *batch, *event))
    expected = {"entropy": batch, "covariance": (*batch, *event, *event)}
    for name, value in _backend.outline(statistics, law, names=_STATISTICS).items():
        if value is not None:
            shape = expected.get(name, (*batch, *event))
            require_equal(f"{name}() of shape", _shape(value), shape)


@check
def check_broadcasting(law: Distribution) -> None:
    """log_prob of many values is that of each; a wrong shape is refused, never broadcast.

    Examples:
        >>> from keras_distlayers import distributions as kd, testing
        >>> testing.check_broadcasting(kd.Normal([0.0, 1.0], 1.0))
    """
    batch = law.batch_shape
    draws, _ = evaluated(draw_and_density, law, shape=(FEW_DRAWS,))
    values = ops.reshape(draws[:6], (2, 3, *draws.shape[1:]))
    densities = as_float64(evaluated(log_prob, law, values))
    rounding = _ROUNDING * largest(densities)
    for i in ((0, 0), (1, 2)):
        alone = evaluated(log_prob, law, values[i])
        require_close(f"log_prob(values[{i}])", alone, densities[i], rounding)
    if batch:
        event = ops.reshape(values, (-1, *law.event_shape))[0]
        whole = ops.broadcast_to(event, (*batch, *law.event_shape))
        single, each = evaluated(log_prob, law, event), evaluated(log_prob, law, whole)
        require_equal("log_prob of one event of shape", _shape(single), batch)
        require_close("log_prob of one event", single, each, rounding)
    for wrong in _wrong_shapes(law):
        _require_refused(law, wrong)


def _wrong_shapes(law: Distribution):
    """Of values that do not fit the event, or the batch."""
    batch, event = law.batch_shape, law.event_shape
    if event:
        yield (*batch, *event[:-1], event[-1] + 1)
        yield event[1:]
    if batch and batch[-1] > 1:
        yield (*batch[:-1], batch[-1] + 1, *event)


def _require_refused(law: Distribution, shape: tuple) -> None:
    value = ops.zeros(shape, dtype=law._event_dtype)
    try:
        result = law.log_prob(value)
    except ValueError:
        return
    raise Broken(
        f"a ValueError from log_prob for a value of shape {shape}",
        f"a result of shape {_shape(result)}",
    )


@check
def check_slicing(law: Distribution) -> None:
    """`law[i]` is the i-th law of the batch, and does not depend on the others.

    Examples:
        >>> from keras_distlayers import distributions as kd, testing
        >>> testing.check_slicing(kd.Normal([0.0, 1.0], 1.0))
    """
    batch = law.batch_shape
    if not batch:
        raise does_not_apply("there is one law, without a batch")
    values = evaluated(draw, law)
    whole = evaluated(_slice_results, law, values)
    for axis in range(len(batch)):
        for i in {0, batch[axis] - 1}:
            key = (slice(None),) * axis + (i,)
            part = law[key]
            expected_shape = (*batch[:axis], *batch[axis + 1 :])
            require_equal(f"law[{key}].batch_shape", part.batch_shape, expected_shape)
            results = evaluated(_slice_results, part, values[key])
            for name, received in results.items():
                expected = as_float64(whole[name])
                tolerance = _ROUNDING * largest(expected)
                require_close(f"law[{key}].{name}", received, expected[key], tolerance)


def _slice_results(law: Distribution, value) -> dict:
    """What depends on each law of a batch, as far as there is a closed form."""
    results = {"log_prob": law.log_prob(value)}
    results |= statistics(law, names=("mean", "stddev", "entropy"))
    return {name: result for name, result in results.items() if result is not None}


@check
def check_dtypes(law: Distribution) -> None:
    """Every result has the dtype of the parameters; nothing leaks into float64, or out of it.

    Examples:
        >>> from keras_distlayers import distributions as kd, testing
        >>> testing.check_dtypes(kd.Normal([0.0, 1.0], 1.0))
    """
    # Where the backend has no float64 unless asked, a leak into it would not show.
    with _backend.float64():
        for name, value in _backend.outline(_results, law).items():
            if value is not None:
                received = keras.backend.standardize_dtype(value.dtype)
                dtype = law._event_dtype if name in ("sample", "mode") else law.dtype
                require_equal(f"{name} of dtype", received, dtype)


def _results(law: Distribution) -> dict:
    """What the law's methods return."""
    value, density = draw_and_density(law)
    results = {"sample": value, "log_prob": density, **statistics(law, names=_STATISTICS)}
    return results | statistics(law, value, names=("cdf", "survival_function"))
