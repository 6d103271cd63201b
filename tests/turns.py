"""What a short run leaves out: JAX and TensorFlow share the rows of the tables.

Half an hour is long while one works on a small change; CI runs all tests. With TURN=0 or TURN=1 in
the environment a test runs on Torch and on one of JAX and TensorFlow. The other turn exchanges the
two, so that both together are the whole suite. All checks of one row of a table stay together, for
they share what is measured.
"""

import zlib

# What the framework decides, each family's values and gradients, and what is wrong on purpose.
ON_EVERY_BACKEND = {
    f"test_{name}.py"
    for name in (
        *("compiled", "distributed", "example", "gradients", "imports", "kl_tracker"),
        *("kl_tracker_calls", "matmul_precision", "ops", "random_variable"),
        *("random_variable_layer", "saving", "symbolic", "training"),
        *("faulty", "faulty_variational", "replay", "turns"),
    )
}


def is_due(nodeid, backend, turn):
    """Whether a test runs on a backend in this turn: "0", "1", or "" for all tests.

    Args:
        nodeid: Of pytest, as "tests/test_families.py::test_family_passes_check[Normal-jit]".
        backend: Keras's name of it.
        turn: The value of TURN.
    """
    if turn not in ("", "0", "1"):
        raise ValueError(f"TURN: expected 0 or 1, or nothing for all tests. Received: {turn!r}.")
    module = nodeid.partition("::")[0].rpartition("/")[2]
    if not turn or backend not in ("jax", "tensorflow") or module in ON_EVERY_BACKEND:
        return True
    row = nodeid.rpartition("-")[0] or nodeid  # without its last parameter
    is_first = zlib.crc32(row.encode()) % 2 == int(turn)
    return is_first == (backend == "jax")
