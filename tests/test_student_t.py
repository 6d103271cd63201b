"""The quantile of Student's t, which has no closed form, and its cdf."""

import numpy as np
import pytest
from helpers import numpy
from keras import ops
from scipy import stats

import keras_distlayers as kdl
from keras_distlayers.testing._evaluation import evaluate, gradient

DEGREES = np.array([0.5, 1.0, 2.5, 10.0, 100.0, 1e4, 1e8], "float32")


def slope_by_df(function, df, step=1e-4):
    return (function(df * (1 + step)) - function(df * (1 - step))) / (2 * step * df)


def method(distribution, value, *, name):
    """A function of the module, so that it is compiled once for each method and shape."""
    return getattr(distribution, name)(value)


def total(at, *, name):
    df, value = at
    return ops.sum(method(kdl.distributions.StudentT(df, 0.0, 1.0), value, name=name))


def test_student_t_quantile_has_five_digits_in_float32():
    tail = np.geomspace(1e-6, 0.4999, 100, dtype="float32")[:, None]
    distribution = kdl.distributions.StudentT(DEGREES, 0.0, 1.0)
    truth = stats.t.ppf(tail.astype("float64"), DEGREES)
    received = numpy(evaluate(method, distribution, tail, name="quantile"))
    np.testing.assert_allclose(received, truth, rtol=1e-5)
    upper = np.float32(1.0) - tail
    truth = stats.t.isf(1.0 - upper.astype("float64"), DEGREES)
    received = numpy(evaluate(method, distribution, upper, name="quantile"))
    np.testing.assert_allclose(received, truth, rtol=1e-5)


def test_student_t_quantile_of_0_and_1_is_infinite():
    distribution, p = kdl.distributions.StudentT(3.0, 1.0, 2.0), np.float32([0.0, 0.5, 1.0])
    quantiles = numpy(evaluate(method, distribution, p, name="quantile"))
    np.testing.assert_array_equal(quantiles, [-np.inf, 1.0, np.inf])


@pytest.mark.parametrize("p", [1e-4, 0.1, 0.3, 0.5, 0.9])
def test_student_t_quantile_has_the_implicit_gradient(p):
    degrees, p = DEGREES[:5], np.full(5, p, "float32")
    by_df, by_p = gradient(
        total,
        [ops.convert_to_tensor(degrees), ops.convert_to_tensor(p)],
        name="quantile",
    )
    df, p = degrees.astype("float64"), p.astype("float64")
    slope = slope_by_df(lambda df: stats.t.ppf(p, df), df)
    np.testing.assert_allclose(numpy(by_df), slope, rtol=1e-3, atol=1e-6)
    density = stats.t.pdf(stats.t.ppf(p, df), df)
    np.testing.assert_allclose(numpy(by_p), 1.0 / density, rtol=1e-4)


def test_student_t_cdf_has_five_digits_in_float32_for_all_degrees():
    z = np.concatenate([-np.geomspace(1e-6, 30.0, 60), [0.0], np.geomspace(1e-6, 30.0, 60)])
    z = z.astype("float32")[:, None]
    distribution, truth = (
        kdl.distributions.StudentT(DEGREES, 0.0, 1.0),
        stats.t(DEGREES.astype("float64")),
    )
    exact = z.astype("float64")
    for received, expected in (
        (evaluate(method, distribution, z, name="cdf"), truth.cdf(exact)),
        (evaluate(method, distribution, z, name="survival_function"), truth.sf(exact)),
    ):
        # A rounding of z moves the tail of a normal by z^2 roundings.
        bound = 1e-5 + np.finfo("float32").eps * np.square(exact) * (expected < 0.25)
        scale = np.maximum(expected, 1e-30)
        assert (np.abs(numpy(received) - expected) <= bound * scale).all()


def test_student_t_cdf_at_the_ends():
    distribution = kdl.distributions.StudentT([0.5, 3.0, 1e8], 0.0, 1.0)
    z = np.float32([[-np.inf] * 3, [0.0] * 3, [np.inf] * 3])
    below, middle, above = numpy(evaluate(method, distribution, z, name="cdf"))
    np.testing.assert_array_equal([below, above], [[0] * 3, [1] * 3])
    np.testing.assert_allclose(middle, 0.5, rtol=1e-6)


@pytest.mark.parametrize("z", [-5.0, -0.3, 0.0, 0.7, 3.0])
def test_student_t_cdf_has_gradients_by_degrees_and_value(z):
    degrees, z = DEGREES[:5], np.full(5, z, "float32")
    by_df, by_z = gradient(
        total,
        [ops.convert_to_tensor(degrees), ops.convert_to_tensor(z)],
        name="cdf",
    )
    df, z = degrees.astype("float64"), z.astype("float64")
    slope = slope_by_df(lambda df: stats.t.cdf(z, df), df)
    np.testing.assert_allclose(numpy(by_df), slope, rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(numpy(by_z), stats.t.pdf(z, df), rtol=1e-4)
