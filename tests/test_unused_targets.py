"""Targets that do not count: masked, or of weight zero. Their values must not matter."""

import keras
import numpy as np
import pytest
from heads import HEAD
from helpers import numpy
from keras import ops

import keras_distlayers as kdl

BAD = [np.nan, np.inf, -7.5]  # the last outside every support but the whole line


def model_of(name):
    """Raw parameters from a layer, so that its weights show a gradient that is not finite."""
    keras.utils.set_random_seed(0)
    head = HEAD[name].make()
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(HEAD[name].num_params), head])
    model.compile(
        keras.optimizers.SGD(0.01),
        kdl.losses.NegativeLogLikelihood(),
        weighted_metrics=[kdl.metrics.NegativeLogLikelihood()],
    )
    return model


@pytest.mark.parametrize("name", HEAD)
def test_targets_of_weight_zero_do_not_matter(name, rng):
    x = rng.normal(size=(5, 3)).astype("float32")
    good = numpy(model_of(name)(x).sample(seed=1)).astype("float32")
    weight = np.float32([1.0, 0.0, 2.0, 0.0, 0.0])
    model, results = model_of(name), []  # one model: a step is compiled once
    initial = model.get_weights()
    for values in (None, BAD):
        y = good.copy()
        if values is not None:
            y[1], y[3], y[4] = values
        model.set_weights(initial)
        model.reset_metrics()
        logs = [model.train_on_batch(x, y, sample_weight=weight) for _ in range(2)]
        results.append((logs, [np.copy(numpy(w)) for w in model.weights]))
    (expected, expected_weights), (logs, weights) = results
    assert all(np.isfinite(w).all() for w in expected_weights)
    assert logs == expected
    for ours, theirs in zip(weights, expected_weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("head", [kdl.layers.IndependentBeta, kdl.layers.IndependentNormal])
def test_masked_steps_do_not_matter(head, rng):
    """Padded sequences through Masking and a recurrent layer."""
    x = rng.normal(size=(3, 4, 2)).astype("float32")
    y = rng.uniform(0.2, 0.8, size=(3, 4, 1)).astype("float32")
    is_step = np.array([[1, 1, 1, 1], [1, 1, 0, 0], [1, 0, 0, 0]], bool)
    x[~is_step] = 0.0
    keras.utils.set_random_seed(0)
    recurrent = keras.layers.SimpleRNN(3, return_sequences=True)
    layers = [keras.layers.Masking(), recurrent, keras.layers.Dense(head(1).num_params)]
    model = keras.Sequential([keras.Input((4, 2)), *layers, head(1)])
    model.compile(keras.optimizers.SGD(0.01), kdl.losses.NegativeLogLikelihood())
    initial = model.get_weights()

    def trained(padding):
        model.set_weights(initial)
        padded = np.where(is_step[..., None], y, np.float32(padding))
        loss = model.fit(x, padded, epochs=2, shuffle=False, verbose=0).history["loss"]
        return loss, [np.copy(numpy(w)) for w in model.weights]

    expected, expected_weights = trained(0.5)
    for bad in BAD:
        loss, weights = trained(bad)
        assert loss == expected
        for ours, theirs in zip(weights, expected_weights, strict=True):
            assert np.isfinite(ours).all()
            np.testing.assert_array_equal(ours, theirs)


def test_labels_of_weight_zero_may_be_minus_one():
    model = model_of("Categorical")
    weight = np.float32([1.0, 0.0])
    x, y = np.ones((2, 3), "float32"), np.array([1, -1])
    assert np.isfinite(model.fit(x, y, sample_weight=weight, verbose=0).history["loss"]).all()
    assert all(np.isfinite(numpy(w)).all() for w in model.weights)


def test_function_of_a_loss_sees_finite_targets():
    seen = []

    def note(y, rv):
        seen.append(numpy(y))
        return -rv.log_prob(y)

    rv = kdl.layers.IndependentGamma(1)(ops.zeros((2, 2)))
    y, weight = np.float32([[1.0], [np.nan]]), np.float32([1.0, 0.0])
    kdl.losses.DistributionLoss(note)(y, rv, sample_weight=weight)
    assert seen[0][0] == 1.0
    assert seen[0][1] > 0.0


def test_weight_zero_leaves_an_infinite_loss_out():
    """A draw that stands for the target rounds to 1, where the density of tanh(x) is 0."""
    base = kdl.distributions.Normal(np.float32([0.0, 20.0]), 1.0)
    distribution = kdl.distributions.TransformedDistribution(base, kdl.bijectors.Tanh())
    rv = kdl.RandomVariable(distribution, np.float32([0.1, 0.2]))
    weight = np.float32([1.0, 0.0])
    loss = kdl.losses.NegativeLogLikelihood(reduction="sum")(np.float32([0.1, 0.2]), rv, weight)
    z = np.arctanh(0.1)
    expected = 0.5 * np.log(2.0 * np.pi) + 0.5 * z**2 + np.log(1.0 - 0.01)
    np.testing.assert_allclose(numpy(loss), expected, rtol=1e-5)
