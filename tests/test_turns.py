"""The rows that JAX and TensorFlow share in a short run."""

import pathlib

import pytest
from turns import ON_EVERY_BACKEND, is_due

FAMILY = "tests/test_families.py::test_family_passes_check[{}-{}]"
ROWS = [FAMILY.format(f"Family{i}", check) for i in range(40) for check in ("jit", "seed")]


@pytest.mark.parametrize("turn", ["0", "1"])
def test_row_runs_on_torch_and_on_one_of_the_others(turn):
    on_jax, on_tensorflow, on_torch = (
        [row for row in ROWS if is_due(row, backend, turn)]
        for backend in ("jax", "tensorflow", "torch")
    )
    assert on_torch == ROWS
    assert not set(on_jax) & set(on_tensorflow)
    assert sorted(on_jax + on_tensorflow) == sorted(ROWS)
    assert 20 < len(on_jax) < 60


def test_two_turns_are_the_whole_suite_on_each_backend():
    for backend in ("jax", "tensorflow"):
        turns = [{row for row in ROWS if is_due(row, backend, turn)} for turn in ("0", "1")]
        assert turns[0] | turns[1] == set(ROWS)
        assert all(is_due(row, backend, "") for row in ROWS)


def test_checks_of_a_row_stay_together():
    for i in range(40):
        rows = [FAMILY.format(f"Family{i}", check) for check in ("jit", "seed")]
        assert is_due(rows[0], "jax", "0") == is_due(rows[1], "jax", "0")


def test_what_a_framework_decides_runs_on_every_backend():
    tests = pathlib.Path(__file__).parent
    for name in ON_EVERY_BACKEND:
        assert (tests / name).exists(), name
        for backend in ("jax", "tensorflow", "torch"):
            assert is_due(f"tests/{name}::test_of_one_row", backend, "0")


def test_another_turn_is_an_error():
    with pytest.raises(ValueError, match="TURN: expected 0 or 1"):
        is_due(ROWS[0], "jax", "2")
