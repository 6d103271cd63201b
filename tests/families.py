"""The one table of families; every generic test of a distribution runs over it.

A row without an oracle fails `test_families.py`.
"""

import dataclasses
from collections.abc import Callable

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from tensorflow_probability.substrates import numpy as tfp

from keras_distlayers import distributions as kd

tfd = tfp.distributions


@dataclasses.dataclass(frozen=True)
class Family:
    """One row: how to make the law here and in the oracle, from the same numbers.

    Attributes:
        name: The id of its tests.
        raw_size: How many raw numbers one law of event size d takes.
        parameters: Raw numbers, shape `batch + (raw_size,)`, as the constructor's arguments.
        make: Those arguments as a distribution of this package.
        oracle: Those arguments, in float64, as a distribution of TFP's NumPy substrate.
        support: "real", "binary" or "labels".
        event_ndims: The rank of one event.
    """

    name: str
    raw_size: Callable[[int], int]
    parameters: Callable[[np.ndarray, int], dict]
    make: Callable[..., kd.Distribution]
    oracle: Callable[..., object]
    support: str
    event_ndims: int


def softplus(x):
    return np.logaddexp(x, 0.0)


def fill_triangular(raw, d):
    """Row by row, for the test's own parameters; the order does not matter here."""
    matrix = np.zeros((*raw.shape[:-1], d, d))
    matrix[(..., *np.tril_indices(d))] = raw
    return matrix


def tril_parameters(raw, d):
    matrix = fill_triangular(raw[..., d:], d)
    index = np.arange(d)
    matrix[..., index, index] = softplus(matrix[..., index, index]) + 0.1
    return {"loc": raw[..., :d], "scale_tril": matrix}


def normal_parameters(raw, d):
    loc, scale = np.split(raw, 2, axis=-1)
    return {"loc": loc, "scale": softplus(scale) + 1e-2}


def diag_parameters(raw, d):
    loc, scale = np.split(raw, 2, axis=-1)
    return {"loc": loc, "scale_diag": softplus(scale) + 1e-2}


def scalar(parameters):
    return lambda raw, d: {k: v[..., 0] for k, v in parameters(raw, d).items()}


def softmax(raw, d):
    exponentials = np.exp(raw - raw.max(axis=-1, keepdims=True))
    return {"probs": exponentials / exponentials.sum(axis=-1, keepdims=True)}


FAMILIES = [
    Family("Normal", lambda d: 2, scalar(normal_parameters), kd.Normal, tfd.Normal, "real", 0),
    Family(
        "Bernoulli-logits", lambda d: 1, lambda raw, d: {"logits": raw[..., 0]},
        kd.Bernoulli, tfd.Bernoulli, "binary", 0,
    ),
    Family(
        "Bernoulli-probs", lambda d: 1, lambda raw, d: {"probs": 1 / (1 + np.exp(-raw[..., 0]))},
        kd.Bernoulli, tfd.Bernoulli, "binary", 0,
    ),
    Family(
        "Categorical-logits", lambda d: d, lambda raw, d: {"logits": raw},
        kd.Categorical, tfd.Categorical, "labels", 0,
    ),
    Family(
        "Categorical-probs", lambda d: d, softmax,
        kd.Categorical, tfd.Categorical, "labels", 0,
    ),
    Family(
        "MultivariateNormalTriL", lambda d: d + d * (d + 1) // 2, tril_parameters,
        kd.MultivariateNormalTriL, tfd.MultivariateNormalTriL, "real", 1,
    ),
    Family(
        "MultivariateNormalDiag", lambda d: 2 * d, diag_parameters,
        kd.MultivariateNormalDiag, tfd.MultivariateNormalDiag, "real", 1,
    ),
    Family(
        "Independent-Normal", lambda d: 2 * d, normal_parameters,
        lambda **p: kd.Independent(kd.Normal(**p), 1),
        lambda **p: tfd.Independent(tfd.Normal(**p), 1), "real", 1,
    ),
    Family(
        "Independent-Bernoulli", lambda d: d, lambda raw, d: {"logits": raw},
        lambda **p: kd.Independent(kd.Bernoulli(**p), 1),
        lambda **p: tfd.Independent(tfd.Bernoulli(**p), 1), "binary", 1,
    ),
]  # fmt: skip

BY_NAME = {family.name: family for family in FAMILIES}

# A pool, for every new shape is compiled anew on JAX: ranks 0 to 3, with sizes of 1.
batch_shapes = st.sampled_from([(), (1,), (2,), (1, 2), (3, 1), (2, 3), (1, 1, 2), (2, 1, 3)])
event_sizes = st.sampled_from([1, 2, 4])


@dataclasses.dataclass(frozen=True)
class Case:
    """A law of a family, its oracle, and a value in the support; all in float32 numbers."""

    family: Family
    batch_shape: tuple
    event_size: int
    parameters: dict
    value: np.ndarray

    @property
    def law(self):
        return self.family.make(**self.parameters)

    @property
    def oracle(self):
        return self.family.oracle(**{k: v.astype("float64") for k, v in self.parameters.items()})


@st.composite
def cases(
    draw, family, limit=4.0, sample_shape=(), batch_shapes=batch_shapes, event_sizes=event_sizes
):
    """Laws of a family with raw parameters in [-limit, limit] over shapes of all ranks."""
    batch, d = draw(batch_shapes), draw(event_sizes)
    size = family.raw_size(d)
    raw = draw(hnp.arrays("float64", (*batch, size), elements=_floats(limit)))
    parameters = {k: v.astype("float32") for k, v in family.parameters(raw, d).items()}
    shape = (*sample_shape, *batch, *(d,) * family.event_ndims)
    value = draw(_values(family, shape, d, limit))
    return Case(family, batch, d, parameters, value)


def _floats(limit):
    return st.floats(-limit, limit, width=32)


def _values(family, shape, d, limit):
    if family.support == "real":
        return hnp.arrays("float32", shape, elements=_floats(2 * limit))
    if family.support == "binary":
        return hnp.arrays("float32", shape, elements=st.sampled_from([0.0, 1.0]))
    return hnp.arrays("int32", shape, elements=st.integers(0, d - 1))


def example(family, batch_shape=(2,), event_size=3, seed=0, scale=1.0):
    """One law of a family with random parameters, for tests that need no search."""
    raw = np.random.default_rng(seed).normal(
        scale=scale, size=(*batch_shape, family.raw_size(event_size))
    )
    parameters = family.parameters(raw, event_size)
    return family.make(**{k: v.astype("float32") for k, v in parameters.items()})
