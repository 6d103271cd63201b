"""Gradients: finite at the extremes, equal to finite differences, through the draw."""

import numpy as np
import pytest
from helpers import BACKEND, gradients, numpy
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from keras import ops

from keras_distlayers import distributions as kd
from keras_distlayers import layers as kl

HEADS = {
    "MultivariateNormalTriL": lambda: kl.MultivariateNormalTriL(3, seed=0),
    "MultivariateNormalDiag": lambda: kl.MultivariateNormalDiag(3, seed=0),
    "IndependentNormal": lambda: kl.IndependentNormal(3, seed=0),
    "IndependentBernoulli": lambda: kl.IndependentBernoulli(3, seed=0),
}
SIZES = {
    "MultivariateNormalTriL": 9,
    "MultivariateNormalDiag": 6,
    "IndependentNormal": 6,
    "IndependentBernoulli": 3,
}
heads = pytest.mark.parametrize("name", HEADS)

extremes = st.one_of(
    st.sampled_from([-1e4, -100.0, -1.0, 0.0, 1.0, 100.0, 1e4]),
    st.floats(-1e4, 1e4, width=32),
)


def prior_for(name):
    if name == "IndependentBernoulli":
        return kd.Independent(kd.Bernoulli(logits=np.zeros(3, "float32")), 1)
    return kd.MultivariateNormalTriL(np.zeros(3), np.eye(3) + np.tril(np.ones((3, 3)), -1))


def quantities(name):
    """What a model may put into its loss, as scalar functions of the raw parameters."""
    head, prior = HEADS[name](), prior_for(name)
    value = np.array([1.0, 0.0, 1.0], "float32")
    yield "log_prob", lambda raw: ops.sum(head.distribution(raw).log_prob(value))
    yield "kl", lambda raw: ops.sum(head.distribution(raw).kl_divergence(prior))
    yield "entropy", lambda raw: ops.sum(head.distribution(raw).entropy())
    if head.distribution(ops.zeros((1, SIZES[name]))).reparameterized:
        yield "draw", lambda raw: ops.sum(ops.square(head.distribution(raw).sample(seed=3)))
        yield "own log_prob", lambda raw: ops.sum(own_log_prob(head.distribution(raw)))


def own_log_prob(law):
    """The Monte Carlo KL's term: the log probability of the law's own draw."""
    return law.log_prob(law.sample(seed=3))


@heads
@given(data=st.data())
def test_values_and_gradients_are_finite_at_the_extremes(name, data):
    raw = data.draw(hnp.arrays("float32", (2, SIZES[name]), elements=extremes))
    for quantity, function in quantities(name):
        assert np.isfinite(numpy(function(ops.convert_to_tensor(raw)))), quantity
        (gradient,) = gradients(function, raw)
        assert np.isfinite(gradient).all(), quantity


@pytest.mark.parametrize("where", ["loc", "scale_tril", "value"])
def test_a_nan_is_not_hidden(where):
    """Diverged training shows itself, where an overflow saturates."""
    arguments = {
        "loc": np.zeros(2, "float32"),
        "scale_tril": np.eye(2, dtype="float32"),
        "value": np.ones(2, "float32"),
    }
    arguments[where][(0,) * arguments[where].ndim] = np.nan
    value = arguments.pop("value")
    assert np.isnan(numpy(kd.MultivariateNormalTriL(**arguments).log_prob(value)))


@heads
def test_zero_logits_and_zero_raw_parameters_have_the_right_gradient(name):
    """Where |x| or relu would have a kink: zero, as a zero-initialized layer gives it."""
    raw = np.zeros((1, SIZES[name]), "float32")
    for quantity, function in quantities(name):
        (gradient,) = gradients(function, raw)
        expected = central_differences(function, raw, step=1e-2)
        np.testing.assert_allclose(gradient, expected, rtol=2e-2, atol=2e-2, err_msg=quantity)


def central_differences(function, raw, step):
    result = np.zeros_like(raw)
    for index in np.ndindex(raw.shape):
        up, down = raw.copy(), raw.copy()
        up[index] += step
        down[index] -= step
        values = [float(numpy(function(ops.convert_to_tensor(x)))) for x in (up, down)]
        result[index] = (values[0] - values[1]) / (2 * step)
    return result


FLOAT64_CHECK = """
import keras
import numpy as np
from helpers import gradients
from test_gradients import HEADS, SIZES, central_differences, quantities
from keras import ops

rng = np.random.default_rng(0)
for name in HEADS:
    for quantity, function in quantities(name):
        raw = rng.normal(size=(2, SIZES[name]))
        assert keras.backend.standardize_dtype(ops.convert_to_tensor(raw).dtype) == "float64"
        (gradient,) = gradients(function, raw)
        expected = central_differences(function, raw, step=1e-5)
        np.testing.assert_allclose(gradient, expected, rtol=1e-6, atol=1e-8, err_msg=f"{name} {quantity}")
"""  # noqa: E501


def test_gradients_equal_finite_differences_in_float64(subprocess_python):
    """In a process of its own, where floatx is float64 (and JAX has x64 on)."""
    subprocess_python(
        "import keras; keras.config.set_floatx('float64')\n" + FLOAT64_CHECK,
        {"JAX_ENABLE_X64": "1"},
    )


def test_the_gradient_through_a_draw_is_the_reparameterization(rng):
    """x = loc + L eps: d(w'x)/d loc = w, d(w'x)/dL = w eps', the same on every backend."""
    loc, w = rng.normal(size=(2, 3)).astype("float32"), rng.normal(size=3).astype("float32")
    tril = np.tril(rng.normal(size=(2, 3, 3))).astype("float32")
    np.einsum("...ii->...i", tril)[:] = 1.0

    def function(loc, tril):
        return ops.sum(
            kd.MultivariateNormalTriL(loc, tril).sample(seed=7) * ops.convert_to_tensor(w)
        )

    draw = numpy(kd.MultivariateNormalTriL(loc, tril).sample(seed=7))
    eps = np.linalg.solve(tril, (draw - loc)[..., None])[..., 0]
    d_loc, d_tril = gradients(function, loc, tril)
    np.testing.assert_allclose(d_loc, np.broadcast_to(w, (2, 3)), rtol=1e-5)
    expected = np.einsum("i,bj->bij", w, eps)
    np.testing.assert_allclose(np.tril(d_tril), np.tril(expected), rtol=1e-4, atol=1e-4)


def test_the_tensor_carries_the_gradient_of_the_draw():
    """Through the wrapper: a NumPy detour would cut it."""
    head = kl.IndependentNormal(2, seed=0)

    def function(raw):
        return ops.sum(ops.convert_to_tensor(head(raw)))

    (gradient,) = gradients(function, np.ones((3, 4), "float32"))
    np.testing.assert_allclose(gradient[:, :2], 1.0)
    assert np.abs(gradient[:, 2:]).min() > 0


def test_a_bernoulli_draw_has_no_gradient():
    def function(logits):
        return ops.sum(kd.Bernoulli(logits=logits).sample(seed=0))

    if BACKEND == "torch":
        import torch

        assert not function(torch.zeros(3, requires_grad=True)).requires_grad
    else:
        np.testing.assert_array_equal(gradients(function, np.zeros(3, "float32"))[0], 0.0)
