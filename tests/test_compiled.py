"""What is compiled whole: a step under XLA on TensorFlow, draws under jit, exported models."""

import keras
import numpy as np
import pytest
from heads import HEADS
from helpers import BACKEND, numpy, standard_normal
from keras import ops
from scipy import stats

import keras_distlayers as kdl
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
                # The mode of counts with extra zeros, a comparison of two densities, is long.
                if found is not None and (fn == "mean" or not row.name.startswith("ZeroInfl")):
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
