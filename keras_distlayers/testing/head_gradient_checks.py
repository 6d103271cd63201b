"""Checks of a head's gradients. Each takes a function that makes the head."""

import numpy as np
from keras import ops

from keras_distlayers import _backend
from keras_distlayers.testing._evaluation import (
    as_float64,
    as_numpy,
    double_precision,
    draw,
    evaluate,
    statistic,
)
from keras_distlayers.testing._heads import distribution_for, raw_parameters
from keras_distlayers.testing._reporting import check, not_applicable, require
from keras_distlayers.testing.gradient_checks import (
    COPIES,
    require_path_gradient,
    require_slope,
)


def _quantities(head, raw) -> dict:
    """What a model may put into its loss, as scalar functions of the raw parameters."""
    size = raw.shape[-1]
    ordinary = distribution_for(head, ops.zeros((1, size), raw.dtype))
    value = evaluate(draw, ordinary)[0]
    quantities = {"log_prob": lambda r: distribution_for(head, r).log_prob(value)}
    if statistic(ordinary, "entropy") is not None:
        quantities["the entropy"] = lambda r: distribution_for(head, r).entropy()
    if statistic(ordinary, "kl_divergence", ordinary) is not None:
        quantities["the KL divergence"] = lambda r: distribution_for(head, r).kl_divergence(
            ordinary
        )
    if ordinary.reparameterized:
        quantities["the draw"] = lambda r: distribution_for(head, r).sample(seed=3)
        quantities["log_prob of the draw"] = lambda r: _own_log_prob(distribution_for(head, r))
    return {name: _summed(function) for name, function in quantities.items()}


def _own_log_prob(distribution):
    """A term of a KL divergence by Monte Carlo."""
    return distribution.log_prob(distribution.sample(seed=3))


def _summed(function):
    return lambda raw: ops.sum(function(raw))


@check
def check_extremes(make_layer, *, raw=None, num_params=None) -> None:
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
    head = make_layer()
    size = raw_parameters(head, num_params).shape[-1]
    raw = ops.convert_to_tensor(_extremes(size) if raw is None else raw)
    raw = ops.reshape(raw, (-1, size))
    for name, function in _quantities(head, raw).items():
        _require_finite(name, function, raw)


def _require_finite(name: str, function, raw) -> None:
    """The function, and its gradient, at raw parameters of shape `(rows, num_params)`."""
    value, gradient = _backend.value_and_gradient(function, raw)
    is_finite = np.isfinite(as_float64(value))
    require(is_finite, f"a finite sum of {name}", f"none at {as_numpy(raw).tolist()}")
    rows = as_numpy(raw)[~np.isfinite(as_float64(gradient)).all(axis=-1)]
    require(not len(rows), f"a finite gradient of {name}", f"none at {rows[:1].tolist()}")


def _extremes(size: int) -> np.ndarray:
    """All high, all low, and of mixed signs, at several magnitudes."""
    signs = np.random.default_rng(0).choice([-1.0, 1.0], (3, size))
    corners = np.stack([np.ones(size), -np.ones(size), *signs])
    magnitudes = (0.0, 100.0, 1e4)
    return np.concatenate([m * corners for m in magnitudes]).astype("float32")


@check
def check_raw_gradients(make_layer, *, raw=None, num_params=None) -> None:
    """Gradients by the raw parameters equal central differences, in float64.

    Args:
        make_layer: Makes the head.
        raw: Raw parameters, shape `(rows, num_params)`, in place of random ones.
        num_params: For a head that does not say.

    Examples:
        >>> import keras_distlayers as kdl
        >>> kdl.testing.check_raw_gradients(lambda: kdl.layers.IndependentNormal(2))
    """
    with double_precision():
        head = make_layer()
        if raw is None:
            raw = raw_parameters(head, num_params)
        raw = ops.cast(ops.convert_to_tensor(raw), "float64")
        for name, function in _quantities(head, raw).items():
            # A draw by rejection jumps as its parameters move: see check_draw_gradients.
            if "draw" not in name:
                require_slope(name, lambda t, of=function: of(*t), [raw], factors=False)


@check
def check_draw_gradients(make_layer, *, num_params=None, seed: int = 0) -> None:
    """The gradient through the draw, to the raw parameters, is that of the expectation.

    Examples:
        >>> import keras_distlayers as kdl
        >>> kdl.testing.check_draw_gradients(lambda: kdl.layers.IndependentNormal(2))
    """
    with double_precision():
        head = make_layer()
        raw = raw_parameters(head, num_params, (), dtype="float64")
        if not distribution_for(head, raw).reparameterized:
            raise not_applicable("draws carry no gradient")
        copies = ops.broadcast_to(raw, (COPIES, raw.shape[-1]))
        require_path_gradient(lambda r: distribution_for(head, r), [copies], seed, factors=False)
