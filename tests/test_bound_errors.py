"""What `VariationalBound` refuses, and what it takes all the same."""

import keras
import numpy as np
import pytest
from bounds import (
    ConditionalDecoder,
    UnitNormalAround,
    bernoulli_decoder,
    diagonal,
    gaussian_layer,
    posterior,
    standard_layer,
    vectors,
)
from helpers import binary, numpy, standard_normal

import keras_distlayers as kdl


def bound_of(q=None, *, decoder=None, prior=None, training=False, condition=None, **kwargs):
    layer = kdl.layers.VariationalBound(
        decoder or bernoulli_decoder(), prior or standard_normal(2), **kwargs
    )
    q = posterior(vectors(3), 1.0) if q is None else q
    return layer(q, training=training, condition=condition)


def mixture():
    return kdl.layers.MixtureNormal(2, 2)(np.zeros((3, 10), "float32"))


def labels():
    return kdl.layers.OneHotCategorical(2)(np.zeros((3, 2), "float32"))


def pairs_decoder():
    pairs = [keras.layers.Dense(8), keras.layers.Reshape((4, 2)), kdl.layers.IndependentNormal(1)]
    return keras.Sequential(pairs)


def two_layers():
    return keras.Sequential([kdl.layers.IndependentNormal(2), gaussian_layer()])


BAD_CALLS = {
    "a tensor": (lambda: standard_layer(bernoulli_decoder())(vectors(3)), TypeError, "a head ret"),
    "decoder no layer": (lambda: bound_of(decoder=standard_normal), TypeError, "`decoder`.*layer"),
    "decoder of tensors": (
        lambda: bound_of(decoder=keras.layers.Dense(6)),
        TypeError,
        "`decoder`.*makes a RandomVariable",
    ),
    "decoder of two batch axes": (
        lambda: bound_of(decoder=pairs_decoder()),
        TypeError,
        r"`decoder`.*one entry of the batch for each row.*batch_shape=\(3, 4\)",
    ),
    "prior by name": (lambda: bound_of(prior="standard_normal"), TypeError, "`prior`.*a distrib"),
    "prior of tensors": (
        lambda: bound_of(prior=kdl.layers.VariableLayer(2)),
        TypeError,
        "`prior`.*a layer that makes a distribution",
    ),
    "prior with a batch": (
        lambda: bound_of(prior=standard_normal(2).expand((3,))),
        ValueError,
        r"`prior`.*one prior for all rows.*batch_shape=\(3,\)",
    ),
    "prior of numbers": (
        lambda: bound_of(prior=kdl.distributions.Normal(np.zeros(2, "float32"), 1.0)),
        ValueError,
        r"`prior`.*event_shape=\(2,\).*event_shape=\(\)",
    ),
    "prior of other events": (
        lambda: bound_of(prior=standard_normal(3)),
        ValueError,
        r"`prior`.*event_shape=\(2,\).*event_shape=\(3,\)",
    ),
    "prior of two layers with a condition": (
        lambda: bound_of(
            prior=two_layers(), decoder=conditional_decoder(), condition=np.ones((3, 4), "float32")
        ),
        ValueError,
        "`prior`.*beside a condition",
    ),
    "latents of two batch axes": (
        lambda: bound_of(posterior(vectors(3).reshape(1, 3, 2), 1.0)),
        ValueError,
        r"one batch axis.*batch_shape=\(1, 3\)",
    ),
    "mixture in training": (lambda: bound_of(mixture(), training=True), ValueError, "a gradient"),
    "labels in training": (lambda: bound_of(labels(), training=True), ValueError, "a gradient"),
    "weight": (lambda: bound_of(weight="one"), TypeError, "`weight`"),
}
for name, values in {
    "num_samples": (0, -1, True, 2.0),
    "test_num_samples": (0, True),
    "chunk_size": (0, 1.5),
    "alpha": (-0.1, True, "1", float("nan"), float("inf")),
    "estimator": ("dregs", None),
    "free_nats": (-1.0, True, "1"),
    "use_exact_kl": ("exact",),
}.items():
    for value in values:
        BAD_CALLS[f"{name}={value}"] = (
            lambda name=name, value=value: bound_of(**{name: value}),
            ValueError,
            f"`{name}`.*{name}=",
        )
BAD_CALLS["dreg with an exact KL"] = (
    lambda: bound_of(estimator="dreg", use_exact_kl=True),
    ValueError,
    "`use_exact_kl`.*dreg",
)


def conditional_decoder():
    return ConditionalDecoder(6)


@pytest.mark.parametrize("name", BAD_CALLS)
def test_bad_calls_are_refused(name):
    call, error, match = BAD_CALLS[name]
    with pytest.raises(error, match="(?s)" + match):
        call()


def test_posterior_without_a_gradient_is_evaluated():
    rv = bound_of(mixture())
    assert np.isfinite(numpy(rv.log_prob(binary((3, 6))))).all()


def test_log_prob_refuses_values_of_other_shapes():
    rv = bound_of()
    for method in (rv.log_prob, rv.log_weights, rv.effective_sample_size):
        with pytest.raises(ValueError, match=r"event_shape=\(6,\)"):
            method(binary((3, 5)))


def test_own_decoder_and_prior_need_not_be_built():
    """Layers that return a RandomVariable without saying of which shape."""
    layer = kdl.layers.VariationalBound(
        UnitNormalAround(2), lambda: diagonal(np.zeros(2, "f4"), 1.0)
    )
    inputs = keras.Input((4,))
    model = keras.Model(inputs, layer(kdl.layers.IndependentNormal(2)(inputs)))
    assert len(model.trainable_weights) == 1
    assert tuple(model(vectors(3, 4)).shape) == (3, 2)
