"""The train step of the example's VAE on Keras beside the same model written by hand.

What the model is compared with decides on the backend of Keras. Run it with:

    python tests/benchmarks/train_step.py --against jax --network dense --steps 100
    python tests/benchmarks/train_step.py --against torch --network conv --batch-size 128
    python tests/benchmarks/train_step.py --against tfp
"""

import argparse
import importlib
import os
import pathlib
import sys

import alternating
import numpy as np
from rich.console import Console

BACKENDS = {"jax": "jax", "torch": "torch", "tfp": "tensorflow"}
EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "examples"
IMAGE_SHAPE = (28, 28, 1)
PROTOTYPES = 10
FLIPPED = 0.1

console = Console(width=120)


def main():
    options = parse_options()
    os.environ["KERAS_BACKEND"] = BACKENDS[options.against]
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    sys.path.insert(0, str(EXAMPLES))

    def make_vae(**compile_arguments):
        return compiled_vae(options.network, **compile_arguments)

    weights = trainable_weights(make_vae())
    batches = random_batches(options.epoch_steps, options.batch_size)
    comparisons, parameters = by_hand(options.against)(make_vae, options.network, weights, batches)

    ours = sum(weight.size for weight in weights)
    console.print(f"Trainable parameters: ours {ours}, by hand {parameters}.")
    title = (
        f"{options.network} VAE against {options.against}, {options.batch_size} images per step"
    )
    console.print(alternating.table(title, comparisons, options.steps, options.warm_up))


def by_hand(against):
    """What builds the other model; a framework that cannot be imported ends the script."""
    try:
        return importlib.import_module(f"against_{against}").comparisons
    except ImportError as error:
        raise SystemExit(f"--against {against} cannot run here: {error}") from error


def parse_options():
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--against", choices=BACKENDS, default="jax", help="what the other model is written in")
    add("--network", choices=("dense", "conv"), default="dense", help="the example's two")
    add("--steps", type=int, default=100, help="timed steps of each model, at least")
    add("--warm-up", type=int, default=5, help="calls of each model before the timed ones")
    add("--batch-size", type=int, default=128, help="images per step")
    add("--epoch-steps", type=int, default=50, help="batches of the data, and of an epoch of fit")
    return parser.parse_args()


def compiled_vae(network, **compile_arguments):
    """The example's model, with the same initial weights each time."""
    import keras
    import mnist_vae

    import keras_distlayers as kdl

    keras.utils.set_random_seed(0)
    *_, vae = mnist_vae.make_vae(network, beta=1.0)
    loss = kdl.losses.NegativeLogLikelihood()
    vae.compile(optimizer=keras.optimizers.Adam(1e-3), loss=loss, **compile_arguments)
    return vae


def trainable_weights(vae):
    """Kernels and biases alternately, from the input on, as NumPy arrays."""
    import keras

    return [keras.ops.convert_to_numpy(weight) for weight in vae.trainable_variables]


def random_batches(count, batch_size):
    """Binary images: a random prototype each, one pixel in ten flipped; so there is a lesson."""
    rng = np.random.default_rng(0)
    prototypes = rng.random((PROTOTYPES, *IMAGE_SHAPE)) < 0.5
    chosen = prototypes[rng.integers(PROTOTYPES, size=(count, batch_size))]
    flipped = rng.random(chosen.shape) < FLIPPED
    return list((chosen ^ flipped).astype("float32"))


if __name__ == "__main__":
    main()
