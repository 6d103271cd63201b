"""Checks of a distribution's shapes and dtypes."""

import math

from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.testing._evaluation import largest
from keras_distlayers.testing._reporting import (
    check,
    not_applicable,
    require,
    require_close,
    require_equal,
)
from keras_distlayers.testing.measurement import Measurement, Record, measure
from keras_distlayers.testing.measurement.draws import GRID, part_keys

_ROUNDING = 1e-5


@check
def check_shapes(distribution: Distribution | Measurement) -> None:
    """A draw has shape sample_shape + batch_shape + event_shape; every result follows.

    log_prob drops the event, entropy has the batch's shape, mean, mode, variance and stddev
    that of one draw, the covariance the event's twice.

    Examples:
        >>> import keras_distlayers as kdl
        >>> kdl.testing.check_shapes(kdl.distributions.Normal([0.0, 1.0], 1.0))
    """
    measurement = measure(distribution)
    signature, distribution = measurement.signature, measurement.distribution
    batch, event = distribution.batch_shape, distribution.event_shape
    for sample_shape in signature["draws"]:
        found = signature["draws"][sample_shape]
        leading = (sample_shape,) if isinstance(sample_shape, int) else sample_shape
        require_equal("a draw of shape", found["draw"], (*leading, *batch, *event))
        require_equal("log_prob of shape", found["log_prob"], (*leading, *batch))
    expected = {"entropy": batch, "covariance": (*batch, *event, *event)}
    for name in signature["statistics"]:
        shape = signature["statistics"][name]
        if shape is not None:
            require_equal(f"{name}() of shape", shape, expected.get(name, (*batch, *event)))


@check
def check_broadcasting(distribution: Distribution | Measurement) -> None:
    """log_prob of many values is that of each; a wrong shape is refused, never broadcast.

    Examples:
        >>> import keras_distlayers as kdl
        >>> kdl.testing.check_broadcasting(kdl.distributions.Normal([0.0, 1.0], 1.0))
    """
    measurement = measure(distribution)
    wrong_shapes, draws = measurement.signature["wrong_shapes"], measurement.draws
    grid, batch = draws["grid"], measurement.distribution.batch_shape
    rounding = _ROUNDING * largest(grid)
    one_by_one = draws["log_prob"][: math.prod(GRID)].reshape(grid.shape)
    require_close("log_prob of a grid of values", grid, one_by_one, rounding)
    event, (for_each,) = draws["log_prob_of_event"], draws["log_prob_of_event_for_each"]
    require_equal("log_prob of one event of shape", event.shape, batch)
    require_close("log_prob of one event", event, for_each, rounding)
    for shape in wrong_shapes:
        require(
            wrong_shapes[shape] is None,
            f"a ValueError from log_prob for a value of shape {shape}",
            f"a result of shape {wrong_shapes[shape]}",
        )


@check
def check_slicing(distribution: Distribution | Measurement) -> None:
    """`distribution[i]` is the i-th distribution of the batch, and does not depend on the others.

    Examples:
        >>> import keras_distlayers as kdl
        >>> kdl.testing.check_slicing(kdl.distributions.Normal([0.0, 1.0], 1.0))
    """
    measurement = measure(distribution)
    batch = measurement.distribution.batch_shape
    if not batch:
        raise not_applicable("there is one distribution, without a batch")
    draws, found = measurement.draws, measurement.draws["parts"]
    whole = Record(found["whole"], log_prob=draws["log_prob"][0])
    for key, part in zip(part_keys(batch), found["parts"], strict=True):
        axis = len(key) - 1
        shape = tuple(int(n) for n in part["batch_shape"])
        expected = (*batch[:axis], *batch[axis + 1 :])
        require_equal(f"distribution[{key}].batch_shape", shape, expected)
        for name in whole:
            if whole[name] is not None:
                tolerance = _ROUNDING * largest(whole[name])
                require_close(
                    f"distribution[{key}].{name}", part[name], whole[name][key], tolerance
                )


@check
def check_dtypes(distribution: Distribution | Measurement) -> None:
    """Every result has the dtype of the parameters; nothing leaks into float64, or out of it.

    Examples:
        >>> import keras_distlayers as kdl
        >>> kdl.testing.check_dtypes(kdl.distributions.Normal([0.0, 1.0], 1.0))
    """
    measurement = measure(distribution)
    distribution, dtypes = measurement.distribution, measurement.signature["dtypes"]
    for name in dtypes:
        if dtypes[name] is not None:
            is_event = name in ("sample", "mode")
            expected = distribution.event_dtype if is_event else distribution.dtype
            require_equal(f"{name} of dtype", dtypes[name], expected)
