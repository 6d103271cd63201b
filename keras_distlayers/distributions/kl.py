"""The registry of KL divergences in closed form. The module of each family registers its own.

KL(a || b) = E[log a(x) - log b(x)] for x from a, in nats.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from keras_distlayers._core import shapes
from keras_distlayers._core.errors import message
from keras_distlayers._core.typing import Tensor

if TYPE_CHECKING:
    from keras_distlayers.distributions.distribution import Distribution

Rule = TypeVar("Rule", bound=Callable)

_RULES: dict[tuple[type, type], Callable[..., Tensor | None]] = {}


def register_kl(type_a: type, type_b: type) -> Callable[[Rule], Rule]:
    """Registers a function `(a, b) -> tensor of the broadcast batch_shape`, in nats.

    The rule of two classes serves their subclasses, unless there is one for those. A rule that
    does not hold for a certain pair (an `Independent` of a family that it does not know, say)
    returns None; that of their base classes is then asked.

    Args:
        type_a: The class of the first distribution.
        type_b: The class of the second one.

    Returns:
        A decorator, which returns the function as it is.

    Examples:
        >>> from keras import ops
        >>> import keras_distlayers as kdl
        >>> class Shifted(kdl.distributions.Normal):
        ...     pass
        >>> @kdl.distributions.register_kl(Shifted, Shifted)
        ... def _(a, b):
        ...     return 0.5 * ops.square((a.loc - b.loc) / b.scale)
        >>> float(kdl.distributions.kl_divergence(Shifted(1.0, 1.0), Shifted(0.0, 1.0)))
        0.5
    """

    def register(rule: Rule) -> Rule:
        _RULES[type_a, type_b] = rule
        return rule

    return register


def kl_divergence(distribution_a: "Distribution", distribution_b: "Distribution") -> Tensor:
    """KL(a || b) in nats, in closed form.

    Args:
        distribution_a: A `Distribution` or a `RandomVariable`.
        distribution_b: Another one, with the same `event_shape`.

    Returns:
        Tensor of the broadcast `batch_shape`.

    Raises:
        TypeError: if one of the two is not a distribution.
        NotImplementedError: if no closed form is registered for the two families.
        ValueError: if the event shapes differ, or the batches do not broadcast.

    Examples:
        >>> import keras_distlayers as kdl
        >>> a = kdl.distributions.Normal(1.0, 1.0)
        >>> b = kdl.distributions.Normal(0.0, 1.0)
        >>> float(kdl.distributions.kl_divergence(a, b))
        0.5
    """
    for name, value in (("distribution_a", distribution_a), ("distribution_b", distribution_b)):
        if not hasattr(value, "unwrapped"):
            raise TypeError(
                message(
                    f"kl_divergence, argument `{name}`",
                    expected="a distribution, or a random variable, of keras_distlayers",
                    received=f"a {type(value).__name__}",
                )
            )
    divergence = closed_form_kl(distribution_a, distribution_b)
    if divergence is None:
        families = f"{distribution_a.family_name} and {distribution_b.family_name}"
        raise NotImplementedError(
            f"kl_divergence: no closed form is registered for {families}. Register one with "
            "`distributions.register_kl`, or let the regularizer estimate the divergence by Monte "
            "Carlo (`use_exact_kl=None`)."
        )
    return divergence


def closed_form_kl(a: "Distribution", b: "Distribution") -> Tensor | None:
    """`kl_divergence` of two distributions; None where no closed form is registered."""
    a, b = a.unwrapped(), b.unwrapped()
    if a.event_shape != b.event_shape:
        raise ValueError(
            message(
                "kl_divergence",
                expected=f"two distributions over the same events, event_shape={a.event_shape}",
                received=f"distribution_b with event_shape={b.event_shape}",
            )
        )
    _check_batches(a, b)
    for type_a in type(a).__mro__:
        for type_b in type(b).__mro__:
            rule = _RULES.get((type_a, type_b))
            divergence = None if rule is None else rule(a, b)
            if divergence is not None:
                return divergence
    return None


def _check_batches(a: "Distribution", b: "Distribution") -> None:
    try:
        shapes.broadcast(a.batch_shape, b.batch_shape)
    except ValueError as error:
        raise ValueError(
            message(
                "kl_divergence",
                expected=f"two distributions whose batches broadcast, batch_shape={a.batch_shape}",
                received=f"distribution_b with batch_shape={b.batch_shape}",
                fix="A prior for each entry of an event has their axes last, one for all of them "
                "has batch_shape=().",
            )
        ) from error


__all__ = ["closed_form_kl", "kl_divergence", "register_kl"]
