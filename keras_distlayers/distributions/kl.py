"""KL divergences in closed form: the registry. Each family's module registers its own.

KL(a || b) = E[log a(x) - log b(x)] for x from a, in nats.
"""

from collections.abc import Callable

from keras_distlayers._core.errors import message

_RULES: dict[tuple[type, type], Callable] = {}


class NoClosedFormError(NotImplementedError):
    """No closed form is known for a pair of distributions."""


def register_kl(type_a: type, type_b: type) -> Callable:
    """Registers a function `(a, b) -> tensor of the broadcast batch_shape`, in nats.

    A rule that turns out not to hold for the two (an `Independent` of a family that it does
    not know, say) raises `NoClosedFormError`. Rules of base classes serve their subclasses.

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

    def register(rule: Callable) -> Callable:
        _RULES[type_a, type_b] = rule
        return rule

    return register


def kl_divergence(distribution_a, distribution_b):
    """KL(a || b) in nats, of the broadcast `batch_shape`, in closed form.

    Args:
        distribution_a: A `Distribution` or a `RandomVariable`.
        distribution_b: Another one, with the same `event_shape`.

    Raises:
        NotImplementedError: if no closed form is registered for the two families.
        ValueError: if the event shapes differ.

    Examples:
        >>> import keras_distlayers as kdl
        >>> float(kdl.distributions.kl_divergence(kdl.distributions.Normal(1.0, 1.0), kdl.distributions.Normal(0.0, 1.0)))
        0.5
    """
    return closed_form_kl(distribution_a.unwrapped(), distribution_b.unwrapped())


def closed_form_kl(a, b):
    """`kl_divergence` of two distributions proper; raises `NoClosedFormError` without one."""
    a, b = a.unwrapped(), b.unwrapped()
    if a.event_shape != b.event_shape:
        raise ValueError(
            message(
                "kl_divergence",
                expected=f"two distributions over the same events, event_shape={a.event_shape}",
                received=f"distribution_b with event_shape={b.event_shape}",
            )
        )
    for type_a in type(a).__mro__:
        for type_b in type(b).__mro__:
            if rule := _RULES.get((type_a, type_b)):
                return rule(a, b)
    raise no_closed_form(a, b)


def no_closed_form(a, b) -> NoClosedFormError:
    """The error that names both families and the way on."""
    return NoClosedFormError(
        f"kl_divergence: no closed form is registered for {a!r} and {b!r}. Register one with "
        "`distributions.register_kl`, or let the regularizer estimate it by Monte Carlo "
        "(`use_exact_kl=None`)."
    )
