"""Masks of several inputs: a head over lists and dicts, models of several inputs and outputs.

The truth is the loss by hand, over the steps that every mask keeps.
"""

import keras
import numpy as np
import pytest
from helpers import numpy
from keras import ops

import keras_distlayers as kdl

kd = kdl.distributions

ROWS, STEPS, SIZE = 5, 4, 3
LENGTHS = np.array([4, 2, 1, 0, 3])
OTHER_LENGTHS = np.array([3, 4, 0, 2, 3])
KEPT, OTHER_KEPT = (np.arange(STEPS) < n[:, None] for n in (LENGTHS, OTHER_LENGTHS))


def sequences(rng, kept):
    return np.where(kept[..., None], rng.normal(size=(ROWS, STEPS, SIZE)), 0.0).astype("float32")


def normal_of_two(first, second):
    return kd.Normal(first[..., 0], 1.0 + ops.square(second[..., 0]))


@keras.saving.register_keras_serializable("tests")
def of_list(inputs):
    return normal_of_two(*inputs)


@keras.saving.register_keras_serializable("tests")
def of_dict(inputs):
    return normal_of_two(inputs["b"], inputs["a"])


def as_list(x, y):
    return [x, y]


def as_dict(x, y):
    return {"b": x, "a": y}


def nats_per_example(nats, kept):
    """The sum over the steps that are kept; the mean over rows with one."""
    return (nats * kept).sum() / kept.any(axis=1).sum()


def nll_by_hand(rv, y, kept):
    return nats_per_example(-numpy(rv.log_prob(y)), kept)


structures = pytest.mark.parametrize(
    ("function", "structure"), [(of_list, as_list), (of_dict, as_dict)], ids=["list", "dict"]
)


@structures
@pytest.mark.parametrize("steps", [STEPS, None], ids=["known", "unknown"])
@pytest.mark.parametrize("masked", ["first", "second", "both"])
def test_loss_counts_the_steps_that_all_masks_keep(function, structure, masked, steps, rng):
    data = [sequences(rng, KEPT), sequences(rng, OTHER_KEPT)]
    is_masked = [masked != "second", masked != "first"]
    inputs = [keras.Input((steps, SIZE)) for _ in data]
    parts = [
        keras.layers.Masking()(x) if has_mask else x
        for x, has_mask in zip(inputs, is_masked, strict=True)
    ]
    model = keras.Model(inputs, kdl.layers.DistributionLambda(function)(structure(*parts)))
    model.compile("sgd", kdl.losses.NegativeLogLikelihood())
    kept = np.logical_and.reduce(
        [k for k, has_mask in zip([KEPT, OTHER_KEPT], is_masked, strict=True) if has_mask]
    )
    y = np.where(kept, rng.normal(size=(ROWS, STEPS)), np.nan).astype("float32")
    loss = model.evaluate(data, y, verbose=0)
    expected = nll_by_hand(model(data), np.where(kept, y, 0.0), kept)
    np.testing.assert_allclose(loss, expected, rtol=1e-5)


def test_kl_of_a_head_over_a_list_counts_the_steps_that_all_masks_keep(rng):
    data = [sequences(rng, KEPT), sequences(rng, OTHER_KEPT)]
    inputs = [keras.Input((STEPS, SIZE)) for _ in data]
    regularizer = kdl.regularizers.KLDivergenceRegularizer(kd.Normal(0.0, 1.0))
    head = kdl.layers.DistributionLambda(of_list, activity_regularizer=regularizer)
    rv = head([keras.layers.Masking()(x) for x in inputs])
    model = keras.Model(inputs, rv)
    result = model(data)
    kl = numpy(result.kl_divergence(kd.Normal(0.0, 1.0)))
    expected = nats_per_example(kl, KEPT & OTHER_KEPT)
    np.testing.assert_allclose(numpy(sum(model.losses)), expected, rtol=1e-5)


def test_layers_of_random_variables_see_the_joint_mask(rng):
    data = [sequences(rng, KEPT), sequences(rng, OTHER_KEPT)]
    inputs, weight = [keras.Input((STEPS, SIZE)) for _ in data], keras.Input(())
    rv = kdl.layers.DistributionLambda(of_list)([keras.layers.Masking()(x) for x in inputs])
    prior = kd.Normal(0.0, 1.0)
    model = keras.Model(
        [*inputs, weight], kdl.layers.KLDivergenceAddLoss(prior)(rv, sample_weight=weight)
    )
    model.compile("sgd", kdl.losses.NegativeLogLikelihood())
    weights = np.float32([1.0, 2.0, 3.0, 4.0, 5.0])
    kept = KEPT & OTHER_KEPT
    y = rng.normal(size=(ROWS, STEPS)).astype("float32")
    loss = model.evaluate([*data, weights], y, verbose=0)
    rv = model([*data, weights])
    kl = numpy(rv.kl_divergence(prior)) * weights[:, None]
    expected = nll_by_hand(rv, y, kept) + nats_per_example(kl, kept)
    np.testing.assert_allclose(loss, expected, rtol=1e-5)


def test_each_output_has_the_mask_of_its_own_input(rng):
    """An Embedding's mask for one output, that of Masking for the other, weights for both."""
    labels = np.where(KEPT, rng.integers(1, 5, (ROWS, STEPS)), 0)
    data = [labels, sequences(rng, OTHER_KEPT)]
    inputs = [keras.Input((STEPS,), dtype="int32"), keras.Input((STEPS, SIZE))]
    embedded = keras.layers.Embedding(5, 2, mask_zero=True)(inputs[0])
    outputs = {
        "words": kdl.layers.IndependentNormal(1, name="words")(embedded),
        "frames": kdl.layers.IndependentNormal(1, name="frames")(
            keras.layers.Dense(2)(keras.layers.Masking()(inputs[1]))
        ),
    }
    model = keras.Model(inputs, outputs)
    loss = kdl.losses.NegativeLogLikelihood
    model.compile("sgd", {"words": loss(), "frames": loss()})
    y = {name: rng.normal(size=(ROWS, STEPS, 1)).astype("float32") for name in outputs}
    received = model.evaluate(data, y, verbose=0, return_dict=True)
    rvs = model(data)
    expected = {
        name: nll_by_hand(rvs[name], y[name], kept)
        for name, kept in (("words", KEPT), ("frames", OTHER_KEPT))
    }
    np.testing.assert_allclose(received["words_loss"], expected["words"], rtol=1e-5)
    np.testing.assert_allclose(received["frames_loss"], expected["frames"], rtol=1e-5)
    np.testing.assert_allclose(received["loss"], sum(expected.values()), rtol=1e-5)


def test_masks_of_other_axes_are_refused():
    head = kdl.layers.DistributionLambda(of_list, name="head")
    first, second = (keras.layers.Masking()(np.ones((2, n, 3), "float32")) for n in (4, 5))
    with pytest.raises(ValueError, match=r"head.*equal axes(.|\n)*Lambda"):
        head([first, second[:, :4]], mask=[first._keras_mask, second._keras_mask])


def test_a_mask_of_rows_beside_one_of_steps(rng):
    """The one with fewer axes counts for all steps of a row."""
    x = sequences(rng, np.ones((ROWS, STEPS), bool))
    rows = ops.convert_to_tensor([True, False, True, True, False])
    rv = kdl.layers.DistributionLambda(of_list)([x, x], mask=[rows, ops.convert_to_tensor(KEPT)])
    np.testing.assert_array_equal(numpy(rv._keras_mask), numpy(rows)[:, None] & KEPT)
