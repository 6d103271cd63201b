"""What was a wrong number, or a wrong shape, without a word: the right one, or an error."""

import numpy as np
import pytest
from helpers import numpy
from keras import ops
from scipy import special

import keras_distlayers as kdl
from keras_distlayers import distributions as kd
from keras_distlayers import scores

NAN = float("nan")


# ---------------------------------------------------------------- mixtures within bounds


@pytest.mark.parametrize("family", [kd.Uniform, kd.TruncatedNormal])
def test_quantiles_of_mixtures_whose_components_have_their_own_bounds(family):
    low, high = np.float32([[0.0, 1.0], [0.0, 5.0], [-4.0, -2.0]]), np.float32([2.0, 7.0])
    normal = () if family is kd.Uniform else (0.5, 2.0)
    weights = kd.Categorical(probs=np.float32([0.25, 0.75]))
    mixture = kd.MixtureSameFamily(weights, family(*normal, low, high))
    p = np.float32([[0.0], [0.1], [0.5], [1.0]])
    values = mixture.quantile(p)
    np.testing.assert_array_equal(numpy(values)[[0, 3]], [[0.0, 0.0, -4.0], [7.0, 7.0, 7.0]])
    np.testing.assert_allclose(numpy(mixture.cdf(values)), np.tile(p, 3), rtol=1e-5)


def test_support_of_a_mixture_of_events_has_no_axis_of_components():
    low = np.zeros((4, 2, 3), "float32")
    components = kd.Independent(kd.TruncatedNormal(0.0, 1.0, low, low + 1.0), 1)
    mixture = kd.MixtureSameFamily(kd.Categorical(probs=[0.5, 0.5]), components)
    assert tuple(mixture.support.lower.shape) == tuple(mixture.support.upper.shape) == (4, 3)


# ---------------------------------------------------------------- masses


def mixtures_with_masses():
    half = kd.Categorical(probs=[0.5, 0.5])
    yield kd.MixtureSameFamily(half, kd.Deterministic([0.0, 1.0]))
    yield kd.Mixture(half, [kd.Deterministic(0.0), kd.Deterministic(1.0)])
    yield kd.Mixture(half, [kd.Deterministic(0.0), kd.Uniform(0.0, 1.0)])
    yield kd.MixtureSameFamily(half, kd.CensoredNormal(0.0, 1.0, [0.0, -np.inf], [np.inf, 1.0]))


@pytest.mark.parametrize("mixture", list(mixtures_with_masses()), ids=range(4))
def test_pit_is_spread_over_the_masses_of_a_mixture_wherever_they_are(mixture):
    """At 0 and 1, from the cdf below to the cdf at it; elsewhere the cdf."""
    values = np.repeat(np.float32([0.0, 0.5, 1.0]), 200)
    pit = numpy(scores.pit(mixture, values, seed=0)).reshape(3, 200)
    at, below = (numpy(mixture.cdf(np.float32([0.0, 0.5, 1.0]) - step)) for step in (0.0, 1e-5))
    np.testing.assert_allclose(pit.max(axis=1), at, atol=0.01)
    np.testing.assert_allclose(pit.min(axis=1), below, atol=0.01)
    with pytest.raises(ValueError, match="a continuous distribution"):
        kd.TransformedDistribution(mixture, kdl.bijectors.Scale(2.0))


# ---------------------------------------------------------------- scores


NORMALS = kd.Normal(np.zeros((5, 1), "float32"), 1.0)
LABELS = kd.Bernoulli(np.zeros((5, 1), "float32"))


OF_NUMBERS = "crps energy_score interval_score coverage pinball pit log_score"
OF_LABELS = "brier expected_calibration_error"


@pytest.mark.parametrize("name", [*OF_NUMBERS.split(), *OF_LABELS.split()])
def test_scores_of_n_values_for_n_distributions_are_never_n_by_n(name):
    of_labels = name in OF_LABELS
    score, distribution = getattr(scores, name), LABELS if of_labels else NORMALS
    with pytest.raises(ValueError, match=r"all pairs, \(5, 5\).*reshape the value"):
        score(distribution, np.zeros(5, "float32"))
    shape = () if name == "expected_calibration_error" else (5, 1)
    assert tuple(score(distribution, np.zeros((5, 1), "float32")).shape) == shape


def test_calibration_error_of_no_labels_is_0():
    for labels in (kd.Categorical(np.zeros((0, 3), "float32")), kd.Bernoulli(ops.zeros(0))):
        assert float(scores.expected_calibration_error(labels, np.zeros(0, "int32"))) == 0.0


@pytest.mark.parametrize("score", [scores.brier, scores.expected_calibration_error])
def test_score_of_a_label_that_there_is_not_is_nan(score):
    for labels in (kd.Bernoulli(np.zeros(2, "float32")), kd.Categorical(np.zeros((2, 2), "f4"))):
        found = [numpy(score(labels, np.float32(value))) for value in ([0, 1], [0, 2], [-1, 1])]
        assert [bool(np.isnan(x).any()) for x in found] == [False, True, True]


# ---------------------------------------------------------------- distributions


@pytest.mark.parametrize(
    "distribution",
    [kd.Uniform(np.float32([2.0, 0.0]), 2.0), kd.TruncatedNormal(0.0, 1.0, [2.0, 0.0], 2.0)],
    ids=lambda distribution: distribution.family_name,
)
def test_bounds_that_are_one_number_take_all_of_the_mass(distribution):
    """The first is a point at 2, the second is not."""
    statistics = [getattr(distribution, name)() for name in ("mean", "stddev", "entropy", "mode")]
    assert [float(x[0]) for x in statistics] == [2.0, 0.0, -np.inf, 2.0]
    values = np.float32([[1.0], [2.0], [3.0]])
    tails = [
        numpy(getattr(distribution, name)(values))[:, 0].tolist()
        for name in ("cdf", "survival_function", "log_cdf", "log_survival_function")
    ]
    assert tails == [[0, 1, 1], [1, 0, 0], [-np.inf, 0, 0], [0, -np.inf, -np.inf]]
    assert np.isfinite([float(x[1]) for x in statistics]).all()


@pytest.mark.parametrize(
    "distribution",
    [
        kd.Gamma(np.float32([NAN, 1.0]), 1.0),
        kd.Categorical(logits=np.float32([[0.0, NAN], [0.0, 0.0]])),
        kd.MixtureSameFamily(kd.Categorical([0.0]), kd.Normal(np.float32([[NAN], [0.0]]), 1.0)),
    ],
    ids=lambda distribution: distribution.family_name,
)
def test_quantile_that_is_searched_for_is_nan_for_a_parameter_that_is(distribution):
    assert np.isnan(numpy(distribution.quantile(0.3))).tolist() == [True, False]


def test_entropy_of_a_quantized_logistic_that_is_nearly_certain():
    loc, scale = np.float32([127.0, 127.0, 127.3, 3.0]), np.float32([0.05, 0.02, 0.02, 0.1])
    k = np.arange(256.0)
    z, width = (k - loc.astype("f8")[:, None]) / scale[:, None], 1.0 / scale.astype("f8")[:, None]
    log_masses = special.log_expit(z + 0.5 * width) + special.log_expit(0.5 * width - z)
    log_masses += np.log1p(-np.exp(-width))
    expected = -(np.exp(log_masses) * log_masses).sum(axis=1)
    found = numpy(kd.QuantizedLogistic(loc, scale).entropy())
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_member_of_weight_0_does_not_count_wherever_it_stands():
    mixture = kd.MixtureSameFamily(
        kd.Categorical(probs=[0.0, 0.5, 0.5]), kd.Normal([NAN, 0.0, 2.0], 1.0)
    )
    assert float(kdl.uncertainty.epistemic_variance(mixture)) == 1.0


def test_divergence_of_batches_that_do_not_broadcast_names_both():
    posterior = kd.Normal(np.zeros((4, 3), "float32"), 1.0)
    with pytest.raises(ValueError, match=r"batch_shape=\(4, 3\).*batch_shape=\(4,\)"):
        posterior.kl_divergence(kd.Normal(np.zeros(4, "float32"), 1.0))


def test_truncated_normal_keeps_its_digits_with_loc_far_outside():
    """Where the bounds are nearly one float, as seen from `loc`; by quadrature in float64."""
    far = np.float64([[1e8, 1e4], [-1e8, 1e4], [1e6, 1e3], [-1e5, 300.0], [1e4, 100.0]])
    loc, scale = far.T[..., None].astype("float32")
    distribution = kd.TruncatedNormal(loc, scale, -1.0, 1.0)
    nodes, weights = np.polynomial.legendre.leggauss(60)

    def relative(x):  # the density less a factor
        mean, stddev = far[:, :1], far[:, 1:]
        return np.exp((mean / stddev) * (x / stddev) - 0.5 * (x / stddev) ** 2)

    mass = relative(nodes) @ weights
    value = np.float32([-1.0, -0.3, 0.0, 0.9, 1.0])
    expected = np.log(relative(value.astype("float64")) / mass[:, None])
    np.testing.assert_allclose(numpy(distribution.log_prob(value)), expected, rtol=0, atol=1e-5)
    mean = (relative(nodes) * nodes) @ weights / mass
    np.testing.assert_allclose(numpy(distribution.mean())[:, 0], mean, rtol=0, atol=1e-5)
    below = 0.5 * relative(0.5 * nodes - 0.5) @ weights / mass
    np.testing.assert_allclose(numpy(distribution.cdf(0.0))[:, 0], below, rtol=1e-5)
    np.testing.assert_allclose(numpy(distribution.quantile(below[:, None])), 0.0, atol=1e-5)
    draws = numpy(distribution.sample(4000, seed=0))[..., 0]
    np.testing.assert_allclose(draws.mean(axis=0), mean, rtol=0, atol=0.04)
    exact = kd.TruncatedNormal(
        0.0, 1e-3, 0.0, 1.0
    )  # a half-normal: its cdf has digits at the bound
    assert float(exact.cdf(1e-8)) == pytest.approx(1e-5 * np.sqrt(2.0 / np.pi), rel=1e-5)


@pytest.mark.parametrize("name", ["loc", "scale", "low", "high"])
def test_truncated_normal_of_a_nan_has_nan_statistics(name):
    distribution = kd.TruncatedNormal(
        **{"loc": 0.3, "scale": 1.0, "low": -1.0, "high": 1.0, name: float("nan")}
    )
    of_value = ("cdf", "survival_function", "log_cdf", "log_survival_function", "quantile")
    found = {method: getattr(distribution, method)(0.5) for method in of_value}
    found |= {
        method: getattr(distribution, method)() for method in ("mean", "variance", "entropy")
    }
    assert all(np.isnan(numpy(x)) for x in found.values()), found
