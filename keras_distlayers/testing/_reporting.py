"""What a failed check reports: which check, of what, what was expected and what was received."""

import contextlib
import functools
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar, cast

import keras
import numpy as np

from keras_distlayers._core.errors import message
from keras_distlayers._core.typing import Tensor
from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.testing._backend import backend
from keras_distlayers.testing._evaluation import as_float64, compilation_cache
from keras_distlayers.testing.measurement import HeadMeasurement, Measurement

P = ParamSpec("P")
Subject = TypeVar("Subject")
Checked = TypeVar("Checked", contravariant=True)


class Check(Protocol[Checked, P]):
    """A check, as `check` makes it of a function."""

    name: str

    def __call__(self, subject: Checked, /, *args: P.args, **kwargs: P.kwargs) -> str | None: ...


class CheckFailedError(AssertionError):
    """A property that every distribution, or every head, has does not hold for this one.

    Examples:
        >>> import keras_distlayers as kdl
        >>> class Unnormalized(kdl.distributions.Normal):
        ...     def _log_prob(self, value):
        ...         return -0.5 * ((value - self.loc) / self.scale) ** 2
        >>> try:
        ...     kdl.testing.check_normalization(Unnormalized(0.0, 1.0))
        ... except kdl.testing.CheckFailedError as error:
        ...     print(str(error).split(" on ")[0])
        normalization: Unnormalized(batch_shape=(), event_shape=(), dtype=float32)
    """


class NotApplicable(Exception):  # noqa: N818 - not an error: a way to leave a check
    """The check does not apply to its subject, for the reason in the message."""


def not_applicable(reason: str) -> NotApplicable:
    """To be raised in a check that does not apply to its subject."""
    return NotApplicable(reason)


def check(function: Callable[Concatenate[Subject, P], None]) -> Check[Subject, P]:
    """Makes a function of a subject a check with a `name`.

    It returns None where the property holds, the reason where it does not apply to the subject,
    and raises `CheckFailedError` otherwise, also where the subject raises an error itself.
    """
    name = function.__name__.removeprefix("check_")

    @functools.wraps(function)
    def checked(subject: Subject, *args: P.args, **kwargs: P.kwargs) -> str | None:
        try:
            with backend.full_precision(), compilation_cache():
                function(subject, *args, **kwargs)
        except NotApplicable as reason:
            return str(reason)
        except Failed as failed:
            report = _report(name, subject, failed.expected, failed.received)
            raise CheckFailedError(report) from None
        except CheckFailedError:
            raise
        except Exception as error:
            received = f"{type(error).__name__}: {error}"
            raise CheckFailedError(_report(name, subject, "no error", received)) from error
        return None

    named = cast(Check[Subject, P], checked)
    named.name = name
    return named


class Failed(Exception):  # noqa: N818 - becomes a CheckFailedError, with the subject in its message
    """What was expected and what was received."""

    def __init__(self, expected: str, received: str):
        super().__init__(expected, received)
        self.expected, self.received = expected, received


def require(condition: Any, expected: str, received: str) -> None:
    """Raises unless the condition holds."""
    if not condition:
        raise Failed(expected, received)


def require_equal(what: str, received: Any, expected: Any) -> None:
    require(received == expected, f"{what} {expected}", f"{received}")


def require_close(
    what: str, received: Tensor, expected: Tensor, tolerance: float | np.ndarray
) -> None:
    """Entry by entry: |received - expected| <= tolerance, infinities and NaN at the same places.

    Args:
        what: The name of the two.
        received: Array.
        expected: Array of the same shape.
        tolerance: Absolute; a number, or an array that broadcasts with the two.
    """
    received, expected = as_float64(received), as_float64(expected)
    require_equal(f"{what} of shape", received.shape, expected.shape)
    # A saturated float32 stands for an infinity of the other one.
    with np.errstate(invalid="ignore"):
        far = ~((np.abs(received - expected) <= tolerance) | (received == expected))
    far &= ~(np.isnan(received) & np.isnan(expected))
    if far.any():
        at = tuple(int(i) for i in np.argwhere(far)[0])
        limit = np.broadcast_to(tolerance, far.shape)[at]
        raise Failed(
            f"{what} of {expected[at]:.7g} at entry {at}, within {limit:.2g}",
            f"{received[at]:.7g}, and {far.sum()} of {far.size} entries like that",
        )


def _report(name: str, subject: Any, expected: str, received: str) -> str:
    where = f"{name}: {_describe(subject)} on {keras.config.backend()}"
    return message(where, expected=expected, received=received)


def _describe(subject: Any) -> str:
    if isinstance(subject, Measurement):
        subject = subject.distribution
    if isinstance(subject, HeadMeasurement):
        subject = subject.make_layer
    if isinstance(subject, Distribution):
        return repr(subject)
    layer = subject if isinstance(subject, keras.Layer) else _made_by(subject)
    return f"{type(layer).__name__} '{layer.name}'" if layer is not None else repr(subject)


def _made_by(make_layer: Callable[[], keras.Layer]) -> keras.Layer | None:
    with contextlib.suppress(Exception):
        return make_layer()
    return None
