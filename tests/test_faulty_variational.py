"""The checks of layers with uncertain weights: right layers pass, faulty ones are caught."""

import keras
import pytest
from faulty_variational import FAULTY_VARIATIONAL

import keras_distlayers as kdl
from keras_distlayers._backend import backend

CHECKS = {check.name: check for check in kdl.testing.VARIATIONAL_CHECKS}
LAYERS = {
    "reparameterization": lambda: kdl.layers.Variational(
        keras.layers.Dense(2), 100, weights="all", prior=kdl.distributions.Normal(0.0, 2.0)
    ),
    "local_reparameterization": lambda: kdl.layers.Variational(
        keras.layers.Dense(2), 100, "local_reparameterization", weights="all"
    ),
    "flipout": lambda: kdl.layers.Variational(
        keras.layers.Dense(2), 100, "flipout", weights="all", weight=0.5
    ),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layer_passes_all_checks(name):
    report = kdl.testing.check_variational_layer(LAYERS[name])
    assert set(report.values()) == {"holds"}


def test_convolution_and_correlated_posterior_pass_the_check_of_outputs():
    kdl.testing.check_output_moments(
        lambda: kdl.layers.Variational(keras.layers.Conv1D(2, 2), 100, "flipout"),
        input_shape=(3, 2),
    )
    posterior = "full_covariance_normal"
    kdl.testing.check_output_moments(
        lambda: kdl.layers.Variational(keras.layers.Dense(2), 100, posterior=posterior)
    )


def test_checks_of_outputs_do_not_apply_to_an_activation():
    reason = kdl.testing.check_output_rows(
        lambda: kdl.layers.Variational(keras.layers.Dense(2, "tanh"), 100)
    )
    assert reason == "the layer is not linear in its weights, or has an activation"


@pytest.mark.parametrize(
    ("make", "name", "message"), FAULTY_VARIATIONAL.values(), ids=FAULTY_VARIATIONAL
)
def test_check_catches_faulty_layer(make, name, message):
    make_layer = make()
    expected = rf"(?s){name}: .* on {backend.NAME}: .*{message}"
    with pytest.raises(kdl.testing.CheckFailedError, match=expected):
        CHECKS[name](make_layer)


def test_every_check_catches_something():
    assert {name for _, name, _ in FAULTY_VARIATIONAL.values()} == set(CHECKS)
