"""A row of the table of families: how to make its distributions, and where its oracles are.

Raw numbers come in, from a Hypothesis strategy or a random generator; each parameter turns
its own into what it may be. That way every distribution shrinks to small numbers.
"""

import dataclasses
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any, TypeAlias

import numpy as np

from keras_distlayers import distributions as kd

Oracle: TypeAlias = str | Callable[[ModuleType], Callable[..., Any]]
"""A name in a library's module, or a function of the module; see `Family`."""


@dataclasses.dataclass(frozen=True)
class Parameter:
    """What a parameter of a family may be.

    Attributes:
        transform: Raw numbers of shape `(..., *raw_shape)` as valid values of the parameter.
        raw_shape: The shape of the raw numbers of one distribution, from the shape of its event.

    Examples:
        >>> import numpy as np
        >>> import keras_distlayers as kdl
        >>> odd = kdl.testing.Parameter(lambda raw: 2.0 * np.round(raw) + 1.0)
        >>> odd.transform(np.array([0.2, 1.1])).tolist()
        [1.0, 3.0]
    """

    transform: Callable[[np.ndarray], np.ndarray]
    raw_shape: Callable[[tuple[int, ...]], tuple[int, ...]] = lambda event_shape: ()


def _tril(raw: np.ndarray) -> np.ndarray:
    """The lower triangle, with 0.5 at least on the diagonal."""
    index = np.arange(raw.shape[-1])
    matrix = np.tril(raw)
    matrix[..., index, index] = np.abs(matrix[..., index, index]) + 0.5
    return matrix


def _softmax(raw: np.ndarray) -> np.ndarray:
    exponentials = np.exp(raw - raw.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def _vector(event_shape: tuple[int, ...]) -> tuple[int, ...]:
    return event_shape


REAL = Parameter(lambda raw: raw)
POSITIVE = Parameter(lambda raw: np.abs(raw) + 0.5)
PROBABILITY = Parameter(lambda raw: 0.5 + raw / 10.0)
REAL_VECTOR = Parameter(REAL.transform, _vector)
POSITIVE_VECTOR = Parameter(POSITIVE.transform, _vector)
TRIANGLE = Parameter(_tril, lambda event_shape: event_shape * 2)
LABEL_LOGITS = Parameter(REAL.transform, lambda event_shape: (3,))
CUTPOINTS = Parameter(lambda raw: np.cumsum(np.abs(raw) + 0.5, axis=-1) - 3.0, lambda event: (3,))
MIXTURE_LOGITS = Parameter(REAL.transform, lambda event_shape: (2,))
COMPONENT_LOGITS = Parameter(REAL.transform, lambda event_shape: (2, *event_shape))
PROBS_VECTOR = Parameter(_softmax, _vector)
LABEL_PROBS = Parameter(_softmax, lambda event_shape: (3,))
LOW = Parameter(lambda raw: -1.0 - np.abs(raw))
HIGH = Parameter(lambda raw: 1.0 + np.abs(raw))
DEGREES = Parameter(lambda raw: np.abs(raw) + 2.5)
# Gamma draws of a small concentration underflow, and their densities have a pole at 0.
CONCENTRATION = Parameter(lambda raw: np.abs(raw) + 1.5)
# A simplex has two entries at least.
CONCENTRATION_VECTOR = Parameter(CONCENTRATION.transform, lambda event: (max(2, *event),))
FACTOR = Parameter(REAL.transform, lambda event_shape: (*event_shape, 2))
THREE = Parameter(REAL.transform, lambda event_shape: (3,))
THREE_POSITIVE = Parameter(POSITIVE.transform, lambda event_shape: (3,))
THREE_VECTORS = Parameter(REAL.transform, lambda event_shape: (3, *event_shape))
THREE_POSITIVE_VECTORS = Parameter(POSITIVE.transform, lambda event_shape: (3, *event_shape))
LOC_SCALE = {"loc": REAL, "scale": POSITIVE}


@dataclasses.dataclass(frozen=True)
class Family:
    """A row of the table: a family, what its parameters may be, and its oracles.

    Attributes:
        name: What tests of it are called.
        make: The parameters, by name, as a distribution.
        parameters: What each of them may be.
        event_ndims: The rank of an event.
        scipy: The parameters as a frozen distribution of `scipy.stats`.
        tfp: Its name in `tfp.distributions`, where the parameters have the same names; or a
            function of that module that returns a function of the parameters.
        torch: Likewise for `torch.distributions`.

    Examples:
        >>> import numpy as np
        >>> import keras_distlayers as kdl
        >>> from keras_distlayers.testing import families
        >>> row = kdl.testing.Family("Normal", kdl.distributions.Normal, {"loc": families.REAL,
        ...                                            "scale": families.POSITIVE})
        >>> row.example(batch_shape=(3,)).batch_shape
        (3,)
    """

    name: str
    make: Callable[..., kd.Distribution]
    parameters: Mapping[str, Parameter]
    event_ndims: int = 0
    scipy: Callable[..., Any] | None = None
    tfp: Oracle | None = None
    torch: Oracle | None = None

    def arguments(self, raw: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Raw numbers, by parameter, as the arguments of `make`, in float32."""
        return {k: p.transform(raw[k]).astype("float32") for k, p in self.parameters.items()}

    def raw_shapes(
        self, batch_shape: tuple[int, ...], event_shape: tuple[int, ...]
    ) -> dict[str, tuple[int, ...]]:
        """The shape of each parameter's raw numbers."""
        return {
            name: (*batch_shape, *parameter.raw_shape(event_shape))
            for name, parameter in self.parameters.items()
        }

    def example_arguments(
        self,
        batch_shape: tuple[int, ...] = (3,),
        event_shape: tuple[int, ...] | None = None,
        seed: int = 0,
        scale: float = 1.0,
    ) -> dict[str, np.ndarray]:
        """Random arguments of `make`."""
        event_shape = (2,) * self.event_ndims if event_shape is None else event_shape
        rng = np.random.default_rng(seed)
        shapes = self.raw_shapes(batch_shape, event_shape)
        return self.arguments({k: rng.normal(scale=scale, size=s) for k, s in shapes.items()})

    def example(
        self,
        batch_shape: tuple[int, ...] = (3,),
        event_shape: tuple[int, ...] | None = None,
        seed: int = 0,
        scale: float = 1.0,
    ) -> kd.Distribution:
        """A distribution with random parameters, for a test that needs no search."""
        return self.make(**self.example_arguments(batch_shape, event_shape, seed, scale))


def independent(row: Family) -> Family:
    """The row of vectors of independent entries of a scalar family.

    Examples:
        >>> import keras_distlayers as kdl
        >>> kdl.testing.independent(kdl.testing.FAMILIES[0]).example(event_shape=(4,)).event_shape
        (4,)
    """

    def lifted(oracle: Oracle | None) -> Oracle | None:
        if oracle is None:
            return None

        def of(module: ModuleType) -> Callable[..., Any]:
            make = getattr(module, oracle) if isinstance(oracle, str) else oracle(module)
            return lambda **p: module.Independent(make(**p), 1)

        return of

    return Family(
        f"Independent-{row.name}",
        lambda **p: kd.Independent(row.make(**p), 1),
        {k: Parameter(p.transform, _vector) for k, p in row.parameters.items()},
        event_ndims=1,
        tfp=lifted(row.tfp),
        torch=lifted(row.torch),
    )


__all__ = ["Family", "Parameter", "independent"]
