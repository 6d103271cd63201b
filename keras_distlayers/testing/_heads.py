"""What the checks of heads share: raw parameters, the distribution for them, heads with options."""

import numpy as np
from keras import ops

from keras_distlayers.testing._reporting import require


def raw_parameters(head, num_params=None, batch_shape=(3,), seed=0, dtype="float32"):
    """Random raw parameters for a head.

    Three rows in every check that has no need of more: each new shape is compiled anew on JAX.
    """
    size = num_params or head.num_params
    if size is None:
        raise ValueError(
            f"{type(head).__name__} does not say how many raw parameters it takes: it has no "
            "`num_params`. Derive it from `ParametricHead`, or pass `num_params` to the check."
        )
    raw = np.random.default_rng(seed).normal(size=(*batch_shape, size))
    raw = ops.convert_to_tensor(raw.astype(dtype))
    head.distribution(raw)  # weights that a head makes at its first call: not while jit traces
    return raw


def distribution_for(head, raw):
    """The distribution for raw parameters, without the head's generator."""
    return head.distribution(raw).unwrapped().seeded_by(None)


def with_config(head, **changes):
    """A head like this one, but for some of its config."""
    config = head.get_config()
    for name in changes:
        require(name in config, f"`{name}` in the config", f"{sorted(config)}")
    return type(head).from_config({**config, **changes})
