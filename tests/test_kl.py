"""KL divergences: what is refused, and images. Their values are held by tests/test_replay.py."""

import numpy as np
import pytest
from helpers import numpy

import keras_distlayers as kdl


def test_kl_of_a_pair_without_a_closed_form_names_both():
    with pytest.raises(NotImplementedError, match=r"no closed form .* Normal.* Bernoulli"):
        kdl.distributions.Normal(0.0, 1.0).kl_divergence(kdl.distributions.Bernoulli(logits=0.0))


def test_kl_of_events_of_other_sizes_is_refused():
    a = kdl.distributions.Independent(kdl.distributions.Normal(np.zeros(3), 1.0), 1)
    b = kdl.distributions.Independent(kdl.distributions.Normal(np.zeros(4), 1.0), 1)
    with pytest.raises(ValueError, match=r"event_shape=\(3,\).*event_shape=\(4,\)"):
        a.kl_divergence(b)
    with pytest.raises(ValueError, match=r"3 labels.*2 labels"):
        kdl.distributions.Categorical(logits=np.zeros(3)).kl_divergence(
            kdl.distributions.Categorical(logits=np.zeros(2))
        )


def test_kl_of_images_is_summed_over_the_image(rng):
    loc = rng.normal(size=(2, 4, 3)).astype("float32")
    image = kdl.distributions.Independent(kdl.distributions.Normal(loc, 1.0), 2)
    prior = kdl.distributions.Independent(
        kdl.distributions.Normal(np.zeros((4, 3), "float32"), 1.0), 2
    )
    expected = 0.5 * (loc**2).sum(axis=(1, 2))
    np.testing.assert_allclose(numpy(image.kl_divergence(prior)), expected, rtol=1e-5)


def test_an_independent_without_axes_is_the_distribution_inside():
    kd = kdl.distributions
    normal, other = kd.Normal(1.0, 1.0), kd.Normal(0.0, 1.0)
    pairs = [(kd.Independent(normal, 0), other), (normal, kd.Independent(other, 0))]
    pairs.append((kd.Independent(kd.Independent(normal, 0), 0), kd.Independent(other, 0)))
    for a, b in pairs:
        assert float(kd.kl_divergence(a, b)) == 0.5
