"""A distribution with a temperature, and the registry of what that does to a family.

The module of each family registers its own rule, as for KL divergences and CRPS.
"""

import copy
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from keras import ops

from keras_distlayers._core.errors import message
from keras_distlayers._core.typing import Tensor

if TYPE_CHECKING:
    from keras_distlayers.distributions.distribution import Distribution

Rule = TypeVar("Rule", bound=Callable)

_RULES: dict[type, Callable[..., Any]] = {}


def register_tempered(family: type) -> Callable[[Rule], Rule]:
    """Registers a function `(distribution, temperature) -> distribution`.

    The temperature is a scalar tensor of the distribution's dtype. The rule of a class serves its
    subclasses, unless there is one for those.

    Args:
        family: The class of the distribution.

    Returns:
        A decorator, which returns the function as it is.

    Examples:
        >>> import keras_distlayers as kdl
        >>> @kdl.distributions.register_tempered(kdl.distributions.VonMises)
        ... def _(distribution, temperature):
        ...     concentration = distribution.concentration / temperature
        ...     return kdl.distributions.VonMises(distribution.loc, concentration)
        >>> warmer = kdl.distributions.tempered(kdl.distributions.VonMises(0.0, 8.0), 2.0)
        >>> float(warmer.concentration)
        4.0
    """

    def register(rule: Rule) -> Rule:
        _RULES[family] = rule
        return rule

    return register


def tempered(distribution: "Distribution", temperature: float | Tensor) -> "Distribution":
    """The distribution with a temperature: wider above 1, narrower below 1.

    Logits are divided by the temperature, and so are log probabilities where a family was given
    those. Scales are multiplied by it: those of families with a location and a scale, of
    `LogNormal`, of truncated, censored and quantized ones, and of multivariate normals, whose
    covariance is multiplied by its square. The latent scale of `OrderedLogistic` likewise.
    `Independent` and mixtures have that of their parts. A transformed distribution has that of the
    distribution before the transform.

    Args:
        distribution: A `Distribution` or a `RandomVariable`.
        temperature: A positive number, or a scalar tensor.

    Returns:
        A `Distribution` of the same shapes and, but for probabilities that become logits, of the
        same family.

    Raises:
        TypeError: if it is not a distribution, or its family has neither logits nor a scale.
        ValueError: if the temperature is not a scalar, or a number that is not positive.

    Examples:
        >>> import keras_distlayers as kdl
        >>> kd = kdl.distributions
        >>> float(kd.tempered(kd.Normal(1.0, 3.0), 2.0).stddev())
        6.0
        >>> labels = kd.tempered(kd.Categorical(probs=[0.8, 0.2]), 2.0)
        >>> [round(float(p), 4) for p in labels.probs_parameter()]
        [0.6667, 0.3333]

    Source: Guo et al., On Calibration of Modern Neural Networks (2017); for scales: Laves et al.
    (2020), arXiv 2104.12376.
    """
    if not hasattr(distribution, "unwrapped"):
        raise TypeError(
            message(
                "tempered, argument `distribution`",
                expected="a distribution, or a random variable, of keras_distlayers",
                received=f"a {type(distribution).__name__}",
            )
        )
    distribution = distribution.unwrapped()
    factor = _checked_temperature(temperature, distribution.dtype)
    for family in type(distribution).__mro__:
        if rule := _RULES.get(family):
            return rule(distribution, factor)
    if {"loc", "scale"} <= set(distribution.parameter_ndims):
        return _with_scale(distribution, factor)
    other = "`PITRecalibration`, which needs only a cdf"
    if distribution.support.is_discrete or distribution.event_shape:
        other = "`SplitConformal`, which gives intervals"
    raise TypeError(
        message(
            "tempered, argument `distribution`",
            expected="a distribution with logits or a scale",
            received=distribution.family_name,
            fix=f"Take {other}, or register what a temperature does to the family with "
            "`distributions.register_tempered`.",
        )
    )


def _checked_temperature(temperature: float | Tensor, dtype: str) -> Tensor:
    factor = ops.cast(temperature, dtype)
    is_number = isinstance(temperature, int | float)
    if len(factor.shape) == 0 and (not is_number or 0.0 < temperature < math.inf):
        return factor
    raise ValueError(
        message(
            "tempered, argument `temperature`",
            expected="a positive number, or a scalar tensor",
            received=f"{temperature}" if is_number else f"shape={tuple(factor.shape)}",
        )
    )


def _with_scale(distribution: Any, temperature: Tensor) -> "Distribution":
    """The scale times the temperature, for any family with a location and a scale."""
    copied = copy.copy(distribution)
    copied.scale = temperature * distribution.scale
    return copied


__all__ = ["register_tempered", "tempered"]
