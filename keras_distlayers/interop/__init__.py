"""Other libraries' distributions beside ours.

A head may return a distribution of TensorFlow Probability, torch.distributions or NumPyro, a
prior may be one, and ours become theirs:

- `distributions.as_distribution` wraps one; it imports this package for the first of them.
- `to_tfp`, `to_torch`, `to_numpyro` convert.
- `tfp_weights` moves the weights of a model of `tfp.layers` over.
- `tfp` is TensorFlow Probability on JAX, imported when it is first asked for:

Examples:
    >>> from keras_distlayers.interop import tfp
    >>> float(tfp.distributions.Normal(0.0, 1.0).cdf(0.0))
    0.5
"""

from typing import Any

# Each registers what it knows: how a library is wrapped, and divergences in closed form.
from keras_distlayers.interop import _from_numpyro, _from_tfp, _from_torch, _kl  # noqa: F401
from keras_distlayers.interop.conversions import to_numpyro, to_tfp, to_torch
from keras_distlayers.interop.weights import tfp_weights
from keras_distlayers.interop.wrapped import WrappedDistribution


def __getattr__(name: str) -> Any:
    """Imports TFP where it is asked for, and not before: it takes seconds."""
    if name == "tfp":
        from keras_distlayers.interop import _tfp

        return _tfp.substrate
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "WrappedDistribution",
    "tfp",
    "tfp_weights",
    "to_numpyro",
    "to_tfp",
    "to_torch",
]
