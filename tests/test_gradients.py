"""Gradients: finite at the extremes, at zero, through the draw. The rest is in `testing`."""

import functools

import numpy as np
import pytest
from helpers import BACKEND, gradients, numpy
from hypothesis import given
from hypothesis import strategies as st
from keras import ops

import keras_distlayers as kdl
from keras_distlayers.testing._evaluation import (
    double_precision,
    draw,
    evaluate,
    gradient,
    log_prob,
)

HEADS = {
    "MultivariateNormalTriL": lambda: kdl.layers.MultivariateNormalTriL(3, seed=0),
    "MultivariateNormalDiag": lambda: kdl.layers.MultivariateNormalDiag(3, seed=0),
    "IndependentNormal": lambda: kdl.layers.IndependentNormal(3, seed=0),
    "IndependentBernoulli": lambda: kdl.layers.IndependentBernoulli(3, seed=0),
}
heads = pytest.mark.parametrize("make_layer", HEADS.values(), ids=HEADS)


@functools.cache
def shared(make_layer):
    """One head for all examples of a search: what it was compiled to holds for each of them."""
    return make_layer()


@heads
@given(data=st.data())
def test_head_values_and_gradients_are_finite_at_the_extremes(make_layer, data):
    head = shared(make_layer)
    raw = data.draw(kdl.testing.parameters(head, batch_shape=(2,)))
    kdl.testing.check_extremes(lambda: head, raw=raw)


@heads
def test_head_raw_parameters_of_zero_have_the_right_gradient(make_layer):
    """Where |x| or relu would have a kink; a zero-initialized layer starts there."""
    raw = np.zeros((1, make_layer().num_params), "float32")
    kdl.testing.check_raw_gradients(make_layer, raw=raw)


@pytest.mark.parametrize("where", ["loc", "scale_tril", "value"])
def test_log_prob_shows_a_nan(where):
    """Diverged training shows itself, where an overflow saturates."""
    arguments = {
        "loc": np.zeros(2, "float32"),
        "scale_tril": np.eye(2, dtype="float32"),
        "value": np.ones(2, "float32"),
    }
    arguments[where][(0,) * arguments[where].ndim] = np.nan
    value = arguments.pop("value")
    distribution = kdl.distributions.MultivariateNormalTriL(**arguments)
    assert np.isnan(numpy(evaluate(log_prob, distribution, value)))


def test_gradient_through_a_draw_is_the_reparameterization(rng):
    """x = loc + L eps: d(w'x)/d loc = w, d(w'x)/dL = w eps', the same on every backend."""
    loc, w = rng.normal(size=(2, 3)).astype("float32"), rng.normal(size=3).astype("float32")
    tril = np.tril(rng.normal(size=(2, 3, 3))).astype("float32")
    np.einsum("...ii->...i", tril)[:] = 1.0

    def function(loc, tril):
        return ops.sum(
            kdl.distributions.MultivariateNormalTriL(loc, tril).sample(seed=7)
            * ops.convert_to_tensor(w)
        )

    x = numpy(evaluate(draw, kdl.distributions.MultivariateNormalTriL(loc, tril), seed=7))
    eps = np.linalg.solve(tril, (x - loc)[..., None])[..., 0]
    d_loc, d_tril = gradients(function, loc, tril)
    np.testing.assert_allclose(d_loc, np.broadcast_to(w, (2, 3)), rtol=1e-5)
    expected = np.einsum("i,bj->bij", w, eps)
    np.testing.assert_allclose(np.tril(d_tril), np.tril(expected), rtol=1e-4, atol=1e-4)


def test_gradient_through_a_random_variable_as_a_tensor():
    """Through the wrapper: a NumPy detour would cut it."""
    head = kdl.layers.IndependentNormal(2, seed=0)

    def function(raw):
        return ops.sum(ops.convert_to_tensor(head(raw)))

    (slopes,) = gradients(function, np.ones((3, 4), "float32"))
    np.testing.assert_allclose(slopes[:, :2], 1.0)
    assert np.abs(slopes[:, 2:]).min() > 0


def test_gradient_through_a_bernoulli_draw_is_zero():
    def function(logits):
        return ops.sum(kdl.distributions.Bernoulli(logits=logits).sample(seed=0))

    if BACKEND == "torch":
        import torch

        assert not function(torch.zeros(3, requires_grad=True)).requires_grad
    else:
        np.testing.assert_array_equal(gradients(function, np.zeros(3, "float32"))[0], 0.0)


def total(arguments, at, *, make, name):
    """A function of the module: rows that differ in their numbers alone share what is compiled."""
    return ops.sum(getattr(make(*arguments), name)(at))


def tensors(arguments):
    return [ops.convert_to_tensor(argument) for argument in arguments]


@pytest.mark.parametrize(
    ("make", "arguments", "name", "at"),
    [
        (kdl.distributions.Beta, (2.0, 2.0), "log_prob", 0.3),
        (kdl.distributions.Beta, (2.0, 6.0), "cdf", 0.2),
        (kdl.distributions.Beta, (3.0, 1.0), "cdf", 0.75),
        (kdl.distributions.Gamma, (9.0, 1.0), "log_prob", 7.0),
        (kdl.distributions.Gamma, (8.0, 1.0), "cdf", 8.0),
        (lambda rate: kdl.distributions.Poisson(rate=rate), (8.0,), "log_prob", 8.0),
        (lambda rate: kdl.distributions.Poisson(rate=rate), (3.0,), "cdf", 2.0),
        (kdl.distributions.NegativeBinomial, (4.0, 0.0), "cdf", 3.0),
        (kdl.distributions.AsymmetricLaplace, (0.0, 1.0, 0.5), "cdf", 0.5),
        (kdl.distributions.StudentT, (16.0, 0.0, 1.0), "log_prob", 0.5),
    ],
    ids=lambda x: getattr(x, "__name__", str(x)).strip("<>"),
)
def test_gradient_is_kept_where_two_formulas_meet(make, arguments, name, at):
    """At a clipped number the derivative of the branch that is taken must not be 0."""
    options, at = {"make": make, "name": name}, np.float64(at)
    with double_precision():
        received = gradient(total, tensors(np.float64(arguments)), at, **options)
        for i, slope in enumerate(map(numpy, received)):
            step = 1e-4 * np.eye(len(arguments))[i]
            up, down = (
                float(evaluate(total, tensors(np.float64(arguments) + s), at, **options))
                for s in (step, -step)
            )
            np.testing.assert_allclose(slope, (up - down) / 2e-4, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(
    ("distribution", "value"),
    [
        (kdl.distributions.Beta, 1.5),
        (kdl.distributions.Beta, -0.5),
        (kdl.distributions.Gamma, -0.5),
        (lambda a, b: kdl.distributions.Dirichlet(ops.stack([a, b])), [1.5, -0.5]),
        (kdl.distributions.NegativeBinomial, -1.0),
    ],
    ids=["Beta above", "Beta below", "Gamma", "Dirichlet", "NegativeBinomial"],
)
def test_gradient_outside_the_support_is_zero(distribution, value):
    arguments = tensors(np.float32([2.0, 3.0]))
    received = gradient(total, arguments, np.float32(value), make=distribution, name="log_prob")
    np.testing.assert_array_equal([numpy(slope) for slope in received], 0.0)
