"""Ensembles: what members share and what they do not, their mixture, dropout as one predicts."""

import itertools
import random

import keras
import numpy as np
import pytest
from helpers import numpy

import keras_distlayers as kdl
from keras_distlayers import distributions as kd
from keras_distlayers import uncertainty
from keras_distlayers.ensembles import DeepEnsemble

ROWS, INPUTS = 64, 3
NLL = kdl.losses.NegativeLogLikelihood


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(ROWS, INPUTS)).astype("float32")
    return x, (x[:, :1] + 0.1 * rng.normal(size=(ROWS, 1))).astype("float32")


def make_member(seed=None):
    return keras.Sequential(
        [
            keras.Input((INPUTS,)),
            keras.layers.Dense(4, "tanh", kernel_initializer=keras.initializers.HeNormal(seed)),
            keras.layers.Dropout(0.1),
            keras.layers.Dense(2, kernel_initializer=keras.initializers.HeNormal(seed)),
            kdl.layers.IndependentNormal(1),
        ]
    )


def fitted(data, make_model=make_member, num_members=2):
    ensemble = DeepEnsemble(make_model, num_members, seed=7)
    ensemble.compile(
        keras.optimizers.Adam(0.02), NLL(), metrics=[kdl.metrics.NegativeLogLikelihood()]
    )
    histories = ensemble.fit(*data, epochs=2, batch_size=16, verbose=0)
    return ensemble, histories


@pytest.fixture(scope="module")
def trained(data):
    return fitted(data)


def weights_of(member):
    return np.concatenate([numpy(w).ravel() for w in member.trainable_variables])


def test_each_member_has_a_history_and_weights_of_its_own(trained):
    ensemble, histories = trained
    first, second = (weights_of(member) for member in ensemble.members)
    assert not np.isclose(first, second).any()
    assert [len(h.history["nll"]) for h in histories] == [2, 2]
    for history in (h.history for h in histories):
        assert history["loss"][1] < history["loss"][0]
        np.testing.assert_allclose(history["nll"], history["loss"], rtol=1e-5)


def test_output_is_the_mixture_of_the_members(trained, data):
    ensemble, _ = trained
    x, y = data
    rv = ensemble(x)
    parts = rv.distribution.components_distribution
    assert (rv.batch_shape, rv.event_shape, parts.batch_shape) == ((ROWS,), (1,), (ROWS, 2))
    logs = np.stack([numpy(member(x).log_prob(y)) for member in ensemble.members]).astype(
        "float64"
    )
    by_hand = np.logaddexp(*logs) - np.log(2.0)
    np.testing.assert_allclose(numpy(rv.log_prob(y)), by_hand, rtol=1e-5, atol=1e-6)
    results = ensemble.evaluate(x, y, batch_size=24, verbose=0, return_dict=True)
    for name in ("loss", "nll"):
        np.testing.assert_allclose(results[name], -by_hand.mean(), rtol=1e-5)
    found = kdl.predict_distribution(ensemble, x, batch_size=24, verbose=0)
    assert found.components_distribution.batch_shape == (ROWS, 2)
    np.testing.assert_allclose(numpy(found.log_prob(y)), by_hand, rtol=1e-5, atol=1e-6)
    variances = [uncertainty.aleatoric_variance(found), uncertainty.epistemic_variance(found)]
    assert all(v.shape == (ROWS, 1) for v in variances)


def test_ensemble_inside_a_functional_model(trained, data):
    ensemble, _ = trained
    inputs = keras.Input((INPUTS,))
    model = keras.Model(inputs, {"y": ensemble(inputs), "x": inputs})
    found = model(data[0])["y"].log_prob(data[1])
    np.testing.assert_allclose(numpy(found), numpy(ensemble(data[0]).log_prob(data[1])), rtol=1e-6)


def test_same_seed_gives_the_same_ensemble_and_leaves_other_generators_alone(trained, data):
    random.seed(3)
    np.random.seed(3)
    again, _ = fitted(data, num_members=1)
    of_numpy, of_python = np.random.random(), random.random()
    one, other = (weights_of(ensemble.members[0]) for ensemble in (trained[0], again))
    np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-7)
    np.random.seed(3)
    assert of_numpy == np.random.random()
    random.seed(3)
    assert of_python != random.random()  # it gave the backend its next seed


def test_saved_ensemble_predicts_the_same_with_the_state_of_its_optimizers(
    trained, data, tmp_path
):
    ensemble, _ = trained
    x, y = data
    ensemble.save(tmp_path / "ensemble.keras")
    loaded = keras.saving.load_model(tmp_path / "ensemble.keras")
    assert (type(loaded), loaded.seed) == (DeepEnsemble, 7)
    np.testing.assert_allclose(
        numpy(loaded(x).log_prob(y)), numpy(ensemble(x).log_prob(y)), rtol=1e-6, atol=1e-6
    )
    for one, other in zip(ensemble.members, loaded.members, strict=True):
        assert int(numpy(other.optimizer.iterations)) == 2 * 4
        for a, b in zip(one.optimizer.variables, other.optimizer.variables, strict=True):
            np.testing.assert_array_equal(numpy(a), numpy(b))


def test_members_see_the_rows_in_orders_of_their_own(data):
    """Without random weights and without dropout they differ by the order alone."""

    def make_model():
        dense = keras.layers.Dense(2, kernel_initializer="zeros")
        layers = [keras.Input((INPUTS,)), dense, kdl.layers.IndependentNormal(1)]
        return keras.Sequential(layers)

    ensemble = DeepEnsemble(make_model, num_members=2)
    ensemble.compile(keras.optimizers.SGD(0.1), NLL())
    seen = []

    def callbacks(k):
        seen.append(k)
        return []

    histories = ensemble.fit(
        *data, batch_size=8, verbose=0, callbacks=callbacks, validation_split=0.25
    )
    assert all("val_loss" in h.history for h in histories)
    first, second = (weights_of(member) for member in ensemble.members)
    assert seen == [0, 1]
    assert not np.isclose(first, second, rtol=1e-4).any()


def test_classes_several_outputs_and_distributions_that_share_a_parameter(data):
    """In one graph, where equal numbers cannot be seen to be equal."""
    inputs = keras.Input((INPUTS,))

    def make_model():
        shared = kdl.layers.DistributionLambda(lambda t: kd.Normal(t[..., 0], 2.0))
        outputs = {
            "class": kdl.layers.Categorical(4)(keras.layers.Dense(4)(inputs)),
            "shared": shared(keras.layers.Dense(1)(inputs)),
            "tensor": keras.layers.Dense(1)(inputs),
        }
        return keras.Model(inputs, outputs)

    ensemble = DeepEnsemble(make_model, num_members=3)
    x = data[0]
    found = kdl.predict_distribution(ensemble, x, batch_size=50, verbose=0)
    own = [member(x) for member in ensemble.members]
    tensors = np.mean([numpy(outputs["tensor"]) for outputs in own], axis=0)
    np.testing.assert_allclose(found["tensor"], tensors, rtol=1e-4, atol=1e-6)
    for name, y in [("class", np.zeros(ROWS, "int32")), ("shared", np.ones(ROWS, "float32"))]:
        probs = [numpy(outputs[name].prob(y)) for outputs in own]
        np.testing.assert_allclose(
            numpy(found[name].prob(y)), np.mean(probs, axis=0), rtol=1e-5, atol=1e-7
        )
    probs = np.mean([numpy(outputs["class"].probs_parameter()) for outputs in own], axis=0)
    np.testing.assert_array_equal(numpy(found["class"].mode()), np.argmax(probs, axis=-1))
    information = numpy(uncertainty.mutual_information(found["class"]))
    assert information.shape == (ROWS,)
    assert (information > 0.0).all()


def test_flows_keep_their_weights_once(data):
    def make_model():
        made = kdl.layers.AutoregressiveNetwork(2, hidden_units=[4], activation="relu")
        base, flow = kdl.layers.MultivariateNormalDiag(2), kdl.layers.AutoregressiveTransform(made)
        return keras.Sequential([keras.Input((INPUTS,)), keras.layers.Dense(4), base, flow])

    ensemble = DeepEnsemble(make_model, num_members=2)
    x, y = data[0], np.tile(data[1], 2)
    mixture = ensemble(x).distribution
    kernels = [step.kernel for part in mixture.components for step in part.bijector.function.steps]
    assert all(len(kernel.shape) == 2 for kernel in kernels)
    log_probs = [numpy(member(x).log_prob(y)) for member in ensemble.members]
    expected = np.logaddexp.reduce(log_probs, axis=0) - np.log(2)
    np.testing.assert_allclose(numpy(mixture.log_prob(y)), expected, rtol=1e-5)


def test_heads_inside_heads_are_stacked(data):
    """They have generators of their own, which are no difference."""

    def make_model():
        head = kdl.layers.Standardized(kdl.layers.IndependentNormal(1))
        return keras.Sequential([keras.Input((INPUTS,)), keras.layers.Dense(2), head])

    rv = DeepEnsemble(make_model, num_members=2)(data[0])
    assert type(rv.distribution) is kd.MixtureSameFamily
    assert rv.distribution.components_distribution.batch_shape == (ROWS, 2)


def test_members_of_different_structure_are_a_mixture_of_any_families(data):
    heads = iter([kdl.layers.IndependentNormal(1), kdl.layers.IndependentLaplace(1)])
    ensemble = DeepEnsemble(
        lambda: keras.Sequential([keras.Input((INPUTS,)), keras.layers.Dense(2), next(heads)]), 2
    )
    x, y = data
    rv = ensemble(x)
    assert type(rv.distribution) is kd.Mixture
    probs = [numpy(member(x).prob(y)) for member in ensemble.members]
    np.testing.assert_allclose(numpy(rv.prob(y)), np.mean(probs, axis=0), rtol=1e-5)
    assert uncertainty.epistemic_variance(rv).shape == (ROWS, 1)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda data: DeepEnsemble(make_member, 0), ValueError, "an int of at least 1"),
        (lambda data: DeepEnsemble(lambda: None), TypeError, "returns a keras.Model"),
        (
            lambda data: DeepEnsemble(itertools.repeat(make_member()).__next__),
            ValueError,
            "layers inside the function",
        ),
        (
            lambda data: fitted(data, lambda: make_member(seed=0)),
            ValueError,
            "Set no seeds",
        ),
        (
            lambda data: DeepEnsemble(make_member, 1).train_on_batch(*data),
            NotImplementedError,
            "ensemble.members",
        ),
    ],
)
def test_what_would_not_be_an_ensemble_is_refused(call, error, words, data):
    with pytest.raises(error, match=words):
        call(data)
