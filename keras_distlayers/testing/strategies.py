"""Hypothesis strategies for shapes, distributions, values, heads and their raw parameters.

A strategy is the plural noun of what it yields. What it yields shrinks towards scalars, sizes
of 1 and small numbers, and is printed as the call that makes it.
"""

import functools
import math
from collections.abc import Iterable, Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from keras_distlayers import layers as kl
from keras_distlayers._core.typing import Shape
from keras_distlayers.distributions.distribution import Distribution
from keras_distlayers.layers.head import Head
from keras_distlayers.testing._evaluation import as_float64
from keras_distlayers.testing.families import Family, Parameter
from keras_distlayers.testing.measurement.draws import numbers_outside
from keras_distlayers.testing.table import FAMILIES

Distributions: TypeAlias = st.SearchStrategy[Distribution]
Shapes: TypeAlias = st.SearchStrategy[Shape]
ShapeOrShapes: TypeAlias = Shape | Shapes | None
Where: TypeAlias = Literal["inside", "edge", "outside"]

_LIMIT = 4.0
_EXTREME = 1e4
_FROM_EDGE = 1e-3


def shapes(
    *, min_dims: int = 0, max_dims: int = 3, min_side: int = 1, max_side: int = 3
) -> Shapes:
    """Shapes: tuples of ints, such as `()`, `(1,)` and `(2, 3)`.

    Sides are small by default: every new shape is compiled anew on JAX.

    Examples:
        >>> from hypothesis import find
        >>> import keras_distlayers as kdl
        >>> find(kdl.testing.shapes(), lambda shape: len(shape) == 2)
        (1, 1)
    """
    sides = st.integers(min_side, max_side)
    return st.lists(sides, min_size=min_dims, max_size=max_dims).map(tuple)


def broadcastable_shapes(shape: Shape, *, full: bool = False) -> Shapes:
    """Shapes that broadcast to `shape`: axes dropped from the left, or of size 1.

    Args:
        shape: A tuple of ints.
        full: Whether no axis is dropped.

    Examples:
        >>> from hypothesis import find
        >>> import keras_distlayers as kdl
        >>> find(kdl.testing.broadcastable_shapes((2, 3)), lambda shape: len(shape) == 2)
        (1, 1)
    """
    sides = st.tuples(*(st.sampled_from(sorted({1, n})) for n in shape))
    if full:
        return sides
    return st.builds(lambda start, s: s[len(s) - start :], st.integers(0, len(shape)), sides)


def distributions(
    *,
    families: Iterable[Family | type[Distribution]] = FAMILIES,
    batch_shape: ShapeOrShapes = None,
    event_shape: ShapeOrShapes = None,
) -> Distributions:
    """Distributions of all families, over batches and events of all shapes.

    Args:
        families: Rows of the table, `testing.Family` objects; or classes of theirs.
        batch_shape: A shape, or a strategy for shapes.
        event_shape: A shape, or a strategy for shapes; families whose events have another
            rank are left out.

    Examples:
        >>> from hypothesis import given
        >>> import keras_distlayers as kdl
        >>> normals = [kdl.distributions.Normal]
        >>> @given(kdl.testing.distributions(families=normals, batch_shape=(2,)))
        ... def test(distribution):
        ...     kdl.testing.check_shapes(distribution)
        >>> test()
    """
    batches = _as_strategy(batch_shape, shapes(max_dims=2))
    rows = _rows(families)
    if isinstance(event_shape, tuple):
        rows = [row for row in rows if row.event_ndims == len(event_shape)]
    if not rows:
        raise ValueError(
            f"distributions: no family of {families!r} has events of shape {event_shape}"
        )
    return st.one_of(*(_distributions(row, batches, event_shape) for row in rows))


def _rows(families: Iterable[Family | type[Distribution]]) -> list[Family]:
    rows = []
    for family in families:
        if isinstance(family, Family):
            rows.append(family)
        else:
            rows += [row for row in FAMILIES if row.make is family]
    return rows


def _as_strategy(shape: ShapeOrShapes, default: Shapes) -> Shapes:
    if shape is None:
        return default
    return shape if isinstance(shape, st.SearchStrategy) else st.just(tuple(shape))


def _distributions(row: Family, batches: Shapes, event_shape: ShapeOrShapes) -> Distributions:
    default = shapes(min_dims=row.event_ndims, max_dims=row.event_ndims)
    events = _as_strategy(event_shape, default)
    return st.tuples(batches, events).flatmap(
        lambda both: st.deferred(lambda: _distributions_of_shape(row, *both))
    )


def _distributions_of_shape(row: Family, batch: Shape, event: Shape) -> Distributions:
    return st.builds(row.make, **arguments(row, batch, event))


def arguments(row: Family, batch: Shape, event: Shape) -> dict[str, st.SearchStrategy[Any]]:
    """A strategy for each argument of a family's `make`: nested lists of float32 numbers.

    The first has the whole batch; the others broadcast with it.
    """
    strategies = {}
    for i, (name, parameter) in enumerate(row.parameters.items()):
        batches = st.just(batch) if i == 0 else st.sampled_from(sorted({(), batch}))
        strategies[name] = batches.flatmap(functools.partial(_values_of, parameter, event))
    return strategies


def _values_of(parameter: Parameter, event: Shape, batch: Shape) -> st.SearchStrategy[Any]:
    """Valid values of a parameter for a batch of distributions."""
    raw = _numbers((*batch, *parameter.raw_shape(event)))
    return raw.map(lambda raw: parameter.transform(raw).astype("float32").tolist())


def _numbers(shape: Shape, limit: float = _LIMIT) -> st.SearchStrategy[np.ndarray]:
    return hnp.arrays("float64", shape, elements=st.floats(-limit, limit, width=32))


def values(
    distribution: Distribution,
    *,
    where: Sequence[Where] = ("inside", "edge", "outside"),
    sample_shape: Shape = (),
) -> st.SearchStrategy[np.ndarray]:
    """Values for a distribution's log_prob: inside its support, at its edge and outside.

    Args:
        distribution: A `Distribution`.
        where: Which of the three.
        sample_shape: The leading axes, before the shape of the distribution itself.

    Examples:
        >>> from hypothesis import find
        >>> import keras_distlayers as kdl
        >>> coin = kdl.distributions.Bernoulli(logits=[0.0, 1.0])
        >>> find(kdl.testing.values(coin), lambda value: True).tolist()
        [0.0, 0.0]
    """
    shape = (*sample_shape, *distribution.batch_shape, *distribution.event_shape)
    if distribution.support.is_simplex:
        return hnp.arrays("float64", shape, elements=st.floats(0.01, 1.0)).map(_normalized)
    if distribution.support.is_one_hot and "outside" not in where:
        return _one_hot_vectors(shape, distribution.event_dtype)
    lower, upper = (
        as_float64(bound) for bound in (distribution.support.lower, distribution.support.upper)
    )
    if (lower.ndim or upper.ndim) and np.isfinite(upper - lower).all():
        shares = hnp.arrays("float64", shape, elements=_shares(where))
        return shares.map(lambda s: (lower + (upper - lower) * s).astype(distribution.event_dtype))
    entries = _entries(distribution, where, float(lower.max()), float(upper.min()))
    return hnp.arrays(distribution.event_dtype, shape, elements=entries)


def _normalized(x: np.ndarray) -> np.ndarray:
    return (x / x.sum(axis=-1, keepdims=True)).astype("float32")


def _shares(where: Iterable[Where]) -> st.SearchStrategy[float]:
    """How far between two bounds that belong to the distribution: in (0, 1), at an end, beyond."""
    kinds = {
        "inside": st.floats(0.01, 0.99),
        "edge": st.sampled_from([0.0, 1.0]),
        "outside": st.sampled_from([-1.0, 2.0]),
    }
    return st.one_of(*(kinds[kind] for kind in where))


def _one_hot_vectors(shape: Shape, dtype: str) -> st.SearchStrategy[np.ndarray]:
    """Each entry alone says little of a one-hot vector: the place of the 1 does."""
    places = hnp.arrays("int64", shape[:-1], elements=st.integers(0, shape[-1] - 1))
    return places.map(lambda at: np.eye(shape[-1], dtype=dtype)[at])


def _entries(
    distribution: Distribution, where: Iterable[Where], lower: float, upper: float
) -> st.SearchStrategy[float]:
    kinds = {
        "inside": [_inside(distribution.support.is_discrete, lower, upper)],
        "edge": [st.sampled_from([x for x in (lower, upper) if math.isfinite(x)] or [0.0])],
        "outside": [st.sampled_from(numbers_outside(distribution.support))]
        if numbers_outside(distribution.support)
        else [],
    }
    chosen = [strategy for kind in where for strategy in kinds[kind]]
    whole = distribution.event_dtype.startswith("int")
    return st.one_of(*chosen).map(lambda x: math.floor(x) if whole else x)


def _inside(is_discrete: bool, lower: float, upper: float) -> st.SearchStrategy[float]:
    low, high = max(lower, -_EXTREME), min(upper, _EXTREME)
    if is_discrete:
        return st.integers(int(low), int(high)).map(float)
    # The bounds themselves are the edge.
    low = low + _FROM_EDGE if math.isfinite(lower) else low
    high = high - _FROM_EDGE if math.isfinite(upper) else high
    return st.floats(low, high).map(np.float32).map(float)


def parameters(
    layer: Head,
    *,
    batch_shape: ShapeOrShapes = None,
    limit: float = _EXTREME,
    num_params: int | None = None,
) -> st.SearchStrategy[np.ndarray]:
    """Raw parameters for a head: float32 arrays, its extremes included.

    Args:
        layer: A head with `num_params`.
        batch_shape: A shape, or a strategy for shapes; at least one axis by default.
        limit: The largest magnitude.
        num_params: The length of the last axis, for a head that does not say.

    Examples:
        >>> from hypothesis import find
        >>> import keras_distlayers as kdl
        >>> find(kdl.testing.parameters(kdl.layers.IndependentNormal(2)), lambda raw: True)
        array([[0., 0., 0., 0.]], dtype=float32)
    """
    size = num_params or layer.num_params
    if size is None:
        raise ValueError(
            f"parameters: {type(layer).__name__} does not say how many parameters it takes. "
            "Pass `num_params`."
        )
    edges = [x for x in (0.0, 1.0, -1.0, 100.0, -100.0, limit, -limit) if abs(x) <= limit]
    elements = st.one_of(st.sampled_from(edges), st.floats(-limit, limit, width=32))
    batches = _as_strategy(batch_shape, shapes(min_dims=1, max_dims=2))
    return batches.flatmap(lambda b: hnp.arrays("float32", (*b, size), elements=elements))


_OF_VECTORS = (kl.MultivariateNormalTriL, kl.MultivariateNormalDiag)
_OF_INDEPENDENT_ENTRIES = tuple(
    head
    for head in (getattr(kl, name) for name in kl.__all__)
    if isinstance(head, type) and kl.IndependentHead in head.__mro__[1:]
)
_OF_MIXTURES = (kl.MixtureNormal, kl.MixtureLogistic, kl.IndependentQuantizedLogisticMixture)


def layers(*, heads: Iterable[type[Head]] | None = None) -> st.SearchStrategy[Head]:
    """Heads of the package, over events of all shapes.

    Args:
        heads: Which, by class; by default all but those that contain a function or a network.

    Examples:
        >>> from hypothesis import find
        >>> import keras_distlayers as kdl
        >>> find(kdl.testing.layers(), lambda head: head.num_params == 2).num_params
        2
    """
    sizes, events = st.integers(1, 3), shapes(max_dims=2, max_side=2)
    labels = st.integers(2, 4)  # of one there is nothing to learn
    seed = st.just(0)
    normals = st.builds(kl.MultivariateNormalTriL, event_size=sizes, seed=seed)
    counts = st.builds(kl.IndependentPoisson, event_shape=events, seed=seed)
    made: dict[type[Head], dict[str, st.SearchStrategy[Any]]] = {
        **{head: {"event_size": sizes} for head in _OF_VECTORS},
        **{head: {"event_shape": events} for head in _OF_INDEPENDENT_ENTRIES},
        **{head: {"num_components": labels, "event_shape": events} for head in _OF_MIXTURES},
        kl.MultivariateNormalLowRank: {"event_size": sizes, "rank": st.integers(1, 2)},
        kl.MixtureSameFamily: {"num_components": labels, "component_layer": normals},
        kl.ZeroInflated: {"count_head": counts},
        kl.Dirichlet: {"event_size": labels},
        kl.OneHotCategorical: {"event_size": labels},
        kl.Categorical: {"num_categories": labels},
        kl.OrderedLogistic: {"num_categories": labels},
        kl.CategoricalMixtureOfOneHotCategorical: {"event_size": labels, "num_components": labels},
    }
    chosen = made if heads is None else {head: made[head] for head in heads}
    return st.one_of(
        *(st.builds(head, **arguments, seed=seed) for head, arguments in chosen.items())
    )


__all__ = [
    "broadcastable_shapes",
    "distributions",
    "layers",
    "parameters",
    "shapes",
    "values",
]
