"""The distribution for a whole data set beside Keras's `predict`, which gives one draw of it.

60,000 images through the encoder of the example, 16 latents with a full covariance, in batches of
256, each call with its compilation: seconds side by side, and how much memory either needs. Run it
with:

    KERAS_BACKEND=jax python tests/benchmarks/predictions.py
"""

import argparse
import os
import subprocess
import sys

import numpy as np

ROWS, PIXELS, LATENTS = 60_000, 784, 16
TIME_LIMIT, MEMORY_LIMIT = 1.1, 1.2
PARAMETERS_MIB = ROWS * (LATENTS + LATENTS**2) * 4 / 2**20


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=10, help="timed calls of each, at least")
    parser.add_argument("--memory-of", choices=("predict", "ours"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if options.memory_of:
        print(peak_memory(options.memory_of))
        return
    import alternating
    import keras
    from rich.console import Console

    calls = make_calls()
    comparison = alternating.Comparison("60,000 images", calls["ours"], calls["predict"])
    title = f"predict_distribution beside predict, {keras.config.backend()}: at most {TIME_LIMIT}"
    console = Console(width=120)
    console.print(alternating.table(title, [comparison], options.calls, 1))
    ours, predict = (in_process(name) for name in ("ours", "predict"))
    limit = MEMORY_LIMIT * predict + PARAMETERS_MIB
    console.print(
        f"memory: {ours} MiB, predict {predict} MiB, the parameters {PARAMETERS_MIB:.0f} MiB: "
        f"at most {limit:.0f} MiB"
    )


def make_calls():
    """Functions of nothing that return a number."""
    import keras

    import keras_distlayers as kdl

    keras.utils.set_random_seed(0)
    prior = kdl.distributions.MultivariateNormalDiag(np.zeros(LATENTS), np.ones(LATENTS))
    head = kdl.layers.MultivariateNormalTriL(
        LATENTS, activity_regularizer=kdl.regularizers.KLDivergenceRegularizer(prior)
    )
    layers = [keras.layers.Dense(units, "leaky_relu") for units in (512, 256)]
    dense = keras.layers.Dense(head.num_params)
    encoder = keras.Sequential([keras.Input((PIXELS,)), *layers, dense, head])
    images = np.random.default_rng(0).random((ROWS, PIXELS), "float32")
    options = {"batch_size": 256, "verbose": 0}

    def ours():
        return kdl.predict_distribution(encoder, images, **options).mean()[0, 0]

    def predict():
        encoder.make_predict_function(force=True)  # which the other call makes as well
        return encoder.predict(images, **options)[0, 0]

    return {"ours": ours, "predict": predict}


def in_process(name):
    command = [sys.executable, __file__, "--memory-of", name]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    return int(done.stdout.splitlines()[-1])


def peak_memory(name):
    """By how many MiB the process grows at most; from Linux, which counts anew when asked."""
    call = make_calls()[name]
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")
    before = peak()
    call()
    return round((peak() - before) / 2**10)


def peak():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM"))


if __name__ == "__main__":
    main()
