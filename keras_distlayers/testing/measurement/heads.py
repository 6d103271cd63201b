"""Measure once, judge many: what the checks of a head look at."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from keras import ops

from keras_distlayers._core.typing import Tensor
from keras_distlayers.layers.head import Head
from keras_distlayers.testing._evaluation import double_precision
from keras_distlayers.testing.measurement import head_calls, head_gradients, head_models
from keras_distlayers.testing.measurement.record import Record


class HeadMeasurement:
    """What is known of a head, group by group; see `Measurement`.

    Args:
        make_layer: A function without arguments that makes the head.
        num_params: The length of the input's last axis, for a head that does not derive
            from `ParametricHead`.
        seed: Of the draws whose gradients are taken, an int.
        **records: Groups that are known already, by name; the others are measured.

    Attributes:
        head: A head that `make_layer` made.
        raw: Raw parameters of three rows for it.
        value: A draw for each of them.
        calls: Results of calls, of a Functional model, of a copy and of heads with other options.
        refused: For wrong numbers of raw parameters, whether they were refused.
        shapes: Types and shapes of calls, by batch shape.
        dtypes: Dtypes of calls, by dtype policy.
        sequence: Draws of two heads with the same seed, call by call.
        terms: What a KL regularizer adds to the loss.
        configs: The configs of the head, of a copy, and of heads with other options.
        extremes: Values and gradients for extreme raw parameters.
        slopes: Gradients and difference quotients by the raw parameters, in float64.
        paths: Gradients through draws, and by the score, in float64; None without any.
        saved: A model with the head, as it was saved and as it was loaded.
        trained: What `evaluate` and `fit` of a model with the head found.

    Examples:
        >>> import keras_distlayers as kdl
        >>> measurement = kdl.testing.measure_layer(lambda: kdl.layers.IndependentNormal(2))
        >>> kdl.testing.check_rows(measurement)
        >>> kdl.testing.check_tensor(measurement)
    """

    def __init__(
        self,
        make_layer: Callable[[], Head],
        *,
        num_params: int | None = None,
        seed: int = 0,
        **records: Any,
    ) -> None:
        self.make_layer, self.num_params, self.seed = make_layer, num_params, seed
        vars(self).update(records)  # where `cached_property` looks first

    @functools.cached_property
    def head(self) -> Head:
        return self.make_layer()

    @functools.cached_property
    def raw(self) -> Tensor:
        # Three rows wherever there is no need of more: each new shape is compiled anew on JAX.
        return self.raw_parameters(self.head)

    def raw_parameters(
        self,
        head: Head,
        batch_shape: tuple[int, ...] = (3,),
        *,
        seed: int = 0,
        dtype: str = "float32",
    ) -> Tensor:
        """Random raw parameters for a head, which is built for them."""
        size = self.num_params or head.num_params
        if size is None:
            raise ValueError(
                f"{type(head).__name__} does not say how many raw parameters it takes: it has no "
                "`num_params`. Derive it from `ParametricHead`, or pass `num_params` to the check."
            )
        raw = np.random.default_rng(seed).normal(size=(*batch_shape, size))
        raw = ops.convert_to_tensor(raw.astype(dtype))
        head_calls.build(head, raw)
        return raw

    @functools.cached_property
    def value(self) -> np.ndarray:
        return head_calls.measure_draw(self.head, self.raw)

    @functools.cached_property
    def calls(self) -> Record:
        return head_calls.measure(self.head, self.raw, self.value)

    @functools.cached_property
    def refused(self) -> Record:
        return head_calls.measure_refused(self.head, self.raw)

    @functools.cached_property
    def shapes(self) -> Record:
        return head_calls.measure_shapes(self)

    @functools.cached_property
    def dtypes(self) -> Record:
        return head_calls.measure_dtypes(self)

    @functools.cached_property
    def sequence(self) -> Record:
        return head_calls.measure_sequence(self.head, self.raw_parameters(self.head, (64,)))

    @functools.cached_property
    def terms(self) -> Record:
        return head_models.measure_terms(self)

    @functools.cached_property
    def configs(self) -> Record:
        return head_models.measure_configs(self.head)

    @functools.cached_property
    def extremes(self) -> Record:
        return self.extremes_at(head_gradients.extreme_parameters(self.raw.shape[-1]))

    def extremes_at(self, raw: Tensor) -> Record:
        """The record `extremes` for other raw parameters."""
        return head_gradients.measure_extremes(self.head, raw, self.value[0])

    @functools.cached_property
    def slopes(self) -> Record:
        return self.slopes_at(self.raw)

    def slopes_at(self, raw: Tensor) -> Record:
        """The record `slopes` for other raw parameters."""
        with double_precision():
            raw = ops.cast(ops.convert_to_tensor(raw), "float64")
            return head_gradients.measure_slopes(self.make_layer(), raw, self.value[0])

    @functools.cached_property
    def paths(self) -> Record | None:
        with double_precision():
            head = self.make_layer()
            raw = self.raw_parameters(head, (), dtype="float64")
            return head_gradients.measure_paths(head, raw, self.seed)

    @functools.cached_property
    def model(self) -> head_models.SmallModel:
        return head_models.SmallModel(self.make_layer(), self.raw.shape[-1], self.value)

    @functools.cached_property
    def saved(self) -> Record:
        return head_models.measure_saved(self.model)

    @functools.cached_property
    def trained(self) -> Record:
        return head_models.measure_trained(self.model)


def measure_layer(
    subject: Callable[[], Head] | HeadMeasurement, *, num_params: int | None = None, seed: int = 0
) -> HeadMeasurement:
    """The measurement of a head; one that is a measurement already comes back as it is.

    Args:
        subject: A function without arguments that makes the head, or a `HeadMeasurement`.
        num_params: The length of the input's last axis, for a head that does not derive
            from `ParametricHead`.
        seed: Of the draws whose gradients are taken, an int.

    Examples:
        >>> import keras_distlayers as kdl
        >>> measurement = kdl.testing.measure_layer(lambda: kdl.layers.IndependentNormal(2))
        >>> kdl.testing.check_params_size(measurement)
        >>> kdl.testing.check_batch_shapes(measurement)
    """
    if isinstance(subject, HeadMeasurement):
        return subject
    return HeadMeasurement(subject, num_params=num_params, seed=seed)


__all__ = ["HeadMeasurement", "measure_layer"]
