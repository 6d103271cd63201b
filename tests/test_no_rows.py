"""Batches of no rows: every head, its distribution and its losses. Families: in test_families."""

import keras
import numpy as np
import pytest
from heads import HEADS, row
from helpers import called, numpy, standard_normal
from keras import ops

import keras_distlayers as kdl
from keras_distlayers.testing._backend import backend
from keras_distlayers.testing.measurement.record import attempt

FLOW = row(kdl.layers.ConditionalFlow, 2, num_couplings=2, hidden_units=(3,), size=3)
STATISTICS = ("mean", "mode", "stddev", "entropy")


@pytest.mark.parametrize("row", [*HEADS, FLOW], ids=lambda row: row.name)
def test_head_of_no_rows(row):
    head = row.make(seed=0)
    head.build((None, row.num_params))

    def results(raw):
        distribution = head.distribution(raw)
        draws = {n: distribution.sample((n,), seed=0) for n in (0, 2)}
        densities = {n: distribution.log_prob(draw) for n, draw in draws.items()}
        statistics = {name: attempt(getattr(distribution, name)) for name in STATISTICS}
        return draws, densities, statistics

    draws, densities, statistics = backend.eval_shape(results, ops.zeros((0, row.num_params)))
    event = head.distribution(ops.zeros((1, row.num_params))).event_shape
    for n in (0, 2):
        assert tuple(draws[n].shape) == (n, 0, *event)
        assert tuple(densities[n].shape) == (n, 0)
    for name, result in statistics.items():
        if result is not None:
            assert tuple(result.shape) == ((0,) if name == "entropy" else (0, *event)), name


def test_loss_terms_of_no_rows():
    regularizer = kdl.regularizers.KLDivergenceRegularizer(standard_normal(2), use_exact_kl=False)
    head = kdl.layers.IndependentNormal(2, activity_regularizer=regularizer, seed=0)
    rv = head(ops.zeros((0, 3, 4)), mask=ops.ones((0, 3), "bool"))
    assert [float(term) for term in head.losses] == [0.0]
    loss = kdl.losses.NegativeLogLikelihood()
    # Keras leaves an empty tensor as it is, without a mean.
    rows = loss(np.zeros((0, 3, 2), "float32"), rv, sample_weight=np.ones((0, 3), "float32"))
    assert tuple(rows.shape) == (0,)


def test_call_of_no_rows():
    model = keras.Sequential(
        [keras.Input((2,)), kdl.layers.IndependentLogistic(1), keras.layers.Dense(1)]
    )
    assert numpy(called(model, ops.zeros((0, 2)))).shape == (0, 1)
