"""Another library's distribution with the methods of ours."""

from collections.abc import Callable
from typing import Any, ClassVar, NoReturn

import keras

from keras_distlayers._backend import backend
from keras_distlayers._core.errors import message
from keras_distlayers._core.parameterized import parameter_dtype
from keras_distlayers._core.typing import DynamicShape, Seed, Shape, Tensor
from keras_distlayers.distributions.distribution import Distribution


class WrappedDistribution(Distribution):
    """A distribution of another library with the methods of `keras_distlayers.distributions`.

    `distributions.as_distribution` makes it, and `DistributionLambda` calls that. Values are
    checked against the event's shape before the library sees them; draws come from the seed that
    is asked for, or from the head's generator; what the library does not have raises
    NotImplementedError, as everywhere in this package.

    It stands for an object, not for tensors: it can be neither sliced nor expanded, and it
    does not go into a file. See `get_config` for how a prior comes back with its model.

    Attributes:
        wrapped: The library's own object, with all that it can do besides.

    Each library has a subclass that says how the library does it. It never imports the
    library: whoever has an object of a library has imported it.

    Examples:
        >>> import keras
        >>> import keras_distlayers as kdl
        >>> to = {"torch": kdl.interop.to_torch}.get(keras.config.backend(), kdl.interop.to_tfp)
        >>> distribution = kdl.distributions.as_distribution(
        ...     to(kdl.distributions.Normal([0.0, 1.0], 1.0))
        ... )
        >>> isinstance(distribution, kdl.interop.WrappedDistribution), distribution.batch_shape
        (True, (2,))
    """

    foreign_names = ("_source",)

    library: ClassVar[str]
    """What the library is called in messages."""

    key: ClassVar[str]
    """What it is called in the table of counterparts."""

    def __init__(self, wrapped: Any) -> None:
        self._require_backend_of(wrapped)
        self._source = self._take_apart(wrapped)
        self.dtype = parameter_dtype(self._tensors_of(wrapped))

    @classmethod
    def _take_apart(cls, wrapped: Any) -> Any:
        """What the backend's transformations may take apart in place of the object."""
        return wrapped

    @property
    def wrapped(self) -> Any:
        return self._source

    # ---------------------------------------------------------------- hooks of a library

    @staticmethod
    def backend_of(wrapped: Any) -> str:
        """The Keras backend whose tensors the object takes."""
        raise NotImplementedError

    def _tensors_of(self, wrapped: Any) -> list[Tensor]:
        """The tensors that the object is made of."""
        raise NotImplementedError

    def _draw(self, sample_shape: tuple[int, ...], seed: Any) -> Tensor:
        """Draws, from what `backend.seeded` hands in."""
        raise NotImplementedError

    def _statistic(self, name: str, *args: Tensor) -> Tensor:
        """A statistic by our name of it; NotImplementedError where the library has none."""
        raise NotImplementedError

    def parameter(self, name: str) -> Any:
        """A parameter by the library's name of it; None where it was not given."""
        return getattr(self.wrapped, name, None)

    @classmethod
    def closed_form_kl(cls, a: Any, b: Any) -> Tensor:
        """The library's KL divergence of two of its objects, or NotImplementedError."""
        raise NotImplementedError

    # ---------------------------------------------------------------- what follows

    def _require_backend_of(self, wrapped: Any) -> None:
        backend = self.backend_of(wrapped)
        if backend != keras.config.backend():
            raise TypeError(
                message(
                    f"a {type(wrapped).__name__} of {self.library}",
                    expected=f"a distribution on Keras's backend, {keras.config.backend()}",
                    received=f"one on {backend}",
                    fix=f"Set KERAS_BACKEND={backend} before keras is imported.",
                )
            )

    @property
    def batch_shape(self) -> Shape:
        return tuple(self.wrapped.batch_shape)

    @property
    def event_shape(self) -> Shape:
        return tuple(self.wrapped.event_shape)

    @property
    def family_name(self) -> str:
        return f"{type(self).__name__}({type(self.wrapped).__name__})"

    @property
    def support(self) -> NoReturn:
        raise self._unavailable("support", "only the library knows")

    @property
    def has_atoms(self) -> bool:
        # Of those whose draws have a gradient only TFP's Deterministic has, which is all atom.
        return False

    def _num_atoms(self, value: Tensor) -> int:
        return 0  # only the library knows

    def dynamic_batch_shape(self) -> DynamicShape:
        return self.batch_shape

    def _sample(self, sample_shape: tuple[int, ...], seed: Seed) -> Tensor:
        return backend.seeded(lambda seed: self._draw(sample_shape, seed), seed)

    def _log_prob(self, value: Tensor) -> Tensor:
        return self.wrapped.log_prob(value)

    def _mean(self) -> Tensor:
        return self._available("mean")

    def _mode(self) -> Tensor:
        return self._available("mode")

    def _stddev(self) -> Tensor:
        return self._available("stddev")

    def _variance(self) -> Tensor:
        return self._available("variance")

    def _covariance(self) -> Tensor:
        return self._available("covariance")

    def _entropy(self) -> Tensor:
        return self._available("entropy")

    def _cdf(self, value: Tensor) -> Tensor:
        return self._available("cdf", value)

    def _quantile(self, p: Tensor) -> Tensor:
        return self._available("quantile", p)

    def _available(self, name: str, *args: Tensor) -> Tensor:
        """The library's statistic; the error of this package where it has none."""
        try:
            return self._statistic(name, *args)
        except (NotImplementedError, AttributeError) as error:
            raise self._unavailable(name) from error

    def _unavailable(self, statistic: str, reason: str = "") -> NotImplementedError:
        reason = reason or f"{self.library} has none for {type(self.wrapped).__name__}"
        return super()._unavailable(statistic, reason)

    def map_tensors(self, function: Callable[[Tensor], Tensor]) -> NoReturn:
        raise self._unavailable("map_tensors", "its tensors belong to the library")

    def expand(self, batch_shape: DynamicShape) -> NoReturn:
        raise self._unavailable("expand", "expand it in its library, before it is wrapped")

    def __getitem__(self, key: Any) -> NoReturn:
        raise self._unavailable("[]", "take the part in its library, before it is wrapped")

    def get_config(self) -> NoReturn:
        """Refuses: a library's object does not go into a file, but what makes it can.

        Raises:
            TypeError: always, as a model with such a prior is saved.
        """
        raise TypeError(
            message(
                f"a {type(self.wrapped).__name__} of {self.library}, in a model to be saved",
                expected="something that can be made again as the model is loaded",
                received=repr(self.wrapped),
                fix="Pass a function without arguments that makes it, registered with "
                "`keras.saving.register_keras_serializable`, as `distribution_b`.",
            )
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}({type(self.wrapped).__name__}, {super().__repr__()})"


__all__ = ["WrappedDistribution"]
