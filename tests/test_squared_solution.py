"""The derivatives of |L^-1 c|^2, by rules of our own or not: of any order, and never NaN."""

import keras
import numpy as np
import pytest
from helpers import BACKEND, gradients, numpy
from keras import ops

import keras_distlayers as kdl
from keras_distlayers._core.linalg import solve_lower, squared_solution

LOG_2PI = np.log(2 * np.pi)
# Of the entries of L and of c: the square is in bounds, and its gradient is not.
TINY = 1e-12


def total_log_prob(inputs, value):
    return ops.sum(kdl.distributions.MultivariateNormalTriL(*inputs).log_prob(value))


def exact(value, loc, tril):
    """log_prob of each value, and the gradient of their sum, in float64."""
    w = np.linalg.solve(tril, (value - loc)[..., None])
    u = np.linalg.solve(np.swapaxes(tril, -1, -2), w)
    diagonal = np.einsum("...ii->...i", tril)
    size = loc.shape[-1]
    log_prob = -0.5 * (np.square(w).sum((-2, -1)) + size * LOG_2PI) - np.log(diagonal).sum(-1)
    of_tril = np.tril(u @ np.swapaxes(w, -1, -2)).sum(0)
    of_tril -= len(value) * np.eye(size) / diagonal[..., None]
    return log_prob, [u[..., 0].sum(0), of_tril]


@pytest.fixture
def numbers(rng):
    """Two values for each of three normals: value, loc, tril, and directions of the last two."""
    value, loc, of_loc = rng.normal(size=(2, 3, 4)), *rng.normal(size=(2, 3, 4))
    tril, of_tril = np.tril(rng.normal(size=(2, 3, 4, 4)))
    np.einsum("...ii->...i", tril)[:] = rng.uniform(0.5, 2.0, size=(3, 4))
    return [np.float32(x) for x in (value, loc, tril, of_loc, of_tril)]


def test_log_prob_and_its_gradient_are_those_of_plain_solves(numbers):
    value, loc, tril, *_ = numbers
    log_prob, expected = exact(*np.float64(value)[None], *map(np.float64, (loc, tril)))
    normal = kdl.distributions.MultivariateNormalTriL(loc, tril)
    np.testing.assert_allclose(numpy(normal.log_prob(value)), log_prob, rtol=2e-5)
    received = gradients(lambda *inputs: total_log_prob(inputs, value), loc, tril)
    for slopes, exact_slopes in zip(received, expected, strict=True):
        np.testing.assert_allclose(slopes, exact_slopes, rtol=1e-4, atol=1e-4)


def test_derivatives_of_second_and_third_order(numbers):
    """Along a line: the change, and the curvature, of the exact gradient."""
    value, *inputs = (np.float64(x) for x in numbers)
    at, directions = inputs[:2], inputs[2:]
    step = 1e-3
    after, here, before = (
        exact(value, *(x + s * d for x, d in zip(at, directions, strict=True)))[1]
        for s in (step, 0.0, -step)
    )
    second = [(a - b) / (2 * step) for a, b in zip(after, before, strict=True)]
    third = [(a - 2 * h + b) / step**2 for a, h, b in zip(after, here, before, strict=True)]
    values = ops.convert_to_tensor(numbers[0])
    received = derivatives_along_a_line(
        lambda inputs: total_log_prob(inputs, values), numbers[1:3], numbers[3:]
    )
    for order, expected in zip(received[1:], (second, third), strict=True):
        for slopes, exact_slopes in zip(order, expected, strict=True):
            scale = np.abs(exact_slopes).max()
            np.testing.assert_allclose(slopes, exact_slopes, atol=1e-4 * scale)


def derivatives_along_a_line(function, at, directions):
    """The gradients of a function and of its first two derivatives along a line; compiled."""
    directions = [ops.convert_to_tensor(x) for x in directions]

    def orders(at):
        first = along(function, directions)
        return [slope(f, at) for f in (function, first, along(first, directions))]

    at = [ops.convert_to_tensor(x) for x in at]
    if BACKEND == "torch":
        at = [x.detach().requires_grad_() for x in at]
    return [[numpy(x) for x in order] for order in compiled(orders)(at)]


def along(function, directions):
    def derivative(inputs):
        slopes = slope(function, inputs)
        return sum(ops.sum(s * d) for s, d in zip(slopes, directions, strict=True))

    return derivative


if BACKEND == "jax":
    import jax

    compiled = jax.jit

    def slope(function, inputs):
        return jax.grad(function)(inputs)

    def test_forward_mode_and_vmap(numbers):
        value, *at = (ops.convert_to_tensor(x) for x in numbers[:3])

        @jax.jit
        def hessians(at):
            def mapped(loc, tril):
                normal = kdl.distributions.MultivariateNormalTriL
                each = jax.vmap(lambda loc, tril, v: normal(loc, tril).log_prob(v))
                return each(loc, tril, value[0]).sum()

            def batched(loc, tril):
                return total_log_prob([loc, tril], value[0])

            forward = jax.jacfwd(jax.grad(mapped, (0, 1)), (0, 1))
            return forward(*at), jax.jacrev(jax.jacrev(batched, (0, 1)), (0, 1))(*at)

        by_forward, by_reverse = map(keras.tree.flatten, hessians(at))
        for a, b in zip(by_forward, by_reverse, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)

elif BACKEND == "tensorflow":
    import tensorflow as tf

    def compiled(function):
        return tf.function(function, jit_compile=True)

    def slope(function, inputs):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            result = function(inputs)
        return tape.gradient(result, inputs)

    def test_forward_mode_and_vectorized_map(numbers):
        value, loc, tril, of_loc, of_tril = map(ops.convert_to_tensor, numbers)

        def log_prob(inputs):
            return kdl.distributions.MultivariateNormalTriL(*inputs[:2]).log_prob(inputs[2])

        with tf.autodiff.ForwardAccumulator([loc, tril], [of_loc, of_tril]) as accumulator:
            batched = log_prob([loc, tril, value[0]])
        mapped = tf.vectorized_map(log_prob, [loc, tril, value[0]])
        np.testing.assert_allclose(mapped, batched, rtol=1e-5)
        slopes = exact(*map(np.float64, (numbers[0][:1], *numbers[1:3])))[1]
        expected = sum((s * d).sum() for s, d in zip(slopes, numbers[3:], strict=True))
        np.testing.assert_allclose(tf.reduce_sum(accumulator.jvp(batched)), expected, rtol=1e-4)

else:
    import torch

    def compiled(function):
        return function

    def slope(function, inputs):
        return torch.autograd.grad(function(inputs), inputs, create_graph=True)

    def test_torch_func_and_compile(numbers):
        value, loc, tril = map(ops.convert_to_tensor, numbers[:3])

        def log_prob(loc, tril, value):
            return kdl.distributions.MultivariateNormalTriL(loc, tril).log_prob(value)

        arguments = loc, tril, value[0]
        batched = torch.func.hessian(lambda *x: log_prob(*x).sum(), argnums=1)(*arguments)
        mapped = torch.vmap(torch.func.hessian(log_prob, argnums=1))(*arguments)
        diagonal = torch.stack([batched[i, ..., i, :, :] for i in range(len(loc))])
        torch.testing.assert_close(mapped, diagonal, rtol=1e-4, atol=1e-4)
        whole = torch.compile(log_prob, backend="eager", fullgraph=True)
        torch.testing.assert_close(whole(*arguments), log_prob(*arguments))


def triangles():
    """One that is well posed, one whose solve overflows, one whose gradient does."""
    overflowing = np.tril(np.full((8, 8), 1e4), -1) + 1e-5 * np.eye(8)
    return np.float32([np.tril(np.ones((8, 8))), overflowing, TINY * np.eye(8)])


def total_square(inputs):
    return ops.sum(squared_solution(*inputs))


def total_solution(inputs):
    return ops.sum(ops.square(solve_lower(*inputs)))


@pytest.mark.parametrize("function", [total_square, total_solution])
def test_derivatives_out_of_bounds_are_zero(function):
    """And those beside are untouched."""
    tril, columns = triangles(), np.ones((3, 8, 1), "float32")
    first, second, third = derivatives_along_a_line(function, [tril, columns], [tril, columns])
    for slopes in (*first, *second, *third):
        np.testing.assert_array_equal(slopes[1:], 0.0)
    # The line is one on which L and c grow alike. The square stays the same there, and its
    # gradient goes as the inverse of the distance.
    for a, b, c in zip(first, second, third, strict=True):
        assert np.abs(a[0]).max() > 0.5
        np.testing.assert_allclose(b[0], -a[0], atol=1e-4)
        np.testing.assert_allclose(c[0], 2 * a[0], atol=1e-4)


def test_square_out_of_bounds_saturates():
    """Where only its gradient is out of bounds, it is right."""
    squares = squared_solution(
        *map(ops.convert_to_tensor, (triangles(), np.float32([[[1.0]] * 8] * 3)))
    )
    np.testing.assert_allclose(numpy(squares)[:, 0], [1.0, 8e30, 8 * TINY**-2], rtol=1e-5)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("where", ["tril", "columns"])
def test_what_is_not_finite_shows(bad, where):
    """And it stays in its column, or in its triangle."""
    arguments = {"tril": np.stack([np.eye(3)] * 2), "columns": np.ones((2, 3, 2))}
    arguments[where][0, 2, 0] = bad
    tensors = [ops.convert_to_tensor(np.float32(x)) for x in arguments.values()]
    square, x = numpy(squared_solution(*tensors)), numpy(solve_lower(*tensors))
    assert np.isnan(square[0, 0])
    assert np.isnan(x[0, :, 0]).all()
    assert np.isnan(square[0, 1]) == (where == "tril")
    np.testing.assert_allclose(square[1], 3.0)
