"""Distributions over the weights of Keras layers."""

import keras
import numpy as np
import pytest
from helpers import numpy
from keras import ops

import keras_distlayers as kdl
from keras_distlayers import distributions as kd

Variational = kdl.layers.Variational
ESTIMATORS = ("reparameterization", "local_reparameterization", "flipout")
LINEAR = ESTIMATORS[1:]

X = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")
SEQUENCES = np.random.default_rng(1).normal(size=(4, 5, 3)).astype("float32")
IMAGES = np.random.default_rng(2).normal(size=(2, 6, 6, 2)).astype("float32")
VOLUMES = np.random.default_rng(3).normal(size=(2, 4, 4, 4, 2)).astype("float32")
LABELS = np.random.default_rng(4).integers(0, 7, (4, 5)).astype("int32")


@keras.saving.register_keras_serializable("tests")
class Bilinear(keras.layers.Layer):
    """A layer of a user's own, with names of its own and two inputs."""

    def build(self, first_shape, second_shape):
        self.table = self.add_weight(shape=(first_shape[-1], second_shape[-1]), name="table")

    def call(self, first, second):
        return ops.einsum("bi,ij,bj->b", first, self.table, second)

    def compute_output_shape(self, first_shape, second_shape):
        return first_shape[:-1]


LAYERS = {
    "dense": (lambda: keras.layers.Dense(2, "tanh"), (X,)),
    "einsum": (
        lambda: keras.layers.EinsumDense("abc,cde->abde", (5, 2, 4), bias_axes="e"),
        (SEQUENCES,),
    ),
    "conv1d": (lambda: keras.layers.Conv1D(2, 3, activation="relu"), (SEQUENCES,)),
    "conv2d": (lambda: keras.layers.Conv2D(2, 3), (IMAGES,)),
    "conv3d": (lambda: keras.layers.Conv3D(2, 2), (VOLUMES,)),
    "transposed": (lambda: keras.layers.Conv2DTranspose(2, 3), (IMAGES,)),
    "depthwise": (lambda: keras.layers.DepthwiseConv2D(3), (IMAGES,)),
    "separable": (lambda: keras.layers.SeparableConv2D(2, 3), (IMAGES,)),
    "embedding": (lambda: keras.layers.Embedding(7, 2), (LABELS,)),
    "lstm": (lambda: keras.layers.LSTM(2), (SEQUENCES,)),
    "gru": (lambda: keras.layers.GRU(2, return_sequences=True), (SEQUENCES,)),
    "bidirectional": (lambda: keras.layers.Bidirectional(keras.layers.LSTM(2)), (SEQUENCES,)),
    "attention": (lambda: keras.layers.MultiHeadAttention(2, 3), (SEQUENCES, SEQUENCES)),
    "own": (Bilinear, (X, X)),
}


def vector(layer):
    """The weights of a layer, one after the other."""
    return np.concatenate([numpy(v).ravel() for v in layer.trainable_variables])


# ------------------------------------------------------------------ any layer


@pytest.mark.parametrize("name", LAYERS)
def test_any_layer_with_its_means_is_the_layer_and_with_draws_another(name):
    make, inputs = LAYERS[name]
    layer = make()
    variational = Variational(layer, 100, weights="all", seed=0)
    at_the_mean = numpy(variational(*inputs, deterministic=True))
    np.testing.assert_array_equal(at_the_mean, numpy(layer(*inputs)))
    first, second = (numpy(variational(*inputs)) for _ in range(2))
    assert first.shape == second.shape == at_the_mean.shape
    assert np.abs(first - second).max() > 1e-4
    assert variational.weight_distribution().event_shape == (vector(layer).size,)
    np.testing.assert_array_equal(numpy(variational.weight_distribution().mean()), vector(layer))


def kernels_of(make, inputs):
    variational = Variational(make(), 100)
    variational(*inputs)
    return [v.name for v in variational._weights.variables]


def test_kernels_alone_are_uncertain_unless_all_weights_are():
    expected = {
        "dense": ["kernel"],
        "separable": ["depthwise_kernel", "pointwise_kernel"],
        "embedding": ["embeddings"],
        "lstm": ["kernel", "recurrent_kernel"],
    }
    assert {name: kernels_of(*LAYERS[name]) for name in expected} == expected


@pytest.mark.parametrize(
    "posterior",
    ["mean_field_normal", lambda n: posterior_model(n, 0.1, 3.0)],
    ids=["mean field", "of the user's own"],
)
@pytest.mark.parametrize("weights", ["kernel", "all"])
def test_uncertain_variables_are_listed_in_the_order_of_the_posterior(weights, posterior):
    layer = Variational(keras.layers.LSTM(2), 10, weights=weights, posterior=posterior)
    assert layer.uncertain_variables == []
    layer(SEQUENCES)
    names = ["kernel", "recurrent_kernel"] + ["bias"] * (weights == "all")
    assert [v.name for v in layer.uncertain_variables] == names
    inside = {id(v) for v in layer.layer.variables}
    assert all(id(v) in inside for v in layer.uncertain_variables)
    vector = np.concatenate([numpy(v).ravel() for v in layer.uncertain_variables])
    if posterior == "mean_field_normal":
        np.testing.assert_array_equal(numpy(layer.weight_distribution().mean()), vector)
    assert layer.weight_distribution().event_shape == vector.shape


def test_layer_without_kernels_says_what_to_write():
    with pytest.raises(ValueError, match=r"\['table'\].*weights='all'"):
        Variational(Bilinear(), 100)(X, X)


def test_mask_and_training_reach_the_layer():
    masked = keras.layers.Masking()(np.where(np.arange(5)[:, None] < 3, SEQUENCES, 0.0))
    layer = keras.layers.LSTM(2)
    variational = Variational(layer, 100)
    expected = numpy(layer(SEQUENCES[:, :3]))
    np.testing.assert_allclose(numpy(variational(masked, deterministic=True)), expected, atol=1e-6)
    dropout = Variational(keras.layers.LSTM(4, dropout=0.5, seed=0), 100)
    calls = [numpy(dropout(SEQUENCES, deterministic=True, training=t)) for t in (True, False)]
    assert np.abs(calls[0] - calls[1]).max() > 1e-3


def test_losses_and_state_of_the_layer_are_kept():
    variational = Variational(keras.layers.Dense(2, activity_regularizer="l2"), 100)
    outputs = variational(X)
    regularized = keras.layers.ActivityRegularization(l2=0.01)
    regularized(outputs)
    regularizer = total(regularized.losses)  # divided by the number of rows from Keras 3.14 on
    kl = float(numpy(variational.weight_distribution().kl_divergence(standard_normal(6)))) / 100
    losses = sorted(float(numpy(loss)) for loss in variational.losses)
    np.testing.assert_allclose(losses, sorted([regularizer, kl]), rtol=1e-5)
    inner = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    inner.add(keras.layers.BatchNormalization(momentum=0.0))
    Variational(inner, 100)(X + 5.0, training=True)
    assert np.abs(numpy(inner.layers[-1].moving_mean)).min() > 0.01


# ------------------------------------------------------------------ the KL


def standard_normal(size):
    return kd.Independent(kd.Normal(np.zeros(size, "float32"), 1.0), 1)


def total(losses):
    return float(numpy(sum(losses)))


def test_kl_is_per_example_for_any_batch_and_number_of_layers_and_calls():
    layers = [Variational(keras.layers.Dense(3), 50, estimator=e, weight=0.5) for e in ESTIMATORS]
    inputs = keras.Input((3,))
    x = inputs
    for layer in [*layers, layers[0]]:  # the first one is called twice
        x = layer(x)
    model = keras.Model(inputs, kdl.layers.IndependentNormal(1)(keras.layers.Dense(2)(x)))
    nll = [kdl.metrics.NegativeLogLikelihood()]
    model.compile(keras.optimizers.SGD(0.0), kdl.losses.NegativeLogLikelihood(), metrics=nll)
    truth = sum(
        float(numpy(layer.weight_distribution().kl_divergence(standard_normal(9))))
        for layer in layers
    )
    for rows in (1, 4):
        model(X[:rows])
        assert total(model.losses) == pytest.approx(0.5 * truth / 50, rel=1e-5)
    monitor = kdl.callbacks.KLMonitor()
    history = model.fit(X, X[:, :1], batch_size=2, verbose=0, callbacks=[monitor]).history
    assert history["kl_divergence"] == pytest.approx([truth / 50], rel=1e-5)
    assert history["loss"][0] - history["nll"][0] == pytest.approx(0.5 * truth / 50, rel=1e-3)
    assert layers[0].kl_tracker.step == 2


def kl_of(**arguments):
    """The KL of a layer of six weights with known means, in nats."""
    layer = keras.layers.Dense(2)
    layer.build((None, 3))
    layer.kernel.assign(X[:3, :2])
    variational = Variational(layer, 1, **arguments)
    variational(X)
    return float(variational.kl_tracker.kl_divergence)


def test_priors():
    mean, stddev = X[:3, :2].ravel().astype("float64"), 0.05

    def truth(scale):
        terms = np.log(scale / stddev) + (stddev**2 + mean**2) / (2 * scale**2) - 0.5
        return pytest.approx(terms.sum(), rel=1e-5)

    assert kl_of() == truth(1.0)
    assert kl_of(prior=kd.Normal(0.0, 2.0)) == truth(2.0)
    assert kl_of(prior=kd.MultivariateNormalDiag(np.zeros(6), np.full(6, 2.0))) == truth(2.0)
    assert kl_of(prior="learned_scale_normal") == truth(1.0)
    for posterior in ("full_covariance_normal", lambda n: posterior_model(n, stddev, mean)):
        assert kl_of(posterior=posterior, prior=kd.Normal(0.0, 2.0)) == truth(2.0)
    made = kl_of(prior=lambda n: posterior_model(n, 2.0))
    assert made == truth(2.0)


def posterior_model(size, stddev, mean=0.0):
    raw_scale = kdl.layers.Positive().inverse(stddev)
    raw = np.concatenate([np.full(size, mean), np.full(size, float(raw_scale))])

    def start(shape, dtype=None):
        return ops.convert_to_tensor(raw, dtype)

    layer = kdl.layers.VariableLayer(2 * size, initializer=start)
    return keras.Sequential([layer, kdl.layers.IndependentNormal(size)])


def test_scale_mixture_prior_is_estimated_from_the_draw_of_the_weights():
    prior = kd.MixtureSameFamily(
        kd.Categorical(probs=[0.5, 0.5]), kd.Normal([0.0, 0.0], [1.0, 0.1])
    )
    layer = keras.layers.Dense(1, use_bias=False)
    variational = Variational(layer, 1, prior=prior)
    drawn = numpy(variational(np.eye(3, dtype="float32")))[:, 0]  # the weights themselves
    posterior = variational.weight_distribution()
    log_ratio = posterior.log_prob(drawn) - ops.sum(prior.log_prob(drawn))
    assert variational.kl_tracker.kl_divergence == pytest.approx(float(numpy(log_ratio)), rel=1e-4)


def test_learned_prior_and_its_scale_are_trained():
    layers = [Variational(keras.layers.Dense(2, use_bias=False), 1, prior="learned_scale_normal")]
    layers.append(Variational(keras.layers.Dense(1), 1, prior=lambda n: posterior_model(n, 1.0)))
    model = keras.Sequential([keras.Input((3,)), *layers])
    before = [numpy(layer.kl_tracker.prior.trainable_variables[0]) for layer in layers]
    model.compile(keras.optimizers.Adam(0.1), "mse")
    model.fit(X, X[:, :1], verbose=0)
    for layer, value in zip(layers, before, strict=True):
        (variable,) = layer.kl_tracker.prior.trainable_variables
        assert np.abs(numpy(variable) - value).max() > 0.05
        assert any(variable is v for v in model.trainable_variables)


# ------------------------------------------------------------------ posteriors


def test_posterior_of_the_users_own_takes_the_place_of_the_weights():
    layer = keras.layers.Dense(2, use_bias=False)
    variational = Variational(layer, 10, posterior=lambda n: posterior_model(n, 0.1, 3.0))
    outputs = numpy(variational(X, deterministic=True))
    np.testing.assert_allclose(outputs, X @ np.full((3, 2), 3.0), rtol=1e-5)
    assert [v.shape for v in variational.trainable_variables] == [(12,)]


def test_posterior_over_another_number_of_weights_is_refused():
    variational = Variational(
        keras.layers.Dense(2), 10, posterior=lambda n: posterior_model(5, 1.0)
    )
    with pytest.raises(TypeError, match=r"event_shape=\(6,\).*head"):
        variational(X)


def test_low_rank_posterior_has_its_initial_variance():
    posterior = kdl.layers.LowRankNormalPosterior(rank=3, initial_stddev=0.2)
    variational = Variational(keras.layers.Dense(100), 10, posterior=posterior)
    variational.build((None, 30))
    variances = numpy(variational.weight_distribution().variance())
    assert variances.mean() == pytest.approx(0.04, rel=0.1)


# ------------------------------------------------------------------ arguments


# ------------------------------------------------------------------ models without an Input

# Keras builds these on symbols, where an assignment is lost and tensors belong to another graph.


@pytest.mark.parametrize(
    "posterior", ["mean_field_normal", "full_covariance_normal", "low_rank_normal"]
)
def test_posterior_of_a_model_without_input_begins_as_that_of_one_with_it(posterior):
    layer = Variational(keras.layers.Dense(2), 10, posterior=posterior)
    model = keras.Sequential([layer])
    model.compile(loss="mse")
    model.evaluate(X, X[:, :2], verbose=0)
    distribution = layer.weight_distribution()
    if posterior == "low_rank_normal":
        np.testing.assert_allclose(numpy(distribution.cov_diag), 0.05**2 / 2, rtol=1e-4)
    else:
        np.testing.assert_allclose(numpy(distribution.stddev()), 0.05, rtol=1e-4)


@pytest.mark.parametrize(
    "prior",
    [
        "standard_normal",
        "learned_scale_normal",
        lambda size: kd.Normal(ops.zeros(size), 1.0),
        lambda size: kd.Independent(kd.Normal(np.zeros(size, "float32"), 1.0), 1),
    ],
    ids=["standard", "learned", "tensor", "array"],
)
def test_prior_of_a_model_without_input_is_that_of_one_with_it(prior):
    layer = Variational(keras.layers.Dense(2), 10, prior=prior)
    model = keras.Sequential([layer])
    model.compile(loss="mse")
    model.evaluate(X, X[:, :2], verbose=0)
    mean = numpy(layer.weight_distribution().mean()).astype("float64")
    kl = (np.log(1 / 0.05) + (0.05**2 + mean**2) / 2 - 0.5).sum() / 10
    assert layer.kl_tracker.kl_divergence == pytest.approx(kl, rel=1e-5)


@pytest.mark.parametrize("estimator", LINEAR)
@pytest.mark.parametrize("name", ["lstm", "embedding", "separable", "own"])
def test_linear_estimators_refuse_other_layers(estimator, name):
    with pytest.raises(ValueError, match=r"linear in its weights.*estimator='reparameterization'"):
        Variational(LAYERS[name][0](), 100, estimator)


def test_flipout_refuses_signs_that_are_not_of_weights():
    """Each channel c would have the kernel with a sign of its own, in one and the same row."""
    layer = keras.layers.EinsumDense("abc,bd->adc", (4, None))
    with pytest.raises(ValueError, match=r"EinsumDense\('abc,bd->adc'\).*another estimator"):
        Variational(layer, 100, "flipout")
    same_channels = keras.layers.EinsumDense("abc,c->abc", (5, 3))
    assert Variational(same_channels, 100, "flipout")(SEQUENCES).shape == (4, 5, 3)


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        ({"layer": "dense"}, TypeError, "a Keras layer"),
        ({"dataset_size": 0}, ValueError, "number of examples"),
        ({"dataset_size": None}, ValueError, "number of examples"),
        ({"dataset_size": True}, ValueError, "number of examples"),
        ({"estimator": "local"}, ValueError, "local_reparameterization"),
        ({"estimator": "flipout", "posterior": "low_rank_normal"}, ValueError, "mean_field"),
        ({"posterior": "normal"}, ValueError, "mean_field_normal"),
        ({"prior": "normal"}, ValueError, "standard_normal"),
        ({"weights": "bias"}, ValueError, "kernel"),
        ({"weight": "warmup"}, TypeError, "a number or a function"),
    ],
)
def test_wrong_arguments_are_refused(arguments, error, match):
    with pytest.raises(error, match=match):
        Variational(**{"layer": keras.layers.Dense(2), "dataset_size": 10, **arguments})


def test_activity_regularizer_with_a_linear_estimator_says_what_to_write():
    with pytest.raises(ValueError, match=r"keras\.layers\.ActivityRegularization"):
        Variational(keras.layers.Dense(2, activity_regularizer="l2"), 10, "flipout")


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_seed_decides_the_draws(estimator):
    layer = keras.layers.Dense(2)
    first, second, other = (
        numpy(Variational(layer, 10, estimator, seed=seed)(X)) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, second)
    assert np.abs(first - other).max() > 1e-4
