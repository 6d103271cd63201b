"""Split conformal prediction: thresholds, intervals of numbers, sets of labels."""

import keras
import numpy as np
import pytest
from digits import digits
from helpers import numpy
from keras import ops
from own_head import IndependentHyperbolicSecant, own_data, raw_model
from scipy import stats

import keras_distlayers as kdl
from keras_distlayers.recalibration import SplitConformal, conformal_threshold

kd = kdl.distributions
QUIET = {"verbose": 0}


# ---------------------------------------------------------------- thresholds


def test_coverage_over_calibration_sets_is_a_beta_distribution():
    """Of uniform scores the threshold is its own coverage: Beta(406, 45) for 450 of them."""
    scores = np.random.default_rng(0).random((450, 1000))
    coverages = conformal_threshold(scores, 0.9)
    assert coverages.mean() == pytest.approx(0.9002, abs=0.002)
    assert coverages.std() == pytest.approx(0.0141, abs=0.001)
    assert stats.kstest(coverages, stats.beta(406, 45).cdf).pvalue > 1e-3


def test_coverage_over_splits_of_the_digits():
    y_cal, y_test, logits = digits()
    y = np.concatenate([y_cal, y_test])
    x = np.concatenate(logits["naive Bayes"]).astype("f8")
    p = np.exp(x - np.logaddexp.reduce(x, axis=1, keepdims=True))
    # Where rounding has made them equal, a drawn number tells them apart.
    scores = 1.0 - p[np.arange(900), y] + 1e-9 * np.random.default_rng(1).random(900)
    rng = np.random.default_rng(0)
    split = np.stack([rng.permutation(scores) for _ in range(1000)], axis=1)
    covered = split[450:] <= conformal_threshold(split[:450], 0.9)
    assert covered.mean() == pytest.approx(0.9002, abs=0.002)


def has_coverage(threshold, repeats=20_000):
    """Whether thresholds of few uniform scores hold 0.8 or more, whatever their number."""
    rng = np.random.default_rng(0)
    coverages = [threshold(rng.random((n, repeats)), 0.8).mean() for n in (5, 9, 14, 27)]
    return min(coverages) > 0.8 - 4.0 * 0.2 / np.sqrt(repeats)


def test_threshold_of_few_scores_holds_what_it_promises():
    """A quantile of the scores without n + 1, the fault of another library, does not."""
    assert has_coverage(conformal_threshold)
    assert not has_coverage(lambda scores, coverage: np.quantile(scores, coverage, axis=0))
    higher = {"axis": 0, "method": "higher"}
    assert not has_coverage(lambda scores, coverage: np.quantile(scores, coverage, **higher))


def test_rank_is_not_that_of_a_product_that_rounds():
    scores = np.arange(1.0, 100.0)
    assert 0.55 * 100 > 55.0
    assert conformal_threshold(scores, 0.55) == 55.0
    assert conformal_threshold(scores, 0.9) == 90.0
    assert conformal_threshold(scores[:9], 0.9) == 9.0
    assert conformal_threshold(scores[:8], 0.9) == np.inf
    with pytest.raises(ValueError, match="1 of 2 NaN"):
        conformal_threshold([0.0, np.nan], 0.5)


# ---------------------------------------------------------------- numbers


@keras.saving.register_keras_serializable("tests")
def side(inputs):
    return ops.cast(inputs[:, 0] > 0.0, "int32")


def own_scores(name, distribution, y):
    """The scores by their definition."""
    entries = distribution.marginals()
    mean, stddev = (numpy(x).astype("f8") for x in (entries.mean(), entries.stddev()))
    if name == "residual":
        return np.abs(y - mean)
    if name == "scaled":
        return np.abs(y - mean) / stddev
    if name == "quantile":
        low, high = (numpy(entries.quantile(p)).astype("f8") for p in (0.05, 0.95))
        return np.maximum(low - y, y - high)
    if name == "cdf":
        tails = [numpy(of(y)).astype("f8") for of in (entries.cdf, entries.survival_function)]
        return -np.log(np.minimum(*tails))
    return numpy(entries.log_prob(mean)) - numpy(entries.log_prob(y))


@pytest.mark.parametrize("name", ["residual", "scaled", "quantile", "cdf", "density"])
def test_interval_of_a_users_own_head_has_the_values_of_small_scores(name):
    raw, y = own_data(300)
    new, new_y = own_data(300, seed=1)
    model = raw_model(IndependentHyperbolicSecant(2))
    conformal = SplitConformal(0.9, score=name).fit(model, raw, y, batch_size=300, **QUIET)
    expected = np.sort(own_scores(name, model(raw).distribution, y), axis=0)[270]
    np.testing.assert_allclose(conformal.thresholds, expected[None], rtol=1e-4)
    is_small = own_scores(name, model(new).distribution, new_y) <= expected
    covered = conformal.covers(new, new_y, batch_size=300, **QUIET)
    # The score of a value at an end rounds.
    assert (covered == is_small).mean() > 0.995
    assert (covered.mean(axis=0) > 0.85).all()


def test_groups_have_thresholds_of_their_own_and_are_saved(tmp_path):
    raw, y = own_data(300)
    y[raw[:, 0] > 0.0] *= 3.0
    model = raw_model(IndependentHyperbolicSecant(2))
    conformal = SplitConformal(0.8, "residual", groups=side)
    conformal = conformal.fit(model, raw, y, batch_size=50, **QUIET)
    scores = own_scores("residual", model(raw).distribution, y)
    group = (raw[:, 0] > 0.0).astype(int)
    expected = np.stack([conformal_threshold(scores[group == g], 0.8) for g in range(2)])
    np.testing.assert_allclose(conformal.thresholds, expected, rtol=1e-5)
    conformal.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    for model in (conformal, loaded):
        lower, upper = model.predict(raw, batch_size=150, **QUIET)
        np.testing.assert_allclose(upper - lower, 2.0 * expected[group], rtol=1e-4)


def test_too_few_rows_give_all_numbers_and_a_warning():
    raw, y = own_data(11)
    model = raw_model(IndependentHyperbolicSecant(2))
    with pytest.warns(UserWarning, match=r"at least 9 rows, for a coverage of 0.9. Received: 8"):
        conformal = SplitConformal(0.9, "cdf").fit(model, raw[:8], y[:8], **QUIET)
    lower, upper = conformal.predict(raw, **QUIET)
    assert (lower == -np.inf).all()
    assert (upper == np.inf).all()


def test_group_without_rows_has_all_numbers():
    raw, y = own_data(60)
    is_left = raw[:, 0] < 0.0
    model = raw_model(IndependentHyperbolicSecant(2))
    conformal = SplitConformal(0.5, "residual", groups=side)
    conformal = conformal.fit(model, raw[is_left], y[is_left], **QUIET)
    lower, upper = conformal.predict(raw, **QUIET)
    assert (np.isfinite(upper - lower) == is_left[:, None]).all()


# ---------------------------------------------------------------- labels


@pytest.mark.parametrize(
    ("name", "threshold", "coverage", "size"),
    [
        ("logistic regression", 0.41029, 0.9111, 0.9222),
        ("naive Bayes", 0.61119, 0.9111, 1.0089),
    ],
)
def test_sets_of_two_classifiers_of_digits(name, threshold, coverage, size):
    y, y_test, logits = digits()
    x, x_test = logits[name]
    model = raw_model(kdl.layers.Categorical(10))
    conformal = SplitConformal(0.9).fit(model, x, y, batch_size=450, **QUIET)
    assert conformal.thresholds == pytest.approx([threshold], abs=1e-5)
    sets = conformal.predict(x_test, batch_size=450, **QUIET)
    assert sets.dtype == bool
    assert sets.sum(axis=-1).mean() == pytest.approx(size, abs=5e-5)
    covered = conformal.covers(x_test, y_test, batch_size=450, **QUIET)
    assert covered.mean() == pytest.approx(coverage, abs=5e-5)
    assert (covered == sets[np.arange(450), y_test]).all()


def test_adaptive_sets_are_nested_and_seeded():
    y, y_test, logits = digits()
    x, x_test = logits["naive Bayes"]
    model = raw_model(kdl.layers.Categorical(10))
    options = {"batch_size": 450, **QUIET}
    sets = {}
    for randomized in (True, False):
        conformal = SplitConformal(0.9, "aps", randomized=randomized, seed=1)
        fitted = [conformal.fit(model, x, y, **options) for _ in range(2)]
        first, again = (c.predict(x_test, **options) for c in fitted)
        np.testing.assert_array_equal(first, again)
        sets[randomized] = first
    shares = {key: s[np.arange(450), y_test].mean() for key, s in sets.items()}
    assert 0.87 < shares[True] < 0.94
    assert shares[False] > 0.9
    assert sets[False].sum() >= sets[True].sum()


def test_sets_of_one_hot_vectors_and_of_several_coins(rng):
    logits = rng.normal(size=(40, 3)).astype("float32")
    labels = logits.argmax(axis=-1)
    one_hot = SplitConformal(0.5, "lac")
    conformal = one_hot.fit(
        raw_model(kdl.layers.OneHotCategorical(3)), logits, np.eye(3)[labels], **QUIET
    )
    sets = conformal.predict(logits, **QUIET)
    covered = conformal.covers(logits, np.eye(3)[labels], **QUIET)
    assert (covered == sets[np.arange(40), labels]).all()
    coins = (rng.random((40, 3)) < 0.5).astype("float32")
    conformal = SplitConformal(0.9).fit(
        raw_model(kdl.layers.IndependentBernoulli(3)), logits, coins, **QUIET
    )
    assert conformal.predict(logits, **QUIET).shape == (40, 3, 2)
    assert (conformal.covers(logits, coins, **QUIET).sum(axis=0) >= 37).all()


@pytest.mark.parametrize(
    ("y", "words"),
    [
        (np.zeros(30), r"targets of shape \(30, 1\)\. Received: shape=\(30,\)"),
        (np.full((30, 1), np.nan), "targets that were observed"),
    ],
    ids=["another rank", "nan"],
)
def test_covers_refuses_targets_without_an_answer(y, words):
    model = keras.Sequential([keras.Input((2,)), kdl.layers.IndependentNormal(1)])
    x = np.zeros((30, 2), "float32")
    conformal = kdl.recalibration.SplitConformal(0.9).fit(model, x, np.zeros((30, 1)), **QUIET)
    with pytest.raises(ValueError, match=words):
        conformal.covers(x, y, **QUIET)


def test_covers_refuses_labels_that_there_are_not(rng):
    model = keras.Sequential([keras.Input((3,)), kdl.layers.Categorical(3)])
    x, labels = rng.normal(size=(30, 3)).astype("float32"), rng.integers(0, 3, size=30)
    conformal = kdl.recalibration.SplitConformal(0.9).fit(model, x, labels, **QUIET)
    assert conformal.covers(x, labels, **QUIET).shape == (30,)
    for wrong, words in ((labels - 1, "labels that there are"), (labels[:, None], "labels of sh")):
        with pytest.raises(ValueError, match=words):
            conformal.covers(x, wrong, **QUIET)
