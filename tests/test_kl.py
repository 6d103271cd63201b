"""KL divergences: closed forms against TFP and against a definition, by Monte Carlo."""

import numpy as np
import pytest
from families import BY_NAME, cases, example
from helpers import numpy
from hypothesis import given
from hypothesis import strategies as st
from tensorflow_probability.substrates import numpy as tfp

from keras_distlayers import distributions as kd

GAUSSIANS = ["MultivariateNormalTriL", "MultivariateNormalDiag", "Independent-Normal"]
PAIRS = [(a, b) for a in GAUSSIANS for b in GAUSSIANS] + [
    (name, name)
    for name in (
        "Normal",
        "Bernoulli-logits",
        "Bernoulli-probs",
        "Categorical-logits",
        "Categorical-probs",
        "Independent-Bernoulli",
    )
]


def as_tfp_normal(case):
    """Any of the Gaussian families as TFP's full normal, which has every closed form."""
    p = {k: v.astype("float64") for k, v in case.parameters.items()}
    if "scale_tril" in p:
        return tfp.distributions.MultivariateNormalTriL(**p)
    scale = p.get("scale_diag", p.get("scale"))
    tril = scale[..., None] * np.eye(scale.shape[-1])
    return tfp.distributions.MultivariateNormalTriL(p["loc"], tril)


def oracle(a, b):
    if a.family.name in GAUSSIANS:
        return as_tfp_normal(a).kl_divergence(as_tfp_normal(b))
    return a.oracle.kl_divergence(b.oracle)


def largest_term(a, b):
    if a.family.support != "real":
        return 10.0
    scales = [v for k, v in b.parameters.items() if k.startswith("scale")]
    if "scale_tril" in b.parameters:
        inverse = np.abs(np.linalg.inv(scales[0].astype("float64"))).max()
        inverse *= 1 + inverse * np.abs(scales[0]).max()
    else:
        inverse = 1.0 / scales[0].min()
    largest = max(np.abs(v).max() for case in (a, b) for v in case.parameters.values())
    return 1.0 + (largest * inverse) ** 2


@pytest.mark.parametrize(("name_a", "name_b"), PAIRS, ids="||".join)
@given(data=st.data())
def test_a_closed_form_equals_the_oracle(name_a, name_b, data):
    a = data.draw(cases(BY_NAME[name_a], limit=2.0))
    ones = (1,) * len(a.batch_shape)
    b = data.draw(
        cases(
            BY_NAME[name_b],
            limit=2.0,
            batch_shapes=st.sampled_from([a.batch_shape, ones, ()]),
            event_sizes=st.just(a.event_size),
        )
    )
    ours, expected = numpy(kd.kl_divergence(a.law, b.law)), np.asarray(oracle(a, b))
    assert ours.shape == expected.shape
    assert (np.abs(ours - expected) <= 1e-5 * largest_term(a, b)).all()


@pytest.mark.parametrize(("name_a", "name_b"), PAIRS, ids="||".join)
def test_a_closed_form_is_the_mean_log_ratio(name_a, name_b):
    """Over 20,000 draws, within 5.5 standard errors: false alarms below 4e-8 an entry."""
    a, b = example(BY_NAME[name_a], seed=1), example(BY_NAME[name_b], seed=2)
    draws = a.sample(20_000, seed=3)
    ratio = numpy(a.log_prob(draws) - b.log_prob(draws)).astype("float64")
    error = ratio.std(axis=0) / np.sqrt(len(ratio))
    exact = numpy(a.kl_divergence(b))
    np.testing.assert_array_less(np.abs(ratio.mean(axis=0) - exact), 5.5 * error + 1e-5)


@pytest.mark.parametrize("name", BY_NAME)
def test_a_law_has_no_divergence_from_itself(name):
    law = example(BY_NAME[name])
    np.testing.assert_allclose(numpy(law.kl_divergence(law)), 0.0, atol=2e-6)
    np.testing.assert_allclose(
        numpy(law.cross_entropy(law)), numpy(law.entropy()), rtol=1e-5, atol=1e-5
    )


def test_a_pair_without_a_closed_form_says_so():
    with pytest.raises(NotImplementedError, match=r"no closed form .* Normal.* Bernoulli"):
        kd.Normal(0.0, 1.0).kl_divergence(kd.Bernoulli(logits=0.0))


def test_other_events_are_refused():
    a = kd.Independent(kd.Normal(np.zeros(3), 1.0), 1)
    b = kd.Independent(kd.Normal(np.zeros(4), 1.0), 1)
    with pytest.raises(ValueError, match=r"event_shape=\(3,\).*event_shape=\(4,\)"):
        a.kl_divergence(b)
    with pytest.raises(ValueError, match=r"3 labels.*2 labels"):
        kd.Categorical(logits=np.zeros(3)).kl_divergence(kd.Categorical(logits=np.zeros(2)))


def test_images_of_normals_sum_over_the_image(rng):
    loc = rng.normal(size=(2, 4, 3)).astype("float32")
    image = kd.Independent(kd.Normal(loc, 1.0), 2)
    prior = kd.Independent(kd.Normal(np.zeros((4, 3), "float32"), 1.0), 2)
    expected = 0.5 * (loc**2).sum(axis=(1, 2))
    np.testing.assert_allclose(numpy(image.kl_divergence(prior)), expected, rtol=1e-5)
