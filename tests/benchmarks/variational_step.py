"""A train step with distributions over the weights, beside the same by hand in JAX.

Three dense layers of images, each estimator, and the same layers with plain weights. Run it with:

    python tests/benchmarks/variational_step.py
    python tests/benchmarks/variational_step.py --units 128 --batch-size 512 --steps 200
"""

import argparse
import functools
import math
import os

os.environ["KERAS_BACKEND"] = "jax"

import against_jax
import alternating
import jax
import keras
import train_step
from jax import numpy as jnp

import keras_distlayers as kdl

DATASET_SIZE = 60_000
PIXELS = math.prod(train_step.IMAGE_SHAPE)


def main():
    options = parse_options()
    batches = train_step.random_batches(20, options.batch_size)
    comparisons = [compare(estimator, options.units, batches) for estimator in ESTIMATES]
    title = f"Uncertain weights against JAX, {options.units} units, {options.batch_size} images"
    table = alternating.table(title, comparisons, options.steps, options.warm_up)
    train_step.console.print(table)


def parse_options():
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--units", type=int, default=512, help="of the two hidden layers")
    add("--batch-size", type=int, default=128, help="images per step")
    add("--steps", type=int, default=100, help="timed steps of each model, at least")
    add("--warm-up", type=int, default=5, help="calls of each model before the timed ones")
    return parser.parse_args()


def compare(estimator, units, batches):
    model = make_model(estimator, units)
    weights = [keras.ops.convert_to_numpy(weight) for weight in model.trainable_variables]
    on_device = [jax.device_put(batch) for batch in batches]
    ours = against_jax.KerasStep(model, on_device)
    step = jax.jit(functools.partial(hand_step, estimator), donate_argnums=0)
    by_hand = against_jax.HandStep(step, weights, on_device)
    return alternating.Comparison(estimator, ours, by_hand, before_ours=ours.reset_metrics)


def make_model(estimator, units):
    keras.utils.set_random_seed(0)
    dense = [keras.layers.Dense(units, "relu") for _ in range(2)] + [keras.layers.Dense(PIXELS)]
    if estimator != "plain weights":
        dense = [kdl.layers.Variational(layer, DATASET_SIZE, estimator) for layer in dense]
    head = kdl.layers.IndependentBernoulli(train_step.IMAGE_SHAPE)
    inputs = keras.Input(train_step.IMAGE_SHAPE)
    model = keras.Sequential([inputs, keras.layers.Flatten(), *dense, head])
    model.compile(keras.optimizers.Adam(1e-3), kdl.losses.NegativeLogLikelihood())
    return model


# ------------------------------------------------------------------------------- by hand


def hand_step(estimator, state, images):
    key, draw_key = jax.random.split(state["key"])
    loss, gradients = jax.value_and_grad(mean_loss)(state["weights"], estimator, images, draw_key)
    return {**against_jax.adam(state, gradients), "key": key}, loss


def mean_loss(weights, estimator, images, key):
    """Bernoulli NLL and the KL of all weights, in nats per example."""
    x = images.reshape(len(images), -1)
    targets, divergence = x, 0.0
    per_layer = len(weights) // 3
    for i, layer_key in enumerate(jax.random.split(key, 3)):
        kernel, bias, *rest = weights[per_layer * i : per_layer * (i + 1)]
        stddev = None
        if rest:
            stddev = (jax.nn.softplus(rest[0]) + against_jax.SCALE_FLOOR).reshape(kernel.shape)
            terms = 0.5 * (jnp.square(stddev) + jnp.square(kernel) - 1.0) - jnp.log(stddev)
            divergence = divergence + jnp.sum(terms)
        x = ESTIMATES[estimator](x, kernel, stddev, layer_key) + bias
        x = x if i == 2 else jax.nn.relu(x)
    nll = jnp.sum(jax.nn.softplus(x) - targets * x, axis=-1)
    return jnp.mean(nll) + divergence / DATASET_SIZE


def plain(x, kernel, stddev, key):
    return x @ kernel


def reparameterization(x, kernel, stddev, key):
    return x @ (kernel + stddev * jax.random.normal(key, kernel.shape))


def local_reparameterization(x, kernel, stddev, key):
    variance = jnp.square(x) @ jnp.square(stddev)
    is_positive = variance > 0.0
    root = jnp.where(is_positive, jnp.sqrt(jnp.where(is_positive, variance, 1.0)), 0.0)
    return x @ kernel + root * jax.random.normal(key, variance.shape)


def flipout(x, kernel, stddev, key):
    keys = jax.random.split(key, 3)
    deviation = stddev * jax.random.normal(keys[0], kernel.shape)
    before = jax.random.rademacher(keys[1], x.shape, x.dtype)
    after = jax.random.rademacher(keys[2], (len(x), kernel.shape[1]), x.dtype)
    return x @ kernel + ((x * before) @ deviation) * after


ESTIMATES = {
    "plain weights": plain,
    "reparameterization": reparameterization,
    "local_reparameterization": local_reparameterization,
    "flipout": flipout,
}


if __name__ == "__main__":
    main()
