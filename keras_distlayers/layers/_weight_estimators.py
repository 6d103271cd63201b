"""Estimators: how one output of a layer is drawn for a distribution over its weights.

All have the same expectation of the loss and of its gradient. They differ in the variance: with
one draw of the weights for all rows of a batch, the noise of the rows does not average out.
"""

import contextlib
import re
from collections.abc import Callable, Iterator
from typing import Any

import keras
from keras import layers, ops

from keras_distlayers._core.errors import message
from keras_distlayers._core.typing import Tensor
from keras_distlayers.layers._uncertain_weights import UncertainWeights
from keras_distlayers.layers.weight_posteriors import MeanFieldNormalPosterior

LINEAR_LAYERS = (
    layers.Dense,
    layers.EinsumDense,
    layers.Conv1D,
    layers.Conv2D,
    layers.Conv3D,
    layers.Conv1DTranspose,
    layers.Conv2DTranspose,
    layers.Conv3DTranspose,
    layers.DepthwiseConv1D,
    layers.DepthwiseConv2D,
)
"""The layers whose output, before the activation, is linear in the weights and in the input."""


def flipout(weights: UncertainWeights, posterior: Any, seed: Any, inputs: Tensor) -> Tensor:
    """One draw of the weights, whose deviation from the mean has signs of its own in each row.

    f(mean, x) + s f(deviation, x r) for random signs r and s. The deviations are symmetric and
    independent, so that each row has weights of the posterior, and those of two rows are
    uncorrelated.

    Source: Wen et al., Flipout (2018), equation 4.
    """
    layer, mean, stddev = weights.layer, posterior.mean(), posterior.stddev()
    deviation = stddev * keras.random.normal(ops.shape(stddev), dtype=stddev.dtype, seed=seed)
    inputs = ops.cast(inputs, layer.compute_dtype)
    with _without_activation(layer) as activation:
        center, _ = weights.call(mean, inputs)
        flipped_inputs = inputs * _signs_like(inputs, layer, seed)
        flipped, _ = weights.call(deviation, flipped_inputs, others=0.0)
    return activation(center + flipped * _signs_like(flipped, layer, seed))


def local_reparameterization(
    weights: UncertainWeights, posterior: Any, seed: Any, inputs: Tensor
) -> Tensor:
    """A draw of the outputs, which are normal: f(mean, x) + sqrt(f(variance, x^2)) noise.

    Source: Kingma, Salimans and Welling, Variational Dropout and the Local Reparameterization
    Trick (2015), equation 6.
    """
    layer, mean, stddev = weights.layer, posterior.mean(), posterior.stddev()
    with _without_activation(layer) as activation:
        center, _ = weights.call(mean, inputs)
        with _in_full_precision(layer):
            squares = ops.square(ops.cast(inputs, layer.compute_dtype))
            variance, _ = weights.call(ops.square(stddev), squares, others=0.0)
    noise = keras.random.normal(ops.shape(center), dtype=variance.dtype, seed=seed)
    return activation(center + ops.cast(_safe_sqrt(variance) * noise, center.dtype))


LINEAR_ESTIMATORS: dict[str, Callable[..., Tensor]] = {
    "flipout": flipout,
    "local_reparameterization": local_reparameterization,
}
"""The estimators that need a linear layer and independent normal weights."""

ESTIMATORS = ("reparameterization", *LINEAR_ESTIMATORS)


def check_estimator(estimator: str, layer: keras.layers.Layer, posterior: Any) -> None:
    """Refuses an estimator that there is not, or that would be wrong for the layer."""
    where = "Variational, argument `estimator`"
    received = f"estimator={estimator!r}"
    if estimator not in ESTIMATORS:
        raise ValueError(message(where, expected=f"one of {ESTIMATORS}", received=received))
    if estimator not in LINEAR_ESTIMATORS:
        return
    if not isinstance(layer, LINEAR_LAYERS):
        names = ", ".join(cls.__name__ for cls in LINEAR_LAYERS)
        raise ValueError(
            message(
                where,
                expected=f"a layer that is linear in its weights and its input: {names}",
                received=f"{received} for a {type(layer).__name__}",
                fix="Use estimator='reparameterization', which works for every layer.",
            )
        )
    if estimator == "flipout" and not _has_signs_for_weights(layer):
        raise ValueError(
            message(
                where,
                expected="a kernel with the last axis of the input and the last one of the output",
                received=f"{received} for EinsumDense({layer.equation!r})",
                fix="Use another estimator: signs of these axes would not be signs of weights.",
            )
        )
    if not isinstance(posterior, MeanFieldNormalPosterior):
        raise ValueError(
            message(
                where,
                expected="posterior='mean_field_normal', whose weights are independent",
                received=f"{received} for posterior={posterior!r}",
                fix="Use estimator='reparameterization', which works for every posterior.",
            )
        )
    if layer.activity_regularizer is not None:
        raise ValueError(
            message(
                where,
                expected="a layer without `activity_regularizer`: it is called twice",
                received=f"{received} for a layer with {layer.activity_regularizer!r}",
                fix="Put a keras.layers.ActivityRegularization after it.",
            )
        )


def _has_signs_for_weights(layer: keras.layers.Layer) -> bool:
    """Whether signs of the last axes, before and after the layer, are signs of its weights."""
    if not isinstance(layer, layers.EinsumDense):
        return True
    inputs, kernel, outputs = re.split(r",|->", layer.equation.replace(" ", ""))
    return inputs[-1] in kernel and outputs[-1] in kernel


@contextlib.contextmanager
def _without_activation(layer: Any) -> Iterator[Callable[[Tensor], Tensor]]:
    """The layer as a linear function; hands out the activation that is to follow."""
    activation = layer.activation
    layer.activation = None
    try:
        yield keras.activations.get(activation)
    finally:
        layer.activation = activation


@contextlib.contextmanager
def _in_full_precision(layer: Any) -> Iterator[None]:
    """The layer computes in the dtype of its variables: squares leave the range of float16."""
    policy = layer.dtype_policy
    layer.dtype_policy = layer.variable_dtype
    try:
        yield
    finally:
        layer.dtype_policy = policy


def _signs_like(x: Tensor, layer: Any, seed: Any) -> Tensor:
    """A sign, +1 or -1, for each row and each channel of a tensor."""
    channel = 1 if getattr(layer, "data_format", None) == "channels_first" else len(x.shape) - 1
    sizes = ops.shape(x)
    shape = tuple(n if axis in (0, channel) else 1 for axis, n in enumerate(sizes))
    uniform = keras.random.uniform(shape, dtype="float32", seed=seed)
    return ops.cast(ops.where(uniform < 0.5, -1.0, 1.0), x.dtype)


def _safe_sqrt(x: Tensor) -> Tensor:
    """The square root, with a gradient of 0 where x is 0, as for an input of zeros."""
    is_positive = x > 0
    return ops.where(is_positive, ops.sqrt(ops.where(is_positive, x, 1.0)), 0.0)


__all__ = [
    "ESTIMATORS",
    "LINEAR_ESTIMATORS",
    "LINEAR_LAYERS",
    "check_estimator",
    "flipout",
    "local_reparameterization",
]
