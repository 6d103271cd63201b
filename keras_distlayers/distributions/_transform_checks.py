"""What a distribution has to be for a bijector to transform it."""

from keras_distlayers._core import shapes
from keras_distlayers._core.errors import message
from keras_distlayers.bijectors.bijector import Bijector
from keras_distlayers.distributions.distribution import Distribution


def check_base(base: Distribution, bijector: Bijector) -> None:
    """Whether x is continuous, and has enough axes."""
    where = "TransformedDistribution, argument `distribution`"
    if base.support.is_discrete or base.has_atoms:
        raise ValueError(
            message(
                where,
                expected="a continuous distribution: a change of variables is one of densities",
                received=repr(base),
            )
        )
    missing = bijector.event_ndims - len(base.event_shape)
    if missing > 0:
        raise ValueError(
            message(
                where,
                expected=f"events of at least {bijector.event_ndims} axes for {bijector!r}",
                received=f"event_shape={base.event_shape}",
                fix=f"Wrap it: Independent(distribution, {missing}).",
            )
        )


def check_event(base: Distribution, bijector: Bijector) -> None:
    """An event never grows because a parameter of the bijector has more entries."""
    own = () if bijector.event_size is None else (bijector.event_size,)
    scalar_ndims = len(base.event_shape) - bijector.event_ndims
    batch = bijector.batch_shape
    shape = (*batch[max(0, len(batch) - scalar_ndims) :], *own)
    try:
        is_fitting = shapes.broadcast(base.event_shape, shape) == base.event_shape
    except ValueError:
        is_fitting = False
    if (own and base.event_shape[-1] not in (None, *own)) or not is_fitting:
        raise ValueError(
            message(
                "TransformedDistribution",
                expected=f"a bijector for events of event_shape={base.event_shape}",
                received=f"{bijector!r}, whose parameters are for events of shape {shape}",
            )
        )


__all__ = ["check_base", "check_event"]
