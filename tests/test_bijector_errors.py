"""What bijectors and transformed distributions refuse, and with which message."""

import numpy as np
import pytest
from example_bijectors import (
    DISTRIBUTIONS,
    NORMAL,
    VECTORS,
    sums_of_others,
)
from keras import ops

import keras_distlayers as kdl

BAD_CALLS = {
    "not a permutation": (
        lambda: kdl.bijectors.Permute([0, 2]),
        ValueError,
        r"Permute, argument `permutation`: expected the ints.*permutation=\[0, 2\]",
    ),
    "an event of another size": (
        lambda: kdl.bijectors.Permute([1, 0]).forward(np.zeros(3)),
        ValueError,
        r"Permute\.forward: expected a last axis of 2\. Received: shape=\(3,\)",
    ),
    "a scalar into a triangle": (
        lambda: kdl.bijectors.ScaleTriL(np.eye(2)).inverse(1.0),
        ValueError,
        r"ScaleTriL\.inverse: expected a last axis of 2\. Received: shape=\(\)",
    ),
    "a mask of another size": (
        lambda: kdl.bijectors.RealNVP([True, False], sums_of_others).forward(np.zeros(3)),
        ValueError,
        r"RealNVP\.forward: expected a last axis of 2",
    ),
    "not a function": (
        lambda: kdl.bijectors.RealNVP([True, False], 3.0),
        TypeError,
        r"RealNVP, argument `function`: expected a function.*Received: float",
    ),
    "a function that forgets the log-scale": (
        lambda: kdl.bijectors.MaskedAutoregressive(lambda x: x).inverse(np.zeros(3)),
        ValueError,
        r"argument `function`: expected a result whose last axes are \(3, 2\)",
    ),
    "no limit": (
        lambda: kdl.bijectors.RealNVP([True], sums_of_others, log_scale_limit=0.0),
        ValueError,
        r"RealNVP, argument `log_scale_limit`: expected a number above 0.*=0",
    ),
    "sizes of a spline": (
        lambda: kdl.bijectors.RationalQuadraticSpline(np.ones(3), np.ones(3), np.ones(3)),
        ValueError,
        r"RationalQuadraticSpline: expected .*widths \(K\), .*slopes \(K-1\).*\(3,\)",
    ),
    "raw numbers of no spline": (
        lambda: kdl.bijectors.RationalQuadraticSpline.from_raw(np.ones(6)),
        ValueError,
        r"from_raw: expected 3 K - 1 raw numbers.*shape=\(6,\)",
    ),
    "an empty chain": (
        lambda: kdl.bijectors.Chain([]),
        ValueError,
        r"Chain, argument `bijectors`: expected at least one bijector",
    ),
    "a chain of functions": (
        lambda: kdl.bijectors.Chain([kdl.bijectors.Exp(), ops.exp]),
        TypeError,
        r"Chain, argument `bijectors`: expected a keras_distlayers bijector.*function",
    ),
    "the inverse of what is not a bijector": (
        lambda: kdl.bijectors.Invert(2.0),
        TypeError,
        r"Invert, argument `bijector`.*Received: a float",
    ),
    "parameters that do not broadcast": (
        lambda: kdl.bijectors.Affine(np.zeros(2), np.ones(3)),
        ValueError,
        r"Affine: expected parameters whose batch axes broadcast",
    ),
    "not a bijector": (
        lambda: kdl.distributions.TransformedDistribution(NORMAL, ops.exp),
        TypeError,
        r"TransformedDistribution, argument `bijector`: expected a.*bijector.*function",
    ),
    "scalars under a bijector of vectors": (
        lambda: kdl.distributions.TransformedDistribution(NORMAL, kdl.bijectors.Permute([1, 0])),
        ValueError,
        r"argument `distribution`: expected events of at least 1 axes for Permute.*"
        r"event_shape=\(\).*Independent\(distribution, 1\)",
    ),
    "a discrete distribution": (
        lambda: kdl.distributions.TransformedDistribution(
            kdl.distributions.Bernoulli(logits=0.0), kdl.bijectors.Exp()
        ),
        ValueError,
        r"argument `distribution`: expected a continuous distribution.*Bernoulli",
    ),
    "a distribution with masses at its bounds": (
        lambda: kdl.distributions.TransformedDistribution(
            kdl.distributions.CensoredNormal(0.0, 1.0, -1.0, 1.0), kdl.bijectors.Scale(2.0)
        ),
        ValueError,
        r"argument `distribution`: expected a continuous distribution.*CensoredNormal",
    ),
    "events of another size": (
        lambda: kdl.distributions.TransformedDistribution(VECTORS, kdl.bijectors.Permute([1, 0])),
        ValueError,
        r"TransformedDistribution: expected a bijector for events of .*\(3,\).*\(2,\)",
    ),
    "events that would grow": (
        lambda: kdl.distributions.TransformedDistribution(
            kdl.distributions.Independent(kdl.distributions.Normal(np.zeros((2, 1)), 1.0), 1),
            kdl.bijectors.Shift([1.0, 2.0, 3.0]),
        ),
        ValueError,
        r"expected a bijector for events of event_shape=\(1,\).*\(3,\)",
    ),
    "the mean of what is not affine": (
        DISTRIBUTIONS["log-normal"]().mean,
        NotImplementedError,
        r"TransformedDistribution\.mean: Exp\(.*\) is not affine",
    ),
    "the entropy of what is not affine": (
        DISTRIBUTIONS["log-normal"]().entropy,
        NotImplementedError,
        r"\.entropy: Exp\(.*is not affine",
    ),
    "the cdf of a vector": (
        lambda: DISTRIBUTIONS["positive vectors"]().cdf(np.ones(3)),
        NotImplementedError,
        r"TransformedDistribution\.cdf: the event is not a scalar",
    ),
    "the quantile of a vector": (
        lambda: DISTRIBUTIONS["positive vectors"]().quantile(0.5),
        NotImplementedError,
        r"\.quantile: the event is not a scalar",
    ),
}


@pytest.mark.parametrize(("call", "error", "match"), BAD_CALLS.values(), ids=BAD_CALLS.keys())
def test_bijector_bad_call_says_what_is_wrong(call, error, match):
    with pytest.raises(error, match=f"(?s){match}"):
        call()
