"""Sums over all integers of a quantized logistic, which are taken a few at a time."""

import math

import numpy as np
import pytest
from helpers import BACKEND, gradients, numpy
from keras import ops
from scipy import stats

import keras_distlayers as kdl
from keras_distlayers.distributions import quantized_logistic
from keras_distlayers.testing._backend import backend

LOC = np.array([-300.0, -0.2, 3.0, 127.5, 200.4, 254.9, 1000.0])
SCALE = np.array([50.0, 3.0, 0.08, 8.0, 1e3, 0.5, 30.0])


def exact(loc, scale):
    """The mean, the variance and the entropy, in float64: all integers at once."""
    k = np.arange(256.0)
    z = (k[:-1] + 0.5 - loc[:, None]) / scale[:, None]
    below, above = stats.logistic.cdf(z), stats.logistic.sf(z)
    # The smaller of the two tails has the digits.
    inner = np.where(z[:, 1:] < 0, below[:, 1:] - below[:, :-1], above[:, :-1] - above[:, 1:])
    masses = np.concatenate([below[:, :1], inner, above[:, -1:]], axis=1)
    centre = np.clip(np.round(loc), 0, 255)[:, None]
    distance = (masses * (k - centre)).sum(-1)
    variance = (masses * np.square(k - centre)).sum(-1) - np.square(distance)
    logs = np.log(np.where(masses > 0, masses, 1.0))
    return centre[:, 0] + distance, variance, -(masses * logs).sum(-1)


def statistics(loc, scale):
    distribution = kdl.distributions.QuantizedLogistic(loc, scale)
    return [distribution.mean(), distribution.variance(), distribution.entropy()]


def total(loc, scale):
    return ops.sum(sum(statistics(loc, scale)))


@pytest.fixture
def in_pieces(monkeypatch):
    """Seven distributions: nine integers at a time, or four if their number is not known."""
    monkeypatch.setattr(quantized_logistic, "_LARGEST_PIECE", 64)
    monkeypatch.setattr(quantized_logistic, "_PIECES", 64)


@pytest.mark.usefixtures("in_pieces")
def test_sums_in_pieces_and_their_gradients():
    arguments = [np.float32(x) for x in (LOC, SCALE)]
    expected = exact(*map(np.float64, arguments))
    if BACKEND == "tensorflow":
        received = tensorflow_results(*arguments)
    else:
        received = [*statistics(*arguments), *gradients(total, *arguments)]
    for result, expectation in zip(received[:3], expected, strict=True):
        np.testing.assert_allclose(numpy(result), expectation, rtol=2e-5, atol=1e-30)
    # Central differences of the exact function.
    for i, slopes in enumerate(received[3:]):
        step = 1e-5 * np.eye(2)[i]
        after, before = (sum(exact(LOC + s * step[0], SCALE * (1 + s * step[1]))) for s in (1, -1))
        change = (after - before) / (2e-5 * (SCALE if i else 1.0))
        np.testing.assert_allclose(numpy(slopes), change, rtol=1e-3, atol=1e-4)


if BACKEND == "tensorflow":
    import tensorflow as tf

    def tensorflow_results(*arguments):
        """Under XLA; and the same in a graph that does not know the number of rows."""

        def function(loc, scale):
            with tf.GradientTape() as tape:
                tape.watch([loc, scale])
                results = statistics(loc, scale)
                result = tf.reduce_sum(sum(results))
            return [*results, *tape.gradient(result, [loc, scale])]

        unknown = [tf.TensorSpec([None], tf.float32)] * 2
        in_graph = tf.function(function, input_signature=unknown)(*arguments)
        compiled = tf.function(function, jit_compile=True)(*map(tf.constant, arguments))
        for a, b in zip(in_graph, compiled, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)
        return compiled


@pytest.mark.usefixtures("in_pieces")
def test_sums_are_taken_a_few_integers_at_a_time(monkeypatch):
    sizes = []
    standardize = kdl.distributions.QuantizedLogistic._standardize

    def spy(self, value):
        result = standardize(self, value)
        sizes.append(math.prod(result.shape))
        return result

    monkeypatch.setattr(kdl.distributions.QuantizedLogistic, "_standardize", spy)
    backend.eval_shape(statistics, *(np.float32(x) for x in (LOC, SCALE)))
    assert max(sizes) == 63


if BACKEND == "jax":
    import jax

    @pytest.mark.parametrize("name", ["mean", "variance"])
    def test_memory_of_the_sums(name):
        """Of 8 images of 32 x 32 x 3 mixtures of 10; all integers at once are 240 MiB."""
        head = kdl.layers.IndependentQuantizedLogisticMixture(10, (32, 32, 3))
        raw = jax.ShapeDtypeStruct((8, head.num_params), "float32")
        program = jax.jit(lambda raw: getattr(head.distribution(raw), name)()).lower(raw)
        assert program.compile().memory_analysis().temp_size_in_bytes < 50 * 2**20
