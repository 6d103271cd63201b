"""Checks that a distribution stays itself: under jit, as a pytree, through its config."""

import json

import keras
from keras import ops

from keras_distlayers import _backend
from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.testing._evaluation import as_float64, largest, statistic
from keras_distlayers.testing._reporting import check, require_close, require_equal

_ROUNDING = 1e-5


@check
def check_jit(distribution: Distribution) -> None:
    """Under jit every result is what it is without.

    Examples:
        >>> import keras_distlayers as kdl
        >>> kdl.testing.check_jit(kdl.distributions.Normal([0.0, 1.0], 1.0))
    """
    value = distribution.sample((2,), seed=0)
    has_mean = statistic(distribution, "mean") is not None

    def results(value):
        mean = [distribution.mean()] if has_mean else []
        return [distribution.log_prob(value), distribution.sample((2,), seed=0), *mean]

    for name, eager, jitted in zip(
        ("log_prob", "sample", "mean"), results(value), _backend.jit(results)(value), strict=False
    ):
        require_close(f"{name} under jit", jitted, eager, _ROUNDING * largest(eager))


@check
def check_pytree(distribution: Distribution) -> None:
    """Taken apart and put together again, as jit does it, the distribution is the same.

    Examples:
        >>> import keras_distlayers as kdl
        >>> kdl.testing.check_pytree(kdl.distributions.Normal([0.0, 1.0], 1.0))
    """
    for clone in (_backend.tree_roundtrip(distribution), distribution.map_tensors(ops.copy)):
        _require_same(distribution, clone)


@check
def check_config(distribution: Distribution) -> None:
    """The config, as a `.keras` file holds it, gives the same distribution again.

    Examples:
        >>> import keras_distlayers as kdl
        >>> kdl.testing.check_config(kdl.distributions.Normal([0.0, 1.0], 1.0))
    """
    config = json.dumps(keras.saving.serialize_keras_object(distribution))
    _require_same(distribution, keras.saving.deserialize_keras_object(json.loads(config)))


def _require_same(distribution: Distribution, clone: Distribution) -> None:
    require_equal("type", type(clone), type(distribution))
    for name in ("batch_shape", "event_shape", "dtype"):
        require_equal(name, getattr(clone, name), getattr(distribution, name))
    value = distribution.sample(seed=0)
    require_close("the same draw", as_float64(clone.sample(seed=0)), as_float64(value), 0.0)
    require_close("the same log_prob", clone.log_prob(value), distribution.log_prob(value), 0.0)
