"""The rows of the GPU table: one model, one set of images, trained in six ways, side by side."""

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
from jax import numpy as jnp

COMPUTE_DTYPES = {"float32": "float32", "mixed_bfloat16": "bfloat16"}
LEAST_ROUNDS, MOST_ROUNDS = 3, 30
FIT_EPOCHS = 2  # of each call of `fit`, so that what happens between two epochs counts

BY_HAND = "by hand, one jitted step"
SCAN = "by hand, under `lax.scan`"
STEP = "ours, the jitted train step"
FIT_DEVICE = "ours, `fit`, batches on the device"
FIT_EXAMPLE = "ours, `fit`, the example's data"
FIT_NUMPY = "ours, `fit`, NumPy arrays"


@dataclasses.dataclass
class Way:
    """A way to train the model: `epoch` trains for one and returns its seconds and mean loss.

    `compilation` is what the compiler says of it; None, where another way has compiled it.
    """

    name: str
    epoch: Callable[[], tuple[float, float]]
    compilation: dict | None = None


def measured(images, batch_size, precision, network, seconds):
    """A row of figures for each way, of which each is timed for about so many seconds."""
    keras.config.set_dtype_policy(precision)
    try:
        ways = all_ways(images, batch_size, precision, network)
        first_losses = [way.epoch()[1] for way in ways]  # untimed: the devices warm up
        rounds = number_of_rounds(ways[0], seconds)
        # By turns, so that what else the machine does hits all of them.
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
    """Medians over epochs; ratios are of epochs that ran one after the other."""
    step = float(np.median(seconds)) / steps
    return {
        "seconds_per_step": step,
        "images_per_second": batch_size / step,
        "ratio": float(np.median(seconds) / np.median(by_hand)),
        "ratio_quartiles": np.quantile(seconds / by_hand, (0.25, 0.5, 0.75)).tolist(),
    }


def with_flops(rows):
    """Rows without a count of their own run the step of another row, and have its count."""
    counts = {row["way"]: row.get("flops_per_step") for row in rows}
    for row in rows:
        same = BY_HAND if row["way"] == SCAN else STEP
        row["flops_per_step"] = row.get("flops_per_step") or counts[same]
    return rows


def all_ways(images, batch_size, precision, network):
    """By hand first: the others are compared with it."""
    data = mnist_vae.Binarized(images, batch_size, seed=0, training=True)
    batches = [data[index][0] for index in range(len(data))]
    vae = train_step.compiled_vae(network)
    weights = train_step.trainable_weights(vae)
    # Compiled first, because the first one also pays for XLA's search for the fastest
    # convolutions, which the process remembers.
    step = KerasStep(vae, batches)
    dtype = COMPUTE_DTYPES[precision]
    by_hand = HandStep(against_jax.make_step(network, dtype), weights, batches)
    scan = HandEpoch(against_jax.make_epoch(network, dtype), weights, batches)
    whole = np.concatenate([jax.device_get(batch) for batch in batches])
    return [
        Way(BY_HAND, by_hand, by_hand.compilation),
        Way(SCAN, scan, scan.compilation),
        Way(STEP, step, step.compilation),
        Way(FIT_DEVICE, Fit(vae, DeviceBatches(batches))),
        Way(FIT_EXAMPLE, Fit(vae, data)),
        Way(FIT_NUMPY, Fit(vae, whole, whole, batch_size=batch_size)),
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
        del self.compilation["flops_per_step"]  # the compiler does not count a loop's turns

    def __call__(self):
        begun = time.perf_counter()
        self.state, losses = self.epoch(self.state, self.batches)
        jax.block_until_ready((self.state, losses))
        return time.perf_counter() - begun, float(jnp.mean(losses))


class KerasStep:
    """The step that Keras compiles, in a loop, its state outside the variables as in `fit`."""

    def __init__(self, vae, batches):
        self.pairs = [(batch, batch) for batch in batches]
        vae.optimizer.build(vae.trainable_variables)
        vae.make_train_function()
        self.step = vae.train_function
        self.state = against_jax.keras_state(vae)
        # The function that Keras jits, jitted in the same way: JAX compiles it once for both.
        jitted = jax.jit(vae.train_step, donate_argnums=0, out_shardings=None)
        self.compilation = compilation(jitted, self.state, self.pairs[0])

    def __call__(self):
        # Keras's loss is the mean since its metrics were last reset.
        *others, metrics = self.state
        self.state = (*others, jax.block_until_ready([jnp.zeros_like(m) for m in metrics]))
        begun = time.perf_counter()
        for pair in self.pairs:
            logs, self.state = self.step(self.state, iter([pair]))
        jax.block_until_ready((self.state, logs))
        return time.perf_counter() - begun, float(logs["loss"])


class Fit:
    """Epochs of `fit`, without what a call does before the first and after the last."""

    def __init__(self, vae, *data, **options):
        self.vae, self.data, self.options = vae, data, options
        self.clock = Clock()

    def __call__(self):
        history = self.vae.fit(
            *self.data,
            **self.options,
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
    """Batches that are on the device: `fit` hands them on as they are.

    Keras takes a whole array of JAX's back to NumPy and sends it batch by batch.
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
    lowered = function.lower(*arguments)
    compiled = lowered.compile()
    seconds = time.perf_counter() - begun
    counts = {"compiled": flops(compiled), "lowered": flops(lowered)}
    return {
        "compile_seconds": seconds,
        "flops_per_step": counted(**counts),
        "flops_by_stage": counts,
        "memory_bytes": memory(compiled),
    }


def flops(stage):
    """The compiler's count, None where it has none; some versions of JAX give a list."""
    try:
        analysis = stage.cost_analysis()
    except (NotImplementedError, RuntimeError):
        return None
    if isinstance(analysis, (list, tuple)):
        analysis = analysis[0] if analysis else None
    return analysis.get("flops") if analysis else None


def counted(compiled, lowered):
    """The count of the compiled program, unless a library's calls hide most of the work there."""
    if compiled and lowered and compiled < 0.5 * lowered:
        return lowered
    return compiled or lowered


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
