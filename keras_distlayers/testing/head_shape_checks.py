"""Checks of a head's parameters, shapes and dtypes. Each takes a function that makes the head."""

import inspect
from collections.abc import Callable

import numpy as np

from keras_distlayers.layers.head import Head
from keras_distlayers.random_variable import RandomVariable
from keras_distlayers.testing._evaluation import as_float64, largest
from keras_distlayers.testing._reporting import check, require, require_close, require_equal
from keras_distlayers.testing.measurement import HeadMeasurement, Record, measure_layer

_ROUNDING = 1e-5


@check
def check_params_size(
    make_layer: Callable[[], Head] | HeadMeasurement, *, num_params: int | None = None
) -> None:
    """The head takes `params_size` raw parameters, no other number, and uses each of them.

    Examples:
        >>> import keras_distlayers as kdl
        >>> kdl.testing.check_params_size(lambda: kdl.layers.IndependentNormal(2))
    """
    measurement = measure_layer(make_layer, num_params=num_params)
    head, size = measurement.head, measurement.raw.shape[-1]
    static = _static_params_size(head)
    if static is not None:
        require_equal("params_size", static, size)
    slopes = as_float64(measurement.calls["gradient"])
    unused = np.argwhere((slopes == 0).all(axis=0)).ravel().tolist()
    require(not unused, "raw parameters that log_prob depends on", f"none on those at {unused}")
    if head.num_params is not None:
        for wrong, is_refused in measurement.refused.items():
            expected = f"a ValueError for a last axis of {wrong}, not {size}"
            require(is_refused, expected, "no error")


def _static_params_size(head: Head) -> int | None:
    """`params_size` of the arguments that the config has, or None."""
    function = getattr(type(head), "params_size", None)
    if function is None:
        return None
    names = [
        name
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    ]
    config = head.get_config()
    if not set(names) <= set(config):
        return None
    return function(**{name: config[name] for name in names})


@check
def check_batch_shapes(
    make_layer: Callable[[], Head] | HeadMeasurement, *, num_params: int | None = None
) -> None:
    """For raw parameters of any batch shape the output has batch_shape + event_shape.

    Examples:
        >>> import keras_distlayers as kdl
        >>> kdl.testing.check_batch_shapes(lambda: kdl.layers.IndependentNormal(2))
    """
    measurement = measure_layer(make_layer, num_params=num_params)
    has_event = measurement.head.convert_to_tensor_fn in ("sample", "mean", "mode")
    for batch in measurement.shapes:
        found = measurement.shapes[batch]
        is_random = issubclass(found["type"], RandomVariable)
        require(is_random, "a RandomVariable", f"a {found['type'].__name__}")
        require_equal("batch_shape", found["batch_shape"], batch)
        if has_event:
            require_equal("an output of shape", found["shape"], (*batch, *found["event_shape"]))
        require_equal("log_prob of shape", found["log_prob_shape"], batch)


@check
def check_rows(
    make_layer: Callable[[], Head] | HeadMeasurement, *, num_params: int | None = None
) -> None:
    """The distribution of a row depends on the raw parameters of that row alone.

    Examples:
        >>> import keras_distlayers as kdl
        >>> kdl.testing.check_rows(lambda: kdl.layers.IndependentNormal(2))
    """
    calls = measure_layer(make_layer, num_params=num_params).calls
    together = as_float64(calls["log_prob"])
    tolerance = _ROUNDING * largest(together)
    for i, alone in enumerate(calls["log_prob_of_rows"]):
        require_close(f"log_prob of row {i} alone", alone, together[i : i + 1], tolerance)


@check
def check_symbolic_call(
    make_layer: Callable[[], Head] | HeadMeasurement, *, num_params: int | None = None
) -> None:
    """While a Functional model is built, shapes and dtypes are those that come out.

    Examples:
        >>> import keras_distlayers as kdl
        >>> kdl.testing.check_symbolic_call(lambda: kdl.layers.IndependentNormal(2))
    """
    calls = measure_layer(make_layer, num_params=num_params).calls
    symbolic, outputs = calls["symbolic"], calls["outputs"]
    for name, (symbolic_shape, symbolic_dtype) in symbolic.items():
        output = outputs[name]
        unknown = symbolic_shape[:1] == (None,)
        shape = (None, *output.shape[1:]) if unknown else output.shape
        require_equal(f"{name} of symbolic shape", symbolic_shape, shape)
        require_equal(f"{name} of symbolic dtype", symbolic_dtype, str(output.dtype))
        if name != "draw":
            tolerance = _ROUNDING * largest(calls[name])
            require_close(f"{name} as an output", output, calls[name], tolerance)


@check
def check_tensor(
    make_layer: Callable[[], Head] | HeadMeasurement, *, num_params: int | None = None
) -> None:
    """The output as a tensor is a draw, the mean or the mode, as `convert_to_tensor_fn` says.

    Examples:
        >>> import keras_distlayers as kdl
        >>> kdl.testing.check_tensor(lambda: kdl.layers.IndependentNormal(2))
    """
    calls = measure_layer(make_layer, num_params=num_params).calls
    for name in ("mean", "mode"):
        if calls[name] is not None:
            tensor = calls["tensors"][name]["tensor"]
            require_close(f"the {name} as the tensor", tensor, calls[name], 0.0)
    draw = calls["tensors"]["sample"]
    require(draw["inside"].all(), "a draw in the support", f"{draw['tensor']}")


@check
def check_precision(
    make_layer: Callable[[], Head] | HeadMeasurement, *, num_params: int | None = None
) -> None:
    """Under each dtype policy the draw and log_prob are in float32, in symbolic calls too.

    Examples:
        >>> import keras_distlayers as kdl
        >>> kdl.testing.check_precision(lambda: kdl.layers.IndependentNormal(2))
    """
    dtypes = measure_layer(make_layer, num_params=num_params).dtypes
    for policy in dtypes:
        _require_float32(dtypes[policy], policy)


def _require_float32(found: Record, policy: str) -> None:
    draw = found["draw_dtype"]
    require(draw in ("float32", "int32"), f"a float32 draw under {policy}", draw)
    require_equal(f"log_prob under {policy} in", found["log_prob_dtype"], "float32")
    require_equal(f"the symbolic output under {policy} in", found["symbolic"], found["dtype"])
