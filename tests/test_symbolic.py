"""Heads while a Functional model is built: statistics as outputs, reload, clones."""

import keras
import numpy as np
import pytest
from helpers import binary, numpy, standard_normal
from keras import ops

import keras_distlayers as kdl
from keras_distlayers.random_variable import RandomVariable
from keras_distlayers.symbolic import SymbolicRandomVariable


def head_model():
    x, t = keras.Input((5,), name="x"), keras.Input((3,), name="t")
    params = keras.layers.Dense(kdl.layers.MultivariateNormalTriL.params_size(3))(x)
    return x, t, kdl.layers.MultivariateNormalTriL(3, seed=0)(params)


def statistics_model():
    x, t, z = head_model()
    outputs = {
        "z": z,
        "mean": z.mean(),
        "mode": z.mode(),
        "stddev": z.stddev(),
        "variance": z.variance(),
        "covariance": z.covariance(),
        "entropy": z.entropy(),
        "nll": -z.log_prob(t),
        "prob": z.prob(t),
        "kl": z.kl_divergence(standard_normal(3)),
        "cross_entropy": z.cross_entropy(standard_normal(3)),
        # Keras joins batches on the first axis, so the samples come after it.
        "draws": ops.moveaxis(z.sample(4), 0, 1),
    }
    return keras.Model([x, t], outputs)


@pytest.fixture
def inputs(rng):
    return [rng.normal(size=(6, n)).astype("float32") for n in (5, 3)]


def check(model, inputs):
    result = model(inputs)
    rv = result["z"]
    assert isinstance(rv, RandomVariable)
    for name in ("mean", "mode", "stddev", "variance", "covariance", "entropy"):
        np.testing.assert_allclose(numpy(result[name]), numpy(getattr(rv, name)()), rtol=1e-5)
    np.testing.assert_allclose(numpy(result["nll"]), -numpy(rv.log_prob(inputs[1])), rtol=1e-5)
    prior = standard_normal(3)
    np.testing.assert_allclose(numpy(result["kl"]), numpy(rv.kl_divergence(prior)), rtol=1e-5)
    assert tuple(result["draws"].shape) == (6, 4, 3)


def test_symbolic_output_has_the_shape_of_the_draw():
    _, _, z = head_model()
    assert isinstance(z, SymbolicRandomVariable)
    assert isinstance(z, keras.KerasTensor)
    assert z.shape == (None, 3)
    assert z.dtype == "float32"


def test_building_a_model_traces_no_draw(monkeypatch):
    """Its shape and dtype are known, and some draws take long to trace."""

    def fail(self, sample_shape, seed):
        raise AssertionError("a draw was traced")

    monkeypatch.setattr(kdl.distributions.Normal, "_sample", fail)
    symbolic = kdl.layers.IndependentNormal((2, 3))(keras.Input((5, 12)))
    assert (symbolic.shape, symbolic.dtype) == ((None, 5, 2, 3), "float32")
    with pytest.raises(AssertionError, match="a draw was traced"):
        kdl.layers.IndependentNormal(2)(np.ones((1, 4), "float32"))


def test_symbolic_shapes_are_those_of_the_results(inputs):
    model = statistics_model()
    for name, value in model(inputs).items():
        spec = model.output[name]
        assert len(spec.shape) == len(value.shape), name
        assert all(a in (None, b) for a, b in zip(spec.shape, value.shape, strict=True)), name


def test_symbolic_statistics_are_outputs_of_a_model(inputs):
    check(statistics_model(), inputs)


def test_symbolic_statistics_are_saved_and_loaded(inputs, tmp_path):
    model = statistics_model()
    model.save(tmp_path / "model.keras")
    reloaded = keras.models.load_model(tmp_path / "model.keras")
    check(reloaded, inputs)
    np.testing.assert_allclose(
        numpy(model(inputs)["mean"]), numpy(reloaded(inputs)["mean"]), rtol=1e-6
    )


def test_symbolic_statistics_are_cloned(inputs):
    check(keras.models.clone_model(statistics_model()), inputs)


def test_symbolic_statistics_come_from_predict(inputs):
    result = statistics_model().predict(inputs, batch_size=4, verbose=0)
    assert result["stddev"].shape == (6, 3)
    assert result["draws"].shape == (6, 4, 3)
    assert (result["stddev"] > 0).all()


def test_symbolic_cdf_and_quantile_of_a_scalar():
    x = keras.Input((2,))
    z = kdl.layers.DistributionLambda(
        lambda p: kdl.distributions.Normal(p[..., 0], ops.exp(p[..., 1]))
    )(x)
    p = ops.convert_to_tensor(0.975)
    model = keras.Model(x, [z.quantile(p), z.cdf(0.0), z.survival_function(0.0)])
    upper, below, above = (numpy(v) for v in model(np.zeros((4, 2), "float32")))
    np.testing.assert_allclose(upper, 1.959964, rtol=1e-5)
    np.testing.assert_allclose(below + above, 1.0)


def test_symbolic_statistic_feeds_further_layers():
    x = keras.Input((4,))
    z = kdl.layers.IndependentNormal(2)(x)
    y = keras.layers.Dense(1)(keras.layers.Concatenate()([z, z.mean(), z.stddev()]))
    assert tuple(keras.Model(x, y)(np.zeros((3, 4), "float32")).shape) == (3, 1)


def test_symbolic_statistic_can_be_trained(rng):
    """The mean of a head with a mean squared error, beside its own likelihood."""
    x = keras.Input((4,))
    z = kdl.layers.IndependentNormal(2)(keras.layers.Dense(4)(x))
    model = keras.Model(x, z.mean())
    model.compile("adam", "mse")
    data = rng.normal(size=(32, 4)).astype("float32")
    losses = model.fit(data, data[:, :2], epochs=20, verbose=0).history["loss"]
    assert losses[-1] < losses[0]


def test_symbolic_statistics_in_a_nested_model(inputs):
    inner = statistics_model()
    x, t = keras.Input((5,)), keras.Input((3,))
    outer = keras.Model([x, t], inner([x, t])["stddev"])
    assert tuple(outer(inputs).shape) == (6, 3)


def test_symbolic_statistics_in_a_models_summary(capsys):
    statistics_model().summary(line_length=160)
    printed = capsys.readouterr().out
    assert "MultivariateNormalTriL" in printed
    assert "DistributionMethod" in printed


def test_symbolic_call_does_not_sample():
    """The generator's state is as it was: shapes alone were asked for."""
    head = kdl.layers.IndependentBernoulli(3, seed=0)
    before = numpy(head.seed_generator.state)
    z = head(keras.Input((3,)))
    z.sample(5)
    np.testing.assert_array_equal(numpy(head.seed_generator.state), before)


def test_head_compute_output_shape():
    assert kdl.layers.IndependentBernoulli((28, 28, 1)).compute_output_shape((None, 784)) == (
        None, 28, 28, 1,
    )  # fmt: skip
    assert kdl.layers.MultivariateNormalTriL(3).compute_output_shape((2, 4, 9)) == (2, 4, 3)


def test_symbolic_statistic_of_a_plain_tensor_says_what_it_expects():
    _, _, z = head_model()
    mean = z.mean()
    operation = mean._keras_history.operation
    with pytest.raises(TypeError, match=r"expected the RandomVariable.*Received"):
        operation.call(ops.ones((2, 3)))


def test_symbolic_attribute_that_is_missing_names_the_methods():
    _, _, z = head_model()
    with pytest.raises(AttributeError, match=r"no attribute 'loc'.*methods.*mean, mode, stddev"):
        z.loc  # noqa: B018 - asking is the test


def test_heads_in_a_dict_of_outputs(rng):
    x = keras.Input((4,))
    outputs = {
        "real": kdl.layers.IndependentNormal(2)(keras.layers.Dense(4)(x)),
        "bits": kdl.layers.IndependentBernoulli(3)(keras.layers.Dense(3)(x)),
    }

    model = keras.Model(x, outputs)
    model.compile(
        "adam",
        loss={name: kdl.losses.NegativeLogLikelihood() for name in outputs},
        metrics={name: [kdl.metrics.NegativeLogLikelihood()] for name in outputs},
    )
    data = rng.normal(size=(16, 4)).astype("float32")
    targets = {"real": data[:, :2], "bits": binary((16, 3))}
    history = model.fit(data, targets, epochs=2, verbose=0).history
    assert {"real_loss", "bits_loss", "real_nll", "bits_nll"} <= set(history)
    assert model.predict(data, verbose=0)["bits"].shape == (16, 3)
