"""Active units and the KL of each latent: against NumPy, and streaming against the whole."""

import keras
import numpy as np
import pytest
from helpers import numpy
from keras import ops
from test_metrics import sequences

import keras_distlayers as kdl

STEPS = 3


def standard_normal(size):
    return kdl.distributions.Independent(kdl.distributions.Normal(ops.zeros(size), 1.0), 1)


def test_active_units_counts_the_latents_whose_mean_varies(rng):
    loc = rng.normal(size=(4, 50, 3)) * [1.0, 0.09, 0.2]
    posterior = kdl.distributions.Independent(kdl.distributions.Normal(loc, 0.1), 1)
    assert loc.reshape(-1, 3).var(axis=0)[1] < 0.01
    assert int(numpy(kdl.scores.active_units(posterior))) == 2
    assert int(numpy(kdl.scores.active_units(posterior, threshold=0.001))) == 3
    assert int(numpy(kdl.scores.active_units(standard_normal(3)))) == 0


def test_kl_per_dimension_is_that_of_the_marginals(rng):
    loc, tril = rng.normal(size=(5, 3)), np.tril(rng.normal(size=(3, 3))) + 2.0 * np.eye(3)
    posterior = kdl.distributions.MultivariateNormalTriL(loc, np.float64(tril))
    variance = (tril @ tril.T).diagonal()
    expected = 0.5 * (variance + loc**2 - 1.0 - np.log(variance))
    found = kdl.scores.kl_per_dimension(posterior, standard_normal(3))
    np.testing.assert_allclose(numpy(found), expected, rtol=1e-5)


def test_kl_per_dimension_refuses_another_prior():
    with pytest.raises(ValueError, match=r"events of shape \(3,\)"):
        kdl.scores.kl_per_dimension(standard_normal(3), standard_normal(2))


def masked_encoder():
    inputs = keras.Input((STEPS, 2))
    rv = kdl.layers.IndependentNormal(2)(
        keras.layers.Dense(4, kernel_initializer="orthogonal")(keras.layers.Masking()(inputs))
    )
    model = keras.Model(inputs, rv)
    model.compile(
        loss=kdl.losses.NegativeLogLikelihood(),
        weighted_metrics=[
            kdl.metrics.ActiveUnits(2, threshold=0.3),
            kdl.metrics.KLPerDimension(standard_normal(2)),
        ],
    )
    return model


@pytest.mark.parametrize("batch_size", [1, 7, 22])
def test_latent_metrics_are_those_of_the_whole_data(batch_size, rng):
    model = masked_encoder()
    x, _, is_step, weights = sequences(rng, rows=22)
    y = np.zeros((*x.shape[:2], 2), "float32")
    options = {"batch_size": batch_size, "verbose": 0, "return_dict": True}
    found = model.evaluate(x, y, sample_weight=weights, **options)
    rv, weights = model(x), weights * is_step
    kl = numpy(kdl.scores.kl_per_dimension(rv, standard_normal(2))).reshape(-1, 2)
    expected = np.average(kl, axis=0, weights=weights.ravel())
    np.testing.assert_allclose([found["kl_0"], found["kl_1"]], expected, rtol=1e-5)
    variance = np.cov(numpy(rv.mean()).reshape(-1, 2).T, aweights=weights.ravel(), ddof=0)
    assert found["active_units"] == (variance.diagonal() > 0.3).sum()


def test_variance_by_parts_is_that_of_the_whole(rng):
    loc = (100.0 + rng.normal(size=(22, 2))).astype("float32")
    metric = kdl.metrics.ActiveUnits(2)
    for part in np.split(loc, [1, 8]):
        raw = np.concatenate([part, np.zeros_like(part)], axis=-1)
        metric.update_state(None, kdl.layers.IndependentNormal(2)(ops.convert_to_tensor(raw)))
    squares = ((loc - np.float64(loc).mean(axis=0)) ** 2).sum(axis=0)
    np.testing.assert_allclose(numpy(metric.squares), squares, rtol=1e-4)


@pytest.mark.parametrize(
    "metric",
    [
        kdl.metrics.ActiveUnits((2, 3), threshold=0.1, name="used"),
        kdl.metrics.KLPerDimension(standard_normal(2), name="nats"),
    ],
    ids=lambda metric: type(metric).__name__,
)
def test_latent_metric_round_trip(metric):
    config = keras.saving.serialize_keras_object(metric)
    again = keras.saving.deserialize_keras_object(config)
    assert again.get_config() == metric.get_config()


def test_latent_metrics_refuse_a_plain_tensor_and_a_prior_with_a_batch():
    with pytest.raises(TypeError, match="expected the RandomVariable that a head returns"):
        kdl.metrics.ActiveUnits(2).update_state(None, ops.zeros((3, 2)))
    with pytest.raises(ValueError, match=r"Received: batch_shape=\(2,\)"):
        kdl.metrics.KLPerDimension(kdl.distributions.Normal([0.0, 0.0], 1.0))
