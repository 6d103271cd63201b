"""10,000 examples per check, over all families and heads: `make soak`, or for one backend:

    KERAS_BACKEND=torch python -m pytest tests/soak.py -n auto

It takes hours, so it is not part of `make test`. docs/testing.md lists what it found.
"""

import os

import hypothesis
import pytest
from hypothesis import strategies as st

import keras_distlayers as kdl

EXAMPLES = int(os.environ.get("SOAK_EXAMPLES", "10000"))
soak = hypothesis.settings(
    hypothesis.settings.get_profile("keras_distlayers_soak"), max_examples=EXAMPLES, deadline=None
)

# Each example of these compiles, or trains a model, so there are fewer of them.
COSTLY = {"jit": 100, "saving": 20, "training": 20, "symbolic_call": 10, "precision": 10}


def settings_of(check):
    return hypothesis.settings(soak, max_examples=max(1, EXAMPLES // COSTLY.get(check.name, 1)))


def distributions():
    return kdl.testing.distributions(
        batch_shape=kdl.testing.shapes(max_dims=2, max_side=2),
        event_shape=None,
    )


@pytest.mark.parametrize("check", kdl.testing.DISTRIBUTION_CHECKS, ids=lambda check: check.name)
def test_distributions_pass_check(check):
    @settings_of(check)
    @hypothesis.given(distribution=distributions())
    def search(distribution):
        check(distribution)

    search()


@pytest.mark.parametrize("check", kdl.testing.LAYER_CHECKS, ids=lambda check: check.name)
def test_heads_pass_check(check):
    @settings_of(check)
    @hypothesis.given(kdl.testing.layers())
    def search(head):
        config = head.get_config()
        check(lambda: type(head).from_config(config))

    search()


@pytest.mark.parametrize("check", [kdl.testing.check_extremes], ids=lambda check: check.name)
def test_heads_pass_check_for_any_raw_parameters(check):
    @soak
    @hypothesis.given(kdl.testing.layers(), st.data())
    def search(head, data):
        raw = data.draw(kdl.testing.parameters(head))
        config = head.get_config()
        check(lambda: type(head).from_config(config), raw=raw)

    search()
