"""KL divergences: closed forms against TFP's, and against the definition by Monte Carlo."""

import numpy as np
import pytest
from helpers import numpy
from hypothesis import given
from hypothesis import strategies as st
from oracles import oracle

import keras_distlayers as kdl
from keras_distlayers.testing import strategies
from keras_distlayers.testing._evaluation import (
    double_precision,
    evaluate,
    in_float64,
    statistic,
)

BY_NAME = {row.name: row for row in kdl.testing.FAMILIES}
GAUSSIANS = ["MultivariateNormalTriL", "MultivariateNormalDiag", "Independent-Normal"]


def has(row, name, *args):
    distribution = row.example()
    return statistic(distribution, name, *(distribution for _ in args)) is not None


WITH_KL = [name for name, row in BY_NAME.items() if has(row, "kl_divergence", row)]
WITH_ENTROPY = [name for name in WITH_KL if has(BY_NAME[name], "entropy")]
PAIRS = [(a, b) for a in GAUSSIANS for b in GAUSSIANS] + [
    (name, name) for name in WITH_KL if name not in GAUSSIANS
]
pairs = pytest.mark.parametrize(("name_a", "name_b"), PAIRS, ids=lambda name: name)
# TFP has no closed form for these; test_counts.py has the formula, and Monte Carlo is below.
IN_TFP = [p for p in PAIRS if "Poisson" not in p[0] and "Mixture" not in p[0]]
pairs_in_tfp = pytest.mark.parametrize(("name_a", "name_b"), IN_TFP, ids=lambda name: name)


def their(row, arguments):
    """Any of the Gaussian families as TFP's full normal, which has every closed form."""
    if row.name not in GAUSSIANS:
        return oracle(row, "tfp", arguments)
    p = {k: np.asarray(v, "float64") for k, v in arguments.items()}
    if "scale_tril" not in p:
        scale = p.get("scale_diag", p.get("scale"))
        p = {"loc": p["loc"], "scale_tril": scale[..., None] * np.eye(scale.shape[-1])}
    return oracle(BY_NAME["MultivariateNormalTriL"], "tfp", p)


@pairs_in_tfp
@given(data=st.data())
def test_a_closed_form_equals_the_oracle(name_a, name_b, data):
    batch = data.draw(st.sampled_from([(), (1,), (2,), (2, 1)]))
    event = data.draw(kdl.testing.shapes(min_dims=1, max_dims=1, max_side=2))
    batches = [batch, data.draw(kdl.testing.broadcastable_shapes(batch))]
    rows = [BY_NAME[name_a], BY_NAME[name_b]]
    events = [event[: row.event_ndims] for row in rows]
    arguments = [
        {k: np.asarray(v, "float32") for k, v in data.draw(st.fixed_dictionaries(
            strategies.arguments(row, b, e))).items()}
        for row, b, e in zip(rows, batches, events, strict=True)
    ]  # fmt: skip
    distributions = [row.make(**p) for row, p in zip(rows, arguments, strict=True)]
    a, b = (their(row, p) for row, p in zip(rows, arguments, strict=True))
    expected = a.kl_divergence(b)
    with double_precision():
        ours = numpy(evaluate(kdl.distributions.kl_divergence, *map(in_float64, distributions)))
    expected = np.broadcast_to(expected, ours.shape)
    np.testing.assert_allclose(ours, expected, rtol=1e-7, atol=1e-7)
    single = numpy(evaluate(kdl.distributions.kl_divergence, *distributions))
    np.testing.assert_allclose(single, ours, rtol=1e-4, atol=1e-4)


@pairs
def test_a_closed_form_is_the_mean_log_ratio(name_a, name_b):
    kdl.testing.check_kl(BY_NAME[name_a].example(seed=1), BY_NAME[name_b].example(seed=2))


@pytest.mark.parametrize("name", WITH_ENTROPY)
def test_the_cross_entropy_of_a_distribution_with_itself_is_its_entropy(name):
    distribution = BY_NAME[name].example()
    np.testing.assert_allclose(
        numpy(distribution.cross_entropy(distribution)),
        numpy(distribution.entropy()),
        rtol=1e-5,
        atol=1e-5,
    )


def test_a_pair_without_a_closed_form_says_so():
    with pytest.raises(NotImplementedError, match=r"no closed form .* Normal.* Bernoulli"):
        kdl.distributions.Normal(0.0, 1.0).kl_divergence(kdl.distributions.Bernoulli(logits=0.0))


def test_other_events_are_refused():
    a = kdl.distributions.Independent(kdl.distributions.Normal(np.zeros(3), 1.0), 1)
    b = kdl.distributions.Independent(kdl.distributions.Normal(np.zeros(4), 1.0), 1)
    with pytest.raises(ValueError, match=r"event_shape=\(3,\).*event_shape=\(4,\)"):
        a.kl_divergence(b)
    with pytest.raises(ValueError, match=r"3 labels.*2 labels"):
        kdl.distributions.Categorical(logits=np.zeros(3)).kl_divergence(
            kdl.distributions.Categorical(logits=np.zeros(2))
        )


def test_images_of_normals_sum_over_the_image(rng):
    loc = rng.normal(size=(2, 4, 3)).astype("float32")
    image = kdl.distributions.Independent(kdl.distributions.Normal(loc, 1.0), 2)
    prior = kdl.distributions.Independent(
        kdl.distributions.Normal(np.zeros((4, 3), "float32"), 1.0), 2
    )
    expected = 0.5 * (loc**2).sum(axis=(1, 2))
    np.testing.assert_allclose(numpy(image.kl_divergence(prior)), expected, rtol=1e-5)
