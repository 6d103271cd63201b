"""Every check of `keras_distlayers.testing` over the one table of families."""

import inspect

import keras
import numpy as np
import pytest
from helpers import numpy
from hypothesis import given, settings
from hypothesis import strategies as st

import keras_distlayers as kdl

families = pytest.mark.parametrize("row", kdl.testing.FAMILIES, ids=lambda row: row.name)

# Distributions of any shape. The other checks draw thousands, or compile: one distribution a family for those.
SEARCHED = (
    kdl.testing.check_shapes,
    kdl.testing.check_broadcasting,
    kdl.testing.check_slicing,
    kdl.testing.check_dtypes,
    kdl.testing.check_support,
    kdl.testing.check_mode,
    kdl.testing.check_pytree,
)


# A pool, for every new shape is compiled anew on JAX; tests/soak.py has no such bounds.
batch_shapes = st.sampled_from([(), (3,), (3, 1)])


def distributions(row):
    events = kdl.testing.shapes(min_dims=row.event_ndims, max_dims=row.event_ndims, max_side=2)
    return kdl.testing.distributions(families=[row], batch_shape=batch_shapes, event_shape=events)


@families
@pytest.mark.parametrize("check", kdl.testing.DISTRIBUTION_CHECKS, ids=lambda check: check.name)
def test_a_distribution_holds(row, check):
    check(row.example())


@families
def test_distributions_hold_for_every_shape(row):
    @settings(max_examples=settings().max_examples // 2)
    @given(distribution=distributions(row))
    def search(distribution):
        for check in SEARCHED:
            check(distribution)

    search()


def test_the_joint_cdf_is_the_product():
    distribution = kdl.distributions.Independent(
        kdl.distributions.Normal(np.zeros(3, "float32"), 1.0), 1
    )
    np.testing.assert_allclose(numpy(distribution.cdf(np.zeros(3, "float32"))), 0.125, rtol=1e-6)


def test_reparameterized_is_said_of_the_right_families():
    """Counts and labels have no gradient, nor has what is drawn by a label or by rejection."""
    without = (
        "Bernoulli", "Categorical", "OneHot", "OrderedLogistic", "Poisson", "NegativeBinomial",
        "ZeroInflated", "QuantizedLogistic", "MixtureSameFamily", "VonMises",
    )  # fmt: skip
    for row in kdl.testing.FAMILIES:
        name = row.name.removeprefix("Independent-")
        assert row.example().reparameterized != name.startswith(without), row.name


@pytest.mark.parametrize("p", [0.0, 1.0])
def test_a_certain_coin_has_no_entropy(p):
    distribution = kdl.distributions.Bernoulli(probs=[p])
    assert numpy(distribution.entropy()) == 0.0
    assert numpy(distribution.log_prob([p])) == 0.0
    assert numpy(distribution.log_prob([1.0 - p])) == -np.inf


def test_float64_is_kept_and_half_precision_is_not():
    half = keras.ops.cast([1.0], "float16")
    assert kdl.distributions.Normal(half, 1.0).dtype == "float32"
    if keras.config.backend() != "jax":  # JAX has float64 only where a process asks for it
        double = keras.ops.cast([1.0], "float64")
        assert kdl.distributions.Normal(double, 1.0).dtype == "float64"


def test_an_index_with_too_many_axes_says_so():
    with pytest.raises(IndexError, match="an index of 2 axes for a batch of 1"):
        kdl.distributions.Normal([0.0, 1.0], 1.0)[0, 0]


def test_a_distribution_is_no_sequence():
    with pytest.raises(TypeError):
        iter(kdl.distributions.Normal([0.0, 1.0], 1.0))


def test_every_public_family_has_a_row():
    made = set()
    for row in kdl.testing.FAMILIES:
        distribution = row.example()
        made |= {type(distribution)} | {
            type(getattr(distribution, name)) for name in distribution.component_names
        }
    public = {getattr(kdl.distributions, name) for name in kdl.distributions.__all__}
    concrete = {
        c for c in public if isinstance(c, type) and issubclass(c, kdl.distributions.Distribution)
    }
    assert {c for c in concrete if not inspect.isabstract(c)} <= made
