"""Checks that a law stays itself: under jit, as a pytree, through its config."""

import json

import keras
from keras import ops

from keras_distlayers import _backend
from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.testing._evaluation import as_float64, largest, statistic
from keras_distlayers.testing._evidence import check, require_close, require_equal

_ROUNDING = 1e-5


@check
def check_jit(law: Distribution) -> None:
    """Under jit every result is what it is without.

    Examples:
        >>> from keras_distlayers import distributions as kd, testing
        >>> testing.check_jit(kd.Normal([0.0, 1.0], 1.0))
    """
    value = law.sample((2,), seed=0)
    has_mean = statistic(law, "mean") is not None

    def results(value):
        mean = [law.mean()] if has_mean else []
        return [law.log_prob(value), law.sample((2,), seed=0), *mean]

    for name, eager, jitted in zip(
        ("log_prob", "sample", "mean"), results(value), _backend.jit(results)(value), strict=False
    ):
        require_close(f"{name} under jit", jitted, eager, _ROUNDING * largest(eager))


@check
def check_pytree(law: Distribution) -> None:
    """Taken apart and put together again, as jit does it, the law is the same.

    Examples:
        >>> from keras_distlayers import distributions as kd, testing
        >>> testing.check_pytree(kd.Normal([0.0, 1.0], 1.0))
    """
    for twin in (_backend.rebuild(law), law.map_tensors(ops.copy)):
        _require_same(law, twin)


@check
def check_config(law: Distribution) -> None:
    """The config, as a `.keras` file holds it, gives the same law again.

    Examples:
        >>> from keras_distlayers import distributions as kd, testing
        >>> testing.check_config(kd.Normal([0.0, 1.0], 1.0))
    """
    config = json.dumps(keras.saving.serialize_keras_object(law))
    _require_same(law, keras.saving.deserialize_keras_object(json.loads(config)))


def _require_same(law: Distribution, twin: Distribution) -> None:
    require_equal("type", type(twin), type(law))
    for name in ("batch_shape", "event_shape", "dtype"):
        require_equal(name, getattr(twin, name), getattr(law, name))
    value = law.sample(seed=0)
    require_close("the same draw", as_float64(twin.sample(seed=0)), as_float64(value), 0.0)
    require_close("the same log_prob", twin.log_prob(value), law.log_prob(value), 0.0)
