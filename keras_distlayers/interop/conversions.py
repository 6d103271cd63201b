"""Our distributions as those of other libraries, and back."""

from types import ModuleType
from typing import Any

import keras

from keras_distlayers import distributions as kd
from keras_distlayers._core.errors import message
from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.interop import _bijectors
from keras_distlayers.interop._counterparts import CHOSEN_BY_NUMPYRO, COMPOSED, TABLE
from keras_distlayers.interop.wrapped import WrappedDistribution
from keras_distlayers.random_variable import RandomVariable

_NAMES = {"tfp": "TensorFlow Probability", "torch": "torch.distributions", "numpyro": "NumPyro"}


def to_tfp(distribution: Distribution | RandomVariable) -> Any:
    """The same distribution as a distribution of TensorFlow Probability, on JAX or TensorFlow.

    The tensors are shared, so that gradients flow.

    Args:
        distribution: A `Distribution` or a `RandomVariable`.

    Raises:
        NotImplementedError: for a family that TFP does not have, and on the Torch backend,
            on which there is no TFP.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> normal = kdl.distributions.Normal([0.0, 1.0], 1.0)
        >>> distribution = kdl.distributions.Independent(normal, 1)
        >>> is_here = keras.config.backend() in ("jax", "tensorflow")
        >>> tuple(kdl.interop.to_tfp(distribution).event_shape) if is_here else (2,)
        (2,)
    """
    return _converted("tfp", distribution)


def to_torch(distribution: Distribution | RandomVariable) -> Any:
    """The same distribution as a distribution of torch.distributions, on the Torch backend.

    The tensors are shared, so that gradients flow.

    Args:
        distribution: A `Distribution` or a `RandomVariable`.

    Raises:
        NotImplementedError: for a family that Torch does not have, and on other backends.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> normal = kdl.distributions.Normal([0.0, 1.0], 1.0)
        >>> distribution = kdl.distributions.Independent(normal, 1)
        >>> is_here = keras.config.backend() == "torch"
        >>> tuple(kdl.interop.to_torch(distribution).event_shape) if is_here else (2,)
        (2,)
    """
    return _converted("torch", distribution)


def to_numpyro(distribution: Distribution | RandomVariable) -> Any:
    """The same distribution as a distribution of NumPyro, on the JAX backend.

    The tensors are shared, so that gradients flow.

    Args:
        distribution: A `Distribution` or a `RandomVariable`.

    Raises:
        NotImplementedError: for a family that NumPyro does not have, and on other backends.
        ImportError: if NumPyro is not installed.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> normal = kdl.distributions.Normal([0.0, 1.0], 1.0)
        >>> distribution = kdl.distributions.Independent(normal, 1)
        >>> is_here = keras.config.backend() == "jax"
        >>> tuple(kdl.interop.to_numpyro(distribution).event_shape) if is_here else (2,)
        (2,)
    """
    return _converted("numpyro", distribution)


def _converted(library: str, distribution: Distribution | RandomVariable) -> Any:
    distribution = distribution.unwrapped()
    if isinstance(distribution, WrappedDistribution) and distribution.key == library:
        return distribution.wrapped
    package = _PACKAGES[library]()
    if isinstance(distribution, kd.TransformedDistribution):
        transformed = _converted_transformed(library, package, distribution)
        if transformed is not None:
            return transformed
    if compose := COMPOSED[library].get(type(distribution)):
        return compose(package.distributions, distribution, lambda part: _converted(library, part))
    for row in TABLE:
        if row.family is type(distribution) and (named := row.named(library)):
            name, parameters = named
            values = {theirs: getattr(distribution, ours) for ours, theirs in parameters.items()}
            given = {k: v for k, v in values.items() if v is not None}
            return getattr(package.distributions, name)(**given)
    raise NotImplementedError(
        message(
            f"to_{library}",
            expected=f"a family that {_NAMES[library]} has",
            received=repr(distribution),
        )
    )


def _converted_transformed(
    library: str, package: "Package", distribution: kd.TransformedDistribution
) -> Any:
    bijector = _bijectors.converted(library, package, distribution.bijector)
    if bijector is None:
        return None
    base = _converted(library, distribution.distribution)
    return package.distributions.TransformedDistribution(base, bijector)


def native(distribution: Distribution | None) -> Distribution | None:
    """A wrapped distribution as a family of ours, or None where we have none for it."""
    if not isinstance(distribution, WrappedDistribution):
        return distribution
    theirs = distribution.wrapped
    name = CHOSEN_BY_NUMPYRO.get(type(theirs).__name__, type(theirs).__name__)
    if name == "Independent":
        return _native_independent(distribution)
    for row in TABLE:
        named = row.named(distribution.key)
        if named and named[0] == name:
            values = {p: distribution.parameter(their_name) for p, their_name in named[1].items()}
            return _make(row.family, {k: v for k, v in values.items() if v is not None})
    return None


def _native_independent(distribution: WrappedDistribution) -> Distribution | None:
    base = distribution.parameter("distribution" if distribution.key == "tfp" else "base_dist")
    entry, ndims = (
        native(kd.as_distribution(base)),
        distribution.parameter("reinterpreted_batch_ndims"),
    )
    return None if entry is None or ndims is None else kd.Independent(entry, int(ndims))


def _make(family: type[Distribution], arguments: dict[str, Any]) -> Distribution | None:
    # Torch and NumPyro compute one from the other; ours takes exactly one.
    if "logits" in arguments:
        arguments.pop("probs", None)
    try:
        return family(**arguments)
    except TypeError:  # a parameter is left to the library's own default
        return None


# ---------------------------------------------------------------- the libraries themselves


class Package:
    """Where a library keeps its distributions and its bijectors."""

    def __init__(self, distributions: ModuleType, bijectors: ModuleType) -> None:
        self.distributions, self.bijectors = distributions, bijectors


def _require_backend(library: str, *backends: str) -> None:
    active = keras.config.backend()
    if active not in backends:
        raise NotImplementedError(
            f"to_{library}: expected Keras on {' or '.join(backends)}, where {_NAMES[library]} "
            f"lives. Received: the backend {active}."
        )


def _tfp() -> Package:
    _require_backend("tfp", "jax", "tensorflow")
    if keras.config.backend() == "jax":
        from keras_distlayers.interop._tfp import substrate as tfp
    else:
        import tensorflow_probability as tfp
    return Package(tfp.distributions, tfp.bijectors)


def _torch() -> Package:
    _require_backend("torch", "torch")
    from torch import distributions

    return Package(distributions, distributions.transforms)


def _numpyro() -> Package:
    _require_backend("numpyro", "jax")
    try:
        from numpyro import distributions
    except ImportError as error:
        raise ImportError("to_numpyro: NumPyro is not installed: pip install numpyro") from error
    return Package(distributions, distributions.transforms)


_PACKAGES = {"tfp": _tfp, "torch": _torch, "numpyro": _numpyro}

__all__ = ["native", "to_numpyro", "to_tfp", "to_torch"]
