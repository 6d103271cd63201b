"""A draw with its log_prob: of distributions, of random variables, and in the KL divergence."""

import copy
import math
import pickle

import keras
import numpy as np
import pytest
from example_bijectors import autoregressive_network, network, spline, triangle
from helpers import BACKEND, numpy
from keras import ops
from scipy import special, stats

import keras_distlayers as kdl
from keras_distlayers import bijectors as kb
from keras_distlayers import distributions as kd
from keras_distlayers._core.sameness import is_same
from keras_distlayers.testing._backend import backend as testing_backend
from keras_distlayers.testing._evaluation import evaluate, gradient

LOCS = np.float32([-110.0, -20.0, -8.0, 8.0, 20.0, 95.0])


def tanh_slope(x):
    return 2.0 * (math.log(2.0) - np.abs(x) - np.log1p(np.exp(-2.0 * np.abs(x))))


def sigmoid_slope(x):
    return -np.logaddexp(0.0, x) - np.logaddexp(0.0, -x)


# For each bijector of scalars an example, and the logarithm of its slope.
SCALARS = {
    "Shift": (kb.Shift(3.0), lambda x: 0.0 * x),
    "Scale": (kb.Scale(-1e-3), lambda x: math.log(1e-3) + 0.0 * x),
    "Affine": (kb.Affine(5.0, 1e-3), lambda x: math.log(1e-3) + 0.0 * x),
    "Exp": (kb.Exp(), lambda x: x),
    "Softplus": (kb.Softplus(), lambda x: -np.logaddexp(0.0, -x)),
    "Sigmoid": (kb.Sigmoid(), sigmoid_slope),
    "Tanh": (kb.Tanh(), tanh_slope),
    "RationalQuadraticSpline": (spline(), lambda x: 0.0 * x),  # its tails are the identity
    "Invert": (
        kb.Invert(kb.Chain([kb.Invert(kb.Sigmoid()), kb.Invert(kb.Exp())])),
        lambda x: special.expit(x) + sigmoid_slope(x),
    ),
    "Chain": (kb.Chain([kb.Scale(2.0), kb.Tanh()]), lambda x: math.log(2.0) + tanh_slope(x)),
}
VECTORS = {
    "Permute": kb.Permute([2, 0, 1]),
    "ScaleTriL": kb.ScaleTriL(triangle()),
    "RealNVP": kb.RealNVP([True, False, True], network()),
    "MaskedAutoregressive": kb.MaskedAutoregressive(autoregressive_network()),
    "Chain": kb.Chain([kb.Tanh(), kb.ScaleTriL(triangle())]),
}


def of_scalars(name):
    return kd.TransformedDistribution(kd.Normal(LOCS, 1.0), SCALARS[name][0])


def of_vectors(name):
    locs = np.stack([LOCS, -LOCS, 0.5 * LOCS], axis=-1)
    return kd.TransformedDistribution(kd.Independent(kd.Normal(locs, 1.0), 1), VECTORS[name])


def own_log_probs(*distributions):
    """Of random variables that were made as a head makes them."""
    results = []
    for distribution in distributions:
        rv = kdl.RandomVariable.drawn_from(distribution.seeded_by(3))
        x = distribution.distribution.sample(seed=3)
        log_det = distribution.bijector.forward_log_det_jacobian(x)
        results.append((x, rv.log_prob(rv), distribution.log_prob(rv), log_det, rv))
    return results


def test_log_prob_of_the_own_draw_is_exact_in_saturation():
    examples = {type(b).__name__ for b in (*(b for b, _ in SCALARS.values()), *VECTORS.values())}
    assert examples == set(kb.__all__) - {"Bijector", "Elementwise"}
    scalars, vectors = map(of_scalars, SCALARS), map(of_vectors, VECTORS)
    results = iter(evaluate(own_log_probs, *scalars, *vectors))
    lost = set()
    for name, (_, log_slope) in SCALARS.items():
        x, own, by_inverse, _, rv = next(results)
        distribution = of_scalars(name)
        x = numpy(x).astype("float64")
        truth = stats.norm.logpdf(x, numpy(distribution.distribution.loc)) - log_slope(x)
        np.testing.assert_allclose(numpy(own), truth, rtol=1e-5, atol=1e-5, err_msg=name)
        with np.errstate(invalid="ignore"):
            is_off = ~(np.abs(numpy(by_inverse) - truth) < 1e-3 * (1.0 + np.abs(truth)))
        lost |= {name} if is_off.any() else set()
        # The random variable came out of a compiled function.
        np.testing.assert_array_equal(numpy(rv.log_prob(rv)), numpy(own))
    assert lost >= {"Exp", "Softplus", "Sigmoid", "Tanh", "Chain", "Invert"}
    for name in VECTORS:
        x, own, _, log_det, _ = next(results)
        x, base = numpy(x).astype("float64"), of_vectors(name).distribution
        truth = stats.norm.logpdf(x, numpy(base.distribution.loc)).sum(axis=-1) - numpy(log_det)
        np.testing.assert_allclose(numpy(own), truth, rtol=1e-5, err_msg=name)


def tanh_of_normal(loc, scale=1.0):
    return kd.TransformedDistribution(kd.Normal(loc, scale), kb.Tanh())


def test_gradient_of_the_own_log_prob_in_saturation():
    """The entropy of tanh(x) is that of x plus the mean log-slope, whose slope is -2 there."""

    def mean_log_prob(loc):
        return ops.sum(tanh_of_normal(loc).sample_and_log_prob(seed=0)[1])

    slopes = numpy(gradient(mean_log_prob, ops.convert_to_tensor(np.float32([12.0, -12.0]))))
    np.testing.assert_allclose(slopes, [2.0, -2.0], rtol=1e-5)


@pytest.mark.parametrize(
    "copied",
    [
        copy.copy,
        lambda rv: pickle.loads(pickle.dumps(rv)),
        testing_backend.tree_roundtrip,
    ],
    ids=["copy", "pickle", "pytree"],
)
def test_copy_keeps_the_log_prob_of_its_draw(copied):
    rv = saturated()
    again, expected = copied(rv), numpy(rv.log_prob(rv))
    assert np.isfinite(expected).all()
    np.testing.assert_array_equal(numpy(again.log_prob(again)), expected)


def saturated():
    return kdl.RandomVariable.drawn_from(tanh_of_normal(np.float32([12.0, 3.0])).seeded_by(0))


if BACKEND == "torch":  # where a tensor can be changed in place

    def test_log_prob_of_a_draw_that_was_changed_is_computed():
        distribution = kd.TransformedDistribution(kd.Normal([0.5, 1.0], 1.0), kb.Exp())
        rv = kdl.RandomVariable.drawn_from(distribution)
        before = numpy(rv.log_prob(rv))
        rv.mul_(0.5)
        expected = numpy(distribution.log_prob(rv.tensor))
        assert (expected != before).all()
        for changed in (rv, copy.copy(rv), copy.deepcopy(rv)):
            np.testing.assert_array_equal(numpy(changed.log_prob(changed)), expected)


def test_log_prob_of_another_value_is_unchanged():
    rv = saturated()
    tensor = rv.tensor
    np.testing.assert_array_equal(numpy(rv.log_prob(tensor)), numpy(rv.log_prob(rv)))
    np.testing.assert_allclose(numpy(rv.prob(rv)), np.exp(numpy(rv.log_prob(rv))), rtol=1e-6)
    others = (numpy(rv), ops.stop_gradient(rv.tensor) + 0.0, rv[...] * 1.0)
    expected = numpy(rv.distribution.log_prob(numpy(rv)))
    assert not np.allclose(expected, numpy(rv.log_prob(rv)), rtol=0.1)
    for value in others:
        np.testing.assert_array_equal(numpy(rv.log_prob(value)), expected)
    x = ops.convert_to_tensor(np.float32([0.5, 0.9]))
    np.testing.assert_array_equal(numpy(rv.log_prob(x)), numpy(rv.distribution.log_prob(x)))


def test_head_and_layer_keep_the_log_prob_of_their_draw(monkeypatch):
    """A flow's density at its own draw needs no inverse."""
    flow = kdl.layers.ConditionalFlow(2, hidden_units=(4,), seed=0)
    made = kdl.layers.AutoregressiveNetwork(params=2, hidden_units=[8])
    stack = keras.Sequential(
        [
            keras.Input((4,)),
            kdl.layers.MultivariateNormalDiag(2, seed=1),
            kdl.layers.AutoregressiveTransform(made),
            kdl.layers.AutoregressiveTransform(made),
        ]
    )
    rvs = [flow(np.ones((3, 4), "float32")), stack(np.ones((3, 4), "float32"))]
    expected = [numpy(rv.distribution.log_prob(rv)) for rv in rvs]

    def refused(self, y):
        raise AssertionError("an inverse")

    for bijector in (kb.RealNVP, kb.MaskedAutoregressive):
        monkeypatch.setattr(bijector, "_inverse_and_log_det", refused)
    for rv, log_prob in zip(rvs, expected, strict=True):
        np.testing.assert_allclose(numpy(rv.log_prob(rv)), log_prob, rtol=1e-5)
    for num_samples in (1, 3):
        prior = kd.MultivariateNormalDiag(np.zeros(2), np.ones(2))
        kl = kdl.regularizers.KLDivergenceRegularizer(prior, num_samples=num_samples)
        head = kdl.layers.ConditionalFlow(2, hidden_units=(4,), activity_regularizer=kl, seed=0)
        head(np.ones((3, 4), "float32"))
        assert np.isfinite(numpy(head.losses[0]))


def test_symbolic_sample_and_log_prob():
    x = keras.Input((4,))
    z = kdl.layers.ConditionalFlow(2, hidden_units=(4,), seed=0)(x)
    draws, log_prob = z.sample_and_log_prob(5, seed=1)
    assert draws.shape == (5, None, 2)
    assert log_prob.shape == (5, None)
    model = keras.Model(x, [draws, log_prob, z.log_prob(z), z])
    draws, log_prob, own, rv = model(np.ones((3, 4), "float32"))
    assert (tuple(draws.shape), tuple(log_prob.shape)) == ((5, 3, 2), (5, 3))
    np.testing.assert_array_equal(numpy(own), numpy(rv.log_prob(rv)))


# ---------------------------------------------------------------- KL of the same bijector


def test_kl_of_the_same_bijector_is_that_of_the_bases():
    a, b = kd.Normal([6.0, 0.0], 1.31), kd.Normal(0.0, 1.0)
    expected = numpy(a.kl_divergence(b))
    shared = kb.Chain([kb.Scale([2.0, 3.0]), kb.Tanh(), kb.RealNVP([True, False], network(2))])
    pairs = {
        "without parameters": (kb.Tanh(), kb.Tanh()),
        "one object": (kb.Shift(2.0), kb.Shift(2.0)),
        "inverted": (kb.Invert(kb.Exp()), kb.Invert(kb.Exp())),
    }
    pairs["one object"] = (pairs["one object"][0],) * 2
    for f, g in pairs.values():
        kl = kd.TransformedDistribution(a, f).kl_divergence(kd.TransformedDistribution(b, g))
        np.testing.assert_array_equal(numpy(kl), expected)
    vectors = [
        kd.TransformedDistribution(kd.Independent(d, 1), shared)
        for d in (a, kd.Normal([0.0, 0.0], 1.0))
    ]
    np.testing.assert_allclose(
        numpy(vectors[0].kl_divergence(vectors[1])), expected.sum(), rtol=1e-6
    )


def test_kl_has_the_whole_batch_of_a_shared_bijector():
    shift = kb.Shift(np.zeros((4, 1)))
    a, b = (kd.TransformedDistribution(kd.Normal(loc, 1.0), shift) for loc in ([1.0, 2.0], 0.0))
    kl = numpy(a.kl_divergence(b))
    np.testing.assert_allclose(kl, np.broadcast_to([0.5, 2.0], (4, 2)))


def test_bijectors_that_may_differ_have_no_closed_form():
    network_a, network_b = network(), network()
    different = [
        (kb.Tanh(), kb.Sigmoid()),
        (kb.Shift(1.0), kb.Shift(2.0)),
        (kb.Chain([kb.Tanh(), kb.Exp()]), kb.Chain([kb.Tanh()])),
        (kb.Permute([0, 1]), kb.Permute([1, 0])),
        (kb.RealNVP([True, False, True], network_a), kb.RealNVP([True, False, True], network_b)),
        (kb.RealNVP([True, False, True], network_a), kb.RealNVP([True, True, False], network_a)),
    ]
    for f, g in different:
        assert not is_same(f, g)
        assert is_same(f, copy.copy(f))
    with pytest.raises(NotImplementedError, match="no closed form"):
        tanh_of_normal(0.0).kl_divergence(
            kd.TransformedDistribution(kd.Normal(0.0, 1.0), kb.Exp())
        )


@pytest.mark.parametrize("use_exact_kl", [None, False])
def test_kl_term_of_a_saturated_posterior(use_exact_kl):
    """The reported one: 36.18 nats for two entries at loc 6, scale 1.31."""
    prior = kd.Independent(tanh_of_normal([0.0, 0.0]), 1)
    kl = kdl.regularizers.KLDivergenceRegularizer(prior, use_exact_kl, num_samples=20)
    head = kdl.layers.DistributionLambda(
        lambda t: kd.Independent(tanh_of_normal(t, 1.31), 1), activity_regularizer=kl, seed=0
    )
    head(np.full((200, 2), 6.0, "float32"))
    expected = 2 * (0.5 * (1.31**2 + 36.0 - 1.0) - math.log(1.31))
    # Of 4000 draws: 4 standard errors are 0.7.
    tolerance = 1e-5 * expected if use_exact_kl is None else 0.7
    assert float(numpy(head.losses[0])) == pytest.approx(expected, abs=tolerance)
    assert expected == pytest.approx(36.18, abs=0.01)
