"""Every check of `keras_distlayers.testing` over the one table of families."""

import functools
import inspect

import keras
import numpy as np
import pytest
import replay
from helpers import BACKEND, OF_FORMULAS, numpy
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import keras_distlayers as kdl
from keras_distlayers.testing._backend import backend as testing_backend
from keras_distlayers.testing._evaluation import evaluate
from keras_distlayers.testing.measurement.copies import identity

ROWS = {row.name: row for row in kdl.testing.FAMILIES}
families = pytest.mark.parametrize("row", kdl.testing.FAMILIES, ids=lambda row: row.name)


def broadcasting_example(row, batch_shape, event_shape):
    """A batch in the first parameter alone."""
    rng = np.random.default_rng(1)
    raw = {}
    for i, name in enumerate(row.parameters):
        shapes = row.raw_shapes(batch_shape if i == 0 else (), event_shape)
        raw[name] = rng.normal(size=shapes[name])
    return row.make(**row.arguments(raw))


@functools.lru_cache(maxsize=1)
def measurement(name):
    """Every check of a family looks at the same one.

    On JAX each shape is compiled anew, by the second: there its parameters broadcast, which the
    other backends have a test of their own for.
    """
    row = ROWS[name]
    if BACKEND == "jax":
        return kdl.testing.measure(broadcasting_example(row, (3,), (2,) * row.event_ndims))
    return kdl.testing.measure(row.example())


# Moments of scalars are compared with integrals of the density too, and for that reason only on
# Torch. Elsewhere check_pit holds their draws to the cdf, and test_replay.py the moments.
WITHOUT_CDF = ("VonMises",)


def is_of_formulas(row, check):
    has_cdf = row.event_ndims == 0 and row.name not in WITHOUT_CDF
    return check.name in OF_FORMULAS or (check.name == "moments" and has_cdf)


CHECKED = [
    pytest.param(row, check, id=f"{row.name}-{check.name}")
    for row in kdl.testing.FAMILIES
    for check in kdl.testing.DISTRIBUTION_CHECKS
    if BACKEND == "torch" or not is_of_formulas(row, check)
]


@pytest.mark.parametrize(("row", "check"), CHECKED)
def test_family_passes_check(row, check):
    report = check(measurement(row.name))
    if check.name == "pit" and is_of_formulas(row, kdl.testing.check_moments):
        assert report is None, report  # in place of the moments


def test_every_family_is_replayed():
    assert {row.name for row in kdl.testing.FAMILIES} <= {name for name, *_ in replay.cases()}


# ---------------------------------------------------------------- other shapes and values

# What depends on shapes. Gradients and integrals are those of the distributions of a batch.
OF_SHAPES = (
    kdl.testing.check_shapes,
    kdl.testing.check_broadcasting,
    kdl.testing.check_slicing,
    kdl.testing.check_dtypes,
    kdl.testing.check_support,
    kdl.testing.check_mode,
)


def passes(distribution, checks):
    measured = kdl.testing.measure(distribution, num_draws=500)
    for check in checks:
        check(measured)
    for copy in (
        testing_backend.tree_roundtrip(distribution),
        distribution.map_tensors(keras.ops.copy),
    ):
        assert identity(copy) == identity(distribution)


# On JAX by shapes and dtypes, which compile nothing. The numbers of a distribution without a batch
# are those of a batch's parts, which check_slicing compares there with the whole.
WITHOUT_NUMBERS = (kdl.testing.check_shapes, kdl.testing.check_dtypes)


@families
def test_family_passes_checks_of_shapes_without_a_batch(row):
    distribution = row.example(batch_shape=(), event_shape=(1,) * row.event_ndims)
    passes(distribution, WITHOUT_NUMBERS if BACKEND == "jax" else OF_SHAPES)


if BACKEND != "jax":

    @families
    def test_family_passes_checks_of_shapes_where_parameters_broadcast(row):
        """And where the batch has two axes, and the event one entry."""
        passes(broadcasting_example(row, (3, 1), (1,) * row.event_ndims), OF_SHAPES)


if BACKEND == "torch":  # where nothing is compiled anew for a new shape

    @families
    @given(data=st.data())
    def test_family_passes_checks_of_shapes_for_any_values(row, data):
        batch_shapes = kdl.testing.shapes(max_dims=2)
        families = kdl.testing.distributions(families=[row], batch_shape=batch_shapes)
        passes(data.draw(families), (*OF_SHAPES, kdl.testing.check_pytree))


# ---------------------------------------------------------------- what is of single families


def test_independent_cdf_is_the_product():
    distribution = kdl.distributions.Independent(
        kdl.distributions.Normal(np.zeros(3, "float32"), 1.0), 1
    )
    np.testing.assert_allclose(numpy(distribution.cdf(np.zeros(3, "float32"))), 0.125, rtol=1e-6)


def test_reparameterized_is_true_of_the_right_families():
    """Counts and labels have no gradient, nor has what is drawn by a label or by rejection."""
    without = (
        "Bernoulli", "Categorical", "OneHot", "OrderedLogistic", "Poisson", "NegativeBinomial",
        "ZeroInflated", "QuantizedLogistic", "Mixture", "VonMises",
    )  # fmt: skip
    for row in kdl.testing.FAMILIES:
        name = row.name.removeprefix("Independent-")
        assert row.example().reparameterized != name.startswith(without), row.name


@pytest.mark.parametrize("p", [0.0, 1.0])
def test_bernoulli_that_is_certain_has_no_entropy(p):
    distribution = kdl.distributions.Bernoulli(probs=[p])
    assert numpy(distribution.entropy()) == 0.0
    assert numpy(distribution.log_prob([p])) == 0.0
    assert numpy(distribution.log_prob([1.0 - p])) == -np.inf


RATES = np.float32([1e-30, 1e-12, 0.3, 1e12, 1e30])


def test_exponential_keeps_its_digits_for_any_rate():
    rates = RATES.astype("float64")
    exact = stats.expon(scale=1.0 / rates)
    value = np.float32(np.array([1e-6, 0.1, 1.0, 30.0])[:, None] / rates)
    p = np.float32([[1e-6], [0.5], [0.999]])
    received = evaluate(exponential_results, kdl.distributions.Exponential(RATES), value, p)
    expected = {
        "stddev": exact.std(),
        "mean": exact.mean(),
        "entropy": exact.entropy(),
        "cdf": exact.cdf(value),
        "survival_function": exact.sf(value),
        "log_prob": exact.logpdf(value),
        "quantile": exact.ppf(p),
    }
    for name, result in expected.items():
        np.testing.assert_allclose(numpy(received[name]), result, rtol=1e-5, err_msg=name)


def exponential_results(distribution, value, p):
    results = {name: getattr(distribution, name)() for name in ("mean", "stddev", "entropy")}
    for name in ("cdf", "survival_function", "log_prob"):
        results[name] = getattr(distribution, name)(value)
    return {**results, "quantile": distribution.quantile(p)}


@pytest.mark.parametrize("ratio", [1e-25, 0.01, 0.9, 1.0 + 2.0**-10, 3.0, 1e10])
def test_exponential_kl_keeps_its_digits_for_any_ratio(ratio):
    a, b = (kdl.distributions.Exponential(np.float32(rate)) for rate in (1e-5, 1e-5 * ratio))
    u = float(numpy(b.rate)) / float(numpy(a.rate))
    expected = u - 1.0 - np.log(u)
    np.testing.assert_allclose(numpy(a.kl_divergence(b)), expected, rtol=1e-5)


def test_distribution_keeps_float64_and_no_half_precision():
    half = keras.ops.cast([1.0], "float16")
    assert kdl.distributions.Normal(half, 1.0).dtype == "float32"
    if keras.config.backend() != "jax":  # JAX has float64 only where a process asks for it
        double = keras.ops.cast([1.0], "float64")
        assert kdl.distributions.Normal(double, 1.0).dtype == "float64"


def test_sample_shape_may_be_any_integer():
    normal = kdl.distributions.Normal([0.0, 1.0], 1.0)
    for shape in (np.int64(3), [3], np.array([3])):
        assert tuple(normal.sample(shape).shape) == (3, 2)


def test_quantized_logistic_over_one_integer_is_certain():
    one = kdl.distributions.QuantizedLogistic([0.0, 7.0], 1.0, low=5, high=5)
    results = [one.prob(5.0), one.prob(6.0), one.cdf(4.0), one.cdf(5.0), one.mean()]
    expected = [[1, 1], [0, 0], [0, 0], [1, 1], [5, 5]]
    np.testing.assert_array_equal(np.stack([numpy(x) for x in results]), expected)
    np.testing.assert_array_equal(numpy(one.entropy()), 0.0)


def test_log_prob_of_a_draw_does_not_depend_on_another_draw():
    """All draws of a full normal are columns of one solve, where one may saturate or be NaN."""
    normal = kdl.distributions.MultivariateNormalTriL(np.zeros(2), np.eye(2))
    log_prob = numpy(normal.log_prob(np.float32([[0, 0], [np.nan, 0], [1e30, 0], [1, 0]])))
    log_2pi = np.log(2 * np.pi)
    np.testing.assert_allclose(log_prob[[0, 3]], [-log_2pi, -log_2pi - 0.5], rtol=1e-6)
    assert np.isnan(log_prob[1])
    assert log_prob[2] < -1e29


def test_distribution_index_with_too_many_axes_raises():
    with pytest.raises(IndexError, match="an index of 2 axes for a batch of 1"):
        kdl.distributions.Normal([0.0, 1.0], 1.0)[0, 0]


def test_distribution_is_not_iterable():
    with pytest.raises(TypeError):
        iter(kdl.distributions.Normal([0.0, 1.0], 1.0))


def test_families_lists_every_public_family():
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
