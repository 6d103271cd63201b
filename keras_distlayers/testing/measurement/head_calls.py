"""What a head returns: in calls, in a Functional model, for other shapes, dtypes and options."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from keras import ops

from keras_distlayers._core.typing import Tensor
from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.layers.head import Head
from keras_distlayers.testing._backend import backend
from keras_distlayers.testing._evaluation import compilation_cache, evaluate
from keras_distlayers.testing.measurement.record import (
    Record,
    after,
    as_record,
    attempt,
    measured,
)

if TYPE_CHECKING:
    from keras_distlayers.testing.measurement.heads import HeadMeasurement

STATISTICS = ("mean", "mode", "variance", "stddev", "entropy")
BATCH_SHAPES = ((), (3,), (2, 1))
POLICIES = ("float32", "mixed_bfloat16", "mixed_float16")


def build(head: Head, raw: Tensor) -> None:
    """Makes the weights of a head, those too that it makes at its first call: not under jit."""
    if not head.built:
        head.build(tuple(raw.shape))
    head.distribution(raw)


def distribution_for(head: Head, raw: Tensor) -> Distribution:
    """The distribution for raw parameters, without the head's generator."""
    return head.distribution(raw).unwrapped().seeded_by(None)


def with_config(head: Head, raw: Tensor, **changes: Any) -> Head:
    """A head like this one, with its weights, but for some of its config; it is built."""
    config = head.get_config()
    if missing := set(changes) - set(config):
        raise KeyError(f"the config of {type(head).__name__} has no {sorted(missing)}")
    clone = type(head).from_config({**config, **changes})
    build(clone, raw)
    # An initializer without a seed gives each copy other weights, which no config describes.
    if [w.shape for w in clone.weights] == [w.shape for w in head.weights]:
        for own, weight in zip(clone.weights, head.weights, strict=True):
            own.assign(weight)
    return clone


# ---------------------------------------------------------------- results of three rows


def measure_draw(head: Head, raw: Tensor) -> np.ndarray:
    """A draw for each row of raw parameters, an array: values with a density."""
    return measured(lambda raw: {"draw": distribution_for(head, raw).sample(seed=0)}, raw)["draw"]


def measure(head: Head, raw: Tensor, value: Tensor) -> Record:
    """What comes out for the same raw parameters in one way or another, in one compilation.

    Args:
        head: The head.
        raw: Raw parameters of a few rows.
        value: A value for each row.
    """
    names = ("sample", "mean", "mode")
    heads = {n: attempt(with_config, head, raw, convert_to_tensor_fn=n) for n in names}
    copy, model = attempt(with_config, head, raw), attempt(_functional_model, head, raw)

    def results(raw: Tensor, value: Tensor) -> dict[str, Any]:
        with keras.StatelessScope():
            distribution = distribution_for(head, raw)
            return {
                **{name: attempt(getattr(distribution, name)) for name in STATISTICS},
                "log_prob": attempt(distribution.log_prob, value),
                "log_prob_of_copy": after(copy, lambda copy: _log_prob(copy, raw, value)),
                "gradient": attempt(_gradient, head, raw, value),
                "tensors": {n: after(h, lambda h: _tensor(h, raw)) for n, h in heads.items()},
                "outputs": after(model, lambda model: _outputs(model, raw)),
            }

    return Record(
        measured(results, raw, value),
        log_prob_of_rows=attempt(_log_prob_of_rows, head, raw, value),
        symbolic=after(model, _symbolic),
    )


def _log_prob(head: Head, raw: Tensor, value: Tensor) -> Tensor:
    return distribution_for(head, raw).log_prob(value)


def _symbolic(model: keras.Model) -> dict[str, Any]:
    """The shape and dtype of each output before there is one."""
    return {name: (tuple(x.shape), x.dtype) for name, x in model.output.items()}


def _functional_model(head: Head, raw: Tensor) -> keras.Model:
    """A model whose outputs are the head's and its statistics."""
    inputs = keras.Input((raw.shape[-1],))
    symbolic = head(inputs)
    found = backend.eval_shape(_statistics_for(head), raw)
    statistics = {n: getattr(symbolic, n)() for n in STATISTICS if found[n] is not None}
    return keras.Model(inputs, {"draw": symbolic, **statistics})


def _statistics_for(head: Head) -> Callable[[Tensor], dict[str, Any]]:
    def statistics(raw: Tensor) -> dict[str, Any]:
        distribution = distribution_for(head, raw)
        return {name: attempt(getattr(distribution, name)) for name in STATISTICS}

    return statistics


def _outputs(model: keras.Model, raw: Tensor) -> dict[str, Tensor]:
    return {name: ops.convert_to_tensor(output) for name, output in model(raw).items()}


def _tensor(head: Head, raw: Tensor) -> dict[str, Tensor]:
    """The output as a tensor, and whether it lies in the support."""
    rv = head(raw)
    tensor = ops.convert_to_tensor(rv)
    return {"tensor": tensor, "inside": rv.support.contains(tensor)}


def _log_prob_of_rows(head: Head, raw: Tensor, value: Tensor) -> list[Tensor]:
    """log_prob of each row, for its raw parameters alone."""

    def results(raw: Tensor, value: Tensor) -> Tensor:
        return _log_prob(head, raw, value)

    with compilation_cache():  # one compilation for all rows
        return [evaluate(results, raw[i : i + 1], value[i : i + 1]) for i in range(raw.shape[0])]


def _gradient(head: Head, raw: Tensor, value: Tensor) -> Tensor:
    def total(raw: Tensor) -> Tensor:
        return ops.sum(_log_prob(head, raw, value))

    return backend.value_and_gradient(total, raw)[1]


def measure_refused(head: Head, raw: Tensor) -> Record:
    """Whether a ValueError was raised for one raw parameter too few, and for one too many."""
    size = raw.shape[-1]
    return Record({wrong: _is_refused(head, wrong) for wrong in (size - 1, size + 1)})


def _is_refused(head: Head, size: int) -> bool:
    try:
        head.distribution(ops.ones((2, size)))
    except ValueError:
        return True
    return False


# ---------------------------------------------------------------- shapes and dtypes


def measure_shapes(measurement: "HeadMeasurement") -> Record:
    """What a call returns for raw parameters of several batch shapes."""
    head = measurement.head
    return Record(
        {
            batch: attempt(_outline, head, measurement.raw_parameters(head, batch))
            for batch in BATCH_SHAPES
        }
    )


def measure_dtypes(measurement: "HeadMeasurement") -> Record:
    """What a head that was made under a dtype policy returns for inputs of its dtype."""
    policy = keras.config.dtype_policy()
    try:
        return Record({name: attempt(_under_policy, measurement, name) for name in POLICIES})
    finally:
        keras.config.set_dtype_policy(policy)


def _under_policy(measurement: "HeadMeasurement", policy: str) -> Record:
    keras.config.set_dtype_policy(policy)
    compute = keras.config.dtype_policy().compute_dtype
    head = measurement.make_layer()
    raw = ops.cast(measurement.raw_parameters(head), compute)
    symbolic = head(keras.Input((raw.shape[-1],), dtype=compute))
    return Record(_outline(head, raw), symbolic=symbolic.dtype)


def _outline(head: Head, raw: Tensor) -> Record:
    """Types, shapes and dtypes of a call's results, noted as the backend works out the shapes."""
    found = Record()

    def call(raw: Tensor) -> Tensor:
        with keras.StatelessScope():
            rv = head(raw)
            found.update(type=type(rv), shape=tuple(rv.shape), dtype=_dtype(rv))
            found.update(batch_shape=rv.batch_shape, event_shape=rv.event_shape)
            draw = rv.sample(seed=0)
            log_prob = rv.log_prob(draw)
            found.update(draw_dtype=_dtype(draw))
            found.update(log_prob_shape=tuple(log_prob.shape), log_prob_dtype=_dtype(log_prob))
            return log_prob

    backend.eval_shape(call, raw)
    return found


def _dtype(x: Tensor) -> str:
    return keras.backend.standardize_dtype(x.dtype)


# ---------------------------------------------------------------- calls that follow one another


def measure_sequence(head: Head, raw: Tensor) -> Record:
    """Two draws of each of two heads with the same seed, in the order of their calls."""
    heads = [with_config(head, raw, seed=11, convert_to_tensor_fn="sample") for _ in range(2)]

    def step(states: list[list[Tensor]], raw: Tensor) -> list[tuple[Tensor, list[Tensor]]]:
        return [
            _stateless_draw(head, state, raw) for head, state in zip(heads, states, strict=True)
        ]

    states = [[v.value for v in head.non_trainable_variables] for head in heads]
    draws = []
    for _ in range(2):
        results = evaluate(step, states, raw)
        draws.append([draw for draw, _ in results])
        states = [state for _, state in results]
    return as_record({"first": draws[0], "second": draws[1]})


def _stateless_draw(head: Head, state: list[Tensor], raw: Tensor) -> tuple[Tensor, list[Tensor]]:
    """The output as a tensor, and the head's new state."""
    weights = [v.value for v in head.trainable_variables]
    rv, state = head.stateless_call(weights, state, raw)
    return ops.convert_to_tensor(rv), state


__all__ = [
    "STATISTICS",
    "build",
    "distribution_for",
    "measure",
    "measure_dtypes",
    "measure_refused",
    "measure_sequence",
    "measure_shapes",
    "with_config",
]
