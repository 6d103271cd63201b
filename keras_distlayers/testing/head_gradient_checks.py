"""Checks of a head's gradients. Each takes a function that makes the head."""

from collections.abc import Callable

import numpy as np

from keras_distlayers._core.typing import Tensor
from keras_distlayers.layers.head import Head
from keras_distlayers.testing._reporting import check, not_applicable, require
from keras_distlayers.testing.gradient_checks import require_path_gradients, require_slopes
from keras_distlayers.testing.measurement import HeadMeasurement, Record, measure_layer


@check
def check_extremes(
    make_layer: Callable[[], Head] | HeadMeasurement,
    *,
    raw: Tensor | None = None,
    num_params: int | None = None,
) -> None:
    """What a loss is made of, and its gradient, is finite for raw parameters in [-1e4, 1e4].

    That is log_prob, the entropy, the KL divergence, the draw and its log_prob, as far as
    the distribution has them.

    Args:
        make_layer: Makes the head.
        raw: Raw parameters, shape `(rows, num_params)`, in place of a fixed set.
        num_params: For a head that does not say.

    Examples:
        >>> import keras_distlayers as kdl
        >>> kdl.testing.check_extremes(lambda: kdl.layers.IndependentNormal(2))
    """
    measurement = measure_layer(make_layer, num_params=num_params)
    found = measurement.extremes if raw is None else measurement.extremes_at(raw)
    for name in found:
        if name != "raw" and found[name] is not None:
            _require_finite(name, found[name], found["raw"])


def _require_finite(name: str, found: Record, raw: np.ndarray) -> None:
    is_finite = np.isfinite(found["total"])
    require(is_finite, f"a finite sum of {name}", f"none at {raw.tolist()}")
    rows = raw[~np.isfinite(found["gradient"]).all(axis=-1)]
    require(not len(rows), f"a finite gradient of {name}", f"none at {rows[:1].tolist()}")


@check
def check_raw_gradients(
    make_layer: Callable[[], Head] | HeadMeasurement,
    *,
    raw: Tensor | None = None,
    num_params: int | None = None,
) -> None:
    """Gradients by the raw parameters equal central differences, in float64.

    Args:
        make_layer: Makes the head.
        raw: Raw parameters, shape `(rows, num_params)`, in place of random ones.
        num_params: For a head that does not say.

    Examples:
        >>> import keras_distlayers as kdl
        >>> kdl.testing.check_raw_gradients(lambda: kdl.layers.IndependentNormal(2))
    """
    measurement = measure_layer(make_layer, num_params=num_params)
    slopes = measurement.slopes if raw is None else measurement.slopes_at(raw)
    for name in slopes:
        if slopes[name] is not None:
            require_slopes(name, slopes[name])


@check
def check_draw_gradients(
    make_layer: Callable[[], Head] | HeadMeasurement,
    *,
    num_params: int | None = None,
    seed: int = 0,
) -> None:
    """The gradient through the draw, to the raw parameters, is that of the expectation.

    Examples:
        >>> import keras_distlayers as kdl
        >>> kdl.testing.check_draw_gradients(lambda: kdl.layers.IndependentNormal(2))
    """
    paths = measure_layer(make_layer, num_params=num_params, seed=seed).paths
    if paths is None:
        raise not_applicable("draws carry no gradient")
    require_path_gradients(paths, factors=False)
