"""On Torch, Keras works out shapes on the meta device before it trains.

On a CPU Torch lets the tensors of the two devices mix, on a GPU it stops there. So here each call
is watched: none may take tensors of both.
"""

import traceback

import keras
import numpy as np
import pytest
import torch
from helpers import small_vae, standard_normal
from keras import ops
from torch.utils._python_dispatch import TorchDispatchMode

import keras_distlayers as kdl

ROWS, INPUTS, EVENT = 8, 4, 3


class NoMixedDevices(TorchDispatchMode):
    """Refuses what a GPU would refuse: an operation on meta tensors and on others."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        tensors = [x for x in keras.tree.flatten((args, kwargs or {})) if torch.is_tensor(x)]
        # Copies from one device to the other are how tensors come together.
        if len({x.is_meta for x in tensors}) > 1 and "copy" not in func.__name__:
            stack = "".join(traceback.format_stack(limit=8))
            raise RuntimeError(f"{func} mixes devices:\n{stack}")
        return func(*args, **(kwargs or {}))


def mixture():
    locs = kdl.distributions.Normal(np.zeros((2, EVENT), "float32"), 1.0)
    return kdl.distributions.MixtureSameFamily(
        kdl.distributions.Categorical(logits=np.zeros(2, "float32")),
        kdl.distributions.Independent(locs, 1),
    )


def foreign():
    return torch.distributions.MultivariateNormal(ops.zeros(EVENT), scale_tril=ops.eye(EVENT))


def full_covariance():
    return kdl.distributions.MultivariateNormalTriL(
        np.zeros(EVENT, "float32"), np.eye(EVENT, dtype="float32")
    )


PRIORS = {
    "diagonal": (lambda: standard_normal(EVENT), kdl.layers.IndependentNormal),
    "full": (full_covariance, kdl.layers.MultivariateNormalTriL),
    "mixture": (mixture, kdl.layers.IndependentNormal),
    "foreign": (foreign, kdl.layers.MultivariateNormalTriL),
}


@pytest.mark.parametrize("name", PRIORS)
@pytest.mark.parametrize("wrapper", ["regularizer", "add_loss"])
def test_prior_does_not_mix_devices(name, wrapper):
    make_prior, head = PRIORS[name]
    if wrapper == "regularizer":
        regularizer = kdl.regularizers.KLDivergenceRegularizer(make_prior())
        tail = [head(EVENT, activity_regularizer=regularizer)]
    else:
        tail = [head(EVENT), kdl.layers.KLDivergenceAddLoss(make_prior())]
    model = keras.Sequential(
        [keras.Input((INPUTS,)), keras.layers.Dense(head.params_size(EVENT)), *tail]
    )
    model.compile("adam", "mse", metrics=[kdl.metrics.NegativeLogLikelihood()])
    with NoMixedDevices():
        model.fit(np.ones((ROWS, INPUTS)), np.ones((ROWS, EVENT)), verbose=0)


def test_vae_does_not_mix_devices():
    _, _, vae = small_vae(metrics=[kdl.metrics.NegativeLogLikelihood()])
    x = np.ones((ROWS, 6), "float32")
    with NoMixedDevices():
        vae.fit(x, x, verbose=0)
        vae.evaluate(x, x, verbose=0)
        vae.predict(x, verbose=0)


@pytest.mark.parametrize("prior", [None, *PRIORS])
def test_weight_prior_does_not_mix_devices(prior):
    event = keras.layers.Dense(1, use_bias=False)
    made = PRIORS[prior][0]() if prior else "learned_scale_normal"
    layers = [keras.layers.Dense(EVENT), kdl.layers.Variational(event, ROWS, prior=made)]
    layers += [
        kdl.layers.Variational(keras.layers.Dense(2), ROWS, estimator, prior="standard_normal")
        for estimator in ("reparameterization", "local_reparameterization", "flipout")
    ]
    model = keras.Sequential([keras.Input((INPUTS,)), *layers, kdl.layers.IndependentNormal(1)])
    model.compile("adam", kdl.losses.NegativeLogLikelihood())
    with NoMixedDevices():
        model.fit(np.ones((ROWS, INPUTS)), np.ones((ROWS, 1)), verbose=0)


def test_mixed_devices_are_seen():
    """The watch itself: without it these tests would pass on any CPU."""
    prior = ops.zeros(EVENT)
    with NoMixedDevices(), keras.device("meta"), pytest.raises(RuntimeError, match="mixes"):
        ops.zeros((ROWS, EVENT)) - prior
