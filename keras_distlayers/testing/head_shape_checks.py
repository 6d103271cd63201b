"""Checks of a head's parameters, shapes and dtypes. Each takes a function that makes the head."""

import inspect

import keras
import numpy as np
from keras import ops

from keras_distlayers import _backend
from keras_distlayers.random_variable import RandomVariable
from keras_distlayers.testing._evaluation import (
    as_float64,
    as_numpy,
    draw,
    draw_and_density,
    evaluate,
    gradient,
    largest,
    log_prob,
    statistic,
)
from keras_distlayers.testing._heads import distribution_for, raw_parameters, with_config
from keras_distlayers.testing._reporting import (
    Failed,
    check,
    require,
    require_close,
    require_equal,
)

_ROUNDING = 1e-5
_STATISTICS = ("mean", "mode", "variance", "stddev", "entropy")


@check
def check_params_size(make_layer, *, num_params=None) -> None:
    """The head takes `params_size` raw parameters, no other number, and uses each of them.

    Examples:
        >>> import keras_distlayers as kdl
        >>> kdl.testing.check_params_size(lambda: kdl.layers.IndependentNormal(2))
    """
    head = make_layer()
    raw = raw_parameters(head, num_params)
    size = raw.shape[-1]
    static = _static_params_size(head)
    if static is not None:
        require_equal("params_size", static, size)
    value = evaluate(draw, distribution_for(head, raw))

    slope = gradient(lambda raw: ops.sum(distribution_for(head, raw).log_prob(value)), raw)
    unused = np.argwhere((as_float64(slope) == 0).all(axis=0)).ravel().tolist()
    require(not unused, "raw parameters that log_prob depends on", f"none on those at {unused}")
    if head.num_params is None:
        return
    for wrong in (size - 1, size + 1):
        try:
            head.distribution(ops.ones((2, wrong)))
        except ValueError:
            continue
        raise Failed(f"a ValueError for a last axis of {wrong}, not {size}", "no error")


def _static_params_size(head):
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
def check_batch_shapes(make_layer, *, num_params=None) -> None:
    """For raw parameters of any batch shape the output has batch_shape + event_shape.

    Examples:
        >>> import keras_distlayers as kdl
        >>> kdl.testing.check_batch_shapes(lambda: kdl.layers.IndependentNormal(2))
    """
    head = make_layer()
    for batch in ((), (3,), (2, 1)):
        rv = head(raw_parameters(head, num_params, batch))
        require(isinstance(rv, RandomVariable), "a RandomVariable", f"a {type(rv).__name__}")
        require_equal("batch_shape", rv.batch_shape, batch)
        if head.convert_to_tensor_fn in ("sample", "mean", "mode"):
            require_equal("an output of shape", tuple(rv.shape), (*batch, *rv.event_shape))
        _, density = _backend.eval_shape(draw_and_density, rv.unwrapped().seeded_by(None))
        require_equal("log_prob of shape", tuple(density.shape), batch)


def _value(rv):
    return rv.sample(seed=0)


@check
def check_rows(make_layer, *, num_params=None) -> None:
    """The distribution of a row depends on the raw parameters of that row alone.

    Examples:
        >>> import keras_distlayers as kdl
        >>> kdl.testing.check_rows(lambda: kdl.layers.IndependentNormal(2))
    """
    head = make_layer()
    raw = raw_parameters(head, num_params)
    distribution = distribution_for(head, raw)
    values, densities = evaluate(draw_and_density, distribution)
    densities = as_float64(densities)
    for i in range(len(raw)):
        alone = distribution_for(head, raw[i : i + 1])
        require_close(
            f"log_prob of row {i} alone",
            evaluate(log_prob, alone, values[i : i + 1]),
            densities[i : i + 1],
            _ROUNDING * largest(densities),
        )


@check
def check_symbolic_call(make_layer, *, num_params=None) -> None:
    """While a Functional model is built, shapes and dtypes are those that come out.

    Examples:
        >>> import keras_distlayers as kdl
        >>> kdl.testing.check_symbolic_call(lambda: kdl.layers.IndependentNormal(2))
    """
    head = make_layer()
    raw = raw_parameters(head, num_params)
    rv = head(raw)
    inputs = keras.Input((raw.shape[-1],))
    symbolic = head(inputs)
    outputs = {"draw": symbolic}
    for name in _STATISTICS:
        if statistic(rv, name) is not None:
            outputs[name] = getattr(symbolic, name)()
    results = keras.Model(inputs, outputs)(raw)
    for name, output in outputs.items():
        result = results[name]
        shape = (None, *result.shape[1:]) if output.shape[0] is None else tuple(result.shape)
        require_equal(f"{name} of symbolic shape", tuple(output.shape), shape)
        dtype = keras.backend.standardize_dtype(result.dtype)
        require_equal(f"{name} of symbolic dtype", output.dtype, dtype)
        if name != "draw":
            expected = as_float64(getattr(rv, name)())
            require_close(f"{name} as an output", result, expected, _ROUNDING * largest(expected))


@check
def check_tensor(make_layer, *, num_params=None) -> None:
    """The output as a tensor is a draw, the mean or the mode, as `convert_to_tensor_fn` says.

    Examples:
        >>> import keras_distlayers as kdl
        >>> kdl.testing.check_tensor(lambda: kdl.layers.IndependentNormal(2))
    """
    head = make_layer()
    raw = raw_parameters(head, num_params)
    for name in ("mean", "mode"):
        expected = statistic(distribution_for(head, raw), name)
        if expected is not None:
            rv = with_config(head, convert_to_tensor_fn=name)(raw)
            tensor = ops.convert_to_tensor(rv)
            require_close(f"the {name} as the tensor", tensor, expected, 0.0)
    rv = with_config(head, convert_to_tensor_fn="sample")(raw)
    inside = as_numpy(rv.support.contains(ops.convert_to_tensor(rv)))
    require(inside.all(), f"a draw in the support, {rv.support}", f"{as_numpy(rv)}")


@check
def check_precision(make_layer, *, num_params=None) -> None:
    """Under each dtype policy the draw and log_prob are in float32, in symbolic calls too.

    Examples:
        >>> import keras_distlayers as kdl
        >>> kdl.testing.check_precision(lambda: kdl.layers.IndependentNormal(2))
    """
    policy = keras.config.dtype_policy()
    try:
        for name in ("float32", "mixed_bfloat16", "mixed_float16"):
            keras.config.set_dtype_policy(name)
            _check_dtypes_under_policy(make_layer(), num_params, name)
    finally:
        keras.config.set_dtype_policy(policy)


def _check_dtypes_under_policy(head, num_params, policy) -> None:
    compute = keras.config.dtype_policy().compute_dtype
    raw = ops.cast(raw_parameters(head, num_params), compute)
    rv = head(raw)
    draw_dtype = _dtype(rv.sample(seed=0))
    require(draw_dtype in ("float32", "int32"), f"a float32 draw under {policy}", draw_dtype)
    require_equal(f"log_prob under {policy} in", _dtype(rv.log_prob(_value(rv))), "float32")
    symbolic = head(keras.Input((raw.shape[-1],), dtype=compute))
    require_equal(f"the symbolic output under {policy} in", symbolic.dtype, _dtype(rv))


def _dtype(x) -> str:
    return keras.backend.standardize_dtype(x.dtype)
