"""Labels: integer targets, one-hot vectors, the order of cutpoints, errors, TFP's heads."""

import keras
import numpy as np
import pytest
from helpers import gradients, numpy
from keras import ops

import keras_distlayers as kdl
from keras_distlayers.testing._evaluation import gradient


def raw_values(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


# ------------------------------------------------------------------ integer targets


def three_classes(n=96):
    """Points on a line whose label is the third that they lie in."""
    x = np.linspace(-1.0, 1.0, n, dtype="float32")[:, None]
    return x, np.floor((x[:, 0] + 1.0) * 1.4999).astype("int32")


@pytest.mark.parametrize(
    "make", [kdl.layers.Categorical, kdl.layers.OrderedLogistic], ids=lambda c: c.__name__
)
def test_label_head_fit_takes_integer_targets(make):
    x, labels = three_classes()
    model = keras.Sequential(
        [keras.Input((1,)), keras.layers.Dense(8, "tanh"), keras.layers.Dense(3), make(3)]
    )
    model.compile(keras.optimizers.Adam(0.1), kdl.losses.NegativeLogLikelihood())
    history = model.fit(x, labels, epochs=12, batch_size=32, verbose=0).history
    assert history["loss"][-1] < 0.7 * history["loss"][0]
    expected = -numpy(model(x).log_prob(labels)).mean()
    for dtype in ("int32", "int64", "uint8", "float32"):
        received = model.evaluate(x, labels.astype(dtype), batch_size=32, verbose=0)
        np.testing.assert_allclose(received, expected, rtol=1e-4, err_msg=dtype)


@pytest.mark.parametrize("cls", [kdl.distributions.Categorical, kdl.distributions.OrderedLogistic])
def test_number_between_labels_has_no_mass_and_is_above_the_lower_label(cls):
    is_categorical = cls is kdl.distributions.Categorical
    distribution = cls(probs=[0.2, 0.3, 0.5]) if is_categorical else cls([-1.0, 1.0], loc=0.0)
    value = np.float32([-0.5, 0.7, 1.0, 2.9])
    log_prob, cdf = numpy(distribution.log_prob(value)), numpy(distribution.cdf(value))
    labels = numpy(distribution.prob(np.arange(3)))
    np.testing.assert_array_equal(np.isinf(log_prob), [True, True, False, True])
    np.testing.assert_allclose(cdf, [0.0, *np.cumsum(labels)], atol=1e-6)


def test_label_loss_is_the_sparse_cross_entropy():
    logits, labels = raw_values(5, 4), np.array([0, 3, 1, 1, 2])
    theirs = keras.losses.SparseCategoricalCrossentropy(from_logits=True)(labels, logits)
    ours = kdl.losses.NegativeLogLikelihood()(labels, kdl.layers.Categorical(4)(logits))
    np.testing.assert_allclose(float(ours), float(theirs), rtol=1e-6)


def test_label_loss_takes_a_column_of_labels():
    rv, labels = kdl.layers.Categorical(4)(raw_values(5, 4)), np.array([0, 1, 2, 3, 0])
    nll = kdl.losses.NegativeLogLikelihood()
    assert float(nll(labels[:, None], rv)) == float(nll(labels, rv))


# ------------------------------------------------------------------ one-hot vectors


@pytest.mark.parametrize(
    "value", [[0, 0, 0], [1, 1, 0], [2, -1, 0], [0.5, 0.5, 0], [1, 0.5, -0.5]]
)
def test_one_hot_categorical_has_no_mass_off_the_one_hot_vectors(value):
    distribution = kdl.distributions.OneHotCategorical(logits=[0.0, 1.0, 2.0])
    assert float(distribution.log_prob(np.array(value, "float32"))) == -np.inf
    assert not numpy(distribution.support.contains(np.array(value, "float32"))).any()


def test_one_hot_categorical_with_an_impossible_label_keeps_the_others():
    distribution = kdl.distributions.OneHotCategorical(probs=[0.0, 0.25, 0.75])
    np.testing.assert_allclose(
        numpy(distribution.prob(np.eye(3, dtype="float32"))), [0.0, 0.25, 0.75], rtol=1e-6
    )
    assert np.isfinite(numpy(distribution.entropy()))


def draw_at(weights, straight_through):
    def function(logits):
        distribution = kdl.distributions.OneHotCategorical(
            logits=logits, straight_through=straight_through
        )
        return ops.sum(ops.multiply(weights, distribution.sample(seed=0)))

    return function


def test_straight_through_draw_has_the_gradient_of_the_probabilities():
    logits, weights = raw_values(5, 3), raw_values(5, 3, seed=1)
    (received,) = gradients(draw_at(weights, True), logits)
    (expected,) = gradients(
        lambda x: ops.sum(
            ops.multiply(weights, kdl.distributions.OneHotCategorical(logits=x).mean())
        ),
        logits,
    )
    np.testing.assert_allclose(received, expected, rtol=1e-5, atol=1e-7)
    none = gradient(draw_at(weights, False), ops.convert_to_tensor(logits))
    assert not numpy(none).any()


def test_straight_through_draw_is_one_hot():
    distribution = kdl.distributions.OneHotCategorical(
        logits=raw_values(50, 7), straight_through=True
    )
    draws = distribution.sample(20, seed=0)
    assert set(np.unique(numpy(draws))) == {0.0, 1.0}
    assert np.isfinite(numpy(distribution.log_prob(draws))).all()
    clone = kdl.layers.OneHotCategorical(7, straight_through=True)
    again = kdl.layers.OneHotCategorical.from_config(clone.get_config())
    assert again(raw_values(2, 7)).distribution.straight_through
    kdl.testing.check_config(distribution)


def test_log_mean_keeps_what_underflows_in_the_mean():
    logits = np.float32([[0.0, -500.0], [0.0, -400.0]])
    distribution = kdl.distributions.CategoricalMixtureOfOneHotCategorical([0.0, 0.0], logits)
    np.testing.assert_allclose(numpy(distribution.log_mean())[1], -400.0 - np.log(2.0), rtol=1e-6)
    assert numpy(distribution.mean())[1] == 0.0


# ------------------------------------------------------------------ the order of cutpoints


def test_ordered_logistic_keeps_its_digits_in_the_tails():
    distribution = kdl.distributions.OrderedLogistic(
        cutpoints=[0.0, 1e-3, 50.0], loc=[-60.0, 0.0, 9000.0]
    )
    received = numpy(distribution.log_prob(np.array([1, 1, 2])))
    middle = np.log(np.float64(1) / (1 + np.exp(-1e-3)) - 0.5)
    expected = [-60.0 + np.log1p(-np.exp(-1e-3)), middle, -8950.0]
    np.testing.assert_allclose(received, expected, rtol=1e-5)


def test_ordered_logistic_head_keeps_the_mass_between_close_cutpoints():
    """At 10^4 the next float32 is 10^-3 further: the cutpoints alone would be equal."""
    rv = kdl.layers.OrderedLogistic(4)(np.float32([[1e4, 1e4, -1e4, -1e4]]))
    densities = numpy(rv.log_prob(np.arange(4)[:, None]))
    assert np.isfinite(densities).all()
    np.testing.assert_allclose(densities[1], np.log(1e-5 / 4.0), rtol=1e-4)


def test_ordered_logistic_head_has_increasing_cutpoints_and_ignores_a_shift():
    raw = raw_values(6, 5)
    distribution = kdl.layers.OrderedLogistic(5)(raw)
    assert (np.diff(numpy(distribution.cutpoints)) > 0).all()
    shifted = raw + np.float32([3.0, 3.0, 0.0, 0.0, 0.0])
    labels = np.array([0, 1, 2, 3, 4, 0])
    np.testing.assert_allclose(
        numpy(kdl.layers.OrderedLogistic(5)(shifted).log_prob(labels)),
        numpy(distribution.log_prob(labels)),
        rtol=1e-4,
        atol=1e-5,
    )


# ------------------------------------------------------------------ TFP's heads


@pytest.mark.filterwarnings("ignore")  # TFP on tf_keras warns of much, none of it ours
def test_one_hot_heads_are_the_distributions_of_tfp_layers():
    import tensorflow as tf
    import tensorflow_probability as tf_tfp

    raw, value = raw_values(4, 3), np.eye(3, dtype="float32")[[0, 1, 2, 1]]
    theirs = tf_tfp.layers.OneHotCategorical(3)(tf.constant(raw)).log_prob(value)
    ours = kdl.layers.OneHotCategorical(3)(raw).log_prob(value)
    np.testing.assert_allclose(numpy(ours), theirs.numpy(), rtol=1e-5)

    mixture = tf_tfp.layers.CategoricalMixtureOfOneHotCategorical
    assert kdl.layers.CategoricalMixtureOfOneHotCategorical.params_size(
        3, 2
    ) == mixture.params_size(3, 2)
    raw = raw_values(4, 8)
    theirs = mixture(3, 2)(tf.constant(raw))
    ours = kdl.layers.CategoricalMixtureOfOneHotCategorical(3, 2)(raw)
    np.testing.assert_allclose(
        numpy(ours.log_prob(value)), theirs.log_prob(value).numpy(), rtol=1e-5
    )
    np.testing.assert_allclose(numpy(ours.log_mean()), theirs.log_mean().numpy(), rtol=1e-5)
    np.testing.assert_allclose(numpy(ours.mean()), theirs.mean().numpy(), rtol=1e-5)


BAD_CALLS = {
    "no logits": (
        lambda: kdl.distributions.OneHotCategorical(),
        "exactly one of `logits` and `probs`.*neither",
    ),
    "other components": (
        lambda: kdl.distributions.CategoricalMixtureOfOneHotCategorical(
            [0.0, 0.0], np.zeros((3, 4))
        ),
        r"mixture_logits \(M\), component_logits \(M, K\).*\(2,\).*\(3, 4\)",
    ),
    "no labels": (
        lambda: kdl.layers.Categorical(0),
        "Categorical, argument `num_categories`.*at least 1",
    ),
    "one label": (lambda: kdl.layers.OrderedLogistic(1), "an int of at least 2.*num_categories=1"),
    "no components": (
        lambda: kdl.layers.CategoricalMixtureOfOneHotCategorical(3, 0),
        "`num_components`.*at least 1",
    ),
    "other labels": (
        lambda: kdl.distributions.OneHotCategorical(logits=np.zeros(3)).kl_divergence(
            kdl.distributions.OneHotCategorical(logits=np.zeros(2))
        ),
        r"event_shape=\(3,\).*event_shape=\(2,\)",
    ),
}


@pytest.mark.parametrize(("call", "match"), BAD_CALLS.values(), ids=BAD_CALLS)
def test_label_bad_call_says_what_is_wrong(call, match):
    with pytest.raises(ValueError, match=f"(?s){match}"):
        call()


def test_categorical_has_no_mean():
    with pytest.raises(NotImplementedError, match="labels have no arithmetic"):
        kdl.layers.Categorical(3, convert_to_tensor_fn="mean")(raw_values(2, 3))
