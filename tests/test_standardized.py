"""Heads whose network works on standardized targets."""

import keras
import numpy as np
import pytest
from helpers import numpy
from scipy import stats

import keras_distlayers as kdl

TARGETS = np.array([[1e5, 1e-6], [3e5, 2e-6], [5e5, 6e-6], [7e5, 3e-6]])


def adapted(head=None, **options):
    head = kdl.layers.Standardized(head or kdl.layers.IndependentNormal(2), **options)
    head.adapt(TARGETS)
    return head


def test_distribution_is_over_the_targets_in_their_units():
    raw = np.float32([[0.5, -1.0, 0.2, 0.7], [0.0, 0.0, 0.0, 0.0]])
    rv = adapted()(raw)
    inner = kdl.layers.IndependentNormal(2)(raw)
    loc, scale = TARGETS.mean(axis=0), TARGETS.std(axis=0)
    expected = stats.norm(
        loc + scale * numpy(inner.mean()).astype("f8"), scale * numpy(inner.stddev()).astype("f8")
    )
    value = TARGETS[:2]
    close = {"rtol": 1e-5, "atol": 0.0}
    np.testing.assert_allclose(numpy(rv.mean()), expected.mean(), **close)
    np.testing.assert_allclose(numpy(rv.stddev()), expected.std(), **close)
    np.testing.assert_allclose(numpy(rv.entropy()), expected.entropy().sum(axis=-1), **close)
    np.testing.assert_allclose(
        numpy(rv.log_prob(value)), expected.logpdf(value).sum(axis=-1), rtol=1e-4, atol=1e-4
    )
    marginals = rv.distribution.marginals()
    np.testing.assert_allclose(numpy(marginals.quantile(0.9)), expected.ppf(0.9), **close)
    np.testing.assert_allclose(numpy(marginals.cdf(value)), expected.cdf(value), rtol=1e-4)


def test_adapt_is_the_same_for_batches_and_leaves_nan_out():
    whole = adapted()
    in_batches = kdl.layers.Standardized(kdl.layers.IndependentNormal(2))
    in_batches.adapt(iter([TARGETS[:1], TARGETS[1:]]))
    with_nan = kdl.layers.Standardized(kdl.layers.IndependentNormal(2))
    with_nan.adapt(np.concatenate([TARGETS, np.full((3, 2), np.nan)]))
    for other in (in_batches, with_nan):
        np.testing.assert_allclose(numpy(other.loc), numpy(whole.loc), rtol=1e-6)
        np.testing.assert_allclose(numpy(other.scale), numpy(whole.scale), rtol=1e-6)
    np.testing.assert_allclose(numpy(whole.scale), TARGETS.std(axis=0), rtol=1e-6)


def test_model_learns_large_targets_and_keeps_their_units_in_a_file(rng, tmp_path):
    x = rng.normal(size=(128, 1)).astype("float32")
    y = 2e5 + 5e4 * x + 1e4 * rng.normal(size=x.shape)
    head = kdl.layers.Standardized(kdl.layers.IndependentNormal(1))
    head.adapt(y)
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(2), head])
    model.compile(keras.optimizers.Adam(0.05), kdl.losses.NegativeLogLikelihood())
    model.fit(x, y, epochs=40, verbose=0)
    nll = model.evaluate(x, y, verbose=0)
    assert nll < stats.norm(0.0, 1e4).entropy() + 0.2
    model.save(tmp_path / "model.keras")
    reloaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(numpy(reloaded(x).mean()), numpy(model(x).mean()))
    found = kdl.predict_distribution(reloaded, x, verbose=0)
    np.testing.assert_allclose(-numpy(found.log_prob(np.float32(y))).mean(), nll, rtol=1e-5)


def test_positive_targets_are_scaled_alone():
    rv = adapted(kdl.layers.IndependentGamma(2), center=False)(np.zeros((3, 4), "float32"))
    inner = kdl.layers.IndependentGamma(2)(np.zeros((3, 4), "float32"))
    expected = numpy(inner.mean()) * TARGETS.std(axis=0)
    np.testing.assert_allclose(numpy(rv.mean()), expected, rtol=1e-5)
    with pytest.raises(ValueError, match="center=False"):
        adapted(kdl.layers.IndependentGamma(2))(np.zeros((3, 4), "float32"))


def test_flow_of_standardized_targets():
    flow = kdl.layers.ConditionalFlow(2, hidden_units=(4,))
    rv = adapted(flow)(np.zeros((3, 2), "float32"))
    value = np.float32(TARGETS[:3])
    inner = flow(np.zeros((3, 2), "float32"))
    standardized = (TARGETS[:3] - TARGETS.mean(axis=0)) / TARGETS.std(axis=0)
    expected = numpy(inner.log_prob(np.float32(standardized))) - np.log(TARGETS.std(axis=0)).sum()
    np.testing.assert_allclose(numpy(rv.log_prob(value)), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: kdl.layers.Standardized(keras.layers.Dense(2)), TypeError, "expected a head"),
        (
            lambda: kdl.layers.Standardized(
                kdl.layers.IndependentNormal(1, activity_regularizer=lambda rv: 0.0)
            ),
            ValueError,
            "Give the regularizer to Standardized",
        ),
        (
            lambda: kdl.layers.Standardized(kdl.layers.DistributionLambda(lambda t: t)),
            ValueError,
            "the shape of an event",
        ),
        (lambda: adapted().adapt(np.ones((4, 3))), ValueError, "targets that end in"),
        (lambda: adapted().adapt(np.ones((4, 2))), ValueError, "targets that differ"),
        (lambda: adapted().adapt(np.full((1000, 2), 0.1)), ValueError, "targets that differ"),
        (lambda: adapted().adapt(1e-40 * TARGETS), ValueError, "targets that differ"),
        (lambda: adapted().adapt([(TARGETS, TARGETS)]), TypeError, "for _, y in data"),
        (lambda: adapted().adapt(iter([[TARGETS, TARGETS]])), TypeError, "for _, y in data"),
        (
            lambda: adapted().adapt(np.where(TARGETS == 1e5, np.inf, TARGETS)),
            ValueError,
            "infinite",
        ),
    ],
)
def test_bad_arguments_are_refused(make, error, words):
    with pytest.raises(error, match=words):
        make()
