"""What is compiled whole: a step under XLA on TensorFlow, draws under jit, exported models."""

import functools

import keras
import numpy as np
import pytest
from example_bijectors import autoregressive_network
from heads import HEADS
from helpers import BACKEND, numpy, standard_normal
from keras import ops
from scipy import stats

import keras_distlayers as kdl
from keras_distlayers.bijectors.dense_network import DenseNetwork, DenseStep
from keras_distlayers.testing._backend import backend
from keras_distlayers.testing._evaluation import evaluate, statistic


def model_of(head, size):
    return keras.Sequential([keras.Input((3,)), keras.layers.Dense(size), head])


RATES = np.float32([0.0, 0.7, 9.9, 10.0, 40.0, 1e7])
CONCENTRATIONS = np.float32([1.0, 1.4, 5.0, 1e3, 1e7])


def draws_of_counts_and_gammas(rate, concentration, *, shape):
    counts = kdl.distributions.Poisson(rate).sample(shape, seed=1)
    return counts, kdl.distributions.Gamma(concentration, 1.0).sample(shape, seed=2)


def test_poisson_and_gamma_draws_follow_their_cdf():
    """False alarms: 14 in 10^6 seeds, and the seeds are fixed."""
    arguments = RATES, CONCENTRATIONS
    counts, gammas = map(numpy, evaluate(draws_of_counts_and_gammas, *arguments, shape=(20_000,)))
    assert (counts[:, 0] == 0).all()
    for i, rate in enumerate(RATES[1:].astype("float64"), start=1):
        below, mass = (
            stats.poisson.cdf(counts[:, i] - 1, rate),
            stats.poisson.pmf(counts[:, i], rate),
        )
        spread = below + mass * np.random.default_rng(i).random(len(counts))
        assert stats.kstest(spread, "uniform").pvalue > 1e-6, rate
    for i, concentration in enumerate(CONCENTRATIONS.astype("float64")):
        p = stats.gamma.cdf(gammas[:, i].astype("float64"), concentration)
        assert stats.kstest(p, "uniform").pvalue > 1e-6, concentration


def test_draws_broadcast_their_parameters():
    total_count, logits = np.ones((4, 1), "float32"), np.zeros(3, "float32")
    counts = kdl.distributions.NegativeBinomial(total_count, logits=logits)
    draw = backend.eval_shape(lambda counts: counts.sample(2, seed=0), counts)
    assert tuple(draw.shape) == (2, 4, 3)


# ---------------------------------------------------------------- autoregressive flows


@pytest.mark.parametrize("size", [1, 9])
def test_autoregressive_flow_and_its_gradient_are_those_of_the_plain_recursion(size):
    network = autoregressive_network(size, degrees=range(1, size + 1))
    x = np.random.default_rng(1).normal(size=(4, size)).astype("float32")
    arrays = [ops.convert_to_tensor(a) for a in (x, *(step.kernel for step in network.steps))]
    expected, slopes = flow_and_gradient(*arrays, network=network, forward=recursion)
    flow = functools.partial(flow_and_gradient, network=network, forward=forward_and_log_det)
    received, received_slopes = compiled_flow(flow, arrays)(*arrays)
    np.testing.assert_allclose(numpy(received), numpy(expected), rtol=1e-5)
    for slope, truth in zip(received_slopes, map(numpy, slopes), strict=True):
        np.testing.assert_allclose(numpy(slope), truth, rtol=1e-4, atol=1e-5 * abs(truth).max())


def flow_and_gradient(x, *kernels, network, forward):
    """A number that depends on the draw and its log-determinant, by x and by the kernels."""

    def total(tensors):
        x, *kernels = tensors
        steps = [
            DenseStep(kernel, step.bias, step.activation)
            for kernel, step in zip(kernels, network.steps, strict=True)
        ]
        function = DenseNetwork(steps, 2)
        y, log_det = forward(kdl.bijectors.MaskedAutoregressive(function, 1.0), x)
        return ops.sum(y * y) + ops.sum(log_det * y[..., 0])

    return backend.value_and_gradient(total, [x, *kernels])


def forward_and_log_det(bijector, x):
    return bijector.forward_and_log_det(x)


def recursion(bijector, x):
    y = ops.zeros_like(x)
    for _ in range(x.shape[-1]):
        raw = bijector.function(y)
        log_scale = ops.tanh(raw[..., 1])
        y = x * ops.exp(log_scale) + raw[..., 0]
    return y, ops.sum(log_scale, axis=-1)


def compiled_flow(flow, arrays):
    """Under XLA for any number of rows; on Torch, which cannot compile flows, as it is."""
    if BACKEND == "tensorflow":
        x, *kernels = (tf.TensorSpec.from_tensor(a) for a in arrays)
        signature = [tf.TensorSpec((None, *x.shape[1:]), x.dtype), *kernels]
        return tf.function(flow, jit_compile=True, input_signature=signature)
    return backend.jit(flow) if BACKEND == "jax" else flow


def test_autoregressive_flow_is_traced_once_whatever_its_size(monkeypatch):
    """JAX and TensorFlow make their graphs of what they trace; Torch works out shapes."""
    calls, call = [], DenseNetwork.__call__
    monkeypatch.setattr(
        DenseNetwork, "__call__", lambda self, x: (calls.append(x), call(self, x))[1]
    )

    def passes(size):
        calls.clear()
        made = kdl.layers.AutoregressiveNetwork(params=2, hidden_units=[4])
        inputs = keras.Input((2 * size,))
        kdl.layers.AutoregressiveTransform(made)(kdl.layers.MultivariateNormalDiag(size)(inputs))
        return len(calls)

    assert 0 < passes(30) <= passes(3)


if BACKEND == "tensorflow":
    import tensorflow as tf

    def test_xla_compiles_draws_by_rejection_and_their_gradient():
        """TensorFlow's own kernels for gamma and Poisson draws exist on CPUs alone."""

        @tf.function(jit_compile=True)
        def draws(rate, concentration):
            with tf.GradientTape() as tape:
                tape.watch(concentration)
                _, gammas = draws_of_counts_and_gammas(rate, concentration, shape=())
            return gammas, tape.gradient(gammas, concentration)

        gammas, slopes = draws(ops.convert_to_tensor(RATES), ops.convert_to_tensor([2.0, 50.0]))
        step = 1e-3 * np.array([2.0, 50.0])
        p = stats.gamma.cdf(numpy(gammas), [2.0, 50.0])
        there = stats.gamma.ppf(p, np.array([2.0, 50.0]) + step)
        np.testing.assert_allclose(numpy(slopes), (there - numpy(gammas)) / step, rtol=1e-2)

    def test_model_that_was_compiled_with_xla_trains_after_loading(tmp_path):
        """A file that JAX wrote says so."""
        model = model_of(kdl.layers.IndependentStudentT(1), 3)
        model.compile("sgd", kdl.losses.NegativeLogLikelihood(), jit_compile=True)
        model.save(tmp_path / "model.keras")
        loaded = keras.models.load_model(tmp_path / "model.keras")
        assert loaded.jit_compile
        history = loaded.fit(np.ones((4, 3)), np.ones((4, 1)), verbose=0)
        assert np.isfinite(history.history["loss"]).all()

    def test_head_made_inside_a_distribution_lambda_is_refused():
        layer = kdl.layers.DistributionLambda(lambda t: kdl.layers.IndependentNormal(1)(t))
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2), layer])
        model.compile("sgd", kdl.losses.NegativeLogLikelihood())
        with pytest.raises(ValueError, match="Make heads and other layers outside the function"):
            model.fit(np.ones((2, 2)), np.ones((2, 1)), verbose=0)


if BACKEND == "torch":
    import torch

    def test_flow_that_was_compiled_with_jit_trains_after_loading(tmp_path):
        """A file that JAX wrote says so, and torch.compile has an internal error for a flow."""
        head = kdl.layers.ConditionalFlow(2, num_couplings=1, hidden_units=(3,))
        model = model_of(head, 3)
        with pytest.warns(UserWarning, match="doesn't support `jit_compile=True`"):
            model.compile("sgd", kdl.losses.NegativeLogLikelihood(), jit_compile=True)
        model.save(tmp_path / "model.keras")
        with pytest.warns(UserWarning, match="doesn't support `jit_compile=True`"):
            loaded = keras.models.load_model(tmp_path / "model.keras")
        history = loaded.fit(np.ones((4, 3)), np.ones((4, 2)), verbose=0)
        assert np.isfinite(history.history["loss"]).all()

    def exported(model, x):
        return torch.export.export(model, (x,)).module()(x)

    def require_equal_when_exported(model):
        x = torch.tensor(np.random.default_rng(0).normal(size=(5, 3)).astype("float32"))
        for ours, theirs in zip(
            *map(keras.tree.flatten, (model(x), exported(model, x))), strict=True
        ):
            np.testing.assert_allclose(numpy(theirs), numpy(ours), rtol=1e-6, atol=1e-6)

    def test_exported_model_gives_the_same_tensors():
        """Of all heads in one model, for each export has its own cost."""
        inputs, outputs = keras.Input((3,)), []
        for row in HEADS:
            zeros = torch.zeros(1, row.num_params)
            for fn in ("mean", "mode"):
                found = statistic(row.make().distribution(zeros), fn)
                if found is not None:
                    head = row.make(convert_to_tensor_fn=fn)
                    outputs.append(head(keras.layers.Dense(row.num_params)(inputs)))
        assert len(outputs) > 50
        require_equal_when_exported(keras.Model(inputs, outputs))

    def test_exported_model_keeps_statistics_and_leaves_out_the_kl():
        regularizer = kdl.regularizers.KLDivergenceRegularizer(standard_normal(2))
        head = kdl.layers.IndependentNormal(
            2, convert_to_tensor_fn="mean", activity_regularizer=regularizer
        )
        inputs = keras.Input((3,))
        rv = head(keras.layers.Dense(4)(inputs))
        outputs = [rv, rv.stddev(), rv.log_prob(rv.mode()), keras.layers.Dense(1)(rv)]
        require_equal_when_exported(keras.Model(inputs, outputs))

    def test_export_of_a_head_that_draws_says_what_to_set():
        model = model_of(kdl.layers.IndependentNormal(2), 4)
        with pytest.raises(NotImplementedError, match="Set the layer's `convert_to_tensor_fn`"):
            exported(model, torch.ones(2, 3))
        model.layers[-1].convert_to_tensor_fn = "mean"
        assert tuple(exported(model, torch.ones(2, 3)).shape) == (2, 2)
