"""What grows with the size of a distribution: times beside the same by hand, and memory.

log_prob of MultivariateNormalTriL with its gradient, beside two triangular solves by hand in JAX;
seconds until an autoregressive flow has taken its first step and made its first draws, and the
peak memory of a quantized mixture's mean and variance, on each backend. Run it with:

    python tests/benchmarks/growth.py
"""

import argparse
import functools
import os
import subprocess
import sys
import time

BACKENDS = ("jax", "tensorflow", "torch")
DENSITY_LIMIT, FLOW_LIMIT, MEMORY_LIMIT = 1.3, 15, 100
FLOW = ("make the model", "first step", "second step", "first predict", "second predict")
DIMENSIONS = (64, 256, 512)
FLOW_DIMENSIONS = 1024


def main():
    options = parse_options()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if options.memory_of:
        print(peak_memory(options.memory_of, options.compiled))
        return
    if options.flow:
        print("|".join(f"{seconds:.1f}" for seconds in flow_seconds(options.batch_size)))
        return
    os.environ["KERAS_BACKEND"] = "jax"
    from rich.console import Console

    for table in (densities, flows, memory):
        Console(width=120).print(table(options))


def parse_options():
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--steps", type=int, default=60, help="timed calls of each density, at least")
    add("--warm-up", type=int, default=5, help="calls of each density before the timed ones")
    add("--batch-size", type=int, default=64, help="normals")
    # For the processes that this one starts.
    add("--flow", action="store_true", help=argparse.SUPPRESS)
    add("--memory-of", choices=("mean", "variance"), help=argparse.SUPPRESS)
    add("--compiled", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


# ------------------------------------------------------------------------------- density


def densities(options):
    import alternating

    title = (
        f"log_prob of MultivariateNormalTriL with its gradient, {options.batch_size} normals, "
        f"jitted on JAX: at most {DENSITY_LIMIT} of the same by hand"
    )
    rows = [density(dimension, options.batch_size) for dimension in DIMENSIONS]
    return alternating.table(title, rows, options.steps, options.warm_up)


def density(dimension, batch_size):
    import alternating
    import jax
    import jax.numpy as jnp
    import numpy as np

    import keras_distlayers as kdl

    rng = np.random.default_rng(0)
    loc, value = rng.normal(size=(2, batch_size, dimension)).astype("float32")
    tril = np.tril(rng.normal(size=(batch_size, dimension, dimension)) / np.sqrt(dimension))
    tril[:, range(dimension), range(dimension)] = rng.uniform(1, 2, (batch_size, dimension))
    at = jnp.asarray(loc), jnp.asarray(tril, "float32")

    def ours(loc, tril):
        return kdl.distributions.MultivariateNormalTriL(loc, tril).log_prob(value).mean()

    def by_hand(loc, tril):
        w = jax.scipy.linalg.solve_triangular(tril, (value - loc)[..., None], lower=True)
        diagonal = jnp.diagonal(tril, axis1=-2, axis2=-1)
        log_prob = -0.5 * jnp.square(w).sum((-2, -1)) - jnp.log(diagonal).sum(-1)
        return (log_prob - 0.5 * dimension * np.log(2 * np.pi)).mean()

    def calls(function):
        step = jax.jit(jax.value_and_grad(function, (0, 1)))
        return lambda: jax.block_until_ready(step(*at))[0]

    return alternating.Comparison(f"{dimension} dimensions", calls(ours), calls(by_hand))


# ------------------------------------------------------------------------------- flow


def flows(options):
    from rich.table import Table

    title = (
        f"Seconds of an autoregressive flow of {FLOW_DIMENSIONS} dimensions, 2 x 512 units: "
        f"first step and first predict at most {FLOW_LIMIT}"
    )
    table = Table("backend", *FLOW, title=title)
    for backend in BACKENDS:
        found = in_process(backend, "--flow", "--batch-size", str(options.batch_size))
        table.add_row(backend, *found.split("|"))
    return table


def flow_seconds(batch_size):
    """For each of `FLOW`, the seconds that it takes."""
    import keras
    import numpy as np

    import keras_distlayers as kdl

    keras.utils.set_random_seed(0)  # imports TensorFlow too
    rng = np.random.default_rng(0)
    x = rng.normal(size=(batch_size, 16)).astype("float32")
    y = rng.normal(size=(batch_size, FLOW_DIMENSIONS)).astype("float32")

    def make():
        made = kdl.layers.AutoregressiveNetwork(
            params=2, hidden_units=[512, 512], activation="relu"
        )
        base = kdl.layers.MultivariateNormalDiag(FLOW_DIMENSIONS)
        dense = keras.layers.Dense(base.num_params)
        transform = kdl.layers.AutoregressiveTransform(made)
        model = keras.Sequential([keras.Input((16,)), dense, base, transform])
        model.compile(keras.optimizers.Adam(1e-3), kdl.losses.NegativeLogLikelihood())
        return model

    def timed(function):
        start = time.perf_counter()
        result = function()
        return time.perf_counter() - start, result

    seconds, model = timed(make)
    yield seconds
    for _ in range(2):
        yield timed(lambda: model.train_on_batch(x, y))[0]
    for _ in range(2):
        yield timed(lambda: model.predict(x, batch_size=batch_size, verbose=0))[0]


# ------------------------------------------------------------------------------- memory


def memory(options):
    from rich.table import Table

    title = (
        "Memory for 8 images of 32 x 32 x 3 mixtures of 10 quantized logistics, MiB: "
        f"at most {MEMORY_LIMIT}"
    )
    table = Table(
        "backend", "mean", "mean, compiled", "variance", "variance, compiled", title=title
    )
    for backend in BACKENDS:
        cells = []
        for name in ("mean", "variance"):
            command = (backend, "--memory-of", name)
            cells.append(in_process(*command))
            # torch.compile is not for a statistic that is needed once.
            cells.append("" if backend == "torch" else in_process(*command, "--compiled"))
        table.add_row(backend, *cells)
    return table


def in_process(backend, *options):
    """The last line that this program prints on a backend."""
    command = [sys.executable, __file__, *options]
    variables = {**os.environ, "KERAS_BACKEND": backend}
    done = subprocess.run(command, env=variables, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    return done.stdout.splitlines()[-1]


def peak_memory(name, is_compiled):
    """By how many MiB the process grows at most; from Linux, which counts anew when asked."""
    import keras

    import keras_distlayers as kdl

    head = kdl.layers.IndependentQuantizedLogisticMixture(10, (32, 32, 3))

    def statistic(raw, head):
        return getattr(head.distribution(raw), name)()

    # What a framework and its compiler keep from their first use on is not counted.
    small = kdl.layers.IndependentQuantizedLogisticMixture(10, (64,))
    raw = keras.random.normal((8, head.num_params), seed=0)
    for inputs, its_head in ((raw[:, : small.num_params], small), (raw, head)):
        function = functools.partial(statistic, head=its_head)
        if is_compiled:
            function = compiled(function)
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
        before = peak()
        keras.ops.convert_to_numpy(function(inputs))
    return round((peak() - before) / 2**10)


def peak():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM"))


def compiled(function):
    import keras

    if keras.config.backend() == "jax":
        import jax

        return jax.jit(function)
    import tensorflow as tf

    return tf.function(function)


if __name__ == "__main__":
    main()
