"""The aleatoric and epistemic parts of a mixture over members, against NumPy in float64."""

import numpy as np
import pytest
from helpers import numpy
from keras import ops
from scipy.special import log_softmax, rel_entr, xlogy

import keras_distlayers as kdl
from keras_distlayers import distributions as kd
from keras_distlayers import uncertainty

ROWS, MEMBERS, SIZE = 6, 4, 3
EXACT = {"rtol": 2e-6, "atol": 2e-7}


@pytest.fixture
def weights(rng):
    """Of each row; one member is not used."""
    weights = rng.dirichlet(np.ones(MEMBERS), size=ROWS).astype("float32")
    weights[:, 1] = 0.0
    return weights / weights.sum(axis=1, keepdims=True)


def mixtures(weights, components):
    """As one of one family, and as one of any families."""
    mixing = kd.Categorical(probs=weights)
    yield kd.MixtureSameFamily(mixing, components)
    yield kd.Mixture(mixing, [components[:, k] for k in range(MEMBERS)])


def test_variances_add_up_to_that_of_the_mixture(rng, weights):
    loc = rng.normal(size=(ROWS, MEMBERS, SIZE)).astype("float32")
    scale = rng.gamma(2.0, size=loc.shape).astype("float32")
    w, m, v = (x.astype("float64") for x in (weights[..., None], loc, scale**2))
    mean = (w * m).sum(axis=1, keepdims=True)
    for mixture in mixtures(weights, kd.Independent(kd.Normal(loc, scale), 1)):
        aleatoric = numpy(uncertainty.aleatoric_variance(mixture))
        epistemic = numpy(uncertainty.epistemic_variance(mixture))
        np.testing.assert_allclose(aleatoric, (w * v).sum(axis=1), rtol=1e-6)
        np.testing.assert_allclose(epistemic, (w * (m - mean) ** 2).sum(axis=1), rtol=2e-6)
        np.testing.assert_allclose(aleatoric + epistemic, numpy(mixture.variance()), rtol=1e-6)


def test_members_that_agree_have_no_epistemic_variance_however_large_the_mean():
    components = kd.Normal(np.full((2, 3), 3.1e5, "float32"), 1.0)
    mixture = kd.MixtureSameFamily(kd.Categorical(logits=np.zeros(3, "float32")), components)
    assert numpy(uncertainty.epistemic_variance(mixture)).tolist() == [0.0, 0.0]


def test_a_member_of_weight_0_does_not_count_whatever_its_variance():
    components = kd.StudentT([1.5, 5.0], [9.0, 1.0], 1.0)  # an infinite variance
    mixture = kd.MixtureSameFamily(kd.Categorical(probs=[0.0, 1.0]), components)
    variance = float(uncertainty.aleatoric_variance(mixture))
    np.testing.assert_allclose(variance, 5.0 / 3.0, rtol=1e-6)
    assert float(uncertainty.epistemic_variance(mixture)) == 0.0


def expected_of(weights, log_probs):
    """Expected entropy and mutual information, of log probabilities (rows, members, ..., K)."""
    w = weights.astype("float64").reshape(*weights.shape, *(1,) * (log_probs.ndim - 3))
    p = np.exp(log_probs)
    mixture = (w[..., None] * p).sum(axis=1, keepdims=True)
    entropy = (w * -xlogy(p, p).sum(axis=-1)).sum(axis=1)
    divergence = np.where(w > 0.0, rel_entr(p, mixture).sum(axis=-1), 0.0)
    return entropy, (w * divergence).sum(axis=1)


def of_two(logits):
    return -np.logaddexp(0.0, np.stack([logits, -logits], axis=-1).astype("float64"))


def test_entropies_and_information_of_classes(rng, weights):
    logits = (4.0 * rng.normal(size=(ROWS, MEMBERS, SIZE))).astype("float32")
    logits[0] = [[200.0, 0.0, -200.0]] * 3 + [[-200.0, 0.0, 200.0]]
    probs = rng.dirichlet(np.ones(SIZE), size=(ROWS, MEMBERS)).astype("float32")
    probs[:, :, 0] = 0.0
    probs[:, 0] = [1.0, 0.0, 0.0]
    with np.errstate(divide="ignore"):
        log_probs = np.log(probs.astype("float64"))
    of_logits = log_softmax(logits.astype("float64"), axis=-1)
    for components, logs in [
        (kd.Categorical(logits=logits), of_logits),
        (kd.Categorical(probs=probs), log_probs),
        (kd.OneHotCategorical(logits=logits), of_logits),
        (kd.Independent(kd.Bernoulli(logits=logits), 1), of_two(logits)),
        (kd.OrderedLogistic([-1.0, 1.0], logits[..., 0]), None),
    ]:
        if logs is None:
            above = 1.0 / (1.0 + np.exp(-(logits[..., :1].astype("float64") - [-1.0, 1.0])))
            above = np.pad(
                above, ((0, 0), (0, 0), (1, 1)), constant_values=((0, 0), (0, 0), (1, 0))
            )
            with np.errstate(divide="ignore"):
                logs = np.log(-np.diff(above, axis=-1))
        entropy, information = expected_of(weights, logs)
        for mixture in mixtures(weights, components):
            own = numpy(uncertainty.expected_entropy(mixture))
            np.testing.assert_allclose(own, entropy, **EXACT)
            found = numpy(uncertainty.mutual_information(mixture))
            np.testing.assert_allclose(found, information, **EXACT)
            total = numpy(uncertainty.total_entropy(mixture))
            np.testing.assert_allclose(total, entropy + information, **EXACT)


def test_information_keeps_its_digits_where_members_nearly_agree():
    """The difference of two entropies in float32 would be noise of 1e-7, and often negative."""
    step = 2.0**-12  # exact in float32
    logits = np.float32([[[0.5, -1.0, 2.0], [0.5 + step, -1.0, 2.0 - step]]] * 2)
    logits[1, 1] = logits[1, 0]
    mixture = kd.MixtureSameFamily(
        kd.Categorical(logits=np.zeros(2, "float32")), kd.Categorical(logits=logits)
    )
    found = numpy(uncertainty.mutual_information(mixture))
    _, expected = expected_of(np.full((2, 2), 0.5), log_softmax(logits.astype("float64"), -1))
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-2)
    assert 0.0 <= found[1] < 1e-12 < found[0]


def test_a_random_variable_stands_for_its_distribution():
    mixture = kd.MixtureSameFamily(
        kd.Categorical(logits=[0.0, 0.0]), kd.Normal([[-1.0, 1.0]], 2.0)
    )
    rv = kdl.RandomVariable(mixture, ops.zeros(1))
    assert numpy(uncertainty.aleatoric_variance(rv)).tolist() == [4.0]


@pytest.mark.parametrize(
    ("function", "distribution", "error", "words"),
    [
        ("epistemic_variance", kd.Normal(0.0, 1.0), TypeError, "num_samples"),
        ("mutual_information", {"a": kd.Normal(0.0, 1.0)}, TypeError, "take one"),
        ("aleatoric_variance", kd.Categorical([0.0, 0.0]), NotImplementedError, "total_entropy"),
        ("total_entropy", kd.Normal([0.0, 1.0], 1.0), TypeError, "aleatoric_variance"),
    ],
)
def test_what_has_no_such_part_is_refused(function, distribution, error, words):
    if error is not TypeError or words == "aleatoric_variance":
        components = distribution if distribution.batch_shape else distribution.expand((2,))
        distribution = kd.MixtureSameFamily(kd.Categorical([0.0, 0.0]), components)
    with pytest.raises(error, match=words):
        getattr(uncertainty, function)(distribution)
