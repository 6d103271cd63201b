"""What a temperature does to each family, on Torch alone, where nothing compiles.

test_recalibration.py finds temperatures on every backend.
"""

import numpy as np
import pytest
from heads import HEADS
from helpers import numpy
from scipy import special

import keras_distlayers as kdl

kd = kdl.distributions


def tempered_log_probs(distribution, value):
    return [kd.tempered(distribution, t).log_prob(value) for t in (1.0, 3.0)]


WITHOUT = ("Poisson", "NegativeBinomial", "Gamma", "Exponential", "Beta", "VonMises", "Dirichlet")


@pytest.mark.parametrize("row", HEADS, ids=lambda row: row.name)
def test_temperature_of_every_head(row, rng):
    """Of 1 it changes nothing; of 3 it changes the density. Without a scale it is an error."""
    rv = row.make()(rng.normal(size=(4, row.num_params)).astype("float32"))
    if any(name in row.name for name in WITHOUT):
        with pytest.raises(TypeError, match=r"Take `(PITRecalibration|SplitConformal)`"):
            kd.tempered(rv, 2.0)
        return
    y = rv.distribution.sample(seed=1)
    same, wider = map(numpy, tempered_log_probs(rv, y))
    np.testing.assert_allclose(same, numpy(rv.log_prob(y)), rtol=1e-5, atol=1e-5)
    assert (np.abs(wider - same) > 1e-3).all()
    assert kd.tempered(rv, 3.0).event_shape == rv.event_shape


def softmax_of(probs, temperature):
    return special.softmax(np.log(probs) / temperature, axis=-1)


def test_temperature_by_definition(rng):
    """Probabilities by the softmax of log p / T; scales by the density of loc + (y - loc) / T."""
    t, close = 2.5, {"rtol": 2e-5, "atol": 2e-6}
    probs = rng.dirichlet(np.ones(3), size=4).astype("float32")
    expected = softmax_of(probs, t)
    log = np.log(probs)
    coin = probs[:, 0]
    cases = {
        "probs": (kd.Categorical(probs=probs), np.arange(3)[:, None]),
        "logits": (kd.Categorical(logits=log + 1.0), np.arange(3)[:, None]),
        "one-hot": (kd.OneHotCategorical(probs=probs), np.eye(3, dtype="float32")[:, None]),
        "mixture of one-hot": (
            kd.CategoricalMixtureOfOneHotCategorical(np.zeros((4, 1), "float32"), log[:, None]),
            np.eye(3, dtype="float32")[:, None],
        ),
    }
    for name, (distribution, labels) in cases.items():
        found = numpy(kd.tempered(distribution, t).log_prob(labels))
        np.testing.assert_allclose(np.exp(found).T, expected, err_msg=name, **close)
    pair = softmax_of(np.stack([1.0 - coin, coin], axis=-1), t)
    for coins in (kd.Bernoulli(probs=coin), kd.Bernoulli(logits=special.logit(coin))):
        np.testing.assert_allclose(numpy(kd.tempered(coins, t).mean()), pair[:, 1], **close)
    certain = kd.tempered(kd.Bernoulli(probs=[0.0, 1.0]), t).log_prob([0.0, 1.0])
    np.testing.assert_array_equal(numpy(certain), [0.0, 0.0])

    loc, y = rng.normal(size=(2, 4, 2)).astype("float32")
    tril = np.float32([[1.0, 0.0], [0.5, 2.0]])
    factor = np.float32([[1.0], [0.5]])
    # With the temperature, the density of loc + T (y - loc) is that of y, over T^2.
    for distribution in (
        kd.MultivariateNormalDiag(loc, [1.0, 2.0]),
        kd.MultivariateNormalTriL(loc, tril),
        kd.MultivariateNormalLowRank(loc, factor, [1.0, 2.0]),
        kd.Independent(kd.StudentT(3.0, loc, 2.0), 1),
    ):
        found = numpy(kd.tempered(distribution, t).log_prob(loc + t * (y - loc)))
        np.testing.assert_allclose(
            found, numpy(distribution.log_prob(y)) - 2.0 * np.log(t), rtol=1e-4, atol=1e-5
        )
    affine = kd.TransformedDistribution(kd.Normal(loc, 1.0), kdl.bijectors.Affine(5.0, 3.0))
    found = kd.tempered(affine, t)
    np.testing.assert_allclose(numpy(found.stddev()), 3.0 * t, rtol=1e-5)
    np.testing.assert_allclose(numpy(found.mean()), numpy(affine.mean()), rtol=1e-5)
