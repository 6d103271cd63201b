"""Entries of a target that were not observed: NaN, on request, for the entry's marginal."""

import itertools

import keras
import numpy as np
import pytest
import scipy.stats as st
from heads import HEAD
from helpers import BACKEND, gradients, numpy
from keras import ops

import keras_distlayers as kdl
from keras_distlayers.testing._evaluation import evaluate, gradient

kd = kdl.distributions
SIZE = 4
# Every way to observe some of the entries, none and all included.
OBSERVED = np.array(list(itertools.product([False, True], repeat=SIZE)))


def marginal_log_prob(distribution, value, is_observed):
    return distribution.marginal_log_prob(value, is_observed)


def tril_of(matrix):
    return np.tril(matrix) + 2.0 * np.eye(SIZE)


# By name: the distribution, its arrays (loc first) and their covariance in float64.
NORMALS = {
    "TriL": (kd.MultivariateNormalTriL, (tril_of,), lambda scale: scale @ scale.T),
    "Diag": (kd.MultivariateNormalDiag, (lambda m: 0.5 + m[0] ** 2,), lambda s: np.diag(s**2)),
    "LowRank": (
        kd.MultivariateNormalLowRank,
        (lambda m: m[:, :2], lambda m: 0.5 + m[0] ** 2),
        lambda factor, diag: factor @ factor.T + np.diag(diag),
    ),
    "Independent": (
        lambda loc, scale: kd.Independent(kd.Normal(loc, scale), 1),
        (lambda m: 0.5 + m[0] ** 2,),
        lambda scale: np.diag(scale**2),
    ),
}


def marginal_log_probs(value, loc, covariance):
    """SciPy's, of each row; 0 where nothing was observed."""
    return np.array(
        [
            st.multivariate_normal.logpdf(x[seen], loc[seen], covariance[np.ix_(seen, seen)])
            if seen.any()
            else 0.0
            for x, seen in zip(value, OBSERVED, strict=True)
        ]
    )


def test_marginals_of_normals_and_their_gradients_are_scipys(rng):
    """All families in one compilation of the values and one of the gradients."""
    value, weights = rng.normal(size=OBSERVED.shape), rng.normal(size=len(OBSERVED))
    with_nan = np.where(OBSERVED, value, np.nan).astype("float32")
    parameters = [
        [rng.normal(size=SIZE), *(of(rng.normal(size=(SIZE, SIZE))) for of in arrays)]
        for _, arrays, _ in NORMALS.values()
    ]

    def log_probs(parameters):
        families = [family for family, _, _ in NORMALS.values()]
        distributions = [f(*p) for f, p in zip(families, parameters, strict=True)]
        return ops.stack([d.marginal_log_prob(with_nan, OBSERVED) for d in distributions])

    def total(parameters):
        return ops.sum(ops.multiply(log_probs(parameters), weights.astype("float32")))

    inputs = [[ops.convert_to_tensor(x.astype("float32")) for x in p] for p in parameters]
    found, slopes = evaluate(log_probs, inputs), gradient(total, inputs)
    for name, p, ours, ours_slopes in zip(NORMALS, parameters, found, slopes, strict=True):

        def reference(loc, *scale, covariance=NORMALS[name][2]):
            return marginal_log_probs(value, loc, covariance(*scale))

        np.testing.assert_allclose(numpy(ours), reference(*p), atol=2e-5, err_msg=name)
        for i, slope in enumerate(map(numpy, ours_slopes)):
            np.testing.assert_allclose(
                # A triangle has nothing above its diagonal.
                np.tril(slope) if (name, i) == ("TriL", 1) else slope,
                difference_quotients(lambda p, of=reference: of(*p) @ weights, p, i),
                atol=2e-4, err_msg=name,
            )  # fmt: skip


def difference_quotients(function, arrays, i, step=1e-5):
    """The gradient by the array at position i, in float64; 0 where that is 0."""
    result = np.zeros_like(arrays[i])
    for index in zip(*np.nonzero(arrays[i]), strict=True):
        ends = []
        for sign in (1.0, -1.0):
            moved = [np.copy(array) for array in arrays]
            moved[i][index] += sign * step
            ends.append(function(moved))
        result[index] = (ends[0] - ends[1]) / (2.0 * step)
    return result


def test_marginals_of_a_mixture_of_normals(rng):
    """A few of the rows by hand: the weighted mean of SciPy's marginal densities."""
    locs = rng.normal(size=(3, SIZE))
    scales = np.stack([tril_of(rng.normal(size=(SIZE, SIZE))) for _ in range(3)])
    probs = np.float32([0.2, 0.3, 0.5])
    value = rng.normal(size=OBSERVED.shape)
    expected = np.log(
        sum(
            p * np.exp(marginal_log_probs(value, loc, scale @ scale.T))
            for p, loc, scale in zip(probs, locs, scales, strict=True)
        )
    )
    mixture = kd.MixtureSameFamily(
        kd.Categorical(probs=probs),
        kd.MultivariateNormalTriL(locs.astype("float32"), scales.astype("float32")),
    )
    with_nan = np.where(OBSERVED, value, np.nan).astype("float32")
    found = numpy(evaluate(marginal_log_prob, mixture, with_nan, OBSERVED))
    np.testing.assert_allclose(found, expected, atol=2e-5)
    assert found[0] == 0.0


# Heads whose entries are independent: what stands for a missing entry must be in the support.
INDEPENDENT = {
    "Gamma": (kdl.layers.IndependentGamma(SIZE), 2 * SIZE),
    "mixture": (kdl.layers.MixtureLogistic(2, SIZE), None),
    "transformed": (
        kdl.layers.DistributionLambda(
            lambda t: kd.TransformedDistribution(
                kd.MultivariateNormalDiag(t, np.ones(SIZE, "float32")), kdl.bijectors.Exp()
            )
        ),
        SIZE,
    ),
}


@pytest.mark.parametrize("name", INDEPENDENT)
def test_missing_entries_are_left_out_of_independent_ones(name, rng):
    """The density of a row is that of one row per entry, with the others left out."""
    head, num_params = INDEPENDENT[name]
    num_params = num_params or head.num_params
    raw = rng.normal(size=(1, num_params)).astype("float32")
    distribution = head(raw).distribution
    value = numpy(distribution.sample(seed=1)).astype("float32")[0]
    with_nan = np.where(OBSERVED, value, np.nan).astype("float32")
    found = numpy(evaluate(marginal_log_prob, distribution, with_nan, OBSERVED))
    if name == "mixture":
        # Entries are independent given the component; the whole and the parts of it.
        weights = numpy(distribution.mixture_distribution.log_probs_parameter())[0]
        entries = numpy(distribution.components_distribution.distribution.log_prob(value))[
            0
        ]  # (2, SIZE)
        by_hand = (OBSERVED[:, None, :] * entries).sum(-1) + weights
        expected = np.where(OBSERVED.any(-1), np.logaddexp(*by_hand.T), 0.0)
    else:
        single = np.eye(SIZE, dtype=bool)
        entries = numpy(
            distribution.marginal_log_prob(
                np.where(single, value, np.nan).astype("float32"), single
            )
        )
        expected = OBSERVED @ entries
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(found[-1], numpy(distribution.log_prob(value))[0], rtol=1e-5)


def test_a_value_outside_the_support_matters_where_it_was_observed():
    normal = kd.MultivariateNormalDiag([0.0, 0.0], [1.0, 1.0])
    positive = kd.TransformedDistribution(normal, kdl.bijectors.Exp())
    value, seen = np.float32([-1.0, 1.0]), np.array([[True, True], [False, True]])
    found = numpy(positive.marginal_log_prob(value, seen))
    np.testing.assert_allclose(found, [-np.inf, -0.5 * np.log(2 * np.pi)], rtol=1e-6)


def test_missing_labels_of_a_sequence_are_left_out(rng):
    logits = rng.normal(size=(3, 5, 2)).astype("float32")
    rv = kdl.layers.Categorical(2)(logits)
    y = rng.integers(0, 2, size=(3, 5)).astype("float32")
    nats = -numpy(rv.log_prob(y))
    y[0, 1:3], y[2] = np.nan, np.nan
    expected = np.where(np.isnan(y), 0.0, nats).sum() / 2  # two rows have a label
    loss = kdl.losses.NegativeLogLikelihood(nan_is_missing=True)
    assert float(loss(y, rv)) == pytest.approx(expected, rel=1e-5)


def model_of(head, masked=False):
    keras.utils.set_random_seed(0)
    first = [keras.Input((None, 2)), keras.layers.Masking()] if masked else [keras.Input((2,))]
    model = keras.Sequential([*first, keras.layers.Dense(head.num_params), head])
    model.compile(
        keras.optimizers.SGD(0.01),
        kdl.losses.NegativeLogLikelihood(nan_is_missing=True),
        metrics=[kdl.metrics.NegativeLogLikelihood(nan_is_missing=True)],
        weighted_metrics=[kdl.metrics.NegativeLogLikelihood(name="weighted", nan_is_missing=True)],
    )
    return model


def test_training_with_missing_targets_and_weights(rng):
    """A row without an entry is as good as one left out."""
    x = rng.normal(size=(6, 2)).astype("float32")
    y = rng.uniform(0.2, 0.8, size=(6, 3)).astype("float32")
    y[1, 0], y[2, 1:], y[5] = np.nan, np.nan, np.nan
    weight = rng.uniform(0.5, 2.0, size=6).astype("float32")
    weight[3], y[3] = 0.0, -1.0  # outside the support
    model, without = (model_of(kdl.layers.IndependentLogNormal(3)) for _ in range(2))
    rows = -numpy(model(x).distribution.marginal_log_prob(np.abs(y), ~np.isnan(y)))
    found = model.evaluate(x, y, sample_weight=weight, batch_size=6, verbose=0, return_dict=True)
    counts = 5  # the last row has no entry
    assert found["loss"] == pytest.approx((rows * weight).sum() / counts, rel=1e-5)
    assert found["weighted"] == pytest.approx((rows * weight).sum() / weight[:-1].sum(), rel=1e-5)
    for some, rows in ((model, slice(6)), (without, slice(5))):
        some.fit(x[rows], y[rows], sample_weight=weight[rows], epochs=2, shuffle=False, verbose=0)
    for ours, theirs in zip(model.get_weights(), without.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)


def test_missing_targets_beside_a_mask(rng):
    x, y = rng.normal(size=(3, 4, 2)), rng.uniform(0.2, 0.8, size=(3, 4, 3))
    x, y = x.astype("float32"), y.astype("float32")
    x[1, 2:], y[1, 2:] = 0.0, np.nan  # padding
    y[0, 0, 1], y[0, 1], y[2] = np.nan, np.nan, np.nan
    model = model_of(kdl.layers.MultivariateNormalTriL(3), masked=True)
    nats = -numpy(model(x).distribution.marginal_log_prob(y, ~np.isnan(y)))
    expected = (nats * np.any(x != 0, axis=-1)).sum() / 2
    found = model.fit(x, y, verbose=0, batch_size=3).history
    assert found["loss"][0] == pytest.approx(expected, rel=1e-5)
    assert found["nll"][0] == pytest.approx(expected, rel=1e-5)
    assert all(np.isfinite(w).all() for w in model.get_weights())


def test_what_has_no_marginals_says_so():
    loss = kdl.losses.NegativeLogLikelihood(nan_is_missing=True)
    rv = kdl.layers.Dirichlet(3)(ops.ones((2, 3)))
    with pytest.raises(NotImplementedError, match=r"Dirichlet.marginal_log_prob.*Independent"):
        loss(np.float32([[0.2, 0.8, np.nan], [0.2, 0.3, 0.5]]), rv)


@pytest.mark.parametrize("package", [kdl.losses, kdl.metrics])
def test_nan_is_missing_is_in_the_config(package):
    original = package.NegativeLogLikelihood(nan_is_missing=True)
    config = keras.saving.serialize_keras_object(original)
    assert keras.saving.deserialize_keras_object(config).nan_is_missing


if BACKEND == "torch":  # One mechanism on all backends; here nothing has to be compiled.

    def test_heads_take_missing_entries_or_are_known_not_to(rng):
        """A row without an entry, one with a part of them, a whole one; gradients by the raw."""
        refused = []
        for name, row in HEAD.items():
            head = row.make()
            raw = rng.normal(size=(3, row.num_params)).astype("float32")
            distribution = head(raw).distribution
            value = numpy(distribution.sample(seed=1)).astype("float32")
            seen = np.ones(value.shape, bool)
            seen[0] = False
            seen[1:2].flat[0] = not distribution.event_shape
            with_nan = np.where(seen, value, np.nan).astype("float32")

            def log_prob(raw, head=head, value=with_nan, seen=seen):
                return head.distribution(raw).marginal_log_prob(value, seen)

            try:
                found = numpy(log_prob(ops.convert_to_tensor(raw)))
            except NotImplementedError:
                refused.append(name)
                continue
            whole = numpy(distribution.log_prob(value))
            assert (found[0] == 0.0).all(), name
            np.testing.assert_allclose(found[2], whole[2], rtol=1e-4, atol=1e-5, err_msg=name)
            (gradient,) = gradients(lambda raw, f=log_prob: ops.sum(f(raw)), raw)
            assert np.isfinite(gradient).all(), name
            assert (gradient[0] == 0.0).all(), name
        assert sorted(refused) == [
            "CategoricalMixtureOfOneHotCategorical", "Dirichlet", "OneHotCategorical"
        ]  # fmt: skip
