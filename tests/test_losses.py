"""NegativeLogLikelihood and DistributionLoss: values, weights, masks, reductions."""

import keras
import numpy as np
import pytest
from helpers import numpy
from keras import ops

import keras_distlayers as kdl


def normal_rv(shape, event_shape=()):
    size = kdl.layers.IndependentNormal.params_size(event_shape)
    raw = np.random.default_rng(0).normal(size=(*shape, size)).astype("float32")
    return kdl.layers.IndependentNormal(event_shape, seed=0)(raw)


def values(shape, seed=1):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def test_nll_is_the_mean_over_examples_of_the_sum_within_each():
    rv, y = normal_rv((5, 7)), values((5, 7))
    expected = -numpy(rv.log_prob(y)).sum(axis=1).mean()
    np.testing.assert_allclose(
        float(kdl.losses.NegativeLogLikelihood()(y, rv)), expected, rtol=1e-6
    )


def test_nll_does_not_depend_on_where_the_event_begins():
    raw = values((5, 2 * 7))
    as_event = kdl.layers.IndependentNormal(7)(raw)
    pairs = np.stack(np.split(raw, 2, axis=-1), axis=-1)
    as_batch = kdl.layers.IndependentNormal(())(pairs)
    y, nll = values((5, 7), seed=2), kdl.losses.NegativeLogLikelihood()
    np.testing.assert_allclose(float(nll(y, as_event)), float(nll(y, as_batch)), rtol=1e-6)


def test_nll_does_not_depend_on_the_batch_size():
    rv, y = normal_rv((1,), (3,)), values((1, 3))
    many = kdl.layers.IndependentNormal(3)(np.repeat(values((1, 6), seed=9), 32, axis=0))
    one = kdl.layers.IndependentNormal(3)(values((1, 6), seed=9))
    nll = kdl.losses.NegativeLogLikelihood()
    np.testing.assert_allclose(
        float(nll(y, one)), float(nll(np.repeat(y, 32, axis=0), many)), rtol=1e-6
    )
    assert float(nll(y, rv)) == pytest.approx(float(-rv.log_prob(y)[0]), rel=1e-6)


@pytest.mark.parametrize("weight_shape", [(5,), (5, 1), (5, 7)])
def test_nll_sample_weight(weight_shape):
    rv, y = normal_rv((5, 7)), values((5, 7))
    weight = np.abs(values(weight_shape, seed=3))
    full = weight if weight.shape == (5, 7) else weight.reshape(5, 1)
    expected = -(numpy(rv.log_prob(y)) * full).sum(axis=1).mean()
    loss = kdl.losses.NegativeLogLikelihood()(y, rv, sample_weight=weight)
    np.testing.assert_allclose(float(loss), expected, rtol=1e-5)


def sequence_rv():
    """Sequences of 4 steps after a Masking layer, of lengths 4, 2 and 0."""
    raw = values((3, 4, 2))
    raw[1, 2:] = 0.0
    raw[2] = 0.0
    model = keras.Sequential(
        [keras.Input((4, 2)), keras.layers.Masking(), kdl.layers.IndependentNormal((), seed=0)]
    )
    return model(raw), np.any(raw != 0, axis=-1)


def test_nll_mask_leaves_steps_and_whole_examples_out():
    rv, mask = sequence_rv()
    y = values((3, 4))
    nats = -numpy(rv.log_prob(y)) * mask
    expected = nats.sum() / 2  # two of the three rows are examples
    np.testing.assert_allclose(
        float(kdl.losses.NegativeLogLikelihood()(y, rv)), expected, rtol=1e-6
    )
    metric = kdl.metrics.NegativeLogLikelihood()
    metric.update_state(y, rv)
    np.testing.assert_allclose(float(metric.result()), expected, rtol=1e-6)


@pytest.mark.parametrize("reduction", ["sum", "none", None, "mean"])
def test_nll_reductions_are_over_examples(reduction):
    rv, y = normal_rv((5, 7)), values((5, 7))
    rows = -numpy(rv.log_prob(y)).sum(axis=1)
    expected = {"sum": rows.sum(), "mean": rows.mean()}.get(reduction, rows)
    loss = kdl.losses.NegativeLogLikelihood(reduction=reduction)(y, rv)
    np.testing.assert_allclose(numpy(loss), expected, rtol=1e-5)


@pytest.mark.parametrize(
    "weight", [None, [1.0, 3.0], [[1.0], [3.0]]], ids=["none", "(n,)", "(n, 1)"]
)
def test_nll_mean_with_sample_weight_divides_by_the_weights(weight):
    rv = kdl.layers.DistributionLambda(lambda t: kdl.distributions.Normal(t, 1.0))(
        np.zeros((2, 1), "f4")
    )
    y = np.float32([[0.0], [3.0]])
    loss = kdl.losses.NegativeLogLikelihood(reduction="mean_with_sample_weight")
    values = 0.5 * np.log(2.0 * np.pi) + np.array([0.0, 4.5])
    expected = np.average(values, weights=None if weight is None else np.ravel(weight))
    np.testing.assert_allclose(
        numpy(loss(y, rv, weight and np.float32(weight))), expected, rtol=1e-6
    )


def test_distribution_loss_as_a_decorator():
    @kdl.losses.DistributionLoss
    def negloglik(y, rv_y):
        return -rv_y.log_prob(y)

    rv, y = normal_rv((5,), (3,)), values((5, 3))
    assert negloglik.name == "negloglik"
    expected = float(kdl.losses.NegativeLogLikelihood()(y, rv))
    np.testing.assert_allclose(float(negloglik(y, rv)), expected, rtol=1e-6)


def test_distribution_loss_of_mean_and_entropy():
    loss = kdl.losses.DistributionLoss(
        lambda y, rv: ops.sum(ops.square(ops.subtract(rv.mean(), y)), axis=-1) - rv.entropy()
    )
    rv, y = normal_rv((5,), (3,)), values((5, 3))
    expected = ((numpy(rv.mean()) - y) ** 2).sum(-1) - numpy(rv.entropy())
    np.testing.assert_allclose(float(loss(y, rv)), expected.mean(), rtol=1e-5)


@keras.saving.register_keras_serializable("tests")
def registered_loss(y, rv):
    return -rv.log_prob(y)


@pytest.mark.parametrize(
    "loss", [kdl.losses.NegativeLogLikelihood(name="a", reduction="sum"),
             kdl.losses.DistributionLoss(registered_loss)], ids=["nll", "function"]
)  # fmt: skip
def test_loss_config_round_trip(loss):
    config = keras.saving.serialize_keras_object(loss)
    clone = keras.saving.deserialize_keras_object(config)
    rv, y = normal_rv((5,), (3,)), values((5, 3))
    assert (clone.name, clone.reduction) == (loss.name, loss.reduction)
    np.testing.assert_allclose(float(clone(y, rv)), float(loss(y, rv)), rtol=1e-6)


def test_nll_metric_weighs_examples():
    rv, y = normal_rv((5,), (3,)), values((5, 3))
    weight = np.abs(values((5,), seed=4))
    metric = kdl.metrics.NegativeLogLikelihood()
    metric.update_state(y, rv, sample_weight=weight)
    expected = np.average(-numpy(rv.log_prob(y)), weights=weight)
    np.testing.assert_allclose(float(metric.result()), expected, rtol=1e-5)


# ------------------------------------------------------------------ DistributionMetric


@keras.saving.register_keras_serializable("tests")
def squared_error_of_mean(y_true, rv):
    return ops.square(rv.mean() - y_true)


@pytest.mark.parametrize("batch_size", [1, 3, 7])
def test_distribution_metric_equals_the_function_of_the_whole_data(batch_size, rng):
    x, y = rng.normal(size=(2, 7, 3)).astype("float32")
    weights = rng.random(7).astype("float32")
    normal = kdl.layers.DistributionLambda(lambda t: kdl.distributions.Normal(t, 1.0))
    model = keras.Sequential([keras.Input((3,)), normal])
    metric = kdl.metrics.DistributionMetric(squared_error_of_mean)
    weighted = kdl.metrics.DistributionMetric(squared_error_of_mean, name="weighted")
    model.compile(
        loss=kdl.losses.NegativeLogLikelihood(), metrics=[metric], weighted_metrics=[weighted]
    )
    found = model.evaluate(
        x, y, sample_weight=weights, batch_size=batch_size, verbose=0, return_dict=True
    )
    rows = np.square(x - y).sum(axis=1)
    assert found["squared_error_of_mean"] == pytest.approx(rows.mean(), rel=1e-5)
    assert found["weighted"] == pytest.approx((rows * weights).sum() / weights.sum(), rel=1e-5)


def test_distribution_metric_is_saved_with_its_function(tmp_path):
    head = kdl.layers.IndependentNormal(1)
    model = keras.Sequential([keras.Input((2,)), head])
    metric = kdl.metrics.DistributionMetric(squared_error_of_mean)
    model.compile("sgd", kdl.losses.NegativeLogLikelihood(), metrics=[metric])
    x, y = np.ones((4, 2), "float32"), np.zeros((4, 1), "float32")
    expected = model.evaluate(x, y, verbose=0, return_dict=True)["squared_error_of_mean"]
    model.save(tmp_path / "model.keras")
    reloaded = keras.models.load_model(tmp_path / "model.keras")
    found = reloaded.evaluate(x, y, verbose=0, return_dict=True)["squared_error_of_mean"]
    assert found == expected == pytest.approx(1.0)


def test_distribution_metric_refuses_a_plain_tensor():
    metric = kdl.metrics.DistributionMetric(squared_error_of_mean)
    with pytest.raises(TypeError, match=r"squared_error_of_mean.*RandomVariable that"):
        metric.update_state(np.zeros((2, 1)), ops.zeros((2, 1)))
