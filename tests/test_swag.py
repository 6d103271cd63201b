"""SWAG: the normal distribution over weights, against NumPy, and the ensemble drawn from it."""

import keras
import numpy as np
import pytest
from helpers import numpy

import keras_distlayers as kdl

INPUTS = 3


def model_of(*layers):
    head = kdl.layers.IndependentNormal(1)
    return keras.Sequential([keras.Input((INPUTS,)), *layers, keras.layers.Dense(2), head])


def walked(swag, weights):
    """The callback after epochs that ended with these weights, rows of all of them in a row."""
    model = model_of()
    swag.set_model(model)
    swag.on_train_begin()
    for epoch, row in enumerate(weights):
        kernel, bias = model.trainable_variables
        kernel.assign(row[: kernel.shape[0] * 2].reshape(kernel.shape))
        bias.assign(row[-2:])
        swag.on_epoch_end(epoch)
    return model


def flat(weights):
    return np.concatenate([w.ravel() for w in weights])


def test_draws_have_the_mean_and_covariance_of_the_paper(rng):
    """The mean far from 0 too: the mean of squares less the square would have no digits left."""
    walk = (1e3 + rng.normal(size=(9, 8)) @ rng.normal(size=(8, 8))).astype("float32")
    swag = kdl.callbacks.SWAG(start_epoch=2, max_rank=4)
    walked(swag, walk)
    taken = walk[2:].astype("float64")
    means = np.cumsum(taken, axis=0) / np.arange(1, 8)[:, None]
    deviations = (taken - means)[-4:]
    expected = 0.5 * np.diag(taken.var(axis=0)) + 0.5 * deviations.T @ deviations / 3.0
    assert swag.count == 7
    np.testing.assert_allclose(flat(swag.sample_weights(scale=0.0)), means[-1], rtol=1e-12)
    seeds = np.random.default_rng(0)
    draws = np.stack([flat(swag.sample_weights(seeds)) for _ in range(4000)]) - means[-1]
    sizes = np.sqrt(np.diag(expected))
    np.testing.assert_array_less(np.abs(draws.mean(axis=0)) / sizes, 5.0 / np.sqrt(4000))
    scaled = draws.T @ draws / 4000 / np.outer(sizes, sizes)
    correlation = expected / np.outer(sizes, sizes)
    error = np.sqrt((1.0 + correlation**2) / 4000)
    np.testing.assert_array_less(np.abs(scaled - correlation) / error, 5.0)


def test_ensemble_of_draws_is_saved_and_leaves_the_model_alone(rng, tmp_path):
    x = rng.normal(size=(32, INPUTS)).astype("float32")
    model, swag = model_of(), kdl.callbacks.SWAG(start_epoch=1)
    model.compile(keras.optimizers.SGD(0.05), kdl.losses.NegativeLogLikelihood())
    model.fit(x, x[:, :1], epochs=4, batch_size=8, callbacks=[swag], verbose=0)
    before = model.get_weights()
    ensemble = swag.ensemble(num_members=3, seed=5)
    assert swag.count == 3
    for ours, theirs in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    kernels = [numpy(member.trainable_variables[0]) for member in ensemble.members]
    assert len({kernel.tobytes() for kernel in kernels}) == 3
    again = swag.ensemble(num_members=3, seed=5)
    np.testing.assert_array_equal(kernels[2], numpy(again.members[2].trainable_variables[0]))
    ensemble.save(tmp_path / "swag.keras")
    loaded = keras.saving.load_model(tmp_path / "swag.keras")
    y = np.zeros((32, 1), "float32")
    np.testing.assert_allclose(
        numpy(loaded(x).log_prob(y)), numpy(ensemble(x).log_prob(y)), rtol=1e-6, atol=1e-6
    )


def test_too_few_epochs_bad_arguments_and_batch_normalization_are_refused(rng):
    with pytest.raises(ValueError, match="at least 0"):
        kdl.callbacks.SWAG(start_epoch=-1)
    with pytest.raises(ValueError, match="at least 2"):
        kdl.callbacks.SWAG(start_epoch=1, max_rank=1)
    swag = kdl.callbacks.SWAG(start_epoch=2)
    walked(swag, rng.normal(size=(3, 8)))
    with pytest.raises(ValueError, match="more epochs"):
        swag.sample_weights()
    swag.set_model(model_of(keras.layers.BatchNormalization()))
    with pytest.raises(NotImplementedError, match="layer normalization"):
        swag.ensemble()
