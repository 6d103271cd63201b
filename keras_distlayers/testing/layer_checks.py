"""Checks of a head. Each takes a function without arguments that makes it."""

import inspect
import pathlib
import tempfile

import keras
import numpy as np
from keras import ops

from keras_distlayers import _backend, losses, regularizers
from keras_distlayers.distributions.kl import NoClosedFormError, closed_form_kl
from keras_distlayers.random_variable import RandomVariable
from keras_distlayers.testing._evidence import (
    Broken,
    as_float64,
    as_numpy,
    check,
    does_not_apply,
    double_precision,
    largest,
    require,
    require_close,
    require_equal,
)
from keras_distlayers.testing.gradient_checks import (
    COPIES,
    require_path_gradient,
    require_slope,
)
from keras_distlayers.testing.shape_checks import statistic

_ROUNDING = 1e-5
_STATISTICS = ("mean", "mode", "variance", "stddev", "entropy")


def raw_parameters(head, num_params=None, batch_shape=(3,), seed=0, dtype="float32"):
    """Random raw parameters for a head."""
    size = num_params or head.num_params
    if size is None:
        raise ValueError(
            f"{type(head).__name__} does not say how many raw parameters it takes: it has no "
            "`num_params`. Derive it from `ParametricHead`, or pass `num_params` to the check."
        )
    raw = np.random.default_rng(seed).normal(size=(*batch_shape, size))
    return ops.convert_to_tensor(raw.astype(dtype))


def law_at(head, raw):
    """The law for raw parameters, without the head's generator."""
    return head.distribution(raw).unwrapped().seeded_by(None)


def _with(head, **changes):
    """A head like this one, but for some of its config."""
    config = head.get_config()
    for name in changes:
        require(name in config, f"`{name}` in the config", f"{sorted(config)}")
    return type(head).from_config({**config, **changes})


# ---------------------------------------------------------------- parameters and shapes


@check
def check_params_size(make_layer, *, num_params=None) -> None:
    """The head takes `params_size` raw parameters, no other number, and uses each of them.

    Examples:
        >>> from keras_distlayers import layers as kl, testing
        >>> testing.check_params_size(lambda: kl.IndependentNormal(2))
    """
    head = make_layer()
    raw = raw_parameters(head, num_params)
    size = raw.shape[-1]
    static = _static_params_size(head)
    if static is not None:
        require_equal("params_size", static, size)
    value = law_at(head, raw).sample(seed=0)

    def log_prob(raw):
        return ops.sum(law_at(head, raw).log_prob(value))

    (gradient,) = _backend.gradients(log_prob, raw)
    unused = np.argwhere((as_float64(gradient) == 0).all(axis=0)).ravel().tolist()
    require(not unused, "raw parameters that log_prob depends on", f"none on those at {unused}")
    if head.num_params is None:
        return
    for wrong in (size - 1, size + 1):
        try:
            head.distribution(ops.ones((2, wrong)))
        except ValueError:
            continue
        raise Broken(f"a ValueError for a last axis of {wrong}, not {size}", "no error")


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
        >>> from keras_distlayers import layers as kl, testing
        >>> testing.check_batch_shapes(lambda: kl.IndependentNormal(2))
    """
    head = make_layer()
    for batch in ((), (1,), (3,), (2, 3)):
        rv = head(raw_parameters(head, num_params, batch))
        require(isinstance(rv, RandomVariable), "a RandomVariable", f"a {type(rv).__name__}")
        require_equal("batch_shape", rv.batch_shape, batch)
        if head.convert_to_tensor_fn in ("sample", "mean", "mode"):
            require_equal("an output of shape", tuple(rv.shape), (*batch, *rv.event_shape))
        require_equal("log_prob of shape", tuple(rv.log_prob(_value(rv)).shape), batch)


def _value(rv):
    return rv.sample(seed=0)


@check
def check_rows(make_layer, *, num_params=None) -> None:
    """The law of a row depends on the raw parameters of that row alone.

    Examples:
        >>> from keras_distlayers import layers as kl, testing
        >>> testing.check_rows(lambda: kl.IndependentNormal(2))
    """
    head = make_layer()
    raw = raw_parameters(head, num_params, (4,))
    law = law_at(head, raw)
    values = law.sample(seed=0)
    densities = as_float64(law.log_prob(values))
    for i in range(4):
        alone = law_at(head, raw[i : i + 1])
        require_close(
            f"log_prob of row {i} alone",
            alone.log_prob(values[i : i + 1]),
            densities[i : i + 1],
            _ROUNDING * largest(densities),
        )


@check
def check_symbolic_call(make_layer, *, num_params=None) -> None:
    """While a Functional model is built, shapes and dtypes are those that come out.

    Examples:
        >>> from keras_distlayers import layers as kl, testing
        >>> testing.check_symbolic_call(lambda: kl.IndependentNormal(2))
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
        >>> from keras_distlayers import layers as kl, testing
        >>> testing.check_tensor(lambda: kl.IndependentNormal(2))
    """
    head = make_layer()
    raw = raw_parameters(head, num_params)
    for name in ("mean", "mode"):
        expected = statistic(law_at(head, raw), name)
        if expected is not None:
            rv = _with(head, convert_to_tensor_fn=name)(raw)
            tensor = ops.convert_to_tensor(rv)
            require_close(f"the {name} as the tensor", tensor, expected, 0.0)
    rv = _with(head, convert_to_tensor_fn="sample")(raw)
    inside = as_numpy(rv.support.contains(ops.convert_to_tensor(rv)))
    require(inside.all(), f"a draw in the support, {rv.support}", f"{as_numpy(rv)}")


@check
def check_precision(make_layer, *, num_params=None) -> None:
    """Under each dtype policy the draw and log_prob are in float32, in symbolic calls too.

    Examples:
        >>> from keras_distlayers import layers as kl, testing
        >>> testing.check_precision(lambda: kl.IndependentNormal(2))
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


# ---------------------------------------------------------------- gradients


def _quantities(head, raw) -> dict:
    """What a model may put into its loss, as scalar functions of the raw parameters."""
    size = raw.shape[-1]
    ordinary = law_at(head, ops.zeros((1, size), raw.dtype))
    value = ordinary.sample(seed=0)[0]
    quantities = {"log_prob": lambda r: law_at(head, r).log_prob(value)}
    if statistic(ordinary, "entropy") is not None:
        quantities["the entropy"] = lambda r: law_at(head, r).entropy()
    if statistic(ordinary, "kl_divergence", ordinary) is not None:
        quantities["the KL divergence"] = lambda r: law_at(head, r).kl_divergence(ordinary)
    if ordinary.reparameterized:
        quantities["the draw"] = lambda r: law_at(head, r).sample(seed=3)
        quantities["log_prob of the draw"] = lambda r: _own_log_prob(law_at(head, r))
    return {name: _summed(function) for name, function in quantities.items()}


def _own_log_prob(law):
    """A term of a KL divergence by Monte Carlo."""
    return law.log_prob(law.sample(seed=3))


def _summed(function):
    return lambda raw: ops.sum(function(raw))


@check
def check_extremes(make_layer, *, raw=None, num_params=None) -> None:
    """What a loss is made of, and its gradient, is finite for raw parameters in [-1e4, 1e4].

    That is log_prob, the entropy, the KL divergence, the draw and its log_prob, as far as
    the law has them.

    Args:
        make_layer: Makes the head.
        raw: Raw parameters, shape `(rows, num_params)`, in place of a fixed set.
        num_params: For a head that does not say.

    Examples:
        >>> from keras_distlayers import layers as kl, testing
        >>> testing.check_extremes(lambda: kl.IndependentNormal(2))
    """
    head = make_layer()
    size = raw_parameters(head, num_params).shape[-1]
    raw = ops.convert_to_tensor(_extremes(size) if raw is None else raw)
    for name, function in _quantities(head, raw).items():
        value = as_float64(function(raw))
        require(np.isfinite(value), f"a finite sum of {name}", _each_row(function, raw))
        (gradient,) = _backend.gradients(function, raw)
        finite = np.isfinite(as_float64(gradient))
        rows = as_numpy(raw).reshape(-1, size)[~finite.reshape(-1, size).all(axis=-1)]
        require(finite.all(), f"a finite gradient of {name}", f"none at {rows[:1].tolist()}")


def _extremes(size: int) -> np.ndarray:
    """All high, all low, and of mixed signs, at several magnitudes."""
    signs = np.random.default_rng(0).choice([-1.0, 1.0], (3, size))
    corners = np.stack([np.ones(size), -np.ones(size), *signs])
    magnitudes = (0.0, 1e-6, 1.0, 100.0, 1e4)
    return np.concatenate([m * corners for m in magnitudes]).astype("float32")


def _each_row(function, raw) -> str:
    """The first row for which the function is not finite."""
    rows = ops.reshape(raw, (-1, 1, raw.shape[-1]))
    broken = [
        as_numpy(row)[0].tolist() for row in rows if not np.isfinite(as_numpy(function(row)))
    ]
    return f"none at {broken[:1]}"


@check
def check_raw_gradients(make_layer, *, raw=None, num_params=None) -> None:
    """Gradients by the raw parameters equal central differences, in float64.

    Args:
        make_layer: Makes the head.
        raw: Raw parameters, shape `(rows, num_params)`, in place of random ones.
        num_params: For a head that does not say.

    Examples:
        >>> from keras_distlayers import layers as kl, testing
        >>> testing.check_raw_gradients(lambda: kl.IndependentNormal(2))
    """
    with double_precision():
        head = make_layer()
        if raw is None:
            raw = raw_parameters(head, num_params)
        raw = ops.cast(ops.convert_to_tensor(raw), "float64")
        for name, function in _quantities(head, raw).items():
            require_slope(name, function, [raw], factors=False)


@check
def check_draw_gradients(make_layer, *, num_params=None, seed: int = 0) -> None:
    """The gradient through the draw, to the raw parameters, is that of the expectation.

    Examples:
        >>> from keras_distlayers import layers as kl, testing
        >>> testing.check_draw_gradients(lambda: kl.IndependentNormal(2))
    """
    with double_precision():
        head = make_layer()
        raw = raw_parameters(head, num_params, (), dtype="float64")
        if not law_at(head, raw).reparameterized:
            raise does_not_apply("draws carry no gradient")
        copies = ops.broadcast_to(raw, (COPIES, raw.shape[-1]))
        require_path_gradient(lambda r: law_at(head, r), [copies], seed, factors=False)


# ---------------------------------------------------------------- configs and files


@check
def check_layer_config(make_layer, *, num_params=None) -> None:
    """from_config(get_config()) gives the same head, with what it is given besides.

    Examples:
        >>> from keras_distlayers import layers as kl, testing
        >>> testing.check_layer_config(lambda: kl.IndependentNormal(2))
    """
    head = make_layer()
    raw = raw_parameters(head, num_params)
    twin = type(head).from_config(head.get_config())
    require_equal("the config", twin.get_config(), head.get_config())
    value = law_at(head, raw).sample(seed=0)
    require_close(
        "log_prob", law_at(twin, raw).log_prob(value), law_at(head, raw).log_prob(value), 0.0
    )
    for name, option in {"seed": 7, "convert_to_tensor_fn": "mode", "name": "renamed"}.items():
        again = _with(_with(head, **{name: option})).get_config()
        require_equal(f"`{name}` in the config", again.get(name), option)


@check
def check_saving(make_layer, *, num_params=None) -> None:
    """A `.keras` file brings the head back: its law, its regularizer, its place in a model.

    Examples:
        >>> from keras_distlayers import layers as kl, testing
        >>> testing.check_saving(lambda: kl.IndependentNormal(2))
    """
    model, head = _model(make_layer, num_params)
    x = _inputs()
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "model.keras"
        model.save(path)
        reloaded = keras.models.load_model(path)
    law, again = (keras.Sequential(m.layers[:-1])(x) for m in (model, reloaded))
    twin = reloaded.layers[-1]
    value = law_at(head, law).sample(seed=0)
    require_close(
        "log_prob after the reload",
        law_at(twin, again).log_prob(value), law_at(head, law).log_prob(value), 0.0,
    )  # fmt: skip
    model(x), reloaded(x)
    require_equal("loss terms after the reload:", len(reloaded.losses), len(model.losses))
    require_equal("the config after the reload", twin.get_config(), head.get_config())


def _model(make_layer, num_params):
    head = make_layer()
    size = raw_parameters(head, num_params).shape[-1]
    dense = keras.layers.Dense(
        size, kernel_initializer=keras.initializers.RandomNormal(0.0, 0.1, seed=0)
    )
    return keras.Sequential([keras.Input((4,)), dense, head]), head


def _inputs():
    return np.random.default_rng(0).normal(size=(8, 4)).astype("float32")


@check
def check_training(make_layer, *, num_params=None) -> None:
    """`fit` learns through log_prob, and `evaluate` reports the negative log likelihood.

    Examples:
        >>> from keras_distlayers import layers as kl, testing
        >>> testing.check_training(lambda: kl.IndependentNormal(2))
    """
    model, _ = _model(make_layer, num_params)
    x = _inputs()
    targets = as_numpy(model(x).sample(seed=0))
    model.compile(keras.optimizers.Adam(1e-2), losses.NegativeLogLikelihood())
    expected = as_float64(-model(x).log_prob(targets)).mean()
    if not model.losses:
        received = model.evaluate(x, targets, verbose=0)
        require_close("evaluate()", received, expected, 1e-4 * largest(expected))
    before = as_numpy(model.layers[0].kernel).copy()
    history = model.fit(x, targets, epochs=2, batch_size=4, verbose=0).history["loss"]
    require(np.isfinite(history).all(), "finite losses from fit", f"{history}")
    changed = as_numpy(model.layers[0].kernel) != before
    require(changed.any(), "weights that fit changes", "none that changed")


@check
def check_layer_seed(make_layer, *, num_params=None) -> None:
    """The same seed gives the same sequence of draws, and each call a new one.

    Examples:
        >>> from keras_distlayers import layers as kl, testing
        >>> testing.check_layer_seed(lambda: kl.IndependentNormal(2))
    """
    head = make_layer()
    raw = raw_parameters(head, num_params, (64,))
    one, two = (_with(head, seed=11, convert_to_tensor_fn="sample") for _ in range(2))
    first, second = (np.asarray(as_numpy(one(raw))) for _ in range(2))
    again = [np.asarray(as_numpy(two(raw))) for _ in range(2)]
    require(np.array_equal(first, again[0]), "the same first draw for the same seed", "another")
    require(np.array_equal(second, again[1]), "the same second draw", "another")
    require(not np.array_equal(first, second), "a new draw for each call", "the same one")


@check
def check_regularizer(make_layer, *, num_params=None) -> None:
    """A KL regularizer is kept by the config, and adds nats an example, whatever the batch.

    Examples:
        >>> from keras_distlayers import layers as kl, testing
        >>> testing.check_regularizer(lambda: kl.IndependentNormal(2))
    """
    head = make_layer()
    raw = raw_parameters(head, num_params, (2,))
    prior = law_at(head, raw_parameters(head, num_params, (), seed=1))
    regularizer = regularizers.KLDivergenceRegularizer(prior, weight=0.5)
    given = _with(head, activity_regularizer=keras.saving.serialize_keras_object(regularizer))
    kept = type(given).from_config(given.get_config()).get_config()["activity_regularizer"]
    require(kept is not None, "the regularizer in the config", "None")
    try:
        exact = as_float64(closed_form_kl(law_at(head, raw), prior)).mean()
    except NoClosedFormError:
        raise does_not_apply("there is no KL divergence in closed form") from None
    for repeats in (1, 3):
        twin = type(given).from_config(given.get_config())
        twin(ops.concatenate([raw] * repeats))
        require_equal("loss terms:", len(twin.losses), 1)
        received = as_float64(twin.losses[0])
        tolerance = 1e-5 * largest(exact)
        require_close(
            f"half the KL, in nats an example, for {2 * repeats} rows,",
            received, np.asarray(0.5 * exact), tolerance,
        )  # fmt: skip
