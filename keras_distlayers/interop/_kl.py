"""KL divergences between a wrapped distribution and another: theirs, or ours, in closed form."""

from typing import cast

from keras_distlayers._core.typing import Tensor
from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.distributions.kl import closed_form_kl, register_kl
from keras_distlayers.interop.conversions import native, to_numpyro, to_tfp, to_torch
from keras_distlayers.interop.wrapped import WrappedDistribution

_TO = {"tfp": to_tfp, "torch": to_torch, "numpyro": to_numpyro}


@register_kl(WrappedDistribution, Distribution)
@register_kl(Distribution, WrappedDistribution)
def _(a: Distribution, b: Distribution) -> Tensor | None:
    """The library's own closed form; else ours, of the same distributions."""
    library = a if isinstance(a, WrappedDistribution) else cast(WrappedDistribution, b)
    to = _TO[library.key]
    try:
        return library.closed_form_kl(to(a), to(b))
    except NotImplementedError:
        return _by_ours(a, b)


def _by_ours(a: Distribution, b: Distribution) -> Tensor | None:
    ours_a, ours_b = native(a), native(b)
    return None if ours_a is None or ours_b is None else closed_form_kl(ours_a, ours_b)
