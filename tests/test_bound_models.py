"""Models around `VariationalBound`: priors, posteriors and decoders of all kinds."""

import itertools

import keras
import numpy as np
import pytest
from bounds import ConditionalDecoder, UnitNormalAround, diagonal, posterior, trained_normal
from helpers import BACKEND, binary, numpy, standard_normal
from keras import layers, ops
from test_learnable_prior import VampPrior, mixture_prior

import keras_distlayers as kdl

PIXELS = 6


def head_of(event_size):
    return kdl.layers.IndependentNormal(event_size)


def body(size):
    """Layers before a head that reads `size` numbers."""
    return [keras.layers.Dense(5, "tanh"), keras.layers.Dense(size)]


def decoder(head=None):
    head = head or kdl.layers.IndependentBernoulli(PIXELS)
    return keras.Sequential([keras.Input((3,)), *body(head.num_params), head])


def bound(prior=None, decoded=None, **kwargs):
    return kdl.layers.VariationalBound(
        decoded or decoder(),
        standard_normal(3) if prior is None else prior,
        **{"num_samples": 3, "seed": 1, **kwargs},
    )


def chain(layer, *posterior):
    """Pixels, the encoder, the bound."""
    return keras.Sequential(
        [keras.Input((PIXELS,)), *(posterior or [*body(6), head_of(3)]), layer]
    )


def flow_prior():
    """A RealNVP without a condition: on a constant."""
    ones = kdl.layers.VariableLayer((1, 1), initializer="ones")
    return keras.Sequential(
        [ones, kdl.layers.ConditionalFlow(3, num_couplings=2, hidden_units=(4,))]
    )


def vamp(**kwargs):
    shared = keras.Sequential(
        [keras.Input((PIXELS,)), *body(kdl.layers.MultivariateNormalTriL.params_size(3))]
    )
    layer = bound(VampPrior(shared, (4, PIXELS)), **kwargs)
    return chain(layer, shared, kdl.layers.MultivariateNormalTriL(3))


def conditional(**kwargs):
    """The decoder sees z and a condition, of which the prior is a network."""
    x, condition = keras.Input((PIXELS,)), keras.Input((4,))
    z = head_of(3)(keras.layers.Dense(6)(layers.Concatenate()([x, condition])))
    prior = keras.Sequential([keras.Input((4,)), *body(6), head_of(3)])
    made = bound(prior, ConditionalDecoder(PIXELS), **kwargs)(z, condition=condition)
    return keras.Model([x, condition], made)


def two_layers(**kwargs):
    """p(x | z1) p(z1 | z2) p(z2)."""
    inner_decoder = keras.Sequential([keras.Input((2,)), *body(6), head_of(3)])
    inner = kdl.layers.VariationalBound(inner_decoder, trained_normal(2), seed=2)
    prior = keras.Sequential([keras.Input((3,)), *body(4), head_of(2), inner])
    return chain(bound(prior, **kwargs))


def decoded_by(head):
    return lambda **kwargs: chain(bound(decoded=decoder(head()), **kwargs))


MODELS = {
    "learned prior": lambda **kwargs: chain(bound(trained_normal(3), **kwargs)),
    "mixture prior": lambda **kwargs: chain(bound(mixture_prior(3), **kwargs)),
    "VampPrior": vamp,
    "flow prior": lambda **kwargs: chain(bound(flow_prior(), **kwargs)),
    "flow posterior": lambda **kwargs: chain(
        bound(**kwargs), *body(5), kdl.layers.ConditionalFlow(3, 2, (4,))
    ),
    "conditional": conditional,
    "two layers": two_layers,
    "normal decoder": decoded_by(lambda: head_of(PIXELS)),
    "Poisson decoder": decoded_by(lambda: kdl.layers.IndependentPoisson(PIXELS)),
    "logistic decoder": decoded_by(
        lambda: kdl.layers.IndependentQuantizedLogisticMixture(2, PIXELS, low=0, high=3)
    ),
}
models = pytest.mark.parametrize("name", MODELS)


def data(name, rows=16):
    """The inputs, and the target."""
    x = binary((rows, PIXELS))
    return ([x, binary((rows, 4), seed=1)] if name == "conditional" else x), x


def bound_layer(model):
    return next(la for la in model.layers if isinstance(la, kdl.layers.VariationalBound))


def all_seeds(model):
    """The states of all seeds, in an order that a file keeps."""
    return [v for v in model.variables if "seed_generator_state" in v.path]


def bounds_from(model, inputs, x, states):
    for variable, state in zip(all_seeds(model), states, strict=True):
        variable.assign(state)
    rv = model(inputs)
    return [numpy(rv.log_prob(x)), numpy(rv.log_weights(x))]


ESTIMATORS = ("reparameterization", "dreg")
# Where nothing compiles each model with both; elsewhere in turn.
TRAINED = [(name, ESTIMATORS[i % 2]) for i, name in enumerate(MODELS)]
if BACKEND == "torch":
    TRAINED = list(itertools.product(MODELS, ESTIMATORS))


@pytest.mark.parametrize(("name", "estimator"), TRAINED)
def test_model_trains_all_weights_and_comes_back_from_its_file(name, estimator, tmp_path):
    model = MODELS[name](estimator=estimator, test_num_samples=5, chunk_size=2)
    inputs, x = data(name)
    # Plain gradients: a step that is not 0 is a gradient that is not 0.
    model.compile(keras.optimizers.SGD(1e-2), kdl.losses.NegativeLogLikelihood())
    before = [numpy(w).copy() for w in model.trainable_weights]
    history = model.fit(inputs, x, epochs=2, batch_size=8, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    for old, weight in zip(before, model.trainable_weights, strict=True):
        assert np.abs(numpy(weight) - old).max() > 1e-8, weight.path
    assert np.isfinite(model.evaluate(inputs, x, batch_size=8, verbose=0))

    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")  # safe_mode is on
    for ours, theirs in zip(model.weights, again.weights, strict=True):
        np.testing.assert_array_equal(numpy(ours), numpy(theirs))
    states = [numpy(v).copy() for v in all_seeds(model)]
    for ours, theirs in zip(
        bounds_from(model, inputs, x, states), bounds_from(again, inputs, x, states), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)
    assert again.layers[-1].get_config()["estimator"] == estimator
    again.fit(inputs, x, verbose=0)


@models
def test_model_generates_examples(name):
    model = MODELS[name]()
    layer = bound_layer(model)
    condition = {"condition": binary((7, 4))} if name == "conditional" else {}
    made = layer.generate(7, seed=3, **condition)
    assert (made.batch_shape, made.event_shape) == ((7,), (PIXELS,))
    assert np.isfinite(numpy(made)).all()
    again = layer.generate(7, seed=3, **condition)
    np.testing.assert_array_equal(numpy(again), numpy(made))
    assert np.abs(numpy(layer.generate(7, seed=4, **condition)) - numpy(made)).max() > 0.0


def test_conditional_bound_is_that_of_the_terms_by_hand():
    """The log weights, from the draws, the decoder and the prior."""
    model = conditional(num_samples=4, use_exact_kl=False)
    (x, condition), _ = data("conditional", 5)
    layer = bound_layer(model)
    q = kdl.RandomVariable(standard_normal(3).expand((5,)), np.zeros((5, 3), "float32"))
    layer.seed_generator.state.assign([9, 1])
    weights = numpy(layer(q, condition=condition).log_weights(x))
    generator = keras.random.SeedGenerator(0)
    generator.state.assign([9, 1])
    z = q.distribution.sample(4, generator)
    prior = layer.prior(condition).distribution
    for k in range(4):
        likelihood = layer.decoder([z[k], ops.convert_to_tensor(condition)]).log_prob(x)
        expected = likelihood + prior.log_prob(z[k]) - q.log_prob(z[k])
        np.testing.assert_allclose(weights[:, k], numpy(expected), rtol=1e-4, atol=1e-5)


def test_two_stochastic_layers_meet_the_evidence_of_a_linear_gaussian_model():
    """z2 ~ N(0, I), z1 | z2 ~ N(z2, I), x | z1 ~ N(z1, I): x ~ N(0, 3 I)."""
    half = [keras.layers.Rescaling(0.5), kdl.layers.DistributionLambda(around_with_half)]
    inner = kdl.layers.VariationalBound(UnitNormalAround(2), trained_normal(2), seed=1)
    prior = keras.Sequential([keras.Input((2,)), *half, inner])
    x = np.random.default_rng(0).normal(size=(50, 2)).astype("float32")
    layer = kdl.layers.VariationalBound(
        UnitNormalAround(2), prior, test_num_samples=2000, chunk_size=500, seed=0
    )
    rv = layer(posterior(x * 0.6, 0.9))
    truth = -0.5 * (x.astype("float64") ** 2 / 3.0 + np.log(6.0 * np.pi)).sum(axis=1)
    assert numpy(rv.log_prob(x)).mean() == pytest.approx(truth.mean(), abs=0.01)


def around_with_half(loc):
    """The exact posterior of z2: a variance of a half."""
    return diagonal(loc, float(np.sqrt(0.5)))
