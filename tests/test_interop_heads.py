"""Distributions of TFP, torch.distributions and NumPyro as heads: built, fitted, predicted."""

import inspect

import foreign_distributions
import keras
import numpy as np
import pytest
from helpers import BACKEND, numpy
from keras import ops

import keras_distlayers as kdl
from keras_distlayers.testing import _backend as testing_backend

ROWS = 6

# The libraries' own, one by one.
pytestmark = [
    pytest.mark.filterwarnings(f"ignore:(?s).*{text}")
    for text in (
        "shape requires ndarray or scalar arguments, got <class 'NoneType'>",  # TFP on JAX
        "Explicitly requested dtype",  # TFP and NumPyro on JAX, which asks for float64
        "Singular sample detected",  # Torch's Wishart, where Keras asks for a shape with 83s
    )
]


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
    model = keras.Sequential(
        [keras.Input((3,)), dense, kdl.layers.DistributionLambda(distribution, seed=1)]
    )
    x = rng.normal(size=(ROWS, 3)).astype("float32")
    rv = model(x)
    targets = numpy(rv.sample(seed=0))

    own = numpy(distribution(dense(x)).log_prob(ops.convert_to_tensor(targets)))
    np.testing.assert_allclose(numpy(rv.log_prob(targets)), own, rtol=1e-6, atol=1e-6)
    assert own.shape == (ROWS,)
    require_tensor(rv)
    if BACKEND == "jax":  # where there are pytrees
        clone = testing_backend.tree_roundtrip(rv)
        np.testing.assert_array_equal(numpy(clone.log_prob(targets)), numpy(rv.log_prob(targets)))

    reason = FAILS_IN_A_GRAPH.get((BACKEND, name))
    if reason:
        with pytest.raises(TypeError, match=reason):
            require_training(model, x, targets)
    require_training(model, x, targets, run_eagerly=bool(reason))


def require_tensor(rv):
    draw = numpy(ops.convert_to_tensor(rv))
    shifted = numpy(ops.cast(rv, "float32") + 1.0)
    np.testing.assert_allclose(shifted, draw.astype("float32") + 1.0, rtol=1e-6)
    np.testing.assert_array_equal(numpy(rv + rv), draw + draw)
    np.testing.assert_array_equal(numpy(rv.sample(2, seed=7)), numpy(rv.sample(2, seed=7)))


def require_training(model, x, targets, run_eagerly=False):
    """Two steps of fit, compiled where the backend compiles, and predict."""
    model.compile(
        keras.optimizers.SGD(1e-4),
        kdl.losses.NegativeLogLikelihood(),
        metrics=[kdl.metrics.NegativeLogLikelihood()],
        run_eagerly=run_eagerly,
    )
    before = [np.copy(w) for w in model.get_weights()]
    history = model.fit(x, targets, batch_size=ROWS // 2, shuffle=False, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    assert any((a != b).any() for a, b in zip(before, model.get_weights(), strict=True))
    np.testing.assert_allclose(history["nll"], history["loss"], rtol=1e-5)
    assert model.predict(x, batch_size=4, verbose=0).shape == targets.shape
