"""What a temperature does to each family, the scores of split conformal prediction, and errors.

On Torch alone, where nothing compiles; test_recalibration.py and test_conformal.py fit models on
every backend.
"""

import keras
import numpy as np
import pytest
from heads import HEADS
from helpers import numpy
from keras import ops
from own_head import IndependentHyperbolicSecant, own_data, raw_model
from scipy import special, stats

import keras_distlayers as kdl
from keras_distlayers.recalibration import SplitConformal
from keras_distlayers.recalibration._label_scores import AdaptiveSets, RegularizedSets

kd = kdl.distributions
QUIET = {"verbose": 0}

# ---------------------------------------------------------------- temperatures


def tempered_log_probs(distribution, value):
    return [kd.tempered(distribution, t).log_prob(value) for t in (1.0, 3.0)]


WITHOUT = ("Poisson", "NegativeBinomial", "Gamma", "Exponential", "Beta", "VonMises", "Dirichlet")


@pytest.mark.parametrize("row", HEADS, ids=lambda row: row.name)
def test_temperature_of_every_head(row, rng):
    """Of 1 it changes nothing; of 3 it changes the density. Without a scale it is an error."""
    rv = row.make()(rng.normal(size=(4, row.num_params)).astype("float32"))
    if any(name in row.name for name in WITHOUT):
        with pytest.raises(TypeError, match=r"Take `(PITRecalibration|SplitConformal)`"):
            kd.tempered(rv, 2.0)
        return
    y = rv.distribution.sample(seed=1)
    same, wider = map(numpy, tempered_log_probs(rv, y))
    np.testing.assert_allclose(same, numpy(rv.log_prob(y)), rtol=1e-5, atol=1e-5)
    assert (np.abs(wider - same) > 1e-3).all()
    assert kd.tempered(rv, 3.0).event_shape == rv.event_shape


def softmax_of(probs, temperature):
    return special.softmax(np.log(probs) / temperature, axis=-1)


def test_temperature_by_definition(rng):
    """Probabilities by the softmax of log p / T; scales by the density of loc + (y - loc) / T."""
    t, close = 2.5, {"rtol": 2e-5, "atol": 2e-6}
    probs = rng.dirichlet(np.ones(3), size=4).astype("float32")
    expected = softmax_of(probs, t)
    log = np.log(probs)
    coin = probs[:, 0]
    cases = {
        "probs": (kd.Categorical(probs=probs), np.arange(3)[:, None]),
        "logits": (kd.Categorical(logits=log + 1.0), np.arange(3)[:, None]),
        "one-hot": (kd.OneHotCategorical(probs=probs), np.eye(3, dtype="float32")[:, None]),
        "mixture of one-hot": (
            kd.CategoricalMixtureOfOneHotCategorical(np.zeros((4, 1), "float32"), log[:, None]),
            np.eye(3, dtype="float32")[:, None],
        ),
    }
    for name, (distribution, labels) in cases.items():
        found = numpy(kd.tempered(distribution, t).log_prob(labels))
        np.testing.assert_allclose(np.exp(found).T, expected, err_msg=name, **close)
    pair = softmax_of(np.stack([1.0 - coin, coin], axis=-1), t)
    for coins in (kd.Bernoulli(probs=coin), kd.Bernoulli(logits=special.logit(coin))):
        np.testing.assert_allclose(numpy(kd.tempered(coins, t).mean()), pair[:, 1], **close)
    certain = kd.tempered(kd.Bernoulli(probs=[0.0, 1.0]), t).log_prob([0.0, 1.0])
    np.testing.assert_array_equal(numpy(certain), [0.0, 0.0])

    loc, y = rng.normal(size=(2, 4, 2)).astype("float32")
    tril = np.float32([[1.0, 0.0], [0.5, 2.0]])
    factor = np.float32([[1.0], [0.5]])
    # With the temperature, the density of loc + T (y - loc) is that of y, over T^2.
    for distribution in (
        kd.MultivariateNormalDiag(loc, [1.0, 2.0]),
        kd.MultivariateNormalTriL(loc, tril),
        kd.MultivariateNormalLowRank(loc, factor, [1.0, 2.0]),
        kd.Independent(kd.StudentT(3.0, loc, 2.0), 1),
    ):
        found = numpy(kd.tempered(distribution, t).log_prob(loc + t * (y - loc)))
        np.testing.assert_allclose(
            found, numpy(distribution.log_prob(y)) - 2.0 * np.log(t), rtol=1e-4, atol=1e-5
        )
    affine = kd.TransformedDistribution(kd.Normal(loc, 1.0), kdl.bijectors.Affine(5.0, 3.0))
    found = kd.tempered(affine, t)
    np.testing.assert_allclose(numpy(found.stddev()), 3.0 * t, rtol=1e-5)
    np.testing.assert_allclose(numpy(found.mean()), numpy(affine.mean()), rtol=1e-5)


def test_temperature_that_is_not_there_is_an_error(rng):
    fit = kdl.recalibration.TemperatureScaling().fit
    model = raw_model(kdl.layers.Categorical(2))
    logits = rng.normal(size=(20, 2)).astype("float32")
    with pytest.raises(ValueError, match="falls without end"):  # right for all rows
        fit(model, logits, logits.argmax(axis=-1), **QUIET)
    with pytest.raises(ValueError, match="is constant"):
        fit(model, np.zeros((20, 2)), logits.argmax(axis=-1), **QUIET)
    with pytest.raises(ValueError, match="1 of 20 whose log_prob is infinite"):
        fit(model, logits, np.eye(20, dtype=int)[0] * 5, **QUIET)
    with pytest.raises(ValueError, match=r"in the shape of a draw for all rows of x, \(20,\)"):
        fit(model, logits, np.zeros((20, 1)), **QUIET)
    with pytest.raises(ValueError, match="argument `sample_weight`"):
        fit(model, logits, np.zeros(20), sample_weight=np.zeros(20), **QUIET)
    counts = raw_model(kdl.layers.IndependentPoisson(1))
    with pytest.raises(TypeError, match="Take `SplitConformal`"):
        fit(counts, np.zeros((20, 1)), np.zeros((20, 1)), **QUIET)
    with pytest.raises(TypeError, match=r"expected a keras\.Model"):
        kdl.recalibration.TemperatureScaledModel(kdl.layers.Categorical(2))
    two = keras.Model(model.inputs, [model.outputs[0], keras.layers.Dense(1)(model.inputs[0])])
    with pytest.raises(TypeError, match="with one output"):
        fit(two, logits, np.zeros(20), **QUIET)


# ---------------------------------------------------------------- conformal scores


def test_counts_that_are_tied_are_held():
    """All rows have one distribution: the threshold is a count's own score."""
    model = raw_model(kdl.layers.IndependentPoisson())
    raw = np.full((200, 1), np.log(3.0), "float32")
    y = np.random.default_rng(0).poisson(3.0, size=200).astype("float32")
    for name in ("residual", "scaled", "quantile", "cdf"):
        conformal = SplitConformal(0.9, name).fit(model, raw, y, batch_size=200, **QUIET)
        covered = conformal.covers(raw, y, batch_size=200, **QUIET)
        assert covered.sum() >= 181, name


def test_density_of_two_modes_and_of_a_bounded_one():
    modes = kd.MixtureSameFamily(
        kd.Categorical(logits=[[0.0, 0.0]]), kd.Normal([[-5.0, 5.0]], 1.0)
    )
    head = kdl.layers.DistributionLambda(lambda t: modes.expand((ops.shape(t)[0],)))
    model = raw_model(head, 1)
    x, y = np.zeros((99, 1)), np.linspace(-7.0, 7.0, 99).astype("float32")
    conformal = SplitConformal(0.5, "density").fit(model, x, y, **QUIET)
    lower, upper = (end[0] for end in conformal.predict(x[:1], **QUIET))
    at_ends = numpy(modes.log_prob([lower, upper]))
    peak = numpy(modes.log_prob(5.0))
    np.testing.assert_allclose(peak - at_ends, conformal.thresholds[0], atol=0.02)
    exponential = kdl.layers.DistributionLambda(lambda t: kd.Exponential(ops.exp(t[:, 0])))
    y = np.linspace(0.0, 2.0, 99).astype("float32")
    conformal = SplitConformal(0.5, "density").fit(raw_model(exponential, 1), x, y, **QUIET)
    lower, upper = (end[0] for end in conformal.predict(x[:1], **QUIET))
    assert lower == pytest.approx(0.0, abs=1e-6)
    assert upper == pytest.approx(1.0, abs=1e-2)


def test_adaptive_scores_by_definition(rng):
    probs = rng.dirichlet(np.ones(6), size=50)
    u = rng.random(50)
    more = probs[:, None, :] > probs[:, :, None]
    before, rank = (more * probs[:, None, :]).sum(-1), more.sum(-1) + 1
    tensors = [ops.convert_to_tensor(x, "float32") for x in (probs, u)]
    close = {"rtol": 1e-5, "atol": 1e-6}
    found = AdaptiveSets(True).scores(*tensors)
    np.testing.assert_allclose(numpy(found), before + u[:, None] * probs, **close)
    found = RegularizedSets(False, penalty=0.1, num_free=2).scores(tensors[0], None)
    expected = before + probs + 0.1 * np.maximum(rank - 2, 0)
    np.testing.assert_allclose(numpy(found), expected, **close)


def test_what_a_score_is_not_for_is_refused():
    raw, y = own_data(20)
    model = raw_model(IndependentHyperbolicSecant(2))
    with pytest.raises(ValueError, match="score='hpd'"):
        SplitConformal(score="hpd")
    with pytest.raises(ValueError, match="argument `coverage`"):
        SplitConformal(90)
    with pytest.raises(ValueError, match=r"one of .*'residual'.* for Independent"):
        SplitConformal(score="lac").fit(model, raw, y, **QUIET)
    with pytest.raises(ValueError, match=r"in the shape of a draw for all rows of x, \(20, 2\)"):
        SplitConformal().fit(model, raw, y[:, 0], **QUIET)
    with pytest.raises(ValueError, match="2 of 40 that are NaN"):
        SplitConformal().fit(model, raw, np.where(np.arange(20)[:, None] == 3, np.nan, y), **QUIET)
    labels = raw_model(kdl.layers.Categorical(4))
    with pytest.raises(ValueError, match=r"one of \('lac', 'aps', 'raps'\) for Categorical"):
        SplitConformal(score="residual").fit(labels, raw, np.zeros(20), **QUIET)
    with pytest.raises(ValueError, match="labels that there are not"):
        SplitConformal().fit(labels, raw, np.full(20, 4), **QUIET)
    counts = raw_model(kdl.layers.IndependentPoisson(4))
    with pytest.raises(ValueError, match="without a density"):
        SplitConformal(score="density").fit(counts, raw, np.ones((20, 4)), **QUIET)
    with pytest.raises(ValueError, match="returns one integer for each row"):
        SplitConformal(groups=lambda inputs: inputs[:, 0]).fit(model, raw, y, **QUIET)
    flow = raw_model(kdl.layers.ConditionalFlow(2, hidden_units=(4,)), 4)
    with pytest.raises(NotImplementedError, match="marginals"):
        SplitConformal().fit(flow, raw, y, **QUIET)


# ---------------------------------------------------------------- the map of the PIT

KNOTS = np.float32([-6.0, -3.0, -1.0, 0.0, 2.0, 5.0])
VALUES = np.float32([-4.0, -2.5, -1.0, 0.3, 1.5, 3.0])


def mapped_cdf(oracle, y):
    """By the definition, in float64."""
    log_odds = oracle.logcdf(y) - oracle.logsf(y)
    inside = np.interp(log_odds, KNOTS, VALUES)
    below, above = VALUES[0] + log_odds - KNOTS[0], VALUES[-1] + log_odds - KNOTS[-1]
    mapped = np.where(log_odds < KNOTS[0], below, np.where(log_odds > KNOTS[-1], above, inside))
    return special.expit(mapped)


@pytest.mark.parametrize(
    ("base", "oracle"),
    [
        (kd.Normal(1.0, 2.0), stats.norm(1.0, 2.0)),
        (kd.StudentT(3.0, 0.0, 1.0), stats.t(3.0)),
        (kd.Gumbel(0.0, 1.0), stats.gumbel_r()),
        (kd.Gamma(2.0, 1.0), stats.gamma(2.0)),  # whose quantile is searched
        (kd.Uniform(0.0, 1.0), stats.uniform()),
    ],
    ids=lambda x: getattr(x, "family_name", ""),
)
def test_recalibrated_distribution_is_the_mapped_one(base, oracle):
    """Density, cdf, quantiles, and moments by sums over 80,000 values, to 1e-4."""
    found = kdl.recalibration.Recalibrated(base, KNOTS, VALUES)
    tails = special.expit(np.linspace(-33.0, 0.0, 40_001))
    grid = np.unique(np.concatenate([oracle.ppf(tails), oracle.isf(tails)]))
    mass, middle = np.diff(mapped_cdf(oracle, grid)), 0.5 * (grid[1:] + grid[:-1])
    mean = np.sum(mass * middle)
    stddev = np.sqrt(np.sum(mass * np.square(middle - mean)))
    assert float(found.mean()) == pytest.approx(mean, abs=1e-4 * stddev)
    assert float(found.stddev()) == pytest.approx(stddev, rel=1e-4)

    y = oracle.ppf([1e-3, 0.1, 0.45, 0.9, 0.999]).astype("float32")
    cdf = mapped_cdf(oracle, y.astype("f8"))
    close = {"rtol": 1e-5, "atol": 1e-6}
    np.testing.assert_allclose(numpy(found.cdf(y)), cdf, **close)
    np.testing.assert_allclose(numpy(found.survival_function(y)), 1.0 - cdf, **close)
    np.testing.assert_allclose(np.exp(numpy(found.log_cdf(y))), cdf, **close)
    np.testing.assert_allclose(numpy(found.quantile(cdf)), y, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(numpy(found.upper_quantile(1.0 - cdf)), y, rtol=1e-4, atol=1e-5)
    step = 1e-5
    ends = (mapped_cdf(oracle, y.astype("f8") + s) for s in (step, -step))
    density = np.subtract(*ends) / (2.0 * step)
    np.testing.assert_allclose(numpy(found.prob(y)), density, rtol=1e-3)


CHECKS = ("no_rows", "dtypes", "float64", "broadcasting", "slicing", "support", "normalization",
          "quantile", "pit", "gradients", "pytree", "config")  # fmt: skip


def test_recalibrated_distribution_passes_the_checks_of_a_distribution():
    """With small jumps of the density, which the quadrature of a check would not follow."""
    values = 0.7 * KNOTS + np.float32([0.0, 0.02, 0.0, 0.02, 0.0, 0.02])
    found = kdl.recalibration.Recalibrated(kd.Normal([1.0, 0.0], 2.0), KNOTS, values)
    measurement = kdl.testing.measure(found)
    for name in CHECKS:
        getattr(kdl.testing, f"check_{name}")(measurement)


def test_recalibrated_tails_keep_their_shape_and_their_ends():
    normal = kd.Normal(0.0, 1.0)
    found = kdl.recalibration.Recalibrated(normal, [-4.0, 4.0], [-2.0, 2.0])
    # Far out the odds are e^2 times those of the normal.
    for y in (-12.0, 15.0):
        assert float(found.log_prob(y) - normal.log_prob(y)) == pytest.approx(2.0, abs=1e-3)
    assert float(found.log_cdf(-12.0) - normal.log_cdf(-12.0)) == pytest.approx(2.0, abs=1e-3)
    assert [float(found.quantile(p)) for p in (0.0, 1.0)] == [-np.inf, np.inf]
    uniform = kdl.recalibration.Recalibrated(kd.Uniform(2.0, 3.0), KNOTS, VALUES)
    assert [float(uniform.quantile(p)) for p in (0.0, 1.0)] == [2.0, 3.0]
    assert [float(uniform.log_prob(y)) for y in (1.5, 3.5)] == [-np.inf, -np.inf]
    assert [float(uniform.cdf(y)) for y in (1.5, 3.5)] == [0.0, 1.0]
    assert float(uniform.log_cdf(1.5)) == -np.inf


def test_upper_quantile_keeps_the_digits_of_a_small_tail():
    """Also where it is searched."""
    p = np.float32([1e-12, 1e-5, 0.3, 0.9])
    for distribution, oracle in [
        (kd.Normal(1.0, 2.0), stats.norm(1.0, 2.0)),
        (kd.Gamma(2.0, 0.5), stats.gamma(2.0, scale=2.0)),
    ]:
        found = numpy(distribution.upper_quantile(p))
        np.testing.assert_allclose(found, oracle.isf(p), rtol=1e-4)
    counts = numpy(kd.Poisson(20.0).upper_quantile([1e-9, 1e-3, 0.5]))
    np.testing.assert_array_equal(counts, stats.poisson(20.0).isf([1e-9, 1e-3, 0.5]))
    assert np.isnan(numpy(kd.Gamma(2.0, 0.5).upper_quantile([-0.1, 1.1]))).all()


class WithCdfAlone(kd.SymmetricLocationScale):
    def _standard_log_prob(self, z):
        return -ops.abs(z) - np.log(2.0)

    def _standard_sample(self, shape, seed):
        return ops.zeros(shape)

    def _standard_cdf(self, z):
        tail = 0.5 * ops.exp(-ops.abs(z))
        return ops.where(z < 0.0, tail, 1.0 - tail)


def test_quantile_of_a_location_scale_family_is_searched_where_it_has_none():
    found, p = WithCdfAlone(1.0, 2.0), np.float32([1e-3, 0.3, 0.8])
    expected = stats.laplace(1.0, 2.0)
    np.testing.assert_allclose(numpy(found.quantile(p)), expected.ppf(p), rtol=1e-5)
    np.testing.assert_allclose(numpy(found.upper_quantile(p)), expected.isf(p), rtol=1e-5)


def test_ties_have_the_mean_of_their_ranks():
    """And a map of too few rows is a shift."""
    fit = kdl.recalibration.PITRecalibration().fit
    model = raw_model(kdl.layers.IndependentNormal())
    y = np.repeat(np.float32([-1.0, 0.0, 2.0]), 20)
    found = fit(model, np.zeros((60, 2)), y, **QUIET)(np.zeros((3, 2))).distribution
    np.testing.assert_allclose(
        numpy(found.cdf([-1.0, 0.0, 2.0])), [10.5 / 61, 0.5, 50.5 / 61], rtol=1e-5
    )
    one = fit(model, np.zeros((1, 2)), y[:1], **QUIET)(np.zeros((1, 2)))
    assert float(one.cdf([-1.0])[0]) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (kdl.layers.IndependentPoisson(2), "has masses, at which the cdf jumps"),
        (kdl.layers.IndependentCensoredNormal(2, 0.0, 1.0), "has masses"),
        (kdl.layers.MultivariateNormalTriL(2), "entries that depend on each other"),
        (kdl.layers.MixtureNormal(2, event_shape=2), "entries that depend on each other"),
    ],
    ids=lambda x: type(x).__name__,
)
def test_distributions_without_a_map_for_each_entry_are_refused(head, words):
    model = raw_model(head)
    with pytest.raises(TypeError, match=words):
        kdl.recalibration.PITRecalibration().fit(
            model, np.zeros((20, head.num_params)), np.zeros((20, 2)), **QUIET
        )


def test_map_for_each_entry_of_what_is_independent_after_all(rng):
    standardized = kdl.layers.Standardized(kdl.layers.IndependentNormal(2))
    standardized.adapt(rng.normal(size=(10, 2)))
    for head, size in [
        (standardized, 2),
        (kdl.layers.MultivariateNormalTriL(1), 1),
        (kdl.layers.MixtureNormal(2, event_shape=1), 1),
    ]:
        x = np.zeros((40, head.num_params))
        y = rng.normal(size=(40, size)).astype("float32")
        found = kdl.recalibration.PITRecalibration().fit(raw_model(head), x, y, **QUIET)
        assert found(x).log_prob(y).shape == (40,)
    y[0] = np.nan
    with pytest.raises(ValueError, match="1 of 40 with a cdf of 0, of 1 or NaN"):
        kdl.recalibration.PITRecalibration().fit(raw_model(head), x, y, **QUIET)


@pytest.mark.parametrize(
    ("temperature", "words"),
    [(0.0, "Received: 0.0"), (-1, "Received: -1"), (np.ones(2), r"Received: shape=\(2,\)")],
)
def test_tempered_refuses_what_is_not_a_positive_scalar(temperature, words):
    with pytest.raises(ValueError, match=f"a positive number, or a scalar tensor. {words}"):
        kd.tempered(kd.Normal(0.0, 1.0), temperature)
