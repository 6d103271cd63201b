"""Other libraries' distributions beside ours.

`tfp` is TensorFlow Probability on JAX, imported when it is first asked for:

Examples:
    >>> from keras_distlayers.interop import tfp
    >>> float(tfp.distributions.Normal(0.0, 1.0).cdf(0.0))
    0.5
"""

from typing import Any


def __getattr__(name: str) -> Any:
    """Imports TFP where it is asked for, and not before: it takes seconds."""
    if name == "tfp":
        from keras_distlayers.interop import _tfp

        return _tfp.substrate
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = ["tfp"]
