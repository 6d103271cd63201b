"""A table of bad calls: each error names the layer or argument, what was wanted, what came."""

import keras
import numpy as np
import pytest
from helpers import small_vae, standard_normal
from keras import ops

import keras_distlayers as kdl


def bernoulli_prior():
    return kdl.distributions.Independent(kdl.distributions.Bernoulli(logits=np.zeros(2)), 1)


def exact_kl_to_bernoulli():
    regularizer = kdl.regularizers.KLDivergenceRegularizer(bernoulli_prior(), use_exact_kl=True)
    kdl.layers.IndependentNormal(2, activity_regularizer=regularizer)(ops.zeros((3, 4)))


def fit_with(callback, **kwargs):
    _, _, vae = small_vae(**kwargs)
    x = np.zeros((4, 6), "float32")
    vae.fit(x, x, verbose=0, callbacks=[callback])


def fit_without_a_term(callback):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("adam", "mse")
    model.fit(np.zeros((4, 2)), np.zeros((4, 1)), verbose=0, callbacks=[callback])


def rv(shape=(4,), event=3):
    return kdl.layers.IndependentNormal(event)(np.zeros((*shape, 2 * event), "float32"))


NLL = kdl.losses.NegativeLogLikelihood

BAD_CALLS = {
    "wrong last axis": (
        lambda: kdl.layers.MultivariateNormalTriL(3, name="latent")(ops.zeros((2, 8))),
        ValueError,
        r"MultivariateNormalTriL 'latent': expected .*params_size=9.*Received: shape=\(2, 8\).*"
        r"Dense\(9\)",
    ),
    "wrong last axis, symbolic": (
        lambda: kdl.layers.IndependentNormal(3, name="out")(keras.Input((5,))),
        ValueError,
        r"IndependentNormal 'out': expected .*params_size=6.*Received: shape=\(None, 5\)",
    ),
    "scalar input": (
        lambda: kdl.layers.IndependentBernoulli()(ops.zeros(())),
        ValueError,
        r"params_size=1.*Received: shape=\(\)",
    ),
    "one entry of another": (
        lambda: kdl.distributions.MultivariateNormalDiag(np.zeros(3), np.ones(1)),
        ValueError,
        r"MultivariateNormalDiag: expected .*loc \(d\), scale_diag \(d\).*\(3,\).*\(1,\)",
    ),
    "a scale that is not square": (
        lambda: kdl.bijectors.ScaleTriL(np.zeros((2, 3))),
        ValueError,
        r"ScaleTriL: expected .*scale_tril \(d, d\).*Received: .*\(2, 3\)",
    ),
    "no labels": (
        lambda: kdl.distributions.Categorical(logits=np.zeros((2, 0))),
        ValueError,
        r"Categorical: expected .*logits \(K\), each at least 1.*\(2, 0\)",
    ),
    "a number of draws below zero": (
        lambda: kdl.distributions.Normal(0.0, 1.0).sample((2, -1)),
        ValueError,
        r"Normal.sample, argument `sample_shape`: expected an int of at least 0.*=-1",
    ),
    "half a draw": (
        lambda: kdl.distributions.Normal(0.0, 1.0).sample(2.5),
        ValueError,
        r"Normal.sample, argument `sample_shape`.*sample_shape=2.5",
    ),
    "axes of an event that are not a number": (
        lambda: kdl.distributions.Independent(kdl.distributions.Normal(np.zeros(3), 1.0), "1"),
        ValueError,
        "Independent, argument `reinterpreted_batch_ndims`: expected 0 to 1.*Received: .*='1'",
    ),
    "integers in the wrong order": (
        lambda: kdl.distributions.QuantizedLogistic(0.0, 1.0, low=6, high=5),
        ValueError,
        "QuantizedLogistic: expected .*low at most high.*Received: low=6 and high=5",
    ),
    "a divergence from a number": (
        lambda: kdl.distributions.Normal(0.0, 1.0).kl_divergence(3.0),
        TypeError,
        "kl_divergence, argument `distribution_b`: expected a distribution.*a float",
    ),
    "a random variable of a number": (
        lambda: kdl.RandomVariable(3.0, 1.0),
        TypeError,
        "RandomVariable, argument `distribution`: expected a distribution.*a float",
    ),
    "a permutation of halves": (
        lambda: kdl.bijectors.Permute([0.5, 1]),
        ValueError,
        "Permute, argument `permutation`: expected the ints from 0 to d - 1",
    ),
    "a spline without an interval": (
        lambda: kdl.bijectors.RationalQuadraticSpline([1.0], [1.0], [], bound=-1.0),
        ValueError,
        "RationalQuadraticSpline, argument `bound`: expected a positive number",
    ),
    "a schedule over words": (
        lambda: kdl.schedules.LinearWarmup("ten"),
        ValueError,
        "argument `steps`: expected a positive number",
    ),
    "negative event_size": (
        lambda: kdl.layers.MultivariateNormalTriL(-1),
        ValueError,
        r"MultivariateNormalTriL, argument `event_size`: expected an int of at least 1\. "
        r"Received: event_size=-1",
    ),
    "event_size is not an int": (
        lambda: kdl.layers.MultivariateNormalDiag(2.5),
        ValueError,
        r"argument `event_size`.*event_size=2\.5",
    ),
    "negative event_shape": (
        lambda: kdl.layers.IndependentBernoulli((3, -1)),
        ValueError,
        r"IndependentBernoulli, argument `event_shape`.*event_shape=\(3, -1\)",
    ),
    "unknown convert_to_tensor_fn": (
        lambda: kdl.layers.IndependentNormal(2, convert_to_tensor_fn="median"),
        ValueError,
        r"argument `convert_to_tensor_fn`: expected one of .*sample.*Received: .*'median'",
    ),
    "no function": (
        lambda: kdl.layers.DistributionLambda(3),
        TypeError,
        r"argument `make_distribution_fn`: expected a function.*Received: .*=3",
    ),
    "a function that returns no distribution": (
        lambda: kdl.layers.DistributionLambda(lambda t: 3, name="mine")(ops.zeros((2, 2))),
        TypeError,
        r"DistributionLambda 'mine'.*expected .*distribution.*Received: a result of type int",
    ),
    "a plain tensor as the loss's prediction": (
        lambda: NLL()(ops.zeros((2, 3)), ops.zeros((2, 3))),
        TypeError,
        r"expected the RandomVariable.*Received: .*shape \(2, 3\).*End the model with a head",
    ),
    "a plain tensor as the metric's prediction": (
        lambda: kdl.metrics.NegativeLogLikelihood().update_state(
            ops.zeros((2, 3)), ops.zeros((2, 3))
        ),
        TypeError,
        r"metric 'nll'.*expected the RandomVariable",
    ),
    "a target of another event": (
        lambda: NLL()(ops.zeros((4, 2)), rv()),
        ValueError,
        r"argument `y_true`: expected the shape \(4, 3\).*Received: shape=\(4, 2\)",
    ),
    "a target that would broadcast": (
        lambda: NLL()(
            ops.zeros((4, 4)), kdl.layers.IndependentNormal()(np.zeros((4, 2), "float32"))
        ),
        ValueError,
        r"expected the shape \(4,\).*Received: shape=\(4, 4\)",
    ),
    "a target without the event": (
        lambda: rv().log_prob(ops.zeros(())),
        ValueError,
        r"Independent\.log_prob.*event_shape=\(3,\).*Received: shape=\(\)",
    ),
    "a batch that does not broadcast": (
        lambda: rv().log_prob(ops.zeros((5, 3))),
        ValueError,
        r"broadcast with batch_shape=\(4,\).*Received: shape=\(5, 3\)",
    ),
    "sample_weight of another batch": (
        lambda: NLL()(ops.zeros((4, 3)), rv(), sample_weight=ops.ones((3,))),
        ValueError,
        r"argument `sample_weight`: expected .*\(4,\).*Received: shape=\(3,\)",
    ),
    "no closed form": (exact_kl_to_bernoulli, NotImplementedError, r"no closed form.*Monte Carlo"),
    "a prior that is not a distribution": (
        lambda: kdl.regularizers.KLDivergenceRegularizer("normal"),
        TypeError,
        r"argument `distribution_b`: expected a distribution.*Received: distribution_b='normal'",
    ),
    "no draws": (
        lambda: kdl.regularizers.KLDivergenceRegularizer(standard_normal(2), num_samples=0),
        ValueError,
        r"argument `num_samples`.*num_samples=0",
    ),
    "a regularizer on a plain layer": (
        lambda: kdl.regularizers.KLDivergenceRegularizer(standard_normal(2))(ops.zeros((3, 2))),
        TypeError,
        r"KLDivergenceRegularizer: expected a distribution.*activity_regularizer",
    ),
    "a prior over other events": (
        lambda: kdl.regularizers.KLDivergenceRegularizer(standard_normal(2))(rv()),
        ValueError,
        r"event_shape=\(3,\).*event_shape=\(2,\)",
    ),
    "a plain tensor into KLDivergenceAddLoss": (
        lambda: kdl.layers.KLDivergenceAddLoss(standard_normal(2), name="term")(ops.zeros((3, 2))),
        TypeError,
        r"KLDivergenceAddLoss 'term': expected the RandomVariable.*shape \(3, 2\)",
    ),
    "a monitor without a term": (
        lambda: fit_without_a_term(kdl.callbacks.KLMonitor()),
        ValueError,
        r"KLMonitor: expected a model with a KL term.*KLDivergenceRegularizer",
    ),
    "a scheduler without a term": (
        lambda: fit_without_a_term(kdl.callbacks.KLWeightScheduler(lambda e: 1.0)),
        ValueError,
        r"KLWeightScheduler: expected a model with a KL term",
    ),
    "a scheduler beside a schedule": (
        lambda: fit_with(kdl.callbacks.KLWeightScheduler(lambda e: 1.0), weight=lambda step: 1.0),
        ValueError,
        r"KLWeightScheduler: expected layers whose KL weight is a number.*Received: a schedule",
    ),
    "logits and probs": (
        lambda: kdl.distributions.Bernoulli(logits=0.0, probs=0.5),
        ValueError,
        r"Bernoulli: expected exactly one of `logits` and `probs`\. Received: both",
    ),
    "neither logits nor probs": (
        lambda: kdl.distributions.Categorical(),
        ValueError,
        r"Received: neither",
    ),
    "parameters that do not broadcast": (
        lambda: kdl.distributions.Normal(np.zeros(3), np.ones(2)),
        ValueError,
        r"Normal: expected parameters whose batch axes broadcast.*'loc': \(3,\).*'scale': \(2,\)",
    ),
    "a parameter with too few axes": (
        lambda: kdl.distributions.MultivariateNormalTriL(np.zeros(3), 1.0),
        ValueError,
        r"argument `scale_tril`: expected at least 2 axes\. Received: shape=\(\)",
    ),
    "too many reinterpreted axes": (
        lambda: kdl.distributions.Independent(kdl.distributions.Normal(np.zeros(3), 1.0), 2),
        ValueError,
        r"argument `reinterpreted_batch_ndims`: expected 0 to 1.*reinterpreted_batch_ndims=2",
    ),
    "a statistic that there is not": (
        lambda: kdl.distributions.Categorical(logits=np.zeros(3)).mean(),
        NotImplementedError,
        r"Categorical\.mean: labels have no arithmetic",
    ),
    "the covariance of a scalar": (
        lambda: kdl.distributions.Normal(0.0, 1.0).covariance(),
        NotImplementedError,
        r"Normal\.covariance: a covariance is that of a vector event",
    ),
    "the cdf of a full normal": (
        lambda: kdl.distributions.MultivariateNormalTriL(np.zeros(2), np.eye(2)).cdf(np.zeros(2)),
        NotImplementedError,
        r"MultivariateNormalTriL\.cdf: it has no closed form",
    ),
    "the quantile of a vector": (
        lambda: rv().quantile(0.5),
        NotImplementedError,
        r"Independent\.quantile: the event is not a scalar",
    ),
    "a head without a distribution": (
        lambda: kdl.layers.Head()(ops.zeros((2, 2))),
        NotImplementedError,
        r"must define make_distribution",
    ),
}


@pytest.mark.parametrize(("call", "error", "match"), BAD_CALLS.values(), ids=BAD_CALLS.keys())
def test_bad_call_says_what_is_wrong(call, error, match):
    with pytest.raises(error, match=f"(?s){match}"):
        call()
