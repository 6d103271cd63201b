"""Mixtures of different families, point masses and intervals, beside their rows in the table."""

import numpy as np
import pytest
from helpers import numpy
from keras import ops

import keras_distlayers as kdl
from keras_distlayers import distributions as kd
from keras_distlayers.testing._evaluation import evaluate

RATE = np.float32([0.5, 2.0])
COUNTS = np.float32([[-1.0], [0.0], [1.0], [5.0]])


def functions(distribution, value):
    names = ("log_prob", "cdf", "log_survival_function")
    of_value = [getattr(distribution, name)(value) for name in names]
    return [*of_value, distribution.mean(), distribution.variance()]


def test_a_certain_zero_and_counts_are_zero_inflated_counts():
    from scipy import stats

    mixture = kd.Mixture(
        kd.Categorical(probs=[0.25, 0.75]), [kd.Deterministic(0.0), kd.Poisson(RATE)]
    )
    counts = stats.poisson(RATE.astype("float64"))
    log_prob, cdf, log_survival, mean, variance = evaluate(functions, mixture, COUNTS)
    mass = 0.25 * (COUNTS == 0.0) + 0.75 * counts.pmf(COUNTS)
    with np.errstate(divide="ignore"):
        np.testing.assert_allclose(numpy(log_prob), np.log(mass), rtol=1e-5)
    np.testing.assert_allclose(
        numpy(cdf), 0.25 * (COUNTS >= 0.0) + 0.75 * counts.cdf(COUNTS), 1e-5
    )
    rest = 0.25 * (COUNTS < 0.0) + 0.75 * counts.sf(COUNTS)
    np.testing.assert_allclose(numpy(log_survival), np.log(rest), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(numpy(mean), 0.75 * RATE, rtol=1e-6)
    np.testing.assert_allclose(numpy(variance), 0.75 * RATE * (1.0 + 0.25 * RATE), rtol=1e-5)
    draws = numpy(mixture.sample(20_000, seed=0))
    np.testing.assert_allclose((draws == 0.0).mean(axis=0), mass[1], atol=0.02)


def test_where_there_is_a_mass_the_densities_of_others_do_not_count():
    """The mass of a value, summed over the components that have one there; else the density."""
    from scipy import stats

    censored = kd.CensoredNormal(
        np.float32([0.0, 1.0]), 1.0, low=np.float32([0.0, -1.0]), high=9.0
    )
    half = kd.Categorical(probs=[0.5, 0.5])
    point, normal = kd.Deterministic(0.0), kd.Normal(1.0, 1.0)
    pair = kd.Independent(kd.CensoredNormal(np.zeros(2, "float32"), 1.0, 0.0, 9.0), 1)
    gap = kd.Independent(kd.Normal(np.zeros(2, "float32"), 1.0), 1)
    mixtures = {
        "point and normal": (kd.Mixture(half, [point, normal]), [0.0, 1.0]),
        "normal and counts": (kd.Mixture(half, [normal, kd.Poisson(1.0)]), [0.0, 0.5]),
        "censored at two bounds": (kd.MixtureSameFamily(half, censored), [0.0, -1.0]),
        "nested": (kd.Mixture(half, [kd.Mixture(half, [point, normal]), normal]), [0.0, 1.0]),
        "point that is never drawn": (
            kd.Mixture(kd.Categorical(probs=[0.0, 1.0]), [point, normal]),
            [0.0, 1.0],
        ),
        "vectors": (kd.Mixture(half, [pair, gap]), [[0.0, 1.0], [2.0, 1.0]]),
    }
    pdf, cdf = stats.norm.pdf, stats.norm.cdf
    expected = {
        "point and normal": [0.5, 0.5 * pdf(0.0)],
        "normal and counts": [0.5 * np.exp(-1.0), 0.5 * pdf(0.5)],
        "censored at two bounds": [0.5 * cdf(0.0), 0.5 * cdf(-2.0)],
        "nested": [0.25, 0.75 * pdf(0.0)],
        "point that is never drawn": [pdf(1.0), pdf(0.0)],
        "vectors": [0.5 * 0.5 * pdf(1.0), pdf(2.0) * pdf(1.0)],
    }
    for name, (mixture, value) in mixtures.items():
        found = evaluate(lambda d, x: d.prob(x), mixture, np.float32(value))
        np.testing.assert_allclose(numpy(found), expected[name], rtol=1e-5, err_msg=name)


def test_events_of_a_mixture_may_be_vectors():
    normal = kd.MultivariateNormalDiag(np.zeros((4, 3), "float32"))
    laplace = kd.Independent(kd.Laplace(np.ones(3, "float32"), 1.0), 1)
    mixture = kd.Mixture(kd.Categorical([0.0, 0.0]), [normal, laplace])
    assert (mixture.batch_shape, mixture.event_shape) == ((4,), (3,))
    assert tuple(mixture.sample(5, seed=0).shape) == (5, 4, 3)
    np.testing.assert_allclose(numpy(mixture.mean()), np.full((4, 3), 0.5))
    np.testing.assert_allclose(numpy(mixture.variance()), np.full((4, 3), 1.75))
    value = np.zeros(3, "float32")
    expected = np.logaddexp(numpy(normal.log_prob(value)), numpy(laplace.log_prob(value)))
    np.testing.assert_allclose(numpy(mixture.log_prob(value)), expected - np.log(2.0), rtol=1e-5)
    assert mixture[:2].batch_shape == (2,)


def test_support_of_a_mixture_is_the_interval_around_the_supports():
    label = kd.Categorical([0.0, 0.0])
    both = kd.Mixture(label, [kd.Exponential(1.0), kd.Beta(1.0, 1.0)])
    assert (both.support.lower, both.support.upper) == (0.0, np.inf)
    assert kd.Mixture(label, [kd.Poisson(1.0), kd.NegativeBinomial(1.0, 0.0)]).support.is_discrete
    uniform = kd.Mixture(label, [kd.Uniform(-2.0, 1.0), kd.Uniform(0.0, 3.0)])
    assert (float(uniform.support.lower), float(uniform.support.upper)) == (-2.0, 3.0)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (
            lambda: kd.Mixture(kd.Categorical([0.0, 0.0, 0.0]), [kd.Normal(0.0, 1.0)] * 2),
            "sequence of K distributions.*2 components",
        ),
        (
            lambda: kd.Mixture(
                kd.Categorical([0.0, 0.0]),
                [kd.Normal(0.0, 1.0), kd.MultivariateNormalDiag([0.0, 0.0])],
            ),
            "events of one shape",
        ),
        (
            lambda: kd.Mixture(kd.Categorical([0.0]), [1.0]),
            "argument `components`.*a distribution",
        ),
    ],
)
def test_parts_that_do_not_fit_are_refused(make, text):
    with pytest.raises((TypeError, ValueError), match=text):
        make()


def test_divergences_that_are_infinite():
    inside, outside = kd.Uniform(0.0, 1.0), kd.Uniform([-1.0, 0.5], 3.0)
    found = numpy(inside.kl_divergence(outside))
    np.testing.assert_allclose(found, [np.log(4.0), np.inf], rtol=1e-6)
    point = kd.Deterministic(np.float32([0.0, 1.0]))
    np.testing.assert_array_equal(numpy(point.kl_divergence(kd.Deterministic(0.0))), [0.0, np.inf])


def test_check_finds_a_divergence_that_is_wrongly_infinite():
    class Wide(kd.Normal):
        """A normal whose divergence from another one is infinite."""

    @kd.register_kl(Wide, Wide)
    def _(a, b):
        return ops.where(a.scale == b.scale, 0.0 * (a.loc + b.loc), np.inf)

    with pytest.raises(AssertionError, match="a finite KL divergence"):
        kdl.testing.check_kl(Wide([0.0, 1.0], 2.0), Wide(0.0, 1.0))


MODES = {
    "categorical": (lambda p: kd.Categorical(probs=p), range(3)),
    "one_hot": (lambda p: kd.OneHotCategorical(probs=p), np.eye(3, dtype="float32")),
    "bernoulli": (lambda p: kd.Bernoulli(probs=p[..., 0]), [0.0, 1.0]),
    "quantized": (
        lambda p: kd.QuantizedLogistic(4.0 * p[..., 0], p[..., 1] + 0.2, low=-2, high=3),
        range(-2, 4),
    ),
}


@pytest.mark.parametrize("name", MODES)
def test_mixture_of_labels_has_the_most_likely_one_as_its_mode(name, rng):
    """Which may be the mode of no component."""
    make, values = MODES[name]
    probs = rng.dirichlet(np.ones(3), size=(20, 4)).astype("float32")
    weights = kd.Categorical(probs=rng.dirichlet(np.ones(4), size=20).astype("float32"))
    parts = make(probs)
    for mixture in (
        kd.MixtureSameFamily(weights, parts),
        kd.Mixture(weights, [parts[:, k] for k in range(4)]),
    ):
        points = np.asarray(values, "float32")[:, None]
        mode, logs, one = map(numpy, evaluate(mode_and_densities, mixture, points))
        np.testing.assert_array_equal(mode, np.asarray(values)[np.argmax(logs, axis=0)])
        assert mode.dtype == one.dtype
        assert len(np.unique(mode.reshape(20, -1), axis=0)) > 1


def mode_and_densities(mixture, points):
    return mixture.mode(), mixture.log_prob(points), mixture.sample(seed=0)


def test_mixture_of_numbers_or_of_vectors_of_labels_has_no_mode():
    weights = kd.Categorical(probs=[0.5, 0.5])
    coins = kd.Independent(kd.Bernoulli(probs=np.full((2, 3), 0.4, "float32")), 1)
    for parts in (kd.Normal([0.0, 1.0], 1.0), kd.Poisson(RATE), coins):
        with pytest.raises(NotImplementedError, match="only that of labels is known"):
            kd.MixtureSameFamily(weights, parts).mode()


@pytest.mark.parametrize(
    "make",
    [
        lambda: kd.Dirichlet(np.ones((2, 3), "float32")),
        lambda: kd.OneHotCategorical(probs=np.full((2, 3), 1 / 3, "float32")),
    ],
    ids=["simplex", "one_hot"],
)
def test_mixtures_of_either_kind_have_the_same_support(make):
    parts, weights = make(), kd.Categorical(probs=[0.5, 0.5])
    mixture = kd.Mixture(weights, [parts[0], parts[1]])
    assert mixture.support == kd.MixtureSameFamily(weights, parts).support == parts.support
