"""A bound of many draws is the same when they are decoded in chunks."""

import copy

import numpy as np
import pytest
from bounds import gaussian_layer, posterior, small_model, vectors
from helpers import binary, numpy


@pytest.mark.parametrize("size", [7, 5, 24])
def test_bound_in_chunks_is_that_of_all_draws_at_once(size):
    """Also where the size does not divide the number of draws."""
    x, loc = vectors(5), vectors(5, seed=1)
    found = []
    for chunk_size in (size, 25):
        layer = gaussian_layer(test_num_samples=25, chunk_size=chunk_size, seed=0)
        rv = layer(posterior(loc, 0.8))
        results = (rv.log_weights(x), rv.log_prob(x), rv.effective_sample_size(x))
        found.append([numpy(r) for r in results])
    assert found[0][0].shape == (5, 25)
    assert len(np.unique(found[0][0])) > 100
    for ours, whole in zip(*found, strict=True):
        np.testing.assert_allclose(ours, whole, rtol=1e-5)


def test_bound_in_chunks_is_the_same_in_evaluate():
    x = binary((20, 6))
    whole = small_model(test_num_samples=25, chunk_size=25)
    chunked = small_model(test_num_samples=25, chunk_size=7)
    chunked.set_weights(whole.get_weights())
    losses = [model.evaluate(x, x, batch_size=8, verbose=0) for model in (whole, chunked)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def test_bound_in_chunks_has_the_weights_of_its_call():
    """Also after training has changed them."""
    x = binary((20, 6))
    model = small_model(test_num_samples=9, chunk_size=2)
    rv = model(x)
    before = numpy(rv.log_prob(x))
    model.fit(x, x, verbose=0)
    np.testing.assert_array_equal(numpy(rv.log_prob(x)), before)


def test_copy_of_a_bound_in_chunks_is_independent_of_it():
    x = binary((3, 6))
    rv = small_model(test_num_samples=9, chunk_size=2)(x)
    copied = copy.deepcopy(rv)
    np.testing.assert_array_equal(numpy(copied.log_prob(x)), numpy(rv.log_prob(x)))
    ours, theirs = (r.distribution.latents["draws"] for r in (copied, rv))
    assert ours is not theirs


def test_bound_in_chunks_refuses_a_part_of_its_batch():
    rv = gaussian_layer(test_num_samples=9, chunk_size=2)(posterior(vectors(3), 1.0))
    for part in (lambda: rv.distribution[:2], lambda: rv.distribution.expand((2, 3))):
        with pytest.raises(NotImplementedError, match="its whole batch"):
            part()
