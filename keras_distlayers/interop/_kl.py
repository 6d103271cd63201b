"""KL divergences between a wrapped distribution and another: theirs, or ours, in closed form."""

from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.distributions.kl import closed_form_kl, register_kl
from keras_distlayers.interop.conversions import native, to_numpyro, to_tfp, to_torch
from keras_distlayers.interop.wrapped import WrappedDistribution

_TO = {"tfp": to_tfp, "torch": to_torch, "numpyro": to_numpyro}


@register_kl(WrappedDistribution, Distribution)
@register_kl(Distribution, WrappedDistribution)
def _(a, b):
    """The library's own closed form; else ours, of the same distributions."""
    library = a if isinstance(a, WrappedDistribution) else b
    to = _TO[library.key]
    try:
        return library.closed_form_kl(to(a), to(b))
    except NotImplementedError:
        return _by_ours(a, b)


def _by_ours(a, b):
    ours = native(a), native(b)
    return None if None in ours else closed_form_kl(*ours)
