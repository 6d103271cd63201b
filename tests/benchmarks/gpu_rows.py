"""The rows of the GPU table: one model on the same images, trained in six ways."""

import dataclasses
import math
import time
from collections.abc import Callable

import against_jax
import jax
import keras
import mnist_vae
import numpy as np
import train_step
from gpu_report import (
    BY_HAND,
    FIT_DEVICE,
    FIT_EXAMPLE,
    FIT_SEVERAL,
    SCAN,
    STEP,
    STEPS_PER_EXECUTION,
)
from jax import numpy as jnp

COMPUTE_DTYPES = {"float32": "float32", "mixed_bfloat16": "bfloat16"}
LEAST_ROUNDS, MOST_ROUNDS = 3, 30
FIT_EPOCHS = 2  # of each call of `fit`, so that what happens between two epochs counts


@dataclasses.dataclass
class Way:
    """A way to train the model.

    `epoch` trains for one epoch and returns its seconds and its mean loss. `compilation` holds
    what the compiler reports; it is None where another way has compiled the same step.
    """

    name: str
    epoch: Callable[[], tuple[float, float]]
    compilation: dict | None = None


def measured(images, batch_size, precision, network, seconds):
    """A row of figures for each way to train, each timed for about `seconds`."""
    keras.config.set_dtype_policy(precision)
    try:
        ways = all_ways(images, batch_size, precision, network)
        first_losses = [way.epoch()[1] for way in ways]  # not timed: a warm-up
        rounds = number_of_rounds(ways[0], seconds)
        # In alternation, so that whatever else the machine does slows all of them.
        times = np.array([[way.epoch()[0] for way in ways] for _ in range(rounds)])
    finally:
        keras.config.set_dtype_policy("float32")
    steps = len(images) // batch_size
    common = {"precision": precision, "batch_size": batch_size, "rounds": rounds}
    rows = [
        {
            **common,
            "way": way.name,
            **speed(times[:, column], times[:, 0], steps, batch_size),
            "first_epoch_loss": first_losses[column],
            **(way.compilation or {}),
        }
        for column, way in enumerate(ways)
    ]
    return with_flops(rows)


def number_of_rounds(way, seconds):
    return min(MOST_ROUNDS, max(LEAST_ROUNDS, math.ceil(seconds / way.epoch()[0])))


def speed(seconds, by_hand, steps, batch_size):
    """Medians over the epochs; the quartiles are of ratios of neighbouring epochs."""
    step = float(np.median(seconds)) / steps
    return {
        "seconds_per_step": step,
        "images_per_second": batch_size / step,
        "ratio": float(np.median(seconds) / np.median(by_hand)),
        "ratio_quartiles": np.quantile(seconds / by_hand, (0.25, 0.5, 0.75)).tolist(),
    }


def with_flops(rows):
    """A row without a count runs the same step as another row, and gets its count."""
    counts = {row["way"]: row.get("flops_per_step") for row in rows}
    for row in rows:
        same = BY_HAND if row["way"] == SCAN else STEP
        row["flops_per_step"] = row.get("flops_per_step") or counts[same]
    return rows


def all_ways(images, batch_size, precision, network):
    """By hand first: the others are compared with it."""
    data = mnist_vae.Binarized(images, batch_size, seed=0, shuffle=True)
    batches = [data[index][0] for index in range(len(data))]
    vae = train_step.compiled_vae(network)
    weights = train_step.trainable_weights(vae)
    # Compiled first, because the first one also pays for XLA's search for the fastest
    # convolutions, which the process remembers.
    step = KerasStep(vae, batches)
    dtype = COMPUTE_DTYPES[precision]
    by_hand = HandStep(against_jax.make_step(network, dtype), weights, batches)
    scan = HandEpoch(against_jax.make_epoch(network, dtype), weights, batches)
    return [
        Way(BY_HAND, by_hand, by_hand.compilation),
        Way(SCAN, scan, scan.compilation),
        Way(STEP, step, step.compilation),
        Way(FIT_DEVICE, Fit(vae, DeviceBatches(batches))),
        Way(FIT_SEVERAL, Fit(vae, DeviceBatches(batches), STEPS_PER_EXECUTION)),
        Way(FIT_EXAMPLE, Fit(vae, data)),
    ]


# ------------------------------------------------------------------------------- ways


class HandStep:
    """The jitted step by hand in a loop."""

    def __init__(self, step, weights, batches):
        self.step, self.batches = step, batches
        self.state = against_jax.initial_state(weights)
        self.compilation = compilation(step, self.state, batches[0])

    def __call__(self):
        losses = []
        begun = time.perf_counter()
        for batch in self.batches:
            self.state, loss = self.step(self.state, batch)
            losses.append(loss)
        jax.block_until_ready((self.state, losses))
        return time.perf_counter() - begun, float(np.mean(jax.device_get(losses)))


class HandEpoch:
    """An epoch by hand as one compiled loop."""

    def __init__(self, epoch, weights, batches):
        self.epoch, self.batches = epoch, jnp.stack(batches)
        self.state = against_jax.initial_state(weights)
        self.compilation = compilation(epoch, self.state, self.batches)
        del self.compilation["flops_per_step"]  # the compiler counts one iteration

    def __call__(self):
        begun = time.perf_counter()
        self.state, losses = self.epoch(self.state, self.batches)
        jax.block_until_ready((self.state, losses))
        return time.perf_counter() - begun, float(jnp.mean(losses))


class KerasStep:
    """The step that Keras compiles, in a loop; as in `fit`, its state is not in the variables."""

    def __init__(self, vae, batches):
        self.pairs = [(batch, batch) for batch in batches]
        vae.optimizer.build(vae.trainable_variables)
        vae.make_train_function()
        self.step = vae.train_function
        self.state = against_jax.keras_state(vae)
        # Jitted in the same way as Keras does, and kept, so that JAX compiles it once for both.
        self.jitted = jax.jit(vae.train_step, donate_argnums=0, out_shardings=None)
        self.compilation = compilation(self.jitted, self.state, self.pairs[0])

    def __call__(self):
        # The loss in the logs is the mean since the metrics were last reset.
        *others, metrics = self.state
        self.state = (*others, jax.block_until_ready([jnp.zeros_like(m) for m in metrics]))
        begun = time.perf_counter()
        for pair in self.pairs:
            logs, self.state = self.step(self.state, iter([pair]))
        jax.block_until_ready((self.state, logs))
        return time.perf_counter() - begun, float(logs["loss"])


class Fit:
    """Epochs of `fit`, without what a call does before the first epoch and after the last."""

    def __init__(self, vae, data, steps_per_execution=1):
        self.vae, self.data = vae, data
        self.clock = Clock()
        # As `compile(steps_per_execution=...)` does, on a model that is compiled already.
        vae.steps_per_execution = self.steps_per_execution = steps_per_execution
        vae.make_train_function(force=True)
        self.train_function = vae.train_function

    def __call__(self):
        self.vae.steps_per_execution = self.steps_per_execution
        self.vae.train_function = self.train_function
        history = self.vae.fit(
            self.data,
            epochs=FIT_EPOCHS,
            shuffle=False,
            verbose=0,
            callbacks=[self.clock],
        )
        return self.clock.seconds, history.history["loss"][0]


class Clock(keras.callbacks.Callback):
    """The mean seconds of an epoch of the last call of `fit`."""

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 0:
            self.begun = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        self.seconds = (time.perf_counter() - self.begun) / (epoch + 1)


class DeviceBatches(keras.utils.PyDataset):
    """Batches that are on the device already; `fit` passes these on as they are.

    A whole JAX array given to `fit` is copied to NumPy first, then sent batch by batch.
    """

    def __init__(self, batches):
        super().__init__()
        self.batches = batches

    def __len__(self):
        return len(self.batches)

    def __getitem__(self, index):
        return self.batches[index], self.batches[index]


# ------------------------------------------------------------------------------- compiler


def compilation(function, *arguments):
    """Seconds to trace and compile a jitted function, and what the compiler counts."""
    begun = time.perf_counter()
    compiled = function.lower(*arguments).compile()
    seconds = time.perf_counter() - begun
    return {
        "compile_seconds": seconds,
        "flops_per_step": flops(function, *arguments),
        "memory_bytes": memory(compiled),
    }


def flops(function, *arguments):
    """The compiler's count for the program as it is on a CPU, before it is optimized.

    On a GPU, convolutions become calls of cuDNN, whose operations the compiler does not count.
    """

    def without_values(x):
        return jax.ShapeDtypeStruct(x.shape, x.dtype)

    with jax.default_device(jax.devices("cpu")[0]):
        lowered = function.lower(*jax.tree.map(without_values, arguments))
        return lowered.cost_analysis()["flops"]


def memory(compiled):
    """Bytes on the device that the program needs, its arguments included."""
    try:
        stats = compiled.memory_analysis()
    except (NotImplementedError, RuntimeError):
        return None
    if stats is None:
        return None
    return (
        stats.argument_size_in_bytes
        + stats.output_size_in_bytes
        + stats.temp_size_in_bytes
        - stats.alias_size_in_bytes
    )
