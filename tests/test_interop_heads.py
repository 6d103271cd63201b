"""Distributions of TFP, torch.distributions and NumPyro as heads: built, fitted, predicted."""

import functools
import inspect

import foreign_distributions
import keras
import numpy as np
import pytest
from helpers import BACKEND, numpy
from keras import ops

import keras_distlayers as kdl
from keras_distlayers.random_variable import RandomVariable
from keras_distlayers.testing._backend import backend as testing_backend
from keras_distlayers.testing._evaluation import evaluate

ROWS = 4

# The libraries' own, one by one.
pytestmark = [
    pytest.mark.filterwarnings(f"ignore:(?s).*{text}")
    for text in (
        "shape requires ndarray or scalar arguments, got <class 'NoneType'>",  # TFP on JAX
        "Explicitly requested dtype",  # TFP and NumPyro on JAX, which asks for float64
        "Singular sample detected",  # Torch's Wishart, where Keras asks for a shape with 83s
    )
]


# Where a backend compiles, fit and predict take a second or more for each. What depends on the
# distribution is its density and gradient in a graph, and that a RandomVariable leaves it: `slope`
# and `results` show that for each. Of each kind of event, one is fitted and predicted there.
FITTED = ("Normal", "Poisson", "Categorical", "Dirichlet", "MultivariateNormalTriL")


def libraries():
    """Those whose tensors are the backend's: their module of distributions, their rows."""
    if BACKEND == "torch":
        import torch

        yield "torch", torch.distributions, foreign_distributions.TORCH
    elif BACKEND == "tensorflow":
        import tensorflow_probability as tfp

        yield "tfp", tfp.distributions, foreign_distributions.TFP
    else:
        from numpyro import distributions

        from keras_distlayers.interop import tfp

        yield "tfp", tfp.distributions, foreign_distributions.TFP
        yield "numpyro", distributions, foreign_distributions.NUMPYRO


DISTRIBUTIONS = {
    f"{library}-{name}": (module, make)
    for library, module, rows in libraries()
    for name, make in rows.items()
}
distributions = pytest.mark.parametrize("name", DISTRIBUTIONS)


def of_raw(name):
    """The number of raw parameters of a row, and the function of a tensor of them."""
    module, make = DISTRIBUTIONS[name]
    size = len(inspect.signature(make).parameters) - 1

    def distribution(raw):
        return make(module, *(raw[..., i] for i in range(size)))

    return size, distribution


def test_interop_covers_as_many_distributions_as_promised():
    assert len(foreign_distributions.TFP) >= 30
    assert len(foreign_distributions.TORCH) >= 20
    assert len(foreign_distributions.NUMPYRO) >= 20


# What fails, and the library's reason.
FAILS_IN_A_GRAPH = {
    ("tensorflow", "tfp-CholeskyLKJ"): "len is not well defined for a symbolic Tensor",
}


@distributions
def test_foreign_distribution_is_a_head_that_trains(name, rng):
    size, distribution = of_raw(name)
    dense = keras.layers.Dense(size)
    head = kdl.layers.DistributionLambda(distribution, seed=1)
    model = keras.Sequential([keras.Input((3,)), dense, head])
    x = rng.normal(size=(ROWS, 3)).astype("float32")
    raw = dense(x)
    found, again = (evaluate(results, raw, head=head) for _ in range(2))
    rv, draws = found["rv"], found["draws"]

    log_prob, own, gradient = map(numpy, evaluate(densities, rv, draws, raw, head=head))
    np.testing.assert_allclose(log_prob, own, rtol=1e-6, atol=1e-6)
    assert own.shape == (2, ROWS)
    np.testing.assert_array_equal(numpy(again["draws"]), numpy(draws))
    require_tensor(found)
    if BACKEND == "jax":  # where there are pytrees
        clone = testing_backend.tree_roundtrip(rv)
        of_clone, *_ = evaluate(densities, clone, draws, raw, head=head)
        np.testing.assert_array_equal(numpy(of_clone), log_prob)

    targets = numpy(draws)[0]
    reason = FAILS_IN_A_GRAPH.get((BACKEND, name))
    if BACKEND == "torch" or reason or name.partition("-")[2] in FITTED:
        if reason:
            with pytest.raises(TypeError, match=reason):
                require_training(model, x, targets)
        require_training(model, x, targets, run_eagerly=bool(reason))
        assert model.outputs[0].shape == (None, *targets.shape[1:])
    else:
        if BACKEND == "tensorflow":  # where `evaluate` makes no graph
            gradient = numpy(testing_backend.jit(functools.partial(slope, head=head))(raw, draws))
        assert np.isfinite(gradient).all()
        assert gradient.any()


def results(raw, *, head):
    """In one function, for on JAX each sampler takes a second to compile wherever it occurs."""
    distribution = head.distribution(raw)
    draws = distribution.sample(2, seed=7)
    rv = RandomVariable(distribution, draws[0])
    return {
        "rv": rv,
        "draws": draws,
        "tensor": ops.convert_to_tensor(rv),
        "shifted": ops.cast(rv, "float32") + 1.0,
        "doubled": rv + rv,
    }


def densities(rv, value, raw, *, head):
    """Ours, the library's own, and the gradient that trains."""
    own = head.make_distribution_fn(raw).log_prob(value)
    return rv.log_prob(value), own, slope(raw, value, head=head)


def slope(raw, value, *, head):
    return testing_backend.value_and_gradient(total_log_prob, raw, value, head=head)[1]


def total_log_prob(raw, value, *, head):
    return ops.sum(head.distribution(raw).log_prob(value))


def require_tensor(found):
    draw = numpy(found["draws"])[0]
    np.testing.assert_array_equal(numpy(found["tensor"]), draw)
    np.testing.assert_allclose(numpy(found["shifted"]), draw.astype("float32") + 1.0, rtol=1e-6)
    np.testing.assert_array_equal(numpy(found["doubled"]), draw + draw)


def require_training(model, x, targets, run_eagerly=False):
    """A step of fit, compiled where the backend compiles, and predict, in batches of two sizes."""
    model.compile(
        keras.optimizers.SGD(1e-4),
        kdl.losses.NegativeLogLikelihood(),
        metrics=[kdl.metrics.NegativeLogLikelihood()],
        run_eagerly=run_eagerly,
    )
    before = [np.copy(w) for w in model.get_weights()]
    history = model.fit(x, targets, batch_size=ROWS, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    assert any((a != b).any() for a, b in zip(before, model.get_weights(), strict=True))
    np.testing.assert_allclose(history["nll"], history["loss"], rtol=1e-5)
    assert model.predict(x, batch_size=ROWS - 1, verbose=0).shape == targets.shape


def test_foreign_posterior_without_a_closed_form_has_a_monte_carlo_kl():
    """Of a Student t with 5 degrees of freedom at 1 to the standard normal, by quadrature."""
    _, module, _ = next(iter(libraries()))
    regularizer = kdl.regularizers.KLDivergenceRegularizer(
        kdl.distributions.Normal(0.0, 1.0), num_samples=4000
    )
    head = kdl.layers.DistributionLambda(
        lambda t: module.StudentT(5.0, t, 1.0), activity_regularizer=regularizer, seed=0
    )
    head(np.ones(4, "float32"))
    np.testing.assert_allclose(numpy(head.losses[0]), 0.618, atol=0.06)
