"""Every backend gives the values and gradients of data/replay.json, which replay.py describes."""

import dataclasses

import keras
import numpy as np
import pytest
import replay
from helpers import BACKEND

from keras_distlayers.testing._evaluation import as_float64

CASES = {name: (case, make_inputs) for name, case, make_inputs in replay.cases()}
ENTRIES = replay.load()
REWRITE = "Run `KERAS_BACKEND=torch python tests/replay.py`."

SMALLEST = float(np.finfo("float32").tiny)  # below it backends flush to 0

each = pytest.mark.parametrize("name", CASES)

# The base class's functions of others, exp(log_prob) and entropy + KL: where a backend takes its
# time, their values alone. Their gradients are compared on Torch, those of the others everywhere.
DERIVED = () if BACKEND == "torch" else ("prob", "cross_entropy")


def test_replay_file_has_an_entry_for_every_case():
    assert ENTRIES.keys() == CASES.keys(), REWRITE


@each
def test_results_and_gradients_in_float64(name):
    case, entry = CASES[name][0], ENTRIES[name]
    case = dataclasses.replace(case, steps=(*case.steps, *DERIVED))
    received = case.differentiate(entry["inputs"])
    assert received["results"].keys() == entry["results"].keys(), REWRITE
    for method, expected in entry["results"].items():
        # Relative where there are digits to lose, in the tails of a probability.
        atol = 1e-39 if method in ("prob", "cdf", "survival_function") else 1e-9
        require_equal(method, received["results"][method], expected, rtol=1e-9, atol=atol)
    gradients = {m: g for m, g in entry["gradients"].items() if m not in DERIVED}
    assert received["gradients"].keys() == gradients.keys(), REWRITE
    for method, expected in gradients.items():
        what = f"gradients of {method}"
        # Torch's trigamma has 9 digits, and terms cancel.
        require_equal(what, received["gradients"][method], expected, rtol=1e-7, atol=1e-14)


def require_equal(what, received, expected, **tolerances):
    """Of numbers or structures of numbers."""
    keras.tree.assert_same_structure(received, expected)
    pairs = zip(keras.tree.flatten(received), keras.tree.flatten(expected), strict=True)
    for ours, theirs in pairs:
        np.testing.assert_allclose(ours, theirs, err_msg=what, **tolerances)


@each
def test_digits_in_float32(name):
    """Within 1e-5, relative, or of how far a rounding of the inputs moves the result."""
    case, entry = CASES[name][0], ENTRIES[name]
    for method, received in case.evaluate(entry["inputs"], "float32").items():
        if method in replay.OF_TWO:
            expected = entry["results"][method]
            np.testing.assert_allclose(as_float64(received), expected, rtol=1e-4, atol=1e-4)
        elif method != "covariance":  # a difference of products, without digits where they meet
            require_digits(method, as_float64(received), entry)


# Of a logarithm the absolute digits count; of a probability those of the tail too.
SMALLEST = {"log_prob": 1.0, "entropy": 1.0, "cdf": 1e-30, "survival_function": 1e-30}
TINY = float(np.finfo("float32").tiny)  # below it backends flush to 0


def require_digits(method, received, entry):
    expected = entry["results"][method].astype("float64")
    smallest = SMALLEST.get(method, 0.0)
    if method == "mean":  # it may be 0: relative to the spread
        smallest = entry["results"].get("stddev", 0.0)
    scale = np.maximum(np.maximum(np.abs(expected), rounding(method, entry)), smallest)
    with np.errstate(over="ignore"):
        expected = np.where(np.isinf(np.float32(expected)), np.float32(expected), expected)
    finite = np.isfinite(expected)
    np.testing.assert_array_equal(received[~finite], expected[~finite], method)
    error = np.abs(received[finite] - expected[finite])
    assert (error <= (1e-5 * scale + TINY)[finite]).all(), (method, received, expected)


def rounding(method, entry):
    """By how much of itself each input moves the results: the sum of |x df/dx|, by example."""
    shape = (-1, *(1,) * (entry["results"][method].ndim - 1))
    slopes = entry["gradients"].get(method, {})
    inputs = {name: entry["inputs"][name] for name in slopes}
    pairs = zip(keras.tree.flatten(inputs), keras.tree.flatten(slopes), strict=True)
    moves = [np.abs(x * slope).reshape(len(x), -1).sum(axis=1) for x, slope in pairs]
    return np.nan_to_num(sum(moves, np.zeros(1))).reshape(shape)


if BACKEND == "torch":

    @each
    def test_replay_file_is_up_to_date(name):
        """The inputs are those that the program makes; that the results are is tested above."""
        pairs = ENTRIES[name]["inputs"], CASES[name][1]()
        for stored, made in zip(*map(keras.tree.flatten, pairs), strict=True):
            np.testing.assert_array_equal(stored, made, REWRITE)
