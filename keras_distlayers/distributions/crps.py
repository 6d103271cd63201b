"""The registry of CRPS in closed form. The module of each family registers its own.

The continuous ranked probability score of F at y is the integral of (F(x) - 1{y <= x})^2 over x,
which is E|X - y| - E|X - X'| / 2 for independent X and X' from F. It is in the units of y.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from keras_distlayers._core.typing import Tensor

if TYPE_CHECKING:
    from keras_distlayers.distributions.distribution import Distribution

Rule = TypeVar("Rule", bound=Callable)

_RULES: dict[type, Callable[..., Tensor | None]] = {}


def register_crps(family: type) -> Callable[[Rule], Rule]:
    """Registers a function `(distribution, value) -> tensor of the broadcast shape`.

    The distribution is one over scalars; the value is a tensor of its dtype that broadcasts with
    its batch. The rule of a class serves its subclasses, unless there is one for those. A rule
    that does not hold for a certain distribution returns None.

    Args:
        family: The class of the distribution.

    Returns:
        A decorator, which returns the function as it is.

    Examples:
        >>> from keras import ops
        >>> import keras_distlayers as kdl
        >>> class Fixed(kdl.distributions.Normal):
        ...     def _sample(self, sample_shape, seed):
        ...         return ops.broadcast_to(self.loc, (*sample_shape, *self.dynamic_shape()))
        >>> @kdl.distributions.register_crps(Fixed)
        ... def _(distribution, value):
        ...     return ops.abs(value - distribution.loc)
        >>> float(kdl.scores.crps(Fixed(1.0, 1.0), 3.0))
        2.0
    """

    def register(rule: Rule) -> Rule:
        _RULES[family] = rule
        return rule

    return register


def closed_form_crps(distribution: "Distribution", value: Tensor) -> Tensor | None:
    """The score of a distribution over scalars; None where no closed form is registered."""
    distribution = distribution.unwrapped()
    for family in type(distribution).__mro__:
        if rule := _RULES.get(family):
            return rule(distribution, value)
    return None


__all__ = ["closed_form_crps", "register_crps"]
