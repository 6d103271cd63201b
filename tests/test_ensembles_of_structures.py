"""Ensembles of models whose inputs and outputs are dicts and lists."""

import keras
import numpy as np
import pytest
from helpers import numpy

import keras_distlayers as kdl
from keras_distlayers import distributions as kd

ROWS = 24


def make_model(structure):
    """A model of two inputs and two outputs, one a distribution of two numbers, one of labels."""
    left, right = keras.Input((2,), name="left"), keras.Input((1,), name="right")
    hidden = keras.layers.Dense(4, "tanh")(keras.layers.Concatenate()([left, right]))
    number = kdl.layers.IndependentNormal(2, name="number")(keras.layers.Dense(4)(hidden))
    label = kdl.layers.Categorical(3, name="label")(keras.layers.Dense(3)(hidden))
    if structure is dict:
        inputs, outputs = {"left": left, "right": right}, {"number": number, "label": label}
    else:
        inputs, outputs = [left, right], [number, label]
    return keras.Model(inputs, outputs)


def data(structure):
    rng = np.random.default_rng(0)
    left, right = rng.normal(size=(ROWS, 2)), rng.normal(size=(ROWS, 1))
    y = left.astype("float32"), rng.integers(0, 3, ROWS).astype("int32")
    x = left.astype("float32"), right.astype("float32")
    if structure is list:
        return list(x), list(y)
    return {"left": x[0], "right": x[1]}, {"number": y[0], "label": y[1]}


@pytest.fixture(scope="module", params=[dict, list], ids=["dict", "list"])
def trained(request):
    structure = request.param
    ensemble = kdl.ensembles.DeepEnsemble(lambda: make_model(structure), 2, seed=1)
    losses = {name: kdl.losses.NegativeLogLikelihood() for name in ("number", "label")}
    losses = losses if structure is dict else list(losses.values())
    ensemble.compile("adam", losses)
    x, y = data(structure)
    histories = ensemble.fit(x, y, epochs=1, batch_size=12, verbose=0)
    return ensemble, histories, x, y


def likelihoods(outputs, y):
    """By the order of the targets: the mean negative log likelihood of each."""
    pairs = (
        ((outputs[k], y[k]) for k in y) if isinstance(y, dict) else zip(outputs, y, strict=True)
    )
    return [-numpy(rv.log_prob(target)).mean() for rv, target in pairs]


def mixtures_by_hand(ensemble, x, y):
    members = [member(x) for member in ensemble.members]
    keys = list(y) if isinstance(y, dict) else range(len(y))
    return [
        -np.log(np.mean([numpy(m[k].prob(y[k])) for m in members], axis=0)).mean() for k in keys
    ]


def test_ensemble_of_structures_trains_and_evaluates(trained):
    ensemble, histories, x, y = trained
    assert all(np.isfinite(history.history["loss"]).all() for history in histories)
    expected = mixtures_by_hand(ensemble, x, y)
    np.testing.assert_allclose(likelihoods(ensemble(x), y), expected, rtol=1e-4)
    # Equal batches: on TensorFlow Keras weighs those of the loss of one output all alike.
    results = ensemble.evaluate(x, y, batch_size=12, verbose=0, return_dict=True)
    np.testing.assert_allclose(results["loss"], sum(expected), rtol=1e-4)
    of_outputs = [results[f"{name}_loss"] for name in ("number", "label")]
    np.testing.assert_allclose(of_outputs, expected, rtol=1e-4)


def test_ensemble_of_structures_predicts_in_the_structure_of_a_member(trained):
    ensemble, _, x, y = trained
    draws = ensemble.predict(x, batch_size=10, verbose=0)
    assert keras.tree.map_structure(lambda a: a.shape, draws) == keras.tree.map_structure(
        lambda a: a.shape, y
    )
    found = kdl.predict_distribution(ensemble, x, batch_size=10, verbose=0)
    assert all(isinstance(d, kd.MixtureSameFamily) for d in keras.tree.flatten(found))
    np.testing.assert_allclose(likelihoods(found, y), mixtures_by_hand(ensemble, x, y), rtol=1e-4)
    keys = list(x) if isinstance(x, dict) else ("left", "right")
    tensors = [
        keras.Input(t.shape[1:], name=k) for k, t in zip(keys, keras.tree.flatten(x), strict=True)
    ]
    inside = keras.tree.pack_sequence_as(x, tensors)
    model = keras.Model(inside, ensemble(inside))
    np.testing.assert_allclose(likelihoods(model(x), y), likelihoods(ensemble(x), y), rtol=1e-5)


def test_ensemble_of_structures_is_saved(trained, tmp_path):
    ensemble, _, x, y = trained
    ensemble.save(tmp_path / "ensemble.keras")
    loaded = keras.saving.load_model(tmp_path / "ensemble.keras")
    np.testing.assert_allclose(likelihoods(loaded(x), y), likelihoods(ensemble(x), y), rtol=1e-5)
    before = ensemble.evaluate(x, y, batch_size=10, verbose=0)
    np.testing.assert_allclose(loaded.evaluate(x, y, batch_size=10, verbose=0), before, rtol=1e-5)
