"""Integer arguments: True is not 1, 2.5 is not 2, and an integer of NumPy is one."""

import keras
import numpy as np
import pytest

import keras_distlayers as kdl
from keras_distlayers import distributions as kd


def make_model():
    return keras.Sequential(
        [keras.Input((1,)), keras.layers.Dense(2), kdl.layers.IndependentNormal(1)]
    )


def trained_swag():
    swag = kdl.callbacks.SWAG(0)
    swag.set_model(make_model())
    for epoch in range(2):
        swag.on_epoch_end(epoch)
    return swag


PRIOR = kd.Normal(0.0, 1.0)

# The name, the least that is allowed, and what takes the number.
ARGUMENTS = {
    "DeepEnsemble": ("num_members", 1, lambda n: kdl.ensembles.DeepEnsemble(make_model, n)),
    "SWAG, first epoch": ("start_epoch", 0, lambda n: kdl.callbacks.SWAG(n)),
    "SWAG, rank": ("max_rank", 2, lambda n: kdl.callbacks.SWAG(0, n)),
    "SWAG.ensemble": ("num_members", 1, lambda n: trained_swag().ensemble(n)),
    "predict_distribution": (
        "num_samples", 1,
        lambda n: kdl.predict_distribution(
            make_model(), np.ones((2, 1)), num_samples=n, verbose=0
        ),
    ),
    "KLDivergenceRegularizer": (
        "num_samples", 1, lambda n: kdl.regularizers.KLDivergenceRegularizer(PRIOR, None, n),
    ),
    "KLDivergenceAddLoss": (
        "num_samples", 1, lambda n: kdl.layers.KLDivergenceAddLoss(PRIOR, num_samples=n),
    ),
    "CRPS": ("num_draws", 2, lambda n: kdl.losses.CRPS(num_draws=n)(np.ones(2), a_variable())),
    "EnergyScore": (
        "num_draws", 2, lambda n: kdl.losses.EnergyScore(num_draws=n)(np.ones(2), a_variable()),
    ),
    "ExpectedCalibrationError": (
        "num_bins", 1, lambda n: kdl.metrics.ExpectedCalibrationError(num_bins=n),
    ),
    "SplitConformal": (
        "num_free", 0,
        lambda n: kdl.recalibration.SplitConformal(score="raps", num_free=n),
    ),
    "PITRecalibration": (
        "num_pieces", 1, lambda n: kdl.recalibration.PITRecalibration(num_pieces=n),
    ),
    "latent_traversal": ("latent_size", 1, lambda n: kdl.plots.latent_traversal(images, n)),
    "DenseFlipout": (
        "units", 1, lambda n: kdl.layers.DenseFlipout(n, dataset_size=10),
    ),
    "DenseVariational": (
        "units", 1,
        lambda n: kdl.layers.DenseVariational(n, lambda *_: PRIOR, lambda *_: PRIOR, 1.0),
    ),
    "Convolution1DFlipout": (
        "filters", 1, lambda n: kdl.layers.Convolution1DFlipout(n, 2, dataset_size=10),
    ),
    "a sample": ("sample_shape", 0, lambda n: PRIOR.sample(n)),
    "a head": ("event_size", 1, lambda n: kdl.layers.MultivariateNormalTriL(n)),
}  # fmt: skip


def a_variable():
    return kdl.layers.IndependentNormal(())(np.zeros((2, 2), "float32"))


def images(latents):
    return np.zeros((len(latents), 2, 2, 1), "float32")


@pytest.mark.parametrize("name", ARGUMENTS)
def test_integer_argument_refuses_what_is_no_such_integer(name):
    argument, least, call = ARGUMENTS[name]
    for wrong in (True, False, np.True_, least + 0.5, least - 1, "2"):
        with pytest.raises(ValueError, match=rf"argument `{argument}`.*{argument}="):
            call(wrong)


@pytest.mark.parametrize("name", ["DeepEnsemble", "SWAG, rank", "SWAG.ensemble"])
def test_integer_argument_takes_an_integer_of_numpy(name):
    _, least, call = ARGUMENTS[name]
    call(np.int64(least + 1))


@pytest.mark.parametrize("value", [True, np.True_, "ten", 0, -1.5])
def test_schedule_over_what_is_no_positive_number_is_refused(value):
    with pytest.raises(ValueError, match="argument `steps`: expected a positive number"):
        kdl.schedules.LinearWarmup(value)
    with pytest.raises(ValueError, match="argument `period`: expected a positive number"):
        kdl.schedules.Cyclical(value)
