"""What several test modules need: conversions, small models, gradients on every backend."""

import keras
import numpy as np
from keras import ops

import keras_distlayers as kdl
from keras_distlayers.layers.kl_tracker import kl_trackers
from keras_distlayers.testing._evaluation import evaluate, gradient

BACKEND = keras.config.backend()

KERAS_VERSION = tuple(map(int, keras.__version__.split(".")[:2]))

OF_FORMULAS = ("normalization", "cdf", "quantile", "accuracy", "gradients")
"""Checks of whether formulas agree with each other: integrals, finite differences, float64.

They pass on Torch, where nothing compiles. test_replay.py holds the values, gradients and float32
digits of the other backends to those of Torch, and these checks are left out there.
"""


def numpy(x):
    return ops.convert_to_numpy(x)


def standard_normal(size):
    return kdl.distributions.Independent(
        kdl.distributions.Normal(np.zeros(size, "float32"), 1.0), 1
    )


def small_vae(latent=3, pixels=6, weight=1.0, use_exact_kl=None, prior=None, **kwargs):
    """An encoder, a decoder, and the compiled model that joins them."""
    regularizer = kdl.regularizers.KLDivergenceRegularizer(
        prior or standard_normal(latent), weight=weight, use_exact_kl=use_exact_kl
    )
    encoder = keras.Sequential(
        [
            keras.Input((pixels,)),
            keras.layers.Dense(8, "tanh"),
            keras.layers.Dense(kdl.layers.MultivariateNormalTriL.params_size(latent)),
            kdl.layers.MultivariateNormalTriL(latent, activity_regularizer=regularizer, seed=1),
        ],
        name="encoder",
    )
    decoder = keras.Sequential(
        [
            keras.Input((latent,)),
            keras.layers.Dense(8, "tanh"),
            keras.layers.Dense(pixels),
            kdl.layers.IndependentBernoulli((pixels,), seed=2),
        ],
        name="decoder",
    )
    vae = keras.Model(encoder.inputs[0], decoder(encoder.outputs[0]))
    vae.compile("adam", kdl.losses.NegativeLogLikelihood(), **kwargs)
    return encoder, decoder, vae


def tracker_of(model):
    """The one KLTracker of a model."""
    (tracker,) = kl_trackers(model)
    return tracker


def binary(shape, seed=0):
    return (np.random.default_rng(seed).random(shape) < 0.4).astype("float32")


def gradients(function, *arrays):
    """The gradients of a scalar function of tensors, as NumPy arrays."""
    tensors = [ops.convert_to_tensor(a) for a in arrays]
    return [numpy(g) for g in gradient(lambda tensors: function(*tensors), tensors)]


def called(model, *inputs):
    """The output of a model, in one compilation where there is any; its state stays as it is."""
    variables = [
        [variable.value for variable in some]
        for some in (model.trainable_variables, model.non_trainable_variables)
    ]
    return evaluate(_stateless_call, *variables, *inputs, model=model)


def _stateless_call(trainable, rest, *inputs, model):
    return model.stateless_call(trainable, rest, *inputs)[0]
