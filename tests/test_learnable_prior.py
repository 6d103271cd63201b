"""Priors that are layers: trained, saved and loaded with the model."""

import json

import keras
import numpy as np
import pytest
from helpers import binary, numpy, small_vae, standard_normal, tracker_of
from keras import ops

import keras_distlayers as kdl

UNIT = float(np.log(np.expm1(1.0)))  # the raw parameter of a scale of 1


def normal_prior(size, loc=0.0):
    start = kdl.layers.BlockwiseInitializer(
        [keras.initializers.Constant(loc), keras.initializers.Constant(UNIT)], [size, size]
    )
    return keras.Sequential(
        [kdl.layers.VariableLayer(2 * size, initializer=start), kdl.layers.IndependentNormal(size)]
    )


def mixture_prior(size, components=2):
    spread = keras.initializers.RandomNormal(stddev=0.5, seed=3)
    return keras.Sequential(
        [
            kdl.layers.VariableLayer(
                kdl.layers.MixtureNormal.params_size(components, size), initializer=spread
            ),
            kdl.layers.MixtureNormal(components, size),
        ]
    )


def mixture_of_full_normals():
    head = kdl.layers.MixtureSameFamily(2, kdl.layers.MultivariateNormalTriL(3))
    start = keras.initializers.RandomNormal(seed=4)
    return keras.Sequential([kdl.layers.VariableLayer(head.num_params, initializer=start), head])


@keras.saving.register_keras_serializable("tests")
class VampPrior(keras.layers.Layer):
    """The mixture of the encoder's distributions at trainable pseudo-inputs."""

    def __init__(self, body, shape, **kwargs):
        super().__init__(**kwargs)
        self.body, self.shape = body, shape
        start = keras.initializers.RandomUniform(0.0, 1.0, seed=5)
        self.pseudo_inputs = kdl.layers.VariableLayer(shape, initializer=start)
        self.head = kdl.layers.MultivariateNormalTriL(3)

    def build(self, input_shape):
        self.pseudo_inputs.build(input_shape)
        self.head.build(self.body.compute_output_shape(self.shape))

    def call(self, inputs):
        components = self.head(self.body(self.pseudo_inputs(inputs)))
        weights = kdl.distributions.Categorical(logits=ops.zeros(self.shape[0]))
        return kdl.distributions.MixtureSameFamily(weights, components.unwrapped())

    def get_config(self):
        body = keras.saving.serialize_keras_object(self.body)
        return {**super().get_config(), "body": body, "shape": self.shape}

    @classmethod
    def from_config(cls, config):
        body = keras.saving.deserialize_keras_object(config["body"])
        return cls(**{**config, "body": body, "shape": tuple(config["shape"])})


PRIORS = {
    "normal": lambda: normal_prior(3),
    "mixture": lambda: mixture_prior(3),
    "mixture of full normals": mixture_of_full_normals,
}
priors = pytest.mark.parametrize("name", PRIORS)


def regularizer_of(model):
    """That of the one head that has a KL term."""
    return tracker_of(model).regularizer


def prior_figures(model):
    """What has to come back: values, and the exact or estimated KL at fixed points."""
    regularizer = regularizer_of(model)
    points = np.random.default_rng(0).normal(size=(50, 3)).astype("float32")
    posterior = kdl.distributions.MultivariateNormalDiag(
        points[:8], np.full((8, 3), 0.5, "float32")
    )
    fixed = kdl.regularizers.KLDivergenceRegularizer(
        regularizer.distribution_b, test_points_fn=lambda rv: points[:, None, :]
    )
    return {
        "log_prob": numpy(regularizer.prior().log_prob(points)).tolist(),
        "kl": float(numpy(fixed(posterior))),
        "weights": [numpy(w).ravel().tolist() for w in regularizer.prior_layer.weights[:1]],
        "state": [tracker_of(model).step],
    }


def assert_same(ours, theirs, **tolerance):
    assert set(ours) == set(theirs)
    for name in theirs:
        np.testing.assert_allclose(ours[name], theirs[name], err_msg=name, **tolerance)


# ------------------------------------------------------------------ weights


def test_learned_prior_is_read_at_each_step():
    prior = normal_prior(2)
    regularizer = kdl.regularizers.KLDivergenceRegularizer(prior)
    head = kdl.layers.IndependentNormal(2, "mean", activity_regularizer=regularizer)
    raw = np.full((4, 4), UNIT, "float32")
    raw[:, :2] = 0.0
    head(raw)
    assert float(numpy(head.losses[0])) == pytest.approx(0.0, abs=1e-4)
    prior.layers[0].constant.assign([2.0, 0.0, UNIT, UNIT])
    head(raw)
    assert float(numpy(head.losses[0])) == pytest.approx(2.0, rel=1e-3)
    assert float(numpy(regularizer.prior().mean())[0]) == 2.0


def test_learned_prior_is_shared_by_two_heads():
    prior = normal_prior(2)
    regularizer = kdl.regularizers.KLDivergenceRegularizer(prior)
    x = keras.Input((4,))
    first = kdl.layers.IndependentNormal(2, activity_regularizer=regularizer)(x)
    second = kdl.layers.IndependentNormal(2)(keras.layers.Dense(4)(first))
    passed = kdl.layers.KLDivergenceAddLoss(prior, weight=0.5)(second)
    model = keras.Model(x, passed)
    assert len(model.trainable_weights) == 3
    model.compile("adam", kdl.losses.NegativeLogLikelihood())
    model.fit(np.ones((8, 4)), np.ones((8, 2)), verbose=0)


def test_learned_prior_is_copied_by_clone_model():
    _, _, vae = small_vae(prior=normal_prior(3, loc=1.0))
    clone = keras.models.clone_model(vae)
    ours, theirs = (regularizer_of(m).prior_layer for m in (vae, clone))
    assert ours is not theirs
    assert len(vae.trainable_weights) == len(clone.trainable_weights)


# ------------------------------------------------------------------ optima that are known


def test_learned_prior_approaches_the_aggregate_posterior_of_a_linear_gaussian_model():
    """x = z + s e: the likelihood's optimum is z ~ N(mean x, var x - s^2), in every entry."""
    s, data = 0.5, np.random.default_rng(0).normal([1.5, -1.0], [1.2, 0.8], size=(2048, 2))
    data = data.astype("float32")
    prior = normal_prior(2)
    posterior = kdl.layers.IndependentNormal(
        2, activity_regularizer=kdl.regularizers.KLDivergenceRegularizer(prior), seed=0
    )
    likelihood = kdl.layers.DistributionLambda(
        lambda z: kdl.distributions.Independent(
            kdl.distributions.Normal(z, np.full(2, s, "float32")), 1
        )
    )
    encoder = [keras.Input((2,)), keras.layers.Dense(4, kernel_initializer="zeros"), posterior]
    model = keras.Sequential([*encoder, likelihood])
    rate = keras.optimizers.schedules.CosineDecay(0.05, 480)
    model.compile(keras.optimizers.Adam(rate), kdl.losses.NegativeLogLikelihood())
    model.fit(data, data, batch_size=128, epochs=30, verbose=0)
    distribution = kdl.regularizers.KLDivergenceRegularizer(prior).prior()
    posteriors = keras.Sequential(encoder)(data)
    means = numpy(posteriors.mean())
    aggregate = np.sqrt(means.var(axis=0) + (numpy(posteriors.stddev()) ** 2).mean(axis=0))
    np.testing.assert_allclose(numpy(distribution.mean()), means.mean(axis=0), atol=0.04)
    np.testing.assert_allclose(numpy(distribution.stddev()), aggregate, rtol=0.04)
    np.testing.assert_allclose(numpy(distribution.mean()), data.mean(axis=0), atol=0.06)
    np.testing.assert_allclose(
        numpy(distribution.stddev()), np.sqrt(data.var(axis=0) - s**2), rtol=0.06
    )


def two_clusters(prior):
    """Trains z -> x = z + e / 2 with two clusters of x at -3 and 3; returns -ELBO."""
    rng = np.random.default_rng(0)
    centres = rng.choice([-3.0, 3.0], size=(2048, 1))
    x = (centres + 0.6 * rng.normal(size=(2048, 1))).astype("float32")
    regularizer = kdl.regularizers.KLDivergenceRegularizer(prior)
    model = keras.Sequential(
        [
            keras.Input((1,)),
            keras.layers.Dense(16, "tanh"),
            keras.layers.Dense(2),
            kdl.layers.IndependentNormal(1, activity_regularizer=regularizer, seed=0),
            kdl.layers.DistributionLambda(
                lambda z: kdl.distributions.Independent(kdl.distributions.Normal(z, 0.5), 1)
            ),
        ]
    )
    rate = keras.optimizers.schedules.CosineDecay(0.05, 480)
    model.compile(keras.optimizers.Adam(rate), kdl.losses.NegativeLogLikelihood())
    model.fit(x, x, batch_size=128, epochs=30, verbose=0)
    return model.evaluate(x, x, batch_size=2048, verbose=0)


@pytest.mark.slow
def test_learned_mixture_prior_beats_the_standard_normal_on_two_clusters():
    start = np.float32([0.0, 0.0, -1.0, UNIT, 1.0, UNIT])
    mixture = keras.Sequential(
        [
            kdl.layers.VariableLayer(6, initializer=lambda *_, **__: ops.convert_to_tensor(start)),
            kdl.layers.MixtureNormal(2, 1),
        ]
    )
    learned, fixed = two_clusters(mixture), two_clusters(standard_normal(1))
    # The entropy of the data is log 2 + log(0.6 sqrt(2 pi e)) = 1.601 nats; no model does better.
    assert 1.601 - 0.1 < learned < 1.601 + 0.15
    assert learned < fixed - 0.5
    raw = numpy(mixture.layers[0].constant)  # two logits, then loc and raw scale of each
    np.testing.assert_allclose(raw[[2, 4]], [-3.0, 3.0], atol=0.15)


# ------------------------------------------------------------------ files


@priors
def test_learned_prior_is_trained_once_saved_and_trained_on(name, tmp_path):
    """In one test: compiling a step takes most of the time."""
    prior = PRIORS[name]()
    _, _, vae = small_vae(prior=prior)
    ids = [id(w) for w in vae.trainable_weights]
    assert [ids.count(id(w)) for w in prior.trainable_weights] == [1]
    before = numpy(prior.trainable_weights[0]).copy()
    x = binary((32, 6))
    history = vae.fit(x, x, epochs=2, verbose=0, callbacks=[kdl.callbacks.KLMonitor()]).history
    assert np.isfinite(history["loss"]).all()
    assert np.isfinite(history["kl_divergence"]).all()
    assert (numpy(prior.trainable_weights[0]) != before).mean() > 0.7

    vae.save(tmp_path / "vae.keras")
    reloaded = keras.models.load_model(tmp_path / "vae.keras")  # safe_mode is on
    assert len(reloaded.trainable_weights) == len(vae.trainable_weights)
    for ours, theirs in zip(vae.weights, reloaded.weights, strict=True):
        np.testing.assert_array_equal(numpy(ours), numpy(theirs))
    assert_same(prior_figures(reloaded), prior_figures(vae), rtol=1e-6)
    before = numpy(regularizer_of(reloaded).prior_layer.weights[0]).copy()
    reloaded.fit(x, x, verbose=0)
    assert (numpy(regularizer_of(reloaded).prior_layer.weights[0]) != before).any()


def test_learned_prior_round_trip_keeps_the_config():
    regularizer = kdl.regularizers.KLDivergenceRegularizer(normal_prior(2), weight=0.5)
    config = keras.saving.serialize_keras_object(regularizer)
    clone = keras.saving.deserialize_keras_object(json.loads(json.dumps(config)))
    assert clone.get_config() == regularizer.get_config()
    for layer in (
        kdl.layers.IndependentNormal(2, activity_regularizer=regularizer),
        kdl.layers.KLDivergenceAddLoss(normal_prior(2), weight=0.5),
    ):
        clone = type(layer).from_config(layer.get_config())
        assert clone.get_config() == layer.get_config()
        assert isinstance(clone.kl_tracker.prior, keras.Sequential)


def vamp_vae():
    """Encoder and VampPrior share their body."""
    body = keras.Sequential(
        [
            keras.Input((6,)),
            keras.layers.Dense(8, "tanh"),
            keras.layers.Dense(kdl.layers.MultivariateNormalTriL.params_size(3)),
        ]
    )
    regularizer = kdl.regularizers.KLDivergenceRegularizer(VampPrior(body, (4, 6)))
    head = kdl.layers.MultivariateNormalTriL(3, activity_regularizer=regularizer, seed=1)
    decoder = [keras.layers.Dense(6), kdl.layers.IndependentBernoulli(6, seed=2)]
    vae = keras.Sequential([keras.Input((6,)), body, head, *decoder])
    vae.compile("adam", kdl.losses.NegativeLogLikelihood())
    return vae


def test_vamp_prior_shares_the_encoder_also_after_a_reload(tmp_path):
    vae, x = vamp_vae(), binary((16, 6))
    assert len(vae.trainable_weights) == 4 + 1 + 2
    pseudo_inputs = regularizer_of(vae).prior_layer.pseudo_inputs.constant
    before = numpy(pseudo_inputs).copy()
    vae.fit(x, x, verbose=0)
    assert (numpy(pseudo_inputs) != before).all()
    vae.save(tmp_path / "vae.keras")
    reloaded = keras.models.load_model(tmp_path / "vae.keras")
    assert len(reloaded.trainable_weights) == len(vae.trainable_weights)
    assert regularizer_of(reloaded).prior_layer.body is reloaded.layers[0]
    assert_same(prior_figures(reloaded), prior_figures(vae), rtol=1e-6)


# ------------------------------------------------------------------ errors


def vectors(size):
    return keras.Sequential(
        [kdl.layers.VariableLayer(size), kdl.layers.IndependentNormal(size[-1] // 2)]
    )


BAD = {
    "no distribution": (
        lambda: kdl.layers.VariableLayer(3),
        TypeError,
        "a layer that makes a distr",
    ),
    "other events": (lambda: normal_prior(5), ValueError, r"event_shape=\(2,\).*\(5,\)"),
    "more axes than the batch": (
        lambda: vectors((1, 1, 4)),
        ValueError,
        r"one prior.*batch_shape=\(1, 1\)",
    ),
    "one per row": (lambda: vectors((4, 4)), ValueError, r"one prior.*batch_shape=\(4,\)"),
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("exact", [None, False])
def test_learned_prior_that_does_not_fit_is_refused(name, exact):
    make, error, match = BAD[name]
    regularizer = kdl.regularizers.KLDivergenceRegularizer(make(), use_exact_kl=exact)
    with pytest.raises(error, match="(?s)" + match):
        kdl.layers.IndependentNormal(2, activity_regularizer=regularizer)(
            np.zeros((4, 4), "float32")
        )


def test_learned_prior_may_differ_by_position_within_a_row():
    regularizer = kdl.regularizers.KLDivergenceRegularizer(vectors((3, 4)))
    head = kdl.layers.IndependentNormal(2, activity_regularizer=regularizer)
    head(np.zeros((5, 3, 4), "float32"))
    assert float(numpy(head.losses[0])) == pytest.approx(0.0, abs=1e-5)
