"""A train step with several draws, beside the same by hand in JAX.

The example's dense network with `VariationalBound`: one draw, the importance weighted bound of
five, and the doubly reparameterized gradient of five. Run it with:

    python tests/benchmarks/bound_step.py
    python tests/benchmarks/bound_step.py --draws 50 --batch-size 20 --steps 200
"""

import argparse
import functools
import math
import os
import sys

os.environ["KERAS_BACKEND"] = "jax"

import against_jax
import alternating
import jax
import keras
import train_step
from jax import numpy as jnp

import keras_distlayers as kdl

sys.path.insert(0, str(train_step.EXAMPLES))
LIMIT = 1.05
LATENT_SIZE = against_jax.LATENT_SIZE


def main():
    options = parse_options()
    batches = train_step.random_batches(20, options.batch_size)
    cases = [("elbo", 1), ("iwae", options.draws), ("dreg", options.draws)]
    comparisons = [compare(*case, batches) for case in cases]
    title = f"Bounds against JAX, {options.batch_size} images per step; the limit is {LIMIT}"
    table = alternating.table(title, comparisons, options.steps, options.warm_up)
    train_step.console.print(table)


def parse_options():
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--draws", type=int, default=5, help="of each image")
    add("--batch-size", type=int, default=128, help="images per step")
    add("--steps", type=int, default=100, help="timed steps of each model, at least")
    add("--warm-up", type=int, default=5, help="calls of each model before the timed ones")
    return parser.parse_args()


def compare(bound, draws, batches):
    model = make_model(bound, draws)
    weights = [keras.ops.convert_to_numpy(weight) for weight in model.trainable_variables]
    on_device = [jax.device_put(batch) for batch in batches]
    ours = against_jax.KerasStep(model, on_device)
    step = jax.jit(functools.partial(hand_step, LOSSES[bound], draws), donate_argnums=0)
    by_hand = against_jax.HandStep(step, weights, on_device)
    name = f"{bound}, {draws} draws"
    return alternating.Comparison(name, ours, by_hand, before_ours=ours.reset_metrics)


def make_model(bound, draws):
    """The example's encoder without its KL term, and its decoder."""
    import mnist_vae

    keras.utils.set_random_seed(0)
    encoder, decoder = mnist_vae.dense_bodies()
    prior = kdl.distributions.Independent(
        kdl.distributions.Normal(keras.ops.zeros(LATENT_SIZE), 1.0), 1
    )
    pixels = kdl.layers.IndependentBernoulli(train_step.IMAGE_SHAPE)
    decoder = keras.Sequential(
        [keras.Input((LATENT_SIZE,)), *decoder, keras.layers.Flatten(), pixels]
    )
    estimator = "dreg" if bound == "dreg" else "reparameterization"
    model = keras.Sequential(
        [
            keras.Input(train_step.IMAGE_SHAPE),
            keras.layers.Rescaling(1.0, offset=-0.5),
            *encoder,
            keras.layers.Flatten(),
            keras.layers.Dense(kdl.layers.MultivariateNormalTriL.params_size(LATENT_SIZE)),
            kdl.layers.MultivariateNormalTriL(LATENT_SIZE),
            kdl.layers.VariationalBound(decoder, prior, draws, estimator=estimator),
        ]
    )
    model.compile(keras.optimizers.Adam(1e-3), kdl.losses.NegativeLogLikelihood())
    return model


# ------------------------------------------------------------------------------- by hand


def hand_step(mean_loss, draws, state, images):
    key, draw_key = jax.random.split(state["key"])
    loss, gradients = jax.value_and_grad(mean_loss)(state["weights"], images, draw_key, draws)
    return {**against_jax.adam(state, gradients), "key": key}, loss


def encode(weights, images, key, draws):
    """Kernels and biases of the decoder, the posterior, noise and latents (rows, draws, size)."""
    pairs = list(zip(weights[::2], weights[1::2], strict=True))
    half = len(pairs) // 2
    loc, scale, diagonal = against_jax.posterior(against_jax.dense(pairs[:half], images - 0.5))
    noise = jax.random.normal(key, (len(images), draws, LATENT_SIZE))
    latents = loc[:, None] + jnp.einsum("bij,bkj->bki", scale, noise)
    return pairs[half:], (loc, scale, diagonal), noise, latents


def log_likelihood(pairs, latents, images):
    """log p(x | z) of each draw."""
    rows, draws, size = latents.shape
    logits = against_jax.dense(pairs, latents.reshape(-1, size)).reshape(rows, draws, -1)
    targets = images.reshape(rows, 1, -1)
    return -jnp.sum(jax.nn.softplus(logits) - targets * logits, axis=-1)


def elbo(weights, images, key, draws):
    pairs, posterior, _, latents = encode(weights, images, key, draws)
    likelihood = log_likelihood(pairs, latents, images)[:, 0]
    return jnp.mean(against_jax.divergence(*posterior) - likelihood)


def iwae(weights, images, key, draws):
    pairs, (_, _, diagonal), noise, latents = encode(weights, images, key, draws)
    # The constants of both normal distributions cancel; of q's draws the noise is at hand.
    log_q = -0.5 * jnp.sum(jnp.square(noise), -1) - jnp.sum(jnp.log(diagonal), -1)[:, None]
    log_ratio = -0.5 * jnp.sum(jnp.square(latents), -1) - log_q
    log_weights = log_likelihood(pairs, latents, images) + log_ratio
    return -jnp.mean(jax.nn.logsumexp(log_weights, axis=1) - math.log(draws))


def dreg(weights, images, key, draws):
    """Its value is the bound; its gradients are those of two other functions."""
    pairs, posterior, _, latents = encode(weights, images, key, draws)
    loc, scale, diagonal = jax.lax.stop_gradient(posterior)
    fixed = jax.lax.stop_gradient(latents)
    by_weights = log_likelihood(pairs, fixed, images) + ratio(fixed, loc, scale, diagonal)
    pairs = jax.lax.stop_gradient(pairs)
    by_draws = log_likelihood(pairs, latents, images) + ratio(latents, loc, scale, diagonal)
    share = jax.lax.stop_gradient(jax.nn.softmax(by_weights, axis=1))
    bound = jax.nn.logsumexp(jax.lax.stop_gradient(by_weights), axis=1) - math.log(draws)
    slope = jnp.sum(share * by_weights + jnp.square(share) * by_draws, axis=1)
    return -jnp.mean(bound + slope - jax.lax.stop_gradient(slope))


def ratio(latents, loc, scale, diagonal):
    """log p(z) - log q(z), by a solution of the triangular system."""
    centered = jnp.moveaxis(latents - loc[:, None], 1, 2)
    whitened = jax.lax.linalg.triangular_solve(scale, centered, left_side=True, lower=True)
    squares = jnp.sum(jnp.square(whitened), axis=1) - jnp.sum(jnp.square(latents), axis=-1)
    return 0.5 * squares + jnp.sum(jnp.log(diagonal), axis=-1)[:, None]


LOSSES = {"elbo": elbo, "iwae": iwae, "dreg": dreg}


if __name__ == "__main__":
    main()
