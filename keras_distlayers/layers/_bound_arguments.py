"""The arguments of `VariationalBound`, checked, and what it is called on."""

import inspect
import numbers
from typing import Any

import keras

from keras_distlayers._core.errors import message
from keras_distlayers.distributions import Distribution, as_distribution

ESTIMATORS = ("reparameterization", "stl", "dreg")
"""How the gradient by what makes the draws is estimated."""


def checked_alpha(alpha: Any) -> float:
    is_number = isinstance(alpha, numbers.Real) and not isinstance(alpha, bool)
    if is_number and 0.0 <= float(alpha) < float("inf"):
        return float(alpha)
    raise ValueError(
        message(
            "VariationalBound, argument `alpha`",
            expected="a number from 0, for which it is a lower bound",
            received=f"alpha={alpha!r}",
        )
    )


def checked_estimator(estimator: Any, use_exact_kl: bool | None) -> str:
    if estimator not in ESTIMATORS:
        raise ValueError(
            message(
                "VariationalBound, argument `estimator`",
                expected=f"one of {list(ESTIMATORS)}",
                received=f"estimator={estimator!r}",
            )
        )
    if use_exact_kl not in (None, True, False):
        raise ValueError(
            message(
                "VariationalBound, argument `use_exact_kl`",
                expected="True, False or None",
                received=f"use_exact_kl={use_exact_kl!r}",
            )
        )
    if use_exact_kl and estimator != "reparameterization":
        raise ValueError(
            message(
                "VariationalBound, argument `use_exact_kl`",
                expected="None or False with an estimator that leaves out a part of log q",
                received=f"use_exact_kl={use_exact_kl!r}, estimator={estimator!r}",
            )
        )
    return estimator


def checked_prior(prior: Any) -> Any:
    """A layer, a function or a distribution; one of another library as one of this package."""
    is_maker = isinstance(prior, keras.layers.Layer) or inspect.isroutine(prior)
    distribution = None if is_maker else as_distribution(prior)
    if not is_maker and distribution is None:
        raise TypeError(
            message(
                "VariationalBound, argument `prior`",
                expected="a distribution, a layer that makes one, or a function that makes one",
                received=f"prior={prior!r}",
            )
        )
    return prior if is_maker else distribution


def checked_free_nats(free_nats: Any) -> float:
    is_number = isinstance(free_nats, numbers.Real) and not isinstance(free_nats, bool)
    if is_number and float(free_nats) >= 0.0:
        return float(free_nats)
    raise ValueError(
        message(
            "VariationalBound, argument `free_nats`",
            expected="a number from 0",
            received=f"free_nats={free_nats!r}",
        )
    )


def check_posterior(posterior: Distribution, name: str, *, training: bool) -> None:
    """An error for a distribution whose rows, or whose gradient, would be wrong."""
    expected = None
    if len(posterior.batch_shape) != 1:
        expected = "latents of one batch axis, that of the rows"
    elif training and not posterior.reparameterized:
        expected = "latents whose draws have a gradient by the encoder's weights"
    if expected is not None:
        raise ValueError(
            message(
                f"VariationalBound '{name}'",
                expected=expected,
                received=repr(posterior),
                fix="End the encoder with a head whose event is all latents of a row, such as "
                "IndependentNormal(d).",
            )
        )


__all__ = [
    "ESTIMATORS",
    "check_posterior",
    "checked_alpha",
    "checked_estimator",
    "checked_free_nats",
    "checked_prior",
]
