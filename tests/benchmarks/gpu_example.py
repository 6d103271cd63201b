"""The example trained as its own `main` does, and its -log p by importance sampling."""

import math
import time

import jax
import keras
import mnist_vae
import numpy as np
from jax import numpy as jnp
from keras import ops

SAMPLES_AT_ONCE = 100  # per image: 10,000 images are decoded at once


def trained(images, network, epochs):
    """The example's own training and evaluation: the figures, and the parts of the model."""
    keras.utils.set_random_seed(0)
    train_images, test_images = images
    train = mnist_vae.Binarized(train_images, 128, seed=0, shuffle=True)
    test = mnist_vae.Binarized(test_images, mnist_vae.TEST_BATCH, seed=1)
    prior, encoder, decoder, vae = mnist_vae.make_vae(network, beta=1.0)
    begun = time.perf_counter()
    _, epoch_seconds = mnist_vae.fit(vae, train, test, epochs, verbose=0)
    seconds = time.perf_counter() - begun
    model = mnist_vae.with_evidence(prior, encoder, decoder)
    figures = mnist_vae.evaluate(vae, model, test)
    figures = {
        "network": network,
        "epochs": epochs,
        "seconds": seconds,
        "seconds_per_epoch": epoch_seconds,
        "nll": float(figures["nll"]),
        "kl": float(figures["kl"]),
        "-elbo": float(figures["-elbo"]),
        "test_images": len(test_images),
    }
    return figures, (prior, encoder, decoder, test)


def minus_log_p(prior, encoder, decoder, test, samples, seconds):
    """-log p of the test images in nats, with its standard error.

    It takes as many batches as `seconds` allow. They are in random order, because the first half
    of MNIST's test images is easier than the second.
    """
    log_likelihood = likelihood_function(decoder)
    values, end = [], time.perf_counter() + seconds
    for x in shuffled_batches(test):
        posterior = encoder(x)
        z = posterior.sample(samples)
        chunks = [z[i : i + SAMPLES_AT_ONCE] for i in range(0, samples, SAMPLES_AT_ONCE)]
        log_likelihoods = jnp.concatenate([log_likelihood(chunk, x) for chunk in chunks])
        log_weight = log_likelihoods + prior.log_prob(z) - posterior.log_prob(z)
        log_p = ops.logsumexp(log_weight, axis=0) - math.log(samples)
        values.append(jax.device_get(log_p))  # waits for the device
        if time.perf_counter() > end:
            break
    values = -np.concatenate(values)
    return {
        "-log p": float(values.mean()),
        "-log p, standard error": float(values.std() / math.sqrt(len(values))),
        "-log p, images": len(values),
        "-log p, samples": samples,
    }


def shuffled_batches(test):
    """The binary test images in random order."""
    images = test.batches.reshape(-1, *mnist_vae.IMAGE_SHAPE)
    order = np.random.default_rng(0).permutation(len(images))
    for chosen in order.reshape(len(test), -1):
        yield jnp.take(images, chosen, axis=0)


def likelihood_function(decoder):
    """The compiled log p(x | z): z of shape (samples, batch, latent size), x of one batch."""
    variables = (
        [v.value for v in decoder.trainable_variables],
        [v.value for v in decoder.non_trainable_variables],
    )

    @jax.jit
    def log_likelihood(variables, z, x):
        rv, _ = decoder.stateless_call(*variables, z.reshape(-1, z.shape[-1]))
        copies = jnp.broadcast_to(x, (len(z), *x.shape))
        return rv.log_prob(copies.reshape(-1, *x.shape[1:])).reshape(z.shape[:2])

    return lambda z, x: log_likelihood(variables, z, x)
