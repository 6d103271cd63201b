"""Checks of the same distribution with no rows, and with float64 parameters."""

import keras

from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.testing._reporting import check, not_applicable, require_equal
from keras_distlayers.testing.measurement import Measurement, measure

_OF_BATCH = ("log_prob", "cdf", "survival_function", "quantile", "kl_divergence", "entropy")
"""The results that have the shape of the batch."""


@check
def check_no_rows(distribution: Distribution | Measurement) -> None:
    """No draws, and a batch of no rows, have results of no rows.

    Examples:
        >>> import keras_distlayers as kdl
        >>> kdl.testing.check_no_rows(kdl.distributions.Normal([0.0, 1.0], 1.0))
    """
    measurement = measure(distribution)
    whole, variants = measurement.distribution, measurement.variants
    batch, event = whole.batch_shape, whole.event_shape
    for name in ("no_draws", "no_rows"):
        rows = (0, *(batch if name == "no_draws" else batch[1:]))
        expected = dict.fromkeys(_OF_BATCH, rows) | {"covariance": (*rows, *event, *event)}
        found = variants[name] or {}
        for result in found:
            if found[result] is not None:
                what = f"of {name.replace('_', ' ')} a {result} of shape"
                require_equal(what, found[result], expected.get(result, (*rows, *event)))


@check
def check_float64(distribution: Distribution | Measurement) -> None:
    """With float64 parameters every result is there, and is float64.

    Examples:
        >>> import keras_distlayers as kdl
        >>> kdl.testing.check_float64(kdl.distributions.Normal([0.0, 1.0], 1.0))
    """
    measurement = measure(distribution)
    event_dtype, dtypes = measurement.distribution.event_dtype, measurement.variants["float64"]
    if dtypes is None:
        raise not_applicable("its parameters cannot be replaced")
    is_float = keras.backend.is_float_dtype(event_dtype)
    for name in dtypes:
        if dtypes[name] is not None:
            is_label = name in ("sample", "mode") and not is_float
            expected = event_dtype if is_label else "float64"
            require_equal(f"{name} in float64 of dtype", dtypes[name], expected)


__all__ = ["check_float64", "check_no_rows"]
