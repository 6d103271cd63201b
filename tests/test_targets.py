"""Targets whose rank differs from the distribution's: the right number, or an error."""

import functools

import keras
import numpy as np
import pytest
from helpers import BACKEND, numpy
from keras import ops

import keras_distlayers as kdl
from keras_distlayers.random_variable import RandomVariable

ROWS = 6
# Ours, or under XLA on TensorFlow that of the reshape.
REFUSED = r"`y_true`|[Ii]ncompatible|reshape"


@keras.saving.register_keras_serializable("tests")
def negloglik(y, rv):
    return -rv.log_prob(y)


def normal_of(t):
    return kdl.distributions.Normal(t, 1.0)


def independent_normal_of(t):
    return kdl.distributions.Independent(normal_of(t), 1)


def foreign_normal_of(t):
    """A distribution of another library, one on each backend."""
    if BACKEND == "torch":
        import torch

        return torch.distributions.Normal(t, 1.0)
    if BACKEND == "tensorflow":
        import tensorflow_probability as tfp

        return tfp.distributions.Normal(t, 1.0)
    from numpyro import distributions

    return distributions.Normal(t, 1.0)


def column(t):
    return t[..., :1]


# By name: the head of a raw tensor of two columns, and the shape of one draw of a row.
HEADS = {
    "Normal(n, 1)": (lambda: kdl.layers.DistributionLambda(lambda t: normal_of(column(t))), (1,)),
    "Normal(n)": (lambda: kdl.layers.DistributionLambda(lambda t: normal_of(t[..., 0])), ()),
    "Normal(n, 2)": (lambda: kdl.layers.DistributionLambda(normal_of), (2,)),
    "foreign(n, 1)": (
        lambda: kdl.layers.DistributionLambda(lambda t: foreign_normal_of(column(t))),
        (1,),
    ),
    "IndependentNormal(1)": (lambda: kdl.layers.IndependentNormal(1), (1,)),
    "IndependentNormal(())": (lambda: kdl.layers.IndependentNormal(()), ()),
    "Independent": (lambda: kdl.layers.DistributionLambda(independent_normal_of), (2,)),
    "Categorical": (lambda: kdl.layers.Categorical(2), ()),
    "MixtureNormal": (
        lambda: kdl.layers.DistributionLambda(
            lambda t: kdl.distributions.MixtureSameFamily(
                kdl.distributions.Categorical(logits=t),
                kdl.distributions.Normal(t, 1.0),
            )
        ),
        (),
    ),
}

LOSSES = {
    "nll": kdl.losses.NegativeLogLikelihood,
    "function": functools.partial(kdl.losses.DistributionLoss, negloglik),
}
METRICS = {
    "nll": kdl.metrics.NegativeLogLikelihood,
    "function": functools.partial(kdl.metrics.DistributionMetric, negloglik),
}


def model_of(make_head, loss="nll", metric="nll", rows=None):
    inputs = keras.Input(batch_shape=(rows, 2))
    model = keras.Model(inputs, make_head()(inputs))
    model.compile("sgd", LOSSES[loss](), metrics=[METRICS[metric](name="metric")])
    return model


def targets_of(shape, rng):
    """Labels 0 and 1 are in the support of every head here."""
    return rng.integers(0, 2, size=(ROWS, *shape)).astype("float32")


@pytest.mark.parametrize("rows", [None, ROWS], ids=["unknown size", "known size"])
@pytest.mark.parametrize("kind", ["nll", "function"])
@pytest.mark.parametrize("name", HEADS)
def test_target_of_another_rank_gives_the_right_number_or_an_error(name, kind, rows, rng):
    make_head, shape = HEADS[name]
    model = model_of(make_head, kind, kind, rows)
    x, y = rng.normal(size=(ROWS, 2)).astype("float32"), targets_of(shape, rng)
    expected = -numpy(model(x).log_prob(y)).sum() / ROWS

    equal = [y, y[..., None]] + ([y[:, 0]] if shape == (1,) else [])
    refused = [y[..., None, None], np.stack([y, y], axis=1)]
    if shape == (2,):
        refused += [y[:, 0], y[:, :1], y[:, None], np.concatenate([y, y], axis=1)]
    for target in equal:
        found = model.evaluate(x, target, batch_size=ROWS, verbose=0, return_dict=True)
        assert found["loss"] == pytest.approx(expected, rel=1e-5), target.shape
        assert found["metric"] == pytest.approx(expected, rel=1e-5), target.shape
    for target in refused:
        if BACKEND == "jax":  # where Keras's model is of no use after an error
            model = model_of(make_head, kind, kind, rows)
        with pytest.raises(Exception, match=REFUSED):
            model.evaluate(x, target, batch_size=ROWS, verbose=0)


@pytest.mark.parametrize("call", ["loss", "metric"])
@pytest.mark.parametrize("shape", [(3,), (ROWS, 3), (1,), (ROWS + 1, 1), (ROWS, 1, 1, 1)])
def test_loss_called_by_hand_refuses_a_shape_that_would_broadcast(call, shape):
    rv = kdl.layers.IndependentNormal(1)(ops.zeros((ROWS, 2)))
    y = np.zeros(shape, "float32")
    evaluate = {
        "loss": kdl.losses.NegativeLogLikelihood(),
        "metric": kdl.metrics.NegativeLogLikelihood().update_state,
    }[call]
    with pytest.raises(ValueError, match=r"argument `y_true`.*\(6, 1\).*Received: shape="):
        evaluate(y, rv)


@pytest.mark.parametrize("y_shape", [(-1,), (-1, 1)], ids=["(n,)", "(n, 1)"])
@pytest.mark.parametrize("scale", ["fixed", "learned"])
def test_tfps_regression_tutorial_learns_the_least_squares_line(scale, y_shape, rng):
    """Cases 1 and 2 of the tutorial, with its targets of shape (n,)."""
    x = rng.uniform(-1.0, 1.0, size=(64, 1)).astype("float32")
    y = (2.0 * x[:, 0] + 1.0 + 0.1 * rng.normal(size=64)).astype("float32")
    size, normal = (1, normal_of) if scale == "fixed" else (2, learned_normal_of)
    model = keras.Sequential(
        [keras.Input((1,)), keras.layers.Dense(size), kdl.layers.DistributionLambda(normal)]
    )
    loss = kdl.losses.DistributionLoss(negloglik)
    model.compile(keras.optimizers.Adam(0.05), loss)
    steps = 300  # of the whole data each, in one epoch
    many_x, many_y = np.tile(x, (steps, 1)), np.tile(y, steps).reshape(y_shape)
    model.fit(many_x, many_y, batch_size=len(x), shuffle=False, verbose=0)
    slope, intercept = np.polyfit(x[:, 0], y, 1)
    grid = np.array([[-1.0], [1.0]], "float32")
    found = numpy(model(grid).mean())[:, 0]
    np.testing.assert_allclose(found, intercept + slope * grid[:, 0], atol=0.02)


def learned_normal_of(t):
    scale = 1e-3 + ops.softplus(0.05 * t[..., 1:])
    return kdl.distributions.Normal(t[..., :1], scale)


def test_sequences_of_unknown_length_take_targets_without_the_last_axis(rng):
    """Each batch has a length of its own, as `padded_batch` makes it."""
    inputs = keras.Input((None, 2))
    model = keras.Model(inputs, kdl.layers.IndependentNormal(1)(inputs))
    model.compile("sgd", kdl.losses.NegativeLogLikelihood())
    for length in (3, 5):
        x = rng.normal(size=(2, length, 2)).astype("float32")
        y = rng.normal(size=(2, length)).astype("float32")
        expected = -numpy(model(x).log_prob(y[..., None])).sum() / 2
        assert model.evaluate(x, y, verbose=0) == pytest.approx(expected, rel=1e-5)
    with pytest.raises(Exception, match=REFUSED):
        model.evaluate(x, y[:, :-1], verbose=0)


@pytest.mark.parametrize("shape", [(2, 4, 3), (2, 1, 3), (2, 3, 1)], ids=str)
def test_axes_of_unknown_sizes_are_not_exchanged_or_broadcast(shape, rng):
    """As many entries in another order: a reshape alone would take them."""
    inputs = keras.Input((None, None, 2))
    model = keras.Model(inputs, kdl.layers.IndependentNormal(())(inputs))
    model.compile("sgd", kdl.losses.NegativeLogLikelihood())
    swapped = (shape[0], shape[2], shape[1])
    x, y = rng.normal(size=(*shape, 2)).astype("float32"), np.zeros(shape, "float32")
    expected = -numpy(model(x).log_prob(y)).sum() / len(x)
    assert model.evaluate(x, y, verbose=0) == pytest.approx(expected, rel=1e-5)
    with pytest.raises(Exception, match=REFUSED):
        model.evaluate(x, y.reshape(swapped), verbose=0)


if BACKEND == "tensorflow":

    def test_axes_of_unknown_sizes_are_not_exchanged_under_xla():
        """Where XLA leaves assertions out."""
        import tensorflow as tf

        nll = kdl.losses.NegativeLogLikelihood()
        unknown = tf.TensorSpec((None, None, None))

        @tf.function(jit_compile=True, input_signature=[unknown, unknown])
        def total(y, loc):
            return nll(y, RandomVariable(normal_of(loc), loc))

        loc = tf.zeros((2, 4, 3))
        assert np.isfinite(float(total(tf.zeros((2, 4, 3)), loc)))
        with pytest.raises(Exception, match=REFUSED):
            total(tf.zeros((2, 3, 4)), loc)


def test_a_compiled_model_takes_targets_of_either_rank_in_turn(rng):
    model = keras.Sequential(
        [keras.Input((2,)), keras.layers.Dense(2), kdl.layers.IndependentNormal(1)]
    )
    model.compile(keras.optimizers.SGD(0.0), kdl.losses.NegativeLogLikelihood())
    x, y = rng.normal(size=(ROWS, 2)).astype("float32"), targets_of((1,), rng)
    expected = -numpy(model(x).log_prob(y)).sum() / ROWS
    for target in (y[:, 0], y, y[:, 0]):
        model.fit(x, target, verbose=0)
        assert model.evaluate(x, target, verbose=0) == pytest.approx(expected, rel=1e-5)
