"""Each quantile inverts its cdf in the tails, to 1e-30, as SciPy's cdf in float64 knows it.

To 1e-5 of the tail probability in float32 and 1e-10 in float64, and what a rounding of the value
does, or that of what the value is computed from: the distance in scales from the mode of a
truncated normal. For the normal, Student's t and a log-normal to the larger of the two, and the
rounding is the distance to the next float.
"""

import keras
import numpy as np
import pytest
from helpers import BACKEND, gradients, numpy
from keras import ops
from scipy import stats
from test_draws import Truncated, exact

import keras_distlayers as kdl
from keras_distlayers.testing import _oracles
from keras_distlayers.testing._evaluation import double_precision, evaluate

kd = kdl.distributions

BOUNDS = np.array(
    [
        [1.1, 0.005, -1.0, 1.0],
        [0.0, 1.0, 15.0, np.inf],
        [0.0, 1.0, -np.inf, -15.0],
        [0.0, 1.0, -8.0, 8.0],
        [0.0, 1.0, -np.inf, 0.5],
    ],
    "float32",
).T
LOG_NORMALS = np.array([[0.0, 0.3, -5.3, 20.1, 3.0], [1.0, 0.7, 2.3, 0.3, 5.0]], "float32")
SMALL_SCALES = np.array(
    [[0.0, 7.3, -5.0, 0.3, 7.3, 0.3, -5.3], [0.01, 0.01, 0.03, 0.05, 0.07, 0.1, 0.1]], "float32"
)
DEGREES = np.float32([2.0, 2.5, 10.0, 100.0, 1e3, 1e6, 1e8])
LEVELS = np.float32([0.01, 0.5, 0.9])

ROWS = {
    "Normal": (kd.Normal, [[0.0, 1.0], [1.0, 2.0]], stats.norm([0.0, 1.0], [1.0, 2.0])),
    "LogNormal": (
        kd.LogNormal,
        LOG_NORMALS,
        stats.lognorm(exact(LOG_NORMALS[1]), scale=np.exp(exact(LOG_NORMALS[0]))),
    ),
    "LogNormal of a small scale": (
        kd.LogNormal,
        SMALL_SCALES,
        stats.lognorm(exact(SMALL_SCALES[1]), scale=np.exp(exact(SMALL_SCALES[0]))),
    ),
    "Logistic": (kd.Logistic, [[0.0], [2.0]], stats.logistic(0.0, 2.0)),
    "Laplace": (kd.Laplace, [[0.0], [2.0]], stats.laplace(0.0, 2.0)),
    "Gumbel": (kd.Gumbel, [[0.0], [2.0]], stats.gumbel_r(0.0, 2.0)),
    "AsymmetricLaplace": (
        kd.AsymmetricLaplace,
        [np.zeros(3), np.ones(3), LEVELS],
        _oracles.scipy_asymmetric_laplace(0.0, 1.0, exact(LEVELS)),
    ),
    "Exponential": (kd.Exponential, [[2.0]], stats.expon(scale=0.5)),
    "StudentT": (kd.StudentT, [DEGREES, np.zeros(7), np.ones(7)], stats.t(exact(DEGREES))),
    "StudentT of one degree": (kd.StudentT, [[1.0], [0.0], [1.0]], stats.cauchy([0.0])),
    "TruncatedNormal": (kd.TruncatedNormal, BOUNDS, Truncated(*exact(BOUNDS))),
    "CensoredNormal": (kd.CensoredNormal, [[0.0], [1.0], [-50.0], [50.0]], stats.norm([0.0])),
}

TAILS = np.concatenate([np.geomspace(1e-30, 0.4, 40), [0.5]])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ROWS)
def test_quantile_inverts_the_cdf(name, dtype):
    make, parameters, truth = ROWS[name]
    below_float32 = [1e-280, 1e-100, 1e-45] if (name, dtype) == ("StudentT", "float64") else []
    lower = np.concatenate([below_float32, TAILS]).astype(dtype)
    upper = 1.0 - lower[lower > 2.0 * np.finfo(dtype).eps]
    p = np.concatenate([lower, upper])[:, None]
    if dtype == "float64":
        with double_precision():
            values, cdf, survival = results(make, parameters, p)
    else:
        values, cdf, survival = results(make, parameters, p)
    p = p.astype("float64")
    tail = np.minimum(p, 1.0 - p)
    spacing = np.spacing(np.abs(values).astype(dtype)).astype("float64")
    if name == "TruncatedNormal":
        spacing = np.maximum(2.0 * spacing, 8.0 * np.finfo(dtype).eps * exact(BOUNDS[1]))
    with np.errstate(over="ignore"):
        steps = [truth.cdf(values + spacing), truth.cdf(values - spacing)]
        rests = [truth.sf(values - spacing), truth.sf(values + spacing)]
        rounding = np.where(p <= 0.5, steps[0] - steps[1], rests[0] - rests[1])
        exact_tail = np.where(p <= 0.5, truth.cdf(values), truth.sf(values))
    tolerance = (1e-5 if dtype == "float32" else 1e-10) * tail
    is_rounded = name.startswith(("Normal", "StudentT", "LogNormal"))
    tolerance = np.maximum(tolerance, 0.5 * rounding) if is_rounded else tolerance + rounding
    for received in (exact_tail, np.where(p <= 0.5, cdf, survival)):
        wrong = np.abs(received - tail) - tolerance
        assert (wrong <= 0.0).all(), (np.abs(received / tail - 1.0).max(axis=0), wrong.max())


def results(make, parameters, p):
    dtype = keras.config.floatx()
    parameters = [np.asarray(x, dtype) for x in parameters]
    both = evaluate(quantile_and_cdf, [*parameters, p], make=make)
    return [numpy(x).astype("float64") for x in both]


def quantile_and_cdf(inputs, *, make):
    distribution = make(*inputs[:-1])
    value = distribution.quantile(inputs[-1])
    return value, distribution.cdf(value), distribution.survival_function(value)


def test_quantile_of_a_log_normal_at_0_has_no_slope():
    """It is 0 for all parameters; 0 times minus infinity would be NaN."""
    p = np.float32([0.0, 0.5])

    def total(loc, scale):
        return ops.sum(kdl.distributions.LogNormal(loc, scale).quantile(p))

    for slope, expected in zip(gradients(total, 0.5, 1.5), (np.exp(0.5), 0.0), strict=True):
        np.testing.assert_allclose(numpy(slope), expected, rtol=1e-5, atol=1e-6)


def test_gradient_of_a_log_normal_quantile_in_the_tail():
    """By loc, scale and p: that of exp(loc + scale z), as it is without the digits of the tail."""
    p = np.geomspace(1e-30, 0.4, 20).astype("float32")
    z = stats.norm.ppf(exact(p))
    value = np.exp(0.5 + 1.5 * z)

    def logarithms(loc, scale, p):
        return ops.sum(ops.log(kd.LogNormal(loc, scale).quantile(p)))

    by_loc, by_scale, by_p = gradients(logarithms, 0.5, 1.5, p)
    np.testing.assert_allclose(by_loc, len(p), rtol=1e-5)
    np.testing.assert_allclose(by_scale, z.sum(), rtol=1e-5)
    np.testing.assert_allclose(by_p, 1.5 / stats.norm.pdf(z), rtol=1e-4)
    received = numpy(kd.LogNormal(0.5, 1.5).quantile(p))
    np.testing.assert_allclose(received, value, rtol=1e-6)


if BACKEND == "tensorflow":
    import tensorflow as tf

    @pytest.mark.parametrize("name", ["Normal", "LogNormal", "StudentT"])
    def test_quantile_under_xla_is_that_without(name):
        """TensorFlow's own normal quantile is minus infinity there for p below 1e-7."""
        make, parameters, _ = ROWS[name]

        def quantile(p):
            return make(*parameters).quantile(p)

        p = tf.constant(TAILS.astype("float32")[:, None])
        compiled = tf.function(quantile, jit_compile=True)(p)
        np.testing.assert_allclose(compiled, quantile(p), rtol=1e-5, atol=1e-6)
