"""One distribution over a whole data set, whatever the model, the data and the batch size."""

import keras
import numpy as np
import pytest
from heads import HEADS
from helpers import BACKEND, numpy
from keras import ops

import keras_distlayers as kdl

ROWS, INPUTS = 23, 3


@pytest.fixture
def x(rng):
    return rng.normal(size=(ROWS, INPUTS)).astype("float32")


def small_normal(size=2):
    return keras.Sequential(
        [
            keras.Input((INPUTS,)),
            keras.layers.Dense(2 * size),
            kdl.layers.IndependentNormal(size),
        ]
    )


def require_same(found, rv):
    """The density of the model's own output, at draws."""
    assert (found.batch_shape, found.event_shape) == (rv.batch_shape, rv.event_shape)
    y = rv.sample(seed=1)
    np.testing.assert_allclose(
        numpy(found.log_prob(y)), numpy(rv.log_prob(y)), rtol=1e-6, atol=3e-6
    )


def flow():
    made = kdl.layers.AutoregressiveNetwork(params=2, hidden_units=[8], activation="relu")
    return [kdl.layers.MultivariateNormalDiag(2), kdl.layers.AutoregressiveTransform(made)]


def foreign_normal(raw):
    loc, scale = raw[..., :2], ops.softplus(raw[..., 2:])
    normal = kdl.distributions.Independent(kdl.distributions.Normal(loc, scale), 1)
    return kdl.interop.to_torch(normal) if BACKEND == "torch" else kdl.interop.to_tfp(normal)


def test_every_head_flow_and_foreign_distribution_gives_its_own_density(x):
    """As the outputs of one model, which is compiled once."""
    inputs = keras.Input((INPUTS,))
    outputs = {row.name: row.make()(keras.layers.Dense(row.num_params)(inputs)) for row in HEADS}
    base, transform = flow()
    outputs["flow"] = transform(base(keras.layers.Dense(4)(inputs)))
    outputs["conditional flow"] = kdl.layers.ConditionalFlow(2, hidden_units=(4,))(inputs)
    outputs["foreign"] = kdl.layers.DistributionLambda(foreign_normal)(
        keras.layers.Dense(4)(inputs)
    )
    outputs["shared scale"] = kdl.layers.DistributionLambda(
        lambda t: kdl.distributions.Normal(t[..., 0], 2.0)
    )(inputs)
    outputs["tensor"] = keras.layers.Dense(1)(inputs)
    model = keras.Model(inputs, outputs)
    found = kdl.predict_distribution(model, x, batch_size=8, verbose=0)
    own = model(x)
    assert found.keys() == outputs.keys()
    np.testing.assert_allclose(found.pop("tensor"), numpy(own["tensor"]), rtol=1e-5, atol=1e-6)
    for name, distribution in found.items():
        require_same(distribution, own[name])
