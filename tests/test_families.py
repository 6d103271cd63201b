"""Every check of `keras_distlayers.testing` over the one table of families."""

import keras
import numpy as np
import pytest
from helpers import numpy
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_distlayers import distributions as kd
from keras_distlayers import testing

families = pytest.mark.parametrize("row", testing.FAMILIES, ids=lambda row: row.name)

# Laws of any shape. The other checks draw thousands, or compile: one law a family for those.
SEARCHED = (
    testing.check_shapes,
    testing.check_broadcasting,
    testing.check_slicing,
    testing.check_dtypes,
    testing.check_support,
    testing.check_mode,
    testing.check_pytree,
)


# A pool, for every new shape is compiled anew on JAX; tests/soak.py has no such bounds.
batch_shapes = st.sampled_from([(), (3,), (3, 1)])


def laws(row):
    events = testing.shapes(min_dims=row.event_ndims, max_dims=row.event_ndims, max_side=2)
    return testing.distributions(families=[row], batch_shape=batch_shapes, event_shape=events)


@families
@pytest.mark.parametrize("check", testing.DISTRIBUTION_CHECKS, ids=lambda check: check.law)
def test_a_law_holds(row, check):
    check(row.example())


@families
def test_laws_hold_for_every_shape(row):
    @settings(max_examples=settings().max_examples // 2)
    @given(law=laws(row))
    def search(law):
        for check in SEARCHED:
            check(law)

    search()


def test_the_joint_cdf_is_the_product():
    law = kd.Independent(kd.Normal(np.zeros(3, "float32"), 1.0), 1)
    np.testing.assert_allclose(numpy(law.cdf(np.zeros(3, "float32"))), 0.125, rtol=1e-6)


def test_reparameterized_is_said_of_the_right_families():
    """Counts and labels have no gradient, nor has what is drawn by a label or by rejection."""
    without = (
        "Bernoulli", "Categorical", "OneHot", "OrderedLogistic", "Poisson", "NegativeBinomial",
        "ZeroInflated", "QuantizedLogistic", "MixtureSameFamily", "VonMises",
    )  # fmt: skip
    for row in testing.FAMILIES:
        name = row.name.removeprefix("Independent-")
        assert row.example().reparameterized != name.startswith(without), row.name


@pytest.mark.parametrize("p", [0.0, 1.0])
def test_a_certain_coin_has_no_entropy(p):
    law = kd.Bernoulli(probs=[p])
    assert numpy(law.entropy()) == 0.0
    assert numpy(law.log_prob([p])) == 0.0
    assert numpy(law.log_prob([1.0 - p])) == -np.inf


def test_float64_is_kept_and_half_precision_is_not():
    half = keras.ops.cast([1.0], "float16")
    assert kd.Normal(half, 1.0).dtype == "float32"
    if keras.config.backend() != "jax":  # JAX has float64 only where a process asks for it
        double = keras.ops.cast([1.0], "float64")
        assert kd.Normal(double, 1.0).dtype == "float64"


def test_an_index_with_too_many_axes_says_so():
    with pytest.raises(IndexError, match="an index of 2 axes for a batch of 1"):
        kd.Normal([0.0, 1.0], 1.0)[0, 0]


def test_a_law_is_no_sequence():
    with pytest.raises(TypeError):
        iter(kd.Normal([0.0, 1.0], 1.0))


def test_every_public_family_has_a_row():
    made = set()
    for row in testing.FAMILIES:
        law = row.example()
        made |= {type(law)} | {type(getattr(law, name)) for name in law.component_names}
    public = {getattr(kd, name) for name in kd.__all__}
    concrete = {c for c in public if isinstance(c, type) and issubclass(c, kd.Distribution)}
    assert concrete - {kd.Distribution} <= made
