"""Other libraries' distributions as ours: the registry of what converts them.

Nothing foreign is imported here. A converter is found by the name of the library's package, in
the module that registers it, which is imported when the first distribution of the library
comes along.
"""

import importlib
from collections.abc import Callable
from typing import Any

from keras_distlayers.distributions.distribution import Distribution

_MODULES = dict.fromkeys(
    ("tensorflow_probability", "torch", "numpyro"), "keras_distlayers.interop"
)
_CONVERTERS: dict[str, Callable[[Any], Distribution]] = {}


def register_conversion(library: str) -> Callable:
    """Registers a function that makes a `Distribution` of one of a library's.

    Args:
        library: The name of the library's top package.
    """

    def register(converter: Callable) -> Callable:
        _CONVERTERS[library] = converter
        return converter

    return register


def as_distribution(x: Any) -> Distribution | None:
    """A distribution of this package for one of another library.

    `layers.DistributionLambda` and the regularizers call it, so that you rarely need to.

    Args:
        x: Anything.

    Returns:
        `x` where it is a `Distribution` already, the distribution of a `RandomVariable`; an
        `interop.WrappedDistribution` for a distribution of TensorFlow Probability (on JAX and
        TensorFlow), torch.distributions (on Torch) or NumPyro (on JAX); None for what is not a
        distribution.

    Raises:
        TypeError: for a distribution that lives on another backend, or over structures.

    Examples:
        >>> import keras_distlayers as kdl
        >>> kdl.distributions.as_distribution("a text") is None
        True
        >>> distribution = kdl.distributions.Normal(0.0, 1.0)
        >>> kdl.distributions.as_distribution(distribution) is distribution
        True
    """
    if isinstance(x, Distribution):
        return x.unwrapped()
    library = _library_of(type(x))
    if library is None:
        return None
    if library not in _CONVERTERS:
        importlib.import_module(_MODULES[library])
    return _CONVERTERS[library](x)


def _library_of(cls: type) -> str | None:
    """The top package of the class named Distribution that `cls` descends from."""
    for base in cls.__mro__:
        library = base.__module__.partition(".")[0]
        if base.__name__ == "Distribution" and library in _MODULES:
            return library
    return None


__all__ = ["as_distribution", "register_conversion"]
